package resolution

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says what sort of fact stands in the way.
type Kind string

// The kinds of facts.
const (
	Asked        Kind = "asked"          // somebody asks for Other in Range
	Needs        Kind = "needs"          // ID needs Other in Range
	Optional     Kind = "optional"       // ID takes Other only in Range, if it is there
	Conflicts    Kind = "conflicts"      // ID cannot be beside Other in Range
	IsLibrary    Kind = "is a library"   // ID is copied into mods, and stands beside none
	NoLibrary    Kind = "is no library"  // ID cannot be copied into mods
	Yanked       Kind = "yanked"         // ID was withdrawn by its publisher
	OtherAPI     Kind = "other api"      // ID is for versions of the host's API that this is not
	ItsLibraries Kind = "its libraries"  // the libraries of ID cannot be chosen; see Err
	Circle       Kind = "need in circle" // those in Cycle need each other
)

// Fact is one link of the chain that explains why there is no choice.
type Fact struct {
	Kind     Kind
	ID       string
	Versions []string // of ID that it is about, the newest first
	Other    string
	Range    string
	Cycle    []string       // ids
	Err      *ConflictError // of the libraries
	Text     string         // the fact as a sentence, without a full stop
}

// ConflictError says that no choice of versions satisfies all requirements, and why.
// None of the facts can be left out, unless there were hundreds of them.
type ConflictError struct {
	Of      string // the mod and version whose libraries it is about; "" for the mods
	Facts   []Fact // from what is asked for, along what needs what
	Omitted int    // how many more there are
}

// Error tells all facts on one line.
func (e *ConflictError) Error() string {
	text := "the requirements cannot all be met: "
	if e.Of != "" {
		text = "its libraries cannot be chosen: "
	}
	for i, f := range e.Facts {
		if i > 0 {
			text += "; "
		}
		text += f.Text
	}
	if e.Omitted > 0 {
		text += fmt.Sprintf("; and %d more reasons", e.Omitted)
	}
	return text
}

// fact is what a given clause says.
type fact struct {
	kind    Kind
	subject int    // a variable
	of      values // which of its versions it is about
	other   int    // a variable
	text    string // the range
	circle  []int  // variables
	err     error
	terms   []term
}

const (
	maxFacts     = 60      // that are told
	maxMinimized = 400     // of which as many as possible are left out
	minimizeWork = 400_000 // steps
	maxRuns      = 4       // stretches of versions that are told
)

// explain makes a [ConflictError] of an [*unsolvable].
func (p *problem) explain(err error) error {
	u, ok := errors.AsType[*unsolvable](err)
	if !ok {
		return err
	}
	facts := p.minimize(leaves(u.clause))
	e := &ConflictError{}
	if len(facts) > maxFacts {
		e.Omitted = len(facts) - maxFacts
	}
	x := p.explainer(facts)
	for _, f := range x.chain(facts)[:len(facts)-e.Omitted] {
		e.Facts = append(e.Facts, x.tell(f))
	}
	return e
}

// leaves returns the facts from which a clause follows.
func leaves(c *clause) []*fact {
	var facts []*fact
	seen := map[*clause]bool{c: true}
	for open := []*clause{c}; len(open) > 0; {
		c := open[len(open)-1]
		open = open[:len(open)-1]
		if c.fact != nil {
			facts = append(facts, c.fact)
		}
		for _, from := range c.from {
			if from != nil && !seen[from] {
				seen[from] = true
				open = append(open, from)
			}
		}
	}
	return facts
}

// minimize leaves out facts without which the others are still a reason.
func (p *problem) minimize(facts []*fact) []*fact {
	facts = p.explainer(facts).chain(facts)
	if len(facts) > maxMinimized {
		return facts
	}
	budget := &steps{left: minimizeWork, max: minimizeWork}
	for i := len(facts) - 1; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(facts), i, i+1)
		if p.impossible(fewer, budget) {
			facts = fewer
		}
	}
	return facts
}

// impossible reports whether some facts cannot all be met. It says no if that takes
// too many steps.
func (p *problem) impossible(facts []*fact, budget *steps) bool {
	s := &solver{steps: budget, variables: make([]variable, len(p.variables))}
	for i, v := range p.variables {
		s.variables[i] = variable{all: v.all, now: v.all}
	}
	if budget.spend(len(p.variables)) != nil {
		return false
	}
	for _, f := range facts {
		if c := s.newClause(f, slices.Clone(f.terms)...); c != nil {
			s.add(c)
		}
	}
	for {
		if err := s.propagate(); err != nil {
			_, impossible := errors.AsType[*unsolvable](err)
			return impossible
		}
		number := s.undecided()
		if number < 0 {
			return false
		}
		s.decide(number, s.variables[number].now.next(1))
	}
}

// explainer words facts in view of each other.
type explainer struct {
	p *problem
	// left is which versions of a variable the other facts leave.
	left map[int]values
}

func (p *problem) explainer(facts []*fact) *explainer {
	x := &explainer{p: p, left: map[int]values{}}
	narrow := func(number int, in values) {
		if old, ok := x.left[number]; ok {
			in = old.and(in)
		}
		x.left[number] = in
	}
	for _, f := range facts {
		switch f.kind {
		case Asked, Needs:
			narrow(f.other, p.ranges[rangeOf{f.other, f.text}])
		case IsLibrary, NoLibrary, Yanked, OtherAPI, ItsLibraries:
			narrow(f.subject, p.variables[f.subject].all.without(f.of))
		}
	}
	return x
}

// chain puts facts in the order in which one leads to the next: from each id that is
// asked for to what is said of it, the newest versions first, and on to what that names.
func (x *explainer) chain(facts []*fact) []*fact {
	sorted := slices.Clone(facts)
	slices.SortStableFunc(sorted, func(a, b *fact) int {
		return cmp.Or(
			strings.Compare(x.subject(a), x.subject(b)), a.of.next(0)-b.of.next(0), strings.Compare(string(a.kind), string(b.kind)),
			strings.Compare(x.p.ids[a.other], x.p.ids[b.other]), strings.Compare(a.text, b.text))
	})
	about := map[int][]*fact{}
	var asked []*fact
	for _, f := range sorted {
		switch f.kind {
		case Asked:
			asked = append(asked, f)
		case Circle:
			about[f.circle[0]] = append(about[f.circle[0]], f)
		default:
			about[f.subject] = append(about[f.subject], f)
		}
	}
	slices.SortStableFunc(asked, func(a, b *fact) int { return strings.Compare(x.p.ids[a.other], x.p.ids[b.other]) })
	var out []*fact
	told := map[*fact]bool{}
	put := func(f *fact) bool {
		if told[f] {
			return false
		}
		told[f] = true
		out = append(out, f)
		return true
	}
	for _, f := range asked {
		put(f)
		for open := []int{f.other}; len(open) > 0; {
			number := open[0]
			open = open[1:]
			for _, f := range about[number] {
				if put(f) && (f.kind == Needs || f.kind == Optional || f.kind == Conflicts) {
					open = append(open, f.other)
				}
			}
		}
	}
	for _, f := range sorted {
		put(f)
	}
	return out
}

func (x *explainer) subject(f *fact) string {
	if f.kind == Asked {
		return ""
	}
	return x.p.ids[f.subject]
}

// tell words a fact.
func (x *explainer) tell(f *fact) Fact {
	out := Fact{Kind: f.kind, Range: f.text}
	subject := ""
	if f.kind != Asked && f.kind != Circle {
		out.ID = x.p.ids[f.subject]
		subject, out.Versions = x.versions(f.subject, f.of)
	}
	switch f.kind {
	case Asked, Needs, Optional, Conflicts:
		out.Other = x.p.ids[f.other]
	}
	what := strings.TrimSpace(out.Other + " " + f.text)
	switch f.kind {
	case Asked:
		out.Text = what + " is asked for" + x.there(f)
		if x.p.librariesOf == nil {
			out.Text = "it needs " + what + x.there(f)
		}
	case Needs:
		out.Text = subject + " needs " + what + x.there(f)
	case Optional:
		out.Text = subject + " takes " + out.Other + ", if it is there, only as " + f.text
	case Conflicts:
		out.Text = subject + " cannot be beside " + what
	case IsLibrary:
		out.Text = subject + " is a library, which is copied into mods and stands beside none"
	case NoLibrary:
		out.Text = subject + " is no library, and cannot be copied into a mod"
	case Yanked:
		out.Text = subject + " was withdrawn by its publisher (yanked)"
	case OtherAPI:
		out.Text = fmt.Sprintf("%s is for other versions of the host's API than %s", subject, x.p.request.API)
		if ranges := x.apis(f); ranges != "" {
			out.Text = fmt.Sprintf("%s is for the host's API %s, and this is %s", subject, ranges, x.p.request.API)
		}
	case ItsLibraries:
		out.Text = subject + ": " + f.err.Error()
		out.Err, _ = errors.AsType[*ConflictError](f.err)
	case Circle:
		for _, number := range f.circle {
			out.Cycle = append(out.Cycle, x.p.ids[number])
		}
		out.Text = "mods need each other in a circle: " + strings.Join(append(slices.Clone(out.Cycle), out.Cycle[0]), " -> ")
	}
	return out
}

// apis returns the one range of APIs that the versions of a fact have in common, or "".
func (x *explainer) apis(f *fact) string {
	text := ""
	for i := f.of.next(1); i > 0; i = f.of.next(i + 1) {
		switch api := x.p.all[f.subject][i-1].API.Text; text {
		case "", api:
			text = api
		default:
			return ""
		}
	}
	return text
}

// there says what there is, if nothing is in the range that a fact asks for.
func (x *explainer) there(f *fact) string {
	all := x.p.all[f.other]
	if in := x.p.ranges[rangeOf{f.other, f.text}]; in.next(1) > 0 {
		return ""
	}
	if len(all) == 0 {
		return ", and there is nothing of that name"
	}
	any := noValues(1 + len(all))
	prerelease := ""
	for i, c := range all {
		any.add(i + 1)
		if c.Version.Prerelease() != "" {
			prerelease = "; prereleases are taken only by a range that names one"
		}
	}
	runs, _ := x.runs(f.other, any)
	return ", and there is only " + runs + prerelease
}

// versions words some versions of a variable: those of them that other facts leave.
func (x *explainer) versions(number int, of values) (string, []string) {
	if left, ok := x.left[number]; ok && of.meets(left) {
		of = of.and(left)
	}
	text, list := x.runs(number, of)
	if len(list) > 1 && len(list) == len(x.p.all[number]) {
		return "every version of " + x.p.ids[number], list
	}
	return x.p.ids[number] + " " + text, list
}

// runs words versions as stretches, the newest first, and lists them.
func (x *explainer) runs(number int, of values) (string, []string) {
	var list, runs []string
	for i := of.next(1); i > 0; {
		newest := i
		for i+1 <= len(x.p.all[number]) && of.has(i+1) {
			i++
		}
		for j := newest; j <= i; j++ {
			list = append(list, x.p.all[number][j-1].version)
		}
		run := x.p.all[number][newest-1].version
		if i > newest {
			run = x.p.all[number][i-1].version + " to " + run
		}
		runs = append(runs, run)
		i = of.next(i + 1)
	}
	if len(runs) > maxRuns {
		runs = append(runs[:maxRuns], fmt.Sprintf("%d more stretches", len(runs)-maxRuns))
	}
	if last := len(runs) - 1; last > 0 {
		return strings.Join(runs[:last], ", ") + " and " + runs[last], list
	}
	return strings.Join(runs, ""), list
}
