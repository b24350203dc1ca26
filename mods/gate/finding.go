package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Severity says how grave a finding is.
type Severity string

// The severities.
const (
	// Note is what a reviewer may want to know; nothing is wrong.
	Note Severity = "note"
	// Warning is what is probably a mistake, or asks for a reason.
	Warning Severity = "warning"
	// Error is what cannot work, or hides what the mod does.
	Error Severity = "error"
)

// rank orders severities; what is none of them is as grave as an error.
func (s Severity) rank() int {
	switch s {
	case Note:
		return 0
	case Warning:
		return 1
	}
	return 2
}

// Compare orders severities, the gravest last.
func (s Severity) Compare(other Severity) int { return cmp.Compare(s.rank(), other.rank()) }

// Finding is one thing that a rule found in a mod.
type Finding struct {
	Rule     string   `json:"rule"` // the id of the rule
	Severity Severity `json:"severity"`
	Path     string   `json:"path"`   // of the file in the mod
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // from 1, in characters
	Message  string   `json:"message"`
	// Suggestion is what was probably meant, or what to write in its place; "" if
	// nobody can tell.
	Suggestion string `json:"suggestion,omitempty"`
	// Justified is why the author says that it is well, in the manifest under
	// [exceptions]: the author's words. "": nothing is said, and the finding counts.
	Justified string `json:"justified,omitempty"`
	// Omitted is how many more findings of the same rule and severity there are that
	// are not told.
	Omitted int `json:"omitted,omitempty"`
}

// String is the finding on one line, as compilers write it. What the mod's author
// wrote is made visible.
func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s: %s [%s]", f.Path, f.Line, f.Column, f.Severity, f.Text(), f.Rule)
	if f.Justified != "" {
		text += " (justified: " + visible(f.Justified) + ")"
	}
	return text
}

// Text is the message with the suggestion, and how many more there are.
func (f Finding) Text() string {
	text := f.Message
	if f.Suggestion != "" {
		text += "; " + f.Suggestion
	}
	if f.Omitted > 0 {
		text += fmt.Sprintf(" (and %d more)", f.Omitted)
	}
	return text
}

// Worst returns the gravest severity among findings that are not justified; "" if
// there are none.
func Worst(findings []Finding) Severity {
	worst := Severity("")
	for _, f := range findings {
		if f.Justified == "" && (worst == "" || f.Severity.Compare(worst) > 0) {
			worst = f.Severity
		}
	}
	return worst
}

// MaxOfRule is how many findings of one rule and one severity are told of one mod;
// the last of them says how many more there are.
const MaxOfRule = 20

// kind is what findings are counted by.
type kind struct {
	rule     string
	severity Severity
}

// group is the findings of a kind that are about one thing.
type group struct {
	kind
	about string
}

// collector keeps findings, of each group a bounded number, the first ones, and of
// each kind a bounded number of groups.
type collector struct {
	found  map[group][]Finding
	more   map[group]int
	groups map[kind]int
}

func newCollector() *collector {
	return &collector{found: map[group][]Finding{}, more: map[group]int{}, groups: map[kind]int{}}
}

// place is a place in a file.
type place struct {
	path         string
	line, column int
}

// maxGroups is how many things findings of one kind can be about, each of which may yet
// be dropped.
const maxGroups = 1000

// full reports whether no more findings of a kind, about nothing that could be dropped,
// are kept.
func (c *collector) full(rule string, severity Severity) bool {
	return len(c.found[group{kind{rule, severity}, ""}]) >= MaxOfRule
}

// add reports a finding about something, or "". The message is made only if the
// finding is kept.
func (c *collector) add(rule string, severity Severity, at place, about, suggestion, format string, args ...any) {
	g := group{kind{rule, severity}, about}
	if len(c.found[g]) == 0 {
		if c.groups[g.kind] >= maxGroups {
			g.about = ""
		}
		c.groups[g.kind]++
	}
	if len(c.found[g]) >= MaxOfRule {
		c.more[g]++
		return
	}
	c.found[g] = append(c.found[g], Finding{Rule: rule, Severity: severity, Path: at.path, Line: max(at.line, 1), Column: max(at.column, 1),
		Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// drop forgets findings by what they are about.
func (c *collector) drop(match func(about string) bool) {
	for g := range c.found {
		if g.about != "" && match(g.about) {
			delete(c.found, g)
			delete(c.more, g)
		}
	}
}

// inOrder orders findings by where they are, the gravest first.
func inOrder(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		b.Severity.Compare(a.Severity), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
}

// all returns the findings in order.
func (c *collector) all() []Finding {
	kinds, more := map[kind][]Finding{}, map[kind]int{}
	for g, list := range c.found {
		kinds[g.kind] = append(kinds[g.kind], list...)
		more[g.kind] += c.more[g]
	}
	var out []Finding
	for k, list := range kinds {
		slices.SortFunc(list, inOrder)
		if surplus := len(list) - MaxOfRule; surplus > 0 {
			list, more[k] = list[:MaxOfRule], more[k]+surplus
		}
		list[len(list)-1].Omitted = more[k]
		out = append(out, list...)
	}
	slices.SortFunc(out, inOrder)
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
