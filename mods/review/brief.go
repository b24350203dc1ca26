package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Brief is a review in words, for the one who decides. All of its texts are safe to
// show on a line: what the mod's author wrote is shortened and made visible.
type Brief struct {
	Title    string
	Sections []Section
}

// Section is a part of a brief.
type Section struct {
	Title string
	Level Level
	Items []Item
}

// Item is a line of a section.
type Item struct {
	Level Level
	Label string // may be empty
	Text  string
	Quote string // in the mod's author's own words; may be empty
}

// Level says how much attention something wants.
type Level int

// The levels.
const (
	Plain Level = iota
	Good
	Caution // marked "!"
	Danger  // marked "!!"
)

// mark is the sign of a level in a text.
func (l Level) mark() string {
	switch l {
	case Caution:
		return "!"
	case Danger:
		return "!!"
	}
	return ""
}

// Class names the level for a style sheet.
func (l Level) Class() string { return [...]string{"plain", "good", "caution", "danger"}[l] }

// How much of what there may be much of is in a brief.
const (
	mostPoints   = 12
	mostFindings = 3
	mostOthers   = 8
	mostSettings = 6
	mostChanges  = 30
	mostWarnings = 8
)

// Brief words the review.
func (r *Review) Brief() Brief {
	b := Brief{Title: cmp.Or(strings.TrimSpace(shown(r.ID, 64)+" "+shown(r.Version, mostName)), "?")}
	add := func(s Section) {
		if len(s.Items) > 0 {
			b.Sections = append(b.Sections, s)
		}
	}
	add(r.who())
	add(r.warnings())
	add(r.riskSection())
	add(r.asks())
	add(r.offers())
	add(r.needs())
	add(r.settingsSection())
	add(r.checked())
	add(r.since())
	return b
}

func (r *Review) who() Section {
	s := Section{Title: "Who"}
	put := func(level Level, label, text, quote string) {
		s.Items = append(s.Items, Item{level, label, text, quote})
	}
	put(Plain, "name", "", shown(r.Name, 80))
	if len(r.Authors) > 0 {
		var names []string
		for _, a := range r.Authors {
			names = append(names, shown(a, mostName))
		}
		put(Plain, "authors", "", some(names, 4))
	}
	if r.License != "" {
		put(Plain, "licence", "", shown(r.License, mostName))
	}
	if r.Library {
		put(Plain, "library", "it is copied into the mods that need it, and can do what they can", "")
	}
	put(Plain, "digest", fmt.Sprintf("%s (%s, %s)", shortDigest(r.Digest), plural(len(r.Files), "file"), size(r.bytes())), "")
	level, words := r.signature()
	put(level, "signature", words, "")
	if p := r.Provenance; p != nil {
		text := "says that it was built"
		if !p.Built.IsZero() {
			text += " " + p.Built.UTC().Format("2006-01-02 15:04") + " UTC"
		}
		if p.Builder != "" {
			text += " by " + shown(strings.TrimSpace(p.Builder+" "+p.Version), mostName)
		}
		source := shown(p.Source, mostText)
		if p.Revision != "" && source != "" {
			source += " @ " + shown(p.Revision, 40)
		}
		if source != "" {
			text += " from"
		}
		put(Plain, "provenance", text, source)
	} else if r.NoProvenance != "" {
		put(Caution, "provenance", shown(r.NoProvenance, mostLine), "")
	}
	if r.Strange != "" {
		put(Caution, "archive", shown(r.Strange, mostLine), "")
	}
	return s
}

// signature says in words who signed it.
func (r *Review) signature() (Level, string) {
	var words string
	level := Caution
	switch r.Signature {
	case policy.Trusted:
		return Good, "trusted: " + shown(r.Publisher, mostName) + keysText(r.Keys)
	case policy.Unsigned:
		return Caution, "nobody signed it"
	case policy.UnknownKey:
		words = "by a key that is not in the trust store"
	case policy.Expired:
		words = "by a key that is trusted no more, or not yet"
	case policy.NotEntitled:
		words = "by a key that may not sign this mod"
	case policy.Revoked:
		level, words = Danger, "by a key that was revoked"
	case policy.Mismatch:
		level, words = Danger, "it is of another mod or version"
	default:
		level, words = Danger, "it is not right: somebody changed the mod, or the signature"
	}
	if r.Distrust != "" {
		words += " (" + shown(r.Distrust, mostLine) + ")"
	}
	return level, words
}

func keysText(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	var out []string
	for _, k := range keys {
		out = append(out, shown(k, 20))
	}
	return " (key " + some(out, 4) + ")"
}

func (r *Review) warnings() Section {
	s := Section{Title: "Warnings", Level: Danger}
	for _, why := range r.Freezes {
		s.Items = append(s.Items, Item{Danger, "frozen", shown(why, mostLine), ""})
	}
	for _, a := range r.Advisories {
		text := a.severity()
		if a.Fixed != "" {
			text += "; mended in " + shown(a.Fixed, mostName)
		}
		if a.Summary != "" {
			text += ": " + shown(a.Summary, mostText)
		}
		s.Items = append(s.Items, Item{Danger, shown(a.ID, mostName), text, ""})
	}
	return s.first(mostWarnings)
}

// first leaves only the first items of a section, and says how many more there are.
func (s Section) first(n int) Section {
	if more := len(s.Items) - n; more > 0 {
		s.Items = append(s.Items[:n:n], Item{Text: fmt.Sprintf("and %s more", grouped(int64(more)))})
	}
	return s
}

func (r *Review) riskSection() Section {
	risk := r.Risk()
	s := Section{Title: fmt.Sprintf("Risk %d of %d (%s)", risk.Score, MaxRisk, risk.Level), Level: riskLevel(risk.Score)}
	slices.SortStableFunc(risk.Points, func(a, b Point) int { return cmp.Compare(b.Points, a.Points) })
	for _, p := range risk.Points {
		s.Items = append(s.Items, Item{Label: fmt.Sprintf("+%d", p.Points), Text: shown(p.Why, mostText)})
	}
	if len(s.Items) == 0 {
		s.Items = []Item{{Text: "nothing speaks against it"}}
	}
	return s.first(mostPoints)
}

func riskLevel(score int) Level {
	switch {
	case score >= levels[0].from:
		return Danger
	case score >= levels[1].from:
		return Caution
	}
	return Plain
}

func (r *Review) asks() Section {
	s := Section{Title: "May, if you allow it"}
	for _, p := range r.Permissions {
		label := shown(p.Capability, 64)
		level := Plain
		if levelOf(p.Risk) == high {
			level = Caution
		}
		words := "[" + riskWord(p) + "] "
		if p.Optional {
			words = "[" + riskWord(p) + ", optional] "
		}
		for i, line := range reach(p) {
			item := Item{Text: shown(line, mostLine)}
			if i == 0 {
				item = Item{Level: level, Label: label, Text: words + shown(line, mostLine)}
			}
			s.Items = append(s.Items, item)
		}
		if r.HasAPI && !p.Known {
			s.Items = append(s.Items, Item{Level: Caution, Text: "this host does not have it"})
		}
		if p.Reason != "" {
			s.Items = append(s.Items, Item{Text: "because", Quote: shown(p.Reason, mostText)})
		} else {
			s.Items = append(s.Items, Item{Level: Caution, Text: "it does not say why"})
		}
	}
	if len(r.Permissions) == 0 {
		s.Items = append(s.Items, Item{Text: "it asks for nothing beyond computing"})
	}
	if asked := limitsText(r.Limits); len(asked) > 0 {
		s.Items = append(s.Items, Item{Label: "limits", Text: strings.Join(asked, ", ")})
	}
	return s
}

func riskWord(p Permission) string {
	return [...]string{"no risk", "low", "medium", "high"}[levelOf(p.Risk)]
}

func (r *Review) offers() Section {
	s := Section{Title: "Gives to other mods"}
	if e := r.exports(); len(e) > 0 {
		s.Items = append(s.Items, Item{Label: "functions", Text: shown(some(e, 12), mostLine)})
	}
	if e := r.emits(); len(e) > 0 {
		s.Items = append(s.Items, Item{Label: "events", Text: shown(some(e, 12), mostLine)})
	}
	return s
}

// needs tells of the other mods, and of those that they need.
func (r *Review) needs() Section {
	s := Section{Title: "Other mods"}
	told := map[string]bool{r.ID: true}
	queue := []*Review{r}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, q := range from.Requirements {
			item := Item{Label: string(q.Relation), Text: shown(q.ID, 64) + " " + shown(q.Range, 40)}
			if from != r {
				if q.Relation != Needs && q.Relation != Copies || told[q.ID] {
					continue
				}
				item.Text += " (for " + shown(from.ID, 64) + ")"
			}
			if other := q.Review; other != nil && !told[q.ID] {
				level, words := other.short()
				item.Level, item.Text = level, item.Text+": "+words
				queue = append(queue, other)
			}
			told[q.ID] = true
			s.Items = append(s.Items, item)
		}
	}
	return s.first(mostOthers)
}

// short is the brief of a mod in a line.
func (r *Review) short() (Level, string) {
	risk := r.Risk()
	by := string(r.Signature)
	if r.Signature == policy.Trusted {
		by = shown(r.Publisher, mostName)
	}
	text := fmt.Sprintf("%s, %s, risk %d (%s)", shown(r.Version, mostName), by, risk.Score, risk.Level)
	var asks []string
	for _, p := range r.Permissions {
		asks = append(asks, p.Capability)
	}
	if len(asks) > 0 {
		text += ", asks for " + some(asks, 8)
	}
	if n := len(r.Advisories) + len(r.Freezes); n > 0 {
		return Danger, text + ", " + plural(n, "warning")
	}
	return riskLevel(risk.Score), text
}

func (r *Review) settingsSection() Section {
	if len(r.Settings) == 0 {
		return Section{}
	}
	var titles []string
	for _, s := range r.Settings {
		titles = append(titles, quoted(shown(s.Title, 40))+" ("+s.Type+")")
	}
	return Section{Title: "The player can choose", Items: []Item{{Text: some(titles, mostSettings)}}}
}

// checked tells what the static check found, the gravest first.
func (r *Review) checked() Section {
	s := Section{Title: "Static check"}
	var counted []string
	for _, severity := range []gate.Severity{gate.Error, gate.Warning, gate.Note} {
		n, justified := 0, 0
		for _, f := range r.Findings {
			if f.Severity != severity {
				continue
			}
			n += 1 + f.Omitted
			if f.Justified != "" {
				justified += 1 + f.Omitted
			}
			s.Items = append(s.Items, findingItem(f))
		}
		if n == 0 {
			continue
		}
		text := plural(n, string(severity))
		if justified > 0 {
			text += fmt.Sprintf(" (%d justified by the author)", justified)
		}
		counted = append(counted, text)
	}
	s = s.first(mostFindings)
	head := Item{Level: Good, Text: "nothing was found in " + plural(r.luaFiles(), "Lua file")}
	if len(counted) > 0 {
		head = Item{Text: strings.Join(counted, ", ")}
	}
	if !r.HasAPI {
		head.Text += "; the capabilities of the host were not known"
	}
	s.Items = append([]Item{head}, s.Items...)
	return s
}

func findingItem(f gate.Finding) Item {
	item := Item{Label: string(f.Severity), Text: shown(fmt.Sprintf("%s:%d: %s [%s]", f.Path, f.Line, f.Message, f.Rule), mostLine)}
	switch f.Severity {
	case gate.Error:
		item.Level = Danger
	case gate.Warning:
		item.Level = Caution
	}
	if f.Justified != "" {
		item.Level = Plain
		item.Text += "; justified:"
		item.Quote = shown(f.Justified, mostText)
	}
	return item
}

func (r *Review) since() Section {
	if a := r.Approval; a != nil {
		text := fmt.Sprintf("%s by %s, %s UTC", shown(string(a.Verdict), 20), shown(a.By, mostName), a.At.UTC().Format("2006-01-02 15:04"))
		level := Danger
		if a.Verdict == policy.Approved {
			level = Good
			text += fmt.Sprintf(": %d of %s granted", len(a.Grants), plural(len(r.Permissions), "permission"))
		}
		return Section{Title: "Already decided", Items: []Item{{Level: level, Text: text, Quote: shown(a.Note, mostText)}}}
	}
	if r.Since == nil {
		return Section{}
	}
	return r.Since.Section()
}

// Section words a difference for a brief.
func (d Difference) Section() Section {
	s := Section{Title: "Changed since " + shown(d.FromVersion, mostName)}
	if d.Approved {
		s.Title += ", which was approved"
	}
	for _, c := range d.Changes {
		item := Item{Text: shown(c.Words, mostLine)}
		switch {
		case c.More:
			item.Level, item.Label = Danger, "more"
		case c.Kind == SignerChange && d.SignerChanged, c.Kind == RiskChange && d.RiskRaised, c.Kind == VersionChange && (d.Downgrade || c.Subject == "digest"):
			item.Level, item.Label = Caution, "look"
		}
		s.Items = append(s.Items, item)
	}
	if len(s.Items) == 0 {
		s.Items = []Item{{Level: Good, Text: "nothing"}}
	}
	return s.first(mostChanges)
}

// shortDigest is the beginning of a digest, enough to tell apart what somebody looks at.
func shortDigest(digest string) string {
	const most = 19 // "h1:" and 16 characters: 96 bits
	return shown(digest[:min(len(digest), most)], 64)
}
