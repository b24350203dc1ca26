package cedar_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
)

// request asks for the capability "c" with those options.
func request(options map[string]any) policy.Request {
	return policy.Request{ID: "weather", Version: "1.2.3", Digest: "h1:x", Signature: policy.Trusted, Publisher: "Ada",
		Environment: "server", Risk: 30, Permissions: []policy.Permission{{Capability: "c", Risk: "low", Options: options}}}
}

const all = "@id(\"all\") permit (principal, action, resource);\n"

// The strictest of the rules that match holds, with its message; without one, no.
func TestStrictest(t *testing.T) {
	const (
		forbid = "@id(\"forbid\") @message(\"no\") forbid (principal, action, resource) when { context.risk == 30 };\n"
		ask    = "@id(\"ask\") @ask(\"sure?\") permit (principal, action, resource);\n"
		clamp  = "@id(\"clamp\") @clamp(\"n=5\") permit (principal, action == Action::\"grant\", resource);\n"
		clamp2 = "@id(\"clamp2\") @ask(\"really?\") @clamp(\"n=7, m=1\") permit (principal, action == Action::\"grant\", resource);\n"
		other  = "@id(\"other\") permit (principal == Mod::\"other\", action, resource);\n"
	)
	for name, test := range map[string]struct {
		rules string
		want  policy.Ruling
	}{
		"no rule matches": {other, policy.Ruling{Effect: policy.Deny, Message: "no rule of NAME permits it"}},
		"permit":          {all + other, policy.Ruling{Effect: policy.Allow, Rules: []string{"p.cedar:1:all"}}},
		"ask":             {all + ask, policy.Ruling{Effect: policy.Ask, Rules: []string{"p.cedar:2:ask"}, Message: "sure?"}},
		"clamp":           {all + clamp, policy.Ruling{Effect: policy.Clamp, Rules: []string{"p.cedar:2:clamp"}, Options: map[string]int64{"n": 5}}},
		"ask and clamps":  {clamp2 + ask + clamp, policy.Ruling{Effect: policy.Ask, Rules: []string{"p.cedar:1:clamp2", "p.cedar:2:ask"}, Message: "really?", Options: map[string]int64{"n": 5, "m": 1}}},
		"forbid":          {ask + forbid + all + clamp, policy.Ruling{Effect: policy.Deny, Rules: []string{"p.cedar:2:forbid"}, Message: "no"}},
		"forbid alone":    {forbid, policy.Ruling{Effect: policy.Deny, Rules: []string{"p.cedar:1:forbid"}, Message: "no"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := cedar.Parse("/some/where/p.cedar", []byte(test.rules))
			if err != nil {
				t.Fatal(err)
			}
			test.want.Capability = "c"
			test.want.Message = strings.ReplaceAll(test.want.Message, "NAME", p.Name())
			_, rulings := p.Judge(request(nil))
			if diff := cmp.Diff([]policy.Ruling{test.want}, rulings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The limits of several rules: of each, the least.
func TestClampLimits(t *testing.T) {
	p := mustParse(t, `@id("a") @clamp("memory=16MiB, time=50ms") permit (principal, action == Action::"load", resource);
@id("b") @clamp("memory=32MiB, time=20ms, depth=100") permit (principal, action == Action::"load", resource);`)
	mod, _ := p.Judge(request(nil))
	want := limits.Limits{Memory: 16 << 20, Time: 20 * time.Millisecond, Depth: 100}
	if mod.Effect != policy.Clamp || mod.Limits != want {
		t.Errorf("%+v", mod)
	}
	r := request(nil)
	r.Permissions = nil
	r.Limits = limits.Limits{Memory: 1 << 20, Depth: 500, Output: 7}
	if d := policy.Decide(r, p, nil); d.Limits != (limits.Limits{Memory: 1 << 20, Time: 20 * time.Millisecond, Depth: 100, Output: 7}) {
		t.Errorf("%+v", d.Limits)
	}
}

// What rules see of a request, one attribute at a time.
func TestFacts(t *testing.T) {
	base := request(map[string]any{"n": int64(70000), "size": "64KiB", "rate": 0.5, "mode": "fast", "hosts": []any{"a", "b"}, "deep": true, "zones": []string{"x"}})
	base.Findings = []policy.Finding{{Rule: "r1", Severity: "warning"}, {Rule: "r2", Severity: "error"}, {Rule: "r3", Severity: "strange"}, {Rule: "r4", Severity: "note"}}
	base.Advisories = []policy.Advisory{{ID: "A", Severity: "medium"}, {ID: "B", Severity: "low"}}
	base.Keys = []string{"K1"}
	base.Limits = limits.Limits{Memory: 5000, Time: 1500 * time.Microsecond}
	base.Update = &policy.Update{More: true, Downgrade: true}
	for condition, want := range map[string]bool{
		`principal.id == "weather"`:                         true,
		`principal.version == "1.2.3"`:                      true,
		`principal.library`:                                 false,
		`principal in Publisher::"Ada"`:                     true,
		`principal in [Publisher::"Bob", Publisher::"Ada"]`: true,
		`principal in Publisher::"Bob"`:                     false,
		`context.publisher == "Ada"`:                        true,
		`resource == Capability::"c"`:                       true,
		`resource.name == "c"`:                              true,
		`resource.risk == "low"`:                            true,
		`resource.optional`:                                 false,
		`resource.options.contains("mode")`:                 true,
		`["n", "size", "rate", "mode", "hosts", "deep", "zones"].containsAll(resource.options)`: true,
		`["n"].containsAll(resource.options)`:                                                   false,
		`context.environment == "server"`:                                                       true,
		`context.interactive`:                                                                   false,
		`context.signature == "trusted"`:                                                        true,
		`context.keys.contains("K1")`:                                                           true,
		`context.risk == 30`:                                                                    true,
		`context.findings.errors == 2`:                                                          true,
		`context.findings.warnings == 1`:                                                        true,
		`context.findings.notes == 1`:                                                           true,
		`context.findings.rules.contains("r1")`:                                                 true,
		`context.advisories.count == 2`:                                                         true,
		`context.advisories.ids.contains("B")`:                                                  true,
		`context.advisories.worst == "medium"`:                                                  true,
		`context.update.known`:                                                                  true,
		`context.update.more`:                                                                   true,
		`context.update.signer_changed`:                                                         false,
		`context.update.risk_raised`:                                                            false,
		`context.update.downgrade`:                                                              true,
		`context.limits.memory == 5000`:                                                         true,
		`context.limits.time_ms == 2`:                                                           true,
		`context.limits.depth == 0`:                                                             true,
		`resource.count has n && resource.count.n == 70000`:                                     true,
		`resource.count has size && resource.count.size == 65536`:                               true,
		`resource.count has other`:                                                              false,
		`resource.number has rate && resource.number.rate.lessThanOrEqual(decimal("0.5"))`: true,
		`resource.number has n && resource.number.n.greaterThan(decimal("69999.9999"))`:    true,
		`resource.text has mode && resource.text.mode like "f*t"`:                          true,
		`resource.list has hosts && resource.list.hosts.contains("b")`:                     true,
		`resource.list has zones && resource.list.zones.contains("x")`:                     true,
		`resource.flag has deep && resource.flag.deep`:                                     true,
	} {
		p := mustParse(t, all+strings.Replace(when(condition), `"a"`, `"x"`, 1))
		_, rulings := p.Judge(base)
		if got := rulings[0].Effect == policy.Deny && rulings[0].Message == ""; got != want {
			t.Errorf("%s: %v, want %v (%+v)", condition, got, want, rulings[0])
		}
	}
}

// What a request cannot be, by its own documentation, is denied; what is not known is
// taken for the worst.
func TestStrangeRequests(t *testing.T) {
	p := mustParse(t, all)
	for name, change := range map[string]func(*policy.Request){
		"signature": func(r *policy.Request) { r.Signature = "splendid" },
		"zero":      func(r *policy.Request) { *r = policy.Request{} },
		"risk":      func(r *policy.Request) { r.Risk = 101 },
		"less risk": func(r *policy.Request) { r.Risk = -1 },
		"limit":     func(r *policy.Request) { r.Limits.Memory = -1 },
	} {
		r := request(nil)
		change(&r)
		mod, all := p.Judge(r)
		if mod.Effect != policy.Deny || len(all) != len(r.Permissions) {
			t.Errorf("%s: %+v", name, mod)
		}
	}
	for condition, change := range map[string]func(*policy.Request){
		`resource.risk == "high"`:                  func(r *policy.Request) { r.Permissions[0].Risk = "tiny" },
		`context.advisories.worst == "critical"`:   func(r *policy.Request) { r.Advisories = []policy.Advisory{{Severity: "none"}} },
		`context.findings.errors == 1`:             func(r *policy.Request) { r.Findings = []policy.Finding{{}} },
		`context.publisher == "" `:                 func(r *policy.Request) { r.Signature = policy.UnknownKey },
		`!(principal in Publisher::"Ada")`:         func(r *policy.Request) { r.Signature = policy.Expired },
		`context.limits.time_ms == 9223372036855 `: func(r *policy.Request) { r.Limits.Time = math.MaxInt64 },
	} {
		r := request(nil)
		change(&r)
		_, rulings := mustParse(t, all+strings.Replace(when(condition), `"a"`, `"x"`, 1)).Judge(r)
		if rulings[0].Effect != policy.Deny {
			t.Errorf("%s: %+v", condition, rulings[0])
		}
	}
}

// An option that is not of the type as which a rule looks at it denies, wherever the
// head of the rule matches; the author of a mod cannot slip past a forbid that way.
func TestTypeConfusion(t *testing.T) {
	for _, test := range []struct {
		condition string
		value     any
		denied    bool
	}{
		{`resource.count has o && resource.count.o > 100`, int64(50), false},
		{`resource.count has o && resource.count.o > 100`, int64(101), true},
		{`resource.count has o && resource.count.o > 100`, "1KiB", true},
		{`resource.count has o && resource.count.o > 100`, "50B", false},
		{`resource.count has o && resource.count.o > 100`, "lots", true},
		{`resource.count has o && resource.count.o > 100`, "1e9", true},
		{`resource.count has o && resource.count.o > 100`, " 5", true},
		{`resource.count has o && resource.count.o > 100`, float64(50), false},
		{`resource.count has o && resource.count.o > 100`, 50.5, true},
		{`resource.count has o && resource.count.o > 100`, math.NaN(), true},
		{`resource.count has o && resource.count.o > 100`, math.Inf(-1), true},
		{`resource.count has o && resource.count.o > 100`, 1e300, true},
		{`resource.count has o && resource.count.o > 100`, true, true},
		{`resource.count has o && resource.count.o > 100`, nil, true},
		{`resource.count has o && resource.count.o > 100`, []any{int64(1)}, true},
		{`resource.count has o && resource.count.o > 100`, map[string]any{}, true},
		{`resource.count has o && resource.count.o > 100`, int64(math.MinInt64), false},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, 0.4, false},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, 0.51, true},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, 0.500001, true},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, 0.4000001, true}, // cannot be compared exactly
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, math.NaN(), true},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, math.Inf(-1), true},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, -1e20, true},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, int64(0), false},
		{`resource.number has o && resource.number.o.greaterThan(decimal("0.5"))`, int64(math.MinInt64), true},
		{`resource.text has o && resource.text.o == "bad"`, "good", false},
		{`resource.text has o && resource.text.o == "bad"`, "bad", true},
		{`resource.text has o && resource.text.o == "bad"`, int64(5), true},
		{`resource.text has o && resource.text.o == "bad"`, []any{"bad"}, true},
		{`resource.text has o && resource.text.o == "bad"`, strings.Repeat("x", 1<<20), true},
		{`resource.flag has o && resource.flag.o`, false, false},
		{`resource.flag has o && resource.flag.o`, "false", true},
		{`resource.flag has o && resource.flag.o`, int64(0), true},
		{`resource.list has o && resource.list.o.contains("bad")`, []any{"good"}, false},
		{`resource.list has o && resource.list.o.contains("bad")`, []string{"bad"}, true},
		{`resource.list has o && resource.list.o.contains("bad")`, []any{"good", int64(1)}, true},
		{`resource.list has o && resource.list.o.contains("bad")`, "good", true},
		{`resource.list has o && resource.list.o.contains("bad")`, slices.Repeat([]string{"a"}, 5000), true},
	} {
		p := mustParse(t, all+strings.Replace(when(test.condition), `"a"`, `"x"`, 1))
		_, rulings := p.Judge(request(map[string]any{"o": test.value}))
		if denied := rulings[0].Effect == policy.Deny; denied != test.denied {
			shown := fmt.Sprintf("%T %.50v", test.value, test.value)
			t.Errorf("%s with %s: denied %v, want %v: %+v", test.condition, shown, denied, test.denied, rulings[0])
		}
	}
	// Where the head is of another capability, or the option is another, nothing is
	// confused.
	p := mustParse(t, all+`@id("x") forbid (principal, action == Action::"grant", resource == Capability::"d") when { resource.count has o && resource.count.o > 100 };`)
	if _, rulings := p.Judge(request(map[string]any{"o": "lots"})); rulings[0].Effect != policy.Allow {
		t.Errorf("%+v", rulings[0])
	}
}

// A policy that is not there denies.
func TestNilPolicy(t *testing.T) {
	var p *cedar.Policy
	mod, all := p.Judge(request(nil))
	if mod.Effect != policy.Deny || len(all) != 1 || all[0].Effect != policy.Deny || all[0].Capability != "c" || p.Name() == "" || p.Rules() != nil {
		t.Errorf("%+v %+v", mod, all)
	}
	if d := policy.Decide(request(nil), p, nil); d.Effect != policy.Deny {
		t.Errorf("%+v", d)
	}
}

// Explain says of each rule that could have had a say what it said.
func TestExplain(t *testing.T) {
	p := mustParse(t, all+`@id("never") forbid (principal, action == Action::"load", resource) when { context.risk > 90 };
@id("text") permit (principal, action == Action::"grant", resource) when { resource.text has o && resource.text.o == "x" };`)
	e := p.Explain(request(map[string]any{"o": int64(1)}))
	shown := func(j cedar.Judgement) (out []string) {
		for _, o := range j.Outcomes {
			out = append(out, fmt.Sprint(o.Rule.ID, " ", o.Matched, " ", o.Err != nil))
		}
		return out
	}
	if got := shown(e.Mod); !reflect.DeepEqual(got, []string{"all true false", "never false false"}) {
		t.Error(got)
	}
	if got := shown(e.Permissions[0]); !reflect.DeepEqual(got, []string{"all true false", "text false true"}) {
		t.Error(got)
	}
}

func TestConcurrent(t *testing.T) {
	p := cedar.Default()
	want := policy.Decide(request(nil), p, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := policy.Decide(request(nil), p, nil); !reflect.DeepEqual(got, want) {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
}

// conditions are parts of random rules.
var conditions = []string{
	"", "when { context.risk > 50 }", "when { context.risk <= 50 }", `when { context.signature == "trusted" }`, "unless { context.interactive }",
	"when { context.update.more }", `when { principal.id like "w*" }`, `when { context.limits.memory > 1000 }`, `when { ["high", "critical"].contains(context.advisories.worst) }`,
}

func drawRules(t *rapid.T, prefix string, n int, effects []string) string {
	var b strings.Builder
	for i := range n {
		effect := rapid.SampledFrom(effects).Draw(t, "effect")
		action := rapid.SampledFrom([]string{"load", "grant"}).Draw(t, "action")
		annotation := map[string]string{"ask": `@ask("?") `, "clamp": map[string]string{"load": `@clamp("memory=500") `, "grant": `@clamp("n=5") `}[action]}[effect]
		if effect != "forbid" {
			effect = "permit"
		}
		fmt.Fprintf(&b, "@id(\"%s%d\") %s%s (principal, action == Action::%q, resource) %s;\n", prefix, i, annotation, effect, action, rapid.SampledFrom(conditions).Draw(t, "condition"))
	}
	return b.String()
}

func drawRequest(t *rapid.T) policy.Request {
	return policy.Request{
		ID: rapid.SampledFrom([]string{"weather", "other"}).Draw(t, "id"), Digest: "h1:x",
		Signature:   rapid.SampledFrom([]policy.Signature{policy.Trusted, policy.Unsigned, policy.BadSig}).Draw(t, "signature"),
		Interactive: rapid.Bool().Draw(t, "interactive"), Risk: rapid.IntRange(0, 100).Draw(t, "risk"),
		Limits:      limits.Limits{Memory: rapid.Int64Range(0, 5000).Draw(t, "memory")},
		Advisories:  rapid.SampledFrom([][]policy.Advisory{nil, {{Severity: "high"}}, {{Severity: "low"}}}).Draw(t, "advisories"),
		Update:      rapid.SampledFrom([]*policy.Update{nil, {}, {More: true}}).Draw(t, "update"),
		Permissions: []policy.Permission{{Capability: "a", Options: map[string]any{"n": int64(9)}}, {Capability: "b", Optional: true}},
	}
}

// Another forbid never makes a decision laxer; nor does any rule where something was
// permitted before. The order of the rules does not matter to what is decided, and
// deciding twice gives the same.
func TestMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t, "r", rapid.IntRange(1, 6).Draw(t, "n"), []string{"permit", "ask", "clamp", "forbid"})
		r := drawRequest(t)
		p, err := cedar.Parse("p", []byte(rules))
		if err != nil {
			t.Fatal(err)
		}
		before := policy.Decide(r, p, nil)
		if again := policy.Decide(r, p, nil); !reflect.DeepEqual(before, again) {
			t.Fatalf("%+v\n%+v", before, again)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(rules, "\n"), "\n")
		slices.Reverse(lines)
		turned, err := cedar.Parse("p", []byte(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if d := policy.Decide(r, turned, nil); d.Effect != before.Effect || d.Limits != before.Limits {
			t.Fatalf("another order: %v, before %v\n%s", d.Effect, before.Effect, rules)
		}
		more := drawRules(t, "m", 1, []string{"forbid"})
		stricter, err := cedar.Parse("p", []byte(rules+more))
		if err != nil {
			t.Fatal(err)
		}
		after := policy.Decide(r, stricter, nil)
		if policy.Stricter(before.Effect, after.Effect) != after.Effect {
			t.Fatalf("%v became %v by\n%s", before.Effect, after.Effect, more)
		}
		for i := range before.Permissions {
			if after.Permissions[i].Granted && !before.Permissions[i].Granted {
				t.Fatalf("%s is granted by\n%s", before.Permissions[i].Capability, more)
			}
		}
		any := drawRules(t, "p", 1, []string{"permit", "ask", "clamp"})
		with, err := cedar.Parse("p", []byte(rules+any))
		if err != nil {
			t.Fatal(err)
		}
		was, wasEach := p.Judge(r)
		is, isEach := with.Judge(r)
		check := func(was, is policy.Ruling) {
			if was.Effect != policy.Deny && policy.Stricter(was.Effect, is.Effect) != is.Effect || was.Effect == policy.Deny && len(was.Rules) > 0 && is.Effect != policy.Deny {
				t.Fatalf("%v became %v by\n%s", was, is, any)
			}
		}
		check(was, is)
		for i := range wasEach {
			check(wasEach[i], isEach[i])
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	for _, name := range cedar.ReadyNames() {
		p, err := cedar.Ready(name)
		if err != nil {
			b.Fatal(err)
		}
		r := request(map[string]any{"quota": "64KiB"})
		r.Permissions = slices.Repeat(r.Permissions, 5)
		for i := range r.Permissions {
			r.Permissions[i].Capability = fmt.Sprint("c", i)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				policy.Decide(r, p, nil)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text, _, _ := cedar.ReadyText("strict-server")
	for b.Loop() {
		if _, err := cedar.Parse("p", []byte(text)); err != nil {
			b.Fatal(err)
		}
	}
}
