package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Risk is how risky a mod is, and why.
type Risk struct {
	Score  int     `json:"score"`  // 0 to 100
	Level  string  `json:"level"`  // low, moderate, high, very high
	Points []Point `json:"points"` // they add up to Score, or to more than 100; never nil
}

// Point is what one row of the table adds to the score.
type Point struct {
	Rule   string `json:"rule"` // of the table
	Points int    `json:"points"`
	Why    string `json:"why"` // as the author's texts are, not escaped
}

// MaxRisk is the highest score.
const MaxRisk = 100

// levels are the words for scores, the highest first.
var levels = []struct {
	from int
	word string
}{{70, "very high"}, {40, "high"}, {15, "moderate"}, {0, "low"}}

// RiskLevel returns the word for a score.
func RiskLevel(score int) string {
	for _, l := range levels {
		if score >= l.from {
			return l.word
		}
	}
	return levels[len(levels)-1].word
}

// Risk returns the score and the points that make it up: the sum of what each row of
// the table adds, and MaxRisk at most. It depends on nothing but what is in r, and
// neither on r.Since nor on the time. Every row only ever adds, so whoever asks for
// more never has a lower score.
func (r *Review) Risk() Risk {
	risk := Risk{Points: []Point{}}
	sum := 0
	for _, row := range table {
		found := row.find(r)
		if len(found) == 0 {
			continue
		}
		points := row.points
		if row.most > 0 {
			points = min(row.points*len(found), row.most)
		}
		risk.Points = append(risk.Points, Point{Rule: row.rule, Points: points, Why: row.why + listed(found)})
		sum += points
	}
	risk.Score = min(sum, MaxRisk)
	risk.Level = RiskLevel(risk.Score)
	return risk
}

// listed puts what was found behind the words for it; what was found several times, once.
func listed(all []string) string {
	const shown = 4
	var found []string
	times := map[string]int{}
	for _, s := range all {
		if times[s]++; s != "" && times[s] == 1 {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return ""
	}
	for i, s := range found {
		if n := times[s]; n > 1 {
			found[i] = fmt.Sprintf("%s (%d)", s, n)
		}
	}
	if n := len(found) - shown; n > 0 {
		found = append(found[:shown:shown], fmt.Sprintf("%d more", n))
	}
	return ": " + strings.Join(found, ", ")
}

// row is a row of the table.
type row struct {
	rule   string // its name, which does not change
	points int
	most   int    // for all that is found together; 0: it counts once
	why    string // what it is about, for a review; the things found follow
	doc    string // when it applies and why, for the document; ends with a full stop
	// find returns what it applies to; an empty text is nothing to name.
	find func(*Review) []string
}

// group is a part of the table.
type group struct {
	title string
	doc   string
	rows  []row
}

// once is what a row has found that names nothing.
func once(applies bool) []string {
	if applies {
		return []string{""}
	}
	return nil
}

// groups is the table, in the order of the document.
var groups = []group{
	{"What it asks for", "By the risk that the host says each capability has; a capability that the host does not know counts as a high one. Optional ones count like the others.", []row{
		{"capability.high", 25, 75, "asks for what is of high risk", "A capability of high risk: it reaches the outside.", byRisk(high)},
		{"capability.medium", 10, 40, "asks for what is of medium risk", "A capability of medium risk: it reaches players or the game.", byRisk(medium)},
		{"capability.low", 3, 12, "asks for what is of low risk", "A capability of low risk: it reaches other mods, or the mod's own data.", byRisk(low)},
	}},
	{"How much of it", "By the options of the requests. What an option of an engine's own capability means is not known, so that only its form counts.", []row{
		{"http.wildcard", 10, 0, "may ask all hosts below a name", "A host such as \"*.example.org\" in the option hosts of http: whoever owns the name can add hosts.", wildcards},
		{"http.hosts", 4, 0, "may ask many hosts", "More than three hosts in the option hosts of http, or one that stands for many.", manyHosts},
		{"http.write", 8, 0, "may send more than questions", "A method other than GET and HEAD in the option methods of http.", writingMethods},
		{"http.paths", 2, 0, "may ask for everything on its hosts", "No paths in the request for http, or \"/\".", allPaths},
		{"http.headers", 3, 0, "sets headers of its own", "The option headers of http: such headers carry credentials.", func(r *Review) []string { return r.option("http", "headers") }},
		{"http.plain", 5, 0, "may ask without encryption", "The option plain_http of http: whoever is on the way can read and change what is sent.", plainHTTP},
		{"files.write", 3, 0, "writes files on this computer", "The capability files.", func(r *Review) []string { return once(r.has("files")) }},
		{"events.engine", 3, 0, "hears what the engine tells", "An event of the engine in the option subscribe of events; any event, where the engine's are not known.", engineEvents},
		{"services.use", 2, 0, "has other mods act for it", "The option use of services: those functions act with the permissions of the mods that offer them.", func(r *Review) []string { return r.option("services", "use") }},
		{"services.export", 2, 0, "lets other mods call it", "The option export of services.", func(r *Review) []string { return r.exports() }},
		{"option.wildcard", 5, 15, "asks for all of something", "A \"*\" in an option of a capability other than http.", otherWildcards},
		{"option.many", 2, 6, "asks for many of something", "A list of more than eight in an option, but for paths, of which fewer may be more; a host that stands for many counts as more than eight.", manyItems},
		{"option.amount", 2, 6, "asks for more than is usual", "A count or a size above the default of the option.", amounts(1)},
		{"option.large", 4, 8, "asks for far more than is usual", "A count or a size above sixteen times the default of the option; beside option.amount.", amounts(16)},
		{"option.unknown", 1, 5, "has options whose meaning is not known", "An option of an engine's own capability, or one that the capability does not have.", unknownOptions},
		{"limits", 3, 9, "asks for more than the usual limits", "A limit in [limits] above the default of package limits. What is not asked for counts as the default.", raisedLimits},
	}},
	{"What goes together", "Capabilities that are worse together than alone. Reaching the outside is having a capability of high risk.", []row{
		{"together.high", 10, 0, "several ways to the outside", "Two capabilities of high risk or more.", func(r *Review) []string { return once(len(byRisk(high)(r)) > 1) }},
		{"together.tell", 15, 0, "could carry out what it learns of players and mods", "It reaches the outside, and hears events, calls other mods, or has a capability of medium risk.", tells},
		{"together.keep", 5, 0, "could keep what it fetches and carry out what it keeps", "It reaches the outside, and has files or storage.", func(r *Review) []string { return once(outside(r) && (r.has("files") || r.has("storage"))) }},
		{"together.lend", 5, 0, "other mods could reach the outside through it", "It reaches the outside, and offers functions to other mods.", func(r *Review) []string { return once(outside(r) && len(r.exports()) > 0) }},
	}},
	{"Who signed it", "A trusted signature adds nothing. It takes nothing away either: it says who answers for a mod, not that the mod does no harm.", []row{
		{"signer.unsigned", 2, 0, "nobody signed it", "There is no signature.", signed(policy.Unsigned)},
		{"signer.unknown", 2, 0, "who signed it is not known", "All signatures are of keys that are not in the trust store. Anybody can make such a one, so it is worth no more than none.", signed(policy.UnknownKey)},
		{"signer.expired", 8, 0, "the signer's key is trusted no more, or not yet", "The key is outside the time for which it is trusted.", signed(policy.Expired)},
		{"signer.entitled", 12, 0, "the signer may not sign this mod", "The key is known, but not for this id.", signed(policy.NotEntitled)},
		{"signer.bad", 40, 0, "the signature is not right", "A signature that is not over these bytes, or is of another id or version: somebody changed something.", signed("")},
		{"signer.revoked", 60, 0, "the signer's key was revoked", "A key that was revoked may be in the hands of somebody else.", signed(policy.Revoked)},
		{"stranger.low", 3, 0, "a stranger asks for what is of low risk", "The signature is not a trusted one, and the riskiest capability is of low risk.", stranger(low)},
		{"stranger.medium", 8, 0, "a stranger asks for what is of medium risk", "The same, of medium risk.", stranger(medium)},
		{"stranger.high", 15, 0, "a stranger asks for what is of high risk", "The same, of high risk.", stranger(high)},
	}},
	{"What was found in it", "A finding that the author justified counts as one of the next lower severity, and a justified note not at all: who wrote the reason may have written the rest.", []row{
		{"finding.error", 15, 45, "errors of the static check", "A finding of severity error.", findings(gate.Error)},
		{"finding.warning", 4, 20, "warnings of the static check", "A finding of severity warning.", findings(gate.Warning)},
		{"finding.note", 1, 5, "notes of the static check", "A finding of severity note.", findings(gate.Note)},
		{"library", 2, 6, "code of others runs with its permissions", "A library that is copied into it.", libraries},
		{"archive", 10, 0, "the archive is not as it should be", "A packed archive whose bytes are not those that \"modrunner pack\" writes for the same files: something may be hidden in it.", func(r *Review) []string { return once(r.Strange != "") }},
		{"provenance", 10, 0, "what it says of its origin cannot be read", "A statement of provenance that is malformed, or is about another bundle.", func(r *Review) []string { return once(r.NoProvenance != "") }},
	}},
	{"What is known against it", "", []row{
		{"advisory.critical", 60, 100, "warnings of critical severity were published", "An advisory of critical severity about this version.", advisories("critical")},
		{"advisory.high", 40, 100, "warnings of high severity were published", "An advisory of high severity, or one that does not say.", advisories("high")},
		{"advisory.medium", 20, 100, "warnings of medium severity were published", "An advisory of medium severity.", advisories("medium")},
		{"advisory.low", 10, 100, "warnings of low severity were published", "An advisory of low severity.", advisories("low")},
		{"frozen", 100, 0, "an operator stopped it", "A freeze.", func(r *Review) []string { return once(len(r.Freezes) > 0) }},
	}},
}

// table is all rows, in their order.
var table = func() []row {
	var all []row
	for _, g := range groups {
		all = append(all, g.rows...)
	}
	return all
}()

// The levels of a capability's risk.
const (
	none = iota
	low
	medium
	high
)

// levelOf reads the risk of a capability; what is no risk is a high one.
func levelOf(risk string) int {
	i := slices.Index([]string{"none", "low", "medium"}, risk)
	if i < 0 {
		return high
	}
	return i
}

func (r *Review) has(capability string) bool {
	return slices.ContainsFunc(r.Permissions, func(p Permission) bool { return p.Capability == capability })
}

func byRisk(level int) func(*Review) []string {
	return func(r *Review) (found []string) {
		for _, p := range r.Permissions {
			if levelOf(p.Risk) == level {
				found = append(found, p.Capability)
			}
		}
		return found
	}
}

func outside(r *Review) bool { return len(byRisk(high)(r)) > 0 }

func tells(r *Review) []string {
	learns := len(r.option("events", "subscribe")) > 0 || len(r.option("services", "use")) > 0 || len(byRisk(medium)(r)) > 0
	return once(learns && outside(r))
}

func wildcards(r *Review) (found []string) {
	for _, h := range r.option("http", "hosts") {
		if wild(h) {
			found = append(found, h)
		}
	}
	return found
}

// wild reports whether a text stands for more than one thing.
func wild(text string) bool { return strings.Contains(text, "*") }

func manyHosts(r *Review) []string {
	hosts := r.option("http", "hosts")
	return once(len(hosts) > 3 || slices.ContainsFunc(hosts, wild))
}

func allPaths(r *Review) []string {
	paths := r.option("http", "paths")
	return once(r.has("http") && (len(paths) == 0 || slices.Contains(paths, "/")))
}

func writingMethods(r *Review) (found []string) {
	for _, m := range r.option("http", "methods") {
		if m != "GET" && m != "HEAD" {
			found = append(found, m)
		}
	}
	return found
}

func plainHTTP(r *Review) []string {
	for _, p := range r.Permissions {
		if value, there := p.Options["plain_http"]; there && p.Capability == "http" {
			return once(value != false)
		}
	}
	return nil
}

func engineEvents(r *Review) (found []string) {
	for _, name := range r.option("events", "subscribe") {
		if r.EngineEvents == nil || slices.Contains(r.EngineEvents, name) {
			found = append(found, name)
		}
	}
	return found
}

// eachOption calls f with each option of each permission, in their order.
func eachOption(r *Review, f func(p Permission, name string, value any)) {
	for _, p := range r.Permissions {
		for _, name := range p.names() {
			f(p, name, p.Options[name])
		}
	}
}

func otherWildcards(r *Review) (found []string) {
	eachOption(r, func(p Permission, name string, value any) {
		items, _ := list(value)
		if text, ok := value.(string); ok && name != "version" {
			items = []string{text}
		}
		if p.Capability != "http" && slices.ContainsFunc(items, wild) {
			found = append(found, p.Capability+"."+name)
		}
	})
	return found
}

func manyItems(r *Review) (found []string) {
	eachOption(r, func(p Permission, name string, value any) {
		items, _ := list(value)
		kind := meaningOf(p, name)
		if kind != prefixes && len(items) > 8 || kind == hosts && slices.ContainsFunc(items, wild) {
			found = append(found, p.Capability+"."+name)
		}
	})
	return found
}

func amounts(times float64) func(*Review) []string {
	return func(r *Review) (found []string) {
		eachOption(r, func(p Permission, name string, value any) {
			usual, known := p.usual(name)
			if n, ok := number(value); ok && known && n > times*usual {
				found = append(found, p.Capability+"."+name)
			}
		})
		return found
	}
}

// usualAmounts are the defaults of options, where the host's are not known.
var usualAmounts = map[string]map[string]float64{
	"files":   {"quota": 1 << 20, "max_files": 256},
	"storage": {"quota": 64 << 10},
}

// usual returns the default of a count or a size.
func (p Permission) usual(option string) (float64, bool) {
	if o, there := p.declared(option); there && o.Default != nil {
		n, ok := number(o.Default)
		return n, ok && (o.Type == "count" || o.Type == "size")
	}
	if meaningOf(p, option) != amount {
		return 0, false
	}
	n, known := usualAmounts[p.Capability][option]
	return n, known
}

func unknownOptions(r *Review) (found []string) {
	eachOption(r, func(p Permission, name string, _ any) {
		if meaningOf(p, name) == unknown && name != "version" {
			found = append(found, p.Capability+"."+name)
		}
	})
	return found
}

func raisedLimits(r *Review) (found []string) {
	usual := limits.Defaults()
	for _, k := range limits.Kinds() {
		if r.Limits.Of(k) > usual.Of(k) {
			found = append(found, k.String())
		}
	}
	return found
}

// signed finds a state of the signature; with "", all that no other row finds.
func signed(state policy.Signature) func(*Review) []string {
	return func(r *Review) []string {
		switch r.Signature {
		case policy.Trusted, policy.Unsigned, policy.UnknownKey, policy.Expired, policy.NotEntitled, policy.Revoked:
			return once(r.Signature == state)
		}
		return once(state == "")
	}
}

func stranger(level int) func(*Review) []string {
	return func(r *Review) []string {
		worst := none
		for _, p := range r.Permissions {
			worst = max(worst, levelOf(p.Risk))
		}
		return once(r.Signature != policy.Trusted && worst == level)
	}
}

func findings(severity gate.Severity) func(*Review) []string {
	return func(r *Review) (found []string) {
		for _, f := range r.Findings {
			if counts(f) == severity {
				found = append(found, f.Rule)
			}
		}
		return found
	}
}

// counts returns the severity that a finding counts with; "" for none. What is no
// severity is an error.
func counts(f gate.Finding) gate.Severity {
	all := []gate.Severity{"", gate.Note, gate.Warning, gate.Error}
	i := slices.Index(all, f.Severity)
	if i < 1 {
		i = len(all) - 1
	}
	if f.Justified != "" {
		i--
	}
	return all[i]
}

func libraries(r *Review) (found []string) {
	for _, q := range r.Requirements {
		if q.Relation == Copies {
			found = append(found, q.ID)
		}
	}
	return found
}

func advisories(severity string) func(*Review) []string {
	return func(r *Review) (found []string) {
		for _, a := range r.Advisories {
			if a.severity() == severity {
				found = append(found, a.ID)
			}
		}
		return found
	}
}
