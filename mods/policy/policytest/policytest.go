// Package policytest holds a policy against a table of requests and what is expected
// to become of them: the unit tests of a policy, as an operator writes them.
//
// The table is TOML:
//
//	[defaults] # what each request has that does not say otherwise
//	environment = "server"
//	signature = "trusted"
//
//	[tests.stranger]
//	signature = "unsigned"
//	want.decision = "deny"
//	want.message = "only mods that were signed"
//
//	[tests.storage]
//	permissions.storage = {risk = "low", options = {quota = "1MiB"}}
//	want.decision = "clamp"
//	want.permissions = {storage = "clamp"}
//	want.options.storage = {quota = "64KiB"}
//
// A request has id, version, library, signature, publisher, keys, environment,
// interactive, risk, freezes, findings (rule = severity), advisories (id = severity),
// limits, update (more, signer_changed, risk_raised, downgrade) and permissions
// (capability = {risk, version, optional, options}). What it does not say is unsigned,
// of no risk, with nothing found and nobody there; a capability is of high risk. With
// approved = true a person has approved all that it asks for.
//
// Of what becomes of it, want says what matters: decision, of policy.Decide; mod, what
// the rules say of the mod as a whole; rules, the ids of the rules that decided about
// the mod; permissions, what they say of each capability; message, a part of any reason
// or message; options and limits, as they are granted.
package policytest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
	"github.com/luasandbox/modrunner/mods/policy"
)

// MaxBytes is how long a table may be.
const MaxBytes = 256 << 10

var bounds = safetoml.Bounds{Bytes: MaxBytes, Depth: 8, KeyBytes: 128, Entries: 20_000}

// Table is the tests of one policy.
type Table struct{ tests []test }

type test struct {
	name     string
	line     int
	request  policy.Request
	approval *policy.Approval
	want     want
}

type want struct {
	Decision    string                    `toml:"decision"`
	Mod         string                    `toml:"mod"`
	Message     string                    `toml:"message"`
	Rules       []string                  `toml:"rules"`
	Permissions map[string]string         `toml:"permissions"`
	Options     map[string]map[string]any `toml:"options"`
	Limits      map[string]any            `toml:"limits"`

	limits limits.Limits
}

type written struct {
	facts
	Want want `toml:"want"`
}

// Read reads a table. The error is a [*safetoml.Error], with file, line and column.
func Read(file string, data []byte) (*Table, error) {
	var content struct {
		Defaults facts              `toml:"defaults"`
		Tests    map[string]written `toml:"tests"`
	}
	doc, err := safetoml.Decode(file, data, bounds, &content)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	for name, w := range content.Tests {
		place := doc.Errorf([]string{"tests", name}, "")
		one := test{name: name, line: place.Line, want: w.Want}
		var bad *wrong
		if one.request, one.approval, bad = w.facts.or(content.Defaults).request(); bad == nil {
			bad = one.want.check(one.request)
		}
		if bad != nil {
			return nil, doc.Errorf(append([]string{"tests", name}, bad.path...), "test %q: %s", name, bad.message)
		}
		t.tests = append(t.tests, one)
	}
	if len(t.tests) == 0 {
		return nil, doc.Errorf([]string{"tests"}, "there is no test; want tables [tests.NAME]")
	}
	slices.SortFunc(t.tests, func(a, b test) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return strings.Compare(a.name, b.name)
	})
	return t, nil
}

// ReadRequest reads one request, in the form of [defaults]. The error is a
// [*safetoml.Error].
func ReadRequest(file string, data []byte) (policy.Request, *policy.Approval, error) {
	var f facts
	doc, err := safetoml.Decode(file, data, bounds, &f)
	if err != nil {
		return policy.Request{}, nil, err
	}
	r, approval, bad := f.request()
	if bad != nil {
		return policy.Request{}, nil, doc.Errorf(bad.path, "%s", bad.message)
	}
	return r, approval, nil
}

var effects = []string{"allow", "clamp", "ask", "deny"}

// check refuses what can never be.
func (w *want) check(r policy.Request) *wrong {
	if w.Decision == "" && w.Mod == "" && w.Message == "" && w.Rules == nil && w.Permissions == nil && w.Options == nil && w.Limits == nil {
		return wrongf("nothing is expected; want at least want.decision", "want")
	}
	for key, effect := range map[string]string{"decision": w.Decision, "mod": w.Mod} {
		if effect != "" && !slices.Contains(effects, effect) {
			return wrongf("want one of "+strings.Join(effects, ", "), "want", key)
		}
	}
	asked := func(name string) bool {
		return slices.ContainsFunc(r.Permissions, func(p policy.Permission) bool { return p.Capability == name })
	}
	for name, effect := range w.Permissions {
		switch {
		case !asked(name):
			return wrongf("the request does not ask for it", "want", "permissions", name)
		case !slices.Contains(effects, effect):
			return wrongf("want one of "+strings.Join(effects, ", "), "want", "permissions", name)
		}
	}
	for name := range w.Options {
		if !asked(name) {
			return wrongf("the request does not ask for it", "want", "options", name)
		}
	}
	var bad *wrong
	w.limits, bad = readLimits(w.Limits)
	return bad.below("want", "limits")
}

// Difference is one thing that is not as a test expects it.
type Difference struct{ What, Want, Got string }

// Result is what became of one test.
type Result struct {
	Name        string
	Line        int // where it begins in the table
	Request     policy.Request
	Decision    policy.Decision
	Differences []Difference // none: it passed
}

// Run decides about each request, in the order of the table.
func (t *Table) Run(rules policy.Rules) []Result {
	results := make([]Result, len(t.tests))
	for i, one := range t.tests {
		d := policy.Decide(one.request, rules, one.approval)
		results[i] = Result{Name: one.name, Line: one.line, Request: one.request, Decision: d, Differences: one.want.compare(d)}
	}
	return results
}

// compare lists what is not as expected.
func (w want) compare(d policy.Decision) (out []Difference) {
	differs := func(what, want, got string) {
		if want != got {
			out = append(out, Difference{what, want, got})
		}
	}
	if w.Decision != "" {
		differs("the decision", w.Decision, d.Effect.String())
	}
	if w.Mod != "" {
		differs("the mod", w.Mod, d.Mod.Effect.String())
	}
	if w.Rules != nil {
		differs("the rules", strings.Join(w.Rules, ", "), strings.Join(ids(d.Mod.Rules), ", "))
	}
	messages := append(slices.Clone(d.Reasons), d.Mod.Message)
	permissions := map[string]policy.PermissionDecision{}
	for _, p := range d.Permissions {
		permissions[p.Capability] = p
		messages = append(messages, p.Ruling.Message)
	}
	messages = slices.DeleteFunc(messages, func(m string) bool { return m == "" })
	if w.Message != "" && !slices.ContainsFunc(messages, func(m string) bool { return strings.Contains(m, w.Message) }) {
		differs("a message", w.Message, strings.Join(slices.Compact(messages), "; "))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Permissions)) {
		differs("the capability "+name, w.Permissions[name], permissions[name].Ruling.Effect.String())
	}
	for _, name := range slices.Sorted(maps.Keys(w.Options)) {
		for _, option := range slices.Sorted(maps.Keys(w.Options[name])) {
			want, got := w.Options[name][option], permissions[name].Options[option]
			if !policy.SameOptions(map[string]any{"": size(want)}, map[string]any{"": size(got)}) {
				out = append(out, Difference{name + "." + option, shown(want), shown(got)})
			}
		}
	}
	for _, kind := range limits.Kinds() {
		if n := w.limits.Of(kind); n != 0 {
			differs("the limit "+kind.String(), shownLimit(kind, n), shownLimit(kind, d.Limits.Of(kind)))
		}
	}
	return out
}

// ids are the ids of rules, without the file and the line.
func ids(rules []string) []string {
	out := make([]string, len(rules))
	for i, rule := range rules {
		out[i] = rule[strings.LastIndexByte(rule, ':')+1:]
	}
	return out
}

// size reads a size if v is one.
func size(v any) any {
	if text, ok := v.(string); ok {
		if n, err := limits.ParseSize(text); err == nil {
			return n
		}
	}
	return v
}

// String is one line: "the decision is deny; want allow".
func (d Difference) String() string { return fmt.Sprintf("%s is %s; want %s", d.What, d.Got, d.Want) }
