package policy_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// fixed are rules that say the same of every request.
type fixed struct {
	mod         policy.Ruling
	permissions []policy.Ruling
}

func (f fixed) Name() string { return "fixed" }
func (f fixed) Judge(policy.Request) (policy.Ruling, []policy.Ruling) {
	return f.mod, f.permissions
}

// rules judge the mod, and its permissions "a", "b" and so on.
func rules(mod policy.Effect, permissions ...policy.Effect) fixed {
	f := fixed{mod: policy.Ruling{Effect: mod}}
	for i, effect := range permissions {
		f.permissions = append(f.permissions, policy.Ruling{Capability: string(rune('a' + i)), Effect: effect})
	}
	return f
}

func request(permissions ...policy.Permission) policy.Request {
	r := policy.Request{ID: "m", Version: "1.0.0", Digest: "h1:x", Permissions: permissions}
	for i := range r.Permissions {
		r.Permissions[i].Capability = string(rune('a' + i))
	}
	return r
}

func approval(grants ...policy.Grant) *policy.Approval {
	return &policy.Approval{ID: "m", Version: "1.0.0", Digest: "h1:x", Verdict: policy.Approved, By: "ada", Grants: grants}
}

var (
	optional = policy.Permission{Optional: true}
	needed   = policy.Permission{}
	grantA   = policy.Grant{Capability: "a"}
	grantB   = policy.Grant{Capability: "b"}
)

const (
	allow = policy.Allow
	clamp = policy.Clamp
	ask   = policy.Ask
	deny  = policy.Deny
)

// outcome is a decision in short: the effect, what is granted, and whether it was for an
// approval.
func outcome(d policy.Decision) string {
	granted := ""
	for _, p := range d.Permissions {
		if p.Granted && d.Runs() {
			granted += p.Capability
		}
	}
	text := d.Effect.String() + " " + granted
	if d.Approved {
		text += " approved"
	}
	return text
}

func TestDecide(t *testing.T) {
	change := func(a *policy.Approval, f func(*policy.Approval)) *policy.Approval { f(a); return a }
	frozen := request()
	frozen.Freezes = []string{"stolen"}
	unnamed := request()
	unnamed.Digest = ""
	twice := request(needed, needed)
	twice.Permissions[1].Capability = "a"
	for name, test := range map[string]struct {
		r        policy.Request
		rules    policy.Rules
		approval *policy.Approval
		want     string
		reason   string
	}{
		"allow":        {request(needed), rules(allow, allow), nil, "allow a", ""},
		"clamp":        {request(needed), rules(clamp, allow), nil, "clamp a", ""},
		"ask":          {request(needed), rules(ask, allow), nil, "ask ", "wants this mod to be approved"},
		"deny":         {request(needed), rules(deny, allow), nil, "deny ", "does not allow this mod"},
		"no effect":    {request(needed), rules(0, allow), nil, "deny ", "does not allow this mod"},
		"beyond all":   {request(needed), rules(99, allow), nil, "deny ", ""},
		"negative":     {request(needed), rules(-1, allow), nil, "deny ", ""},
		"no effect, a": {request(needed), rules(allow, 0), nil, "deny ", `"a"`},

		"nil rules":              {request(needed), nil, nil, "deny ", `does not allow the capability "a"`},
		"nil rules, nothing":     {request(), nil, nil, "allow ", ""},
		"nil rules, approved":    {request(needed), nil, approval(grantA), "deny ", `"a"`},
		"list":                   {request(needed), policy.AllowList{Capabilities: []string{"a"}}, nil, "allow a", ""},
		"list of others":         {request(needed), policy.AllowList{Capabilities: []string{"b"}}, nil, "deny ", ""},
		"all":                    {request(needed, needed), policy.AllowList{All: true}, nil, "allow ab", ""},
		"too few rulings":        {request(needed, needed), rules(allow, allow), nil, "deny ", "did not judge"},
		"too many rulings":       {request(needed), rules(allow, allow, allow), nil, "deny ", "did not judge"},
		"rulings in other order": {request(needed, needed), fixed{policy.Ruling{Effect: allow}, []policy.Ruling{{Capability: "b", Effect: allow}, {Capability: "a", Effect: allow}}}, nil, "deny ", "did not judge"},
		"one capability twice":   {twice, fixed{policy.Ruling{Effect: allow}, []policy.Ruling{{Capability: "a", Effect: allow}, {Capability: "a", Effect: allow}}}, nil, "deny ", "did not judge"},

		"permission asked":             {request(needed), rules(allow, ask), nil, "ask ", `"a"`},
		"permission denied":            {request(needed), rules(allow, deny), nil, "deny ", `"a"`},
		"optional asked":               {request(optional), rules(allow, ask), nil, "allow ", ""},
		"optional denied":              {request(optional, needed), rules(allow, deny, allow), nil, "allow b", ""},
		"asked and denied":             {request(needed, needed), rules(allow, ask, deny), nil, "deny ", `"b"`},
		"the gravest is said first":    {request(needed, needed), rules(ask, ask, deny), nil, "deny ", `the capability "b"`},
		"approved":                     {request(needed), rules(ask, ask), approval(grantA), "allow a approved", ""},
		"approved needlessly":          {request(needed), rules(allow, allow), approval(grantA), "allow a", ""},
		"approved, mod only":           {request(), rules(ask), approval(), "allow  approved", ""},
		"approved, rule denies":        {request(needed), rules(ask, deny), approval(grantA), "deny  approved", `"a"`},
		"approved, mod denied":         {request(needed), rules(deny, allow), approval(grantA), "deny ", ""},
		"partly":                       {request(needed, optional), rules(ask, ask, ask), approval(grantA), "allow a approved", ""},
		"partly, rules would allow":    {request(needed, optional), rules(ask, ask, allow), approval(grantA), "allow a approved", ""},
		"partly, and needed":           {request(needed, needed), rules(ask, ask, ask), approval(grantA), "deny  approved", "cannot do without"},
		"of other bytes":               {request(), rules(ask), change(approval(), func(a *policy.Approval) { a.Digest = "h1:y" }), "ask ", ""},
		"of another id":                {request(), rules(ask), change(approval(), func(a *policy.Approval) { a.ID = "n" }), "ask ", ""},
		"of no digest":                 {unnamed, rules(ask), change(approval(), func(a *policy.Approval) { a.Digest = "" }), "ask ", ""},
		"with no verdict":              {request(), rules(allow), change(approval(), func(a *policy.Approval) { a.Verdict = "" }), "deny ", ""},
		"denied":                       {request(), rules(allow), change(approval(), func(a *policy.Approval) { a.Verdict = policy.Denied }), "deny ", "denied m by ada"},
		"withdrawn":                    {request(), rules(ask), change(approval(), func(a *policy.Approval) { a.Verdict = policy.Withdrawn }), "deny ", "revoked m by ada"},
		"denied, of other bytes":       {request(), rules(allow), change(approval(), func(a *policy.Approval) { a.Verdict, a.Digest = policy.Denied, "h1:y" }), "allow ", ""},
		"frozen":                       {frozen, rules(allow), nil, "deny ", "frozen: stolen"},
		"frozen and approved":          {frozen, rules(ask), approval(), "deny  approved", "frozen: stolen"},
		"frozen and judged too little": {change2(request(needed), func(r *policy.Request) { r.Freezes = []string{"stolen"} }), rules(allow), nil, "deny ", "frozen: stolen"},
		"other options": {request(policy.Permission{Options: map[string]any{"n": int64(2)}}), rules(allow, ask),
			approval(policy.Grant{Capability: "a", Options: map[string]any{"n": int64(1)}}), "deny ", "not approved"},
		"same options": {request(policy.Permission{Options: map[string]any{"n": int64(2)}}), rules(allow, ask),
			approval(grantB, policy.Grant{Capability: "a", Options: map[string]any{"n": 2.0}}), "allow a approved", ""},
		"limit that is none": {change2(request(), func(r *policy.Request) { r.Limits.Memory = -5 }), rules(allow), nil, "deny ", "memory"},
	} {
		t.Run(name, func(t *testing.T) {
			d := policy.Decide(test.r, test.rules, test.approval)
			if got := outcome(d); got != test.want {
				t.Errorf("%q, want %q (%q)", got, test.want, d.Reasons)
			}
			if d.Runs() != (len(d.Reasons) == 0) {
				t.Errorf("%v: %q", d.Effect, d.Reasons)
			}
			if test.reason != "" && !strings.Contains(d.Reasons[0], test.reason) {
				t.Errorf("%q", d.Reasons)
			}
			if !d.Runs() && len(d.Granted()) > 0 {
				t.Errorf("granted: %v", d.Granted())
			}
		})
	}
}

func change2(r policy.Request, f func(*policy.Request)) policy.Request { f(&r); return r }

// Clamps lower what is above them and leave what is not; what is no number is not
// granted.
func TestClampOptions(t *testing.T) {
	for name, test := range map[string]struct{ value, want any }{
		"above":        {int64(500), int64(100)},
		"below":        {int64(5), int64(5)},
		"below zero":   {int64(-5), int64(-5)},
		"int":          {5000, int64(100)},
		"small int":    {5, int64(5)},
		"float":        {99.5, 99.5},
		"large float":  {1e300, 100.0},
		"small float":  {-1e300, -1e300},
		"infinite":     {math.Inf(1), 100.0},
		"NaN":          {math.NaN(), nil},
		"size":         {"64KiB", int64(100)},
		"small size":   {"64", int64(64)},
		"text":         {"lots", nil},
		"flag":         {true, nil},
		"list":         {[]any{int64(1)}, nil},
		"nothing":      {nil, nil},
		"unlimited":    {"unlimited", int64(100)},
		"another type": {uint8(3), nil},
	} {
		r := request(policy.Permission{Options: map[string]any{"n": test.value, "mode": "x"}}, optional)
		f := rules(allow, clamp, allow)
		f.permissions[0].Options = map[string]int64{"n": 100, "not there": 7}
		d := policy.Decide(r, f, nil)
		if test.want == nil {
			if d.Effect != deny || d.Permissions[0].Granted || d.Permissions[0].Ruling.Effect != deny || !strings.Contains(d.Reasons[0], `"n"`) {
				t.Errorf("%s: %+v", name, d)
			}
			continue
		}
		want := map[string]any{"n": test.want, "mode": "x"}
		if diff := cmp.Diff(want, d.Permissions[0].Options); diff != "" || d.Effect != clamp {
			t.Errorf("%s: %v %s", name, d.Effect, diff)
		}
		if fmt.Sprint(r.Permissions[0].Options["n"]) != fmt.Sprint(test.value) {
			t.Errorf("%s: the request was changed", name)
		}
	}
}

func TestLimits(t *testing.T) {
	r := request()
	r.Limits = limits.Limits{Memory: 100, Time: 7}
	f := rules(ask)
	f.mod.Limits = limits.Limits{Memory: 200, Depth: 5, Time: 9}
	a := approval()
	a.Limits = limits.Limits{Memory: 50, Depth: 10, Output: 3}
	want := limits.Limits{Memory: 50, Time: 7, Depth: 5, Output: 3}
	if d := policy.Decide(r, f, a); d.Limits != want || d.Effect != clamp {
		t.Errorf("%v %+v", d.Effect, d.Limits)
	}
	f.mod.Effect = allow
	if d := policy.Decide(r, f, nil); d.Limits != (limits.Limits{Memory: 100, Time: 7, Depth: 5}) {
		t.Errorf("%+v", d.Limits)
	}
}

func TestSameOptions(t *testing.T) {
	one := func(v any) map[string]any { return map[string]any{"x": v} }
	for _, same := range [][2]map[string]any{
		{nil, {}}, {one(int64(5)), one(5.0)}, {one(5), one(int64(5))}, {one([]string{"a"}), one([]any{"a"})},
		{one([]any{int64(1)}), one([]any{1.0})}, {one("a"), one("a")}, {one(true), one(true)}, {one(0.5), one(0.5)},
		{one(int64(1 << 53)), one(float64(1 << 53))}, {one(0.0), one(math.Copysign(0, -1))},
	} {
		if !policy.SameOptions(same[0], same[1]) || !policy.SameOptions(same[1], same[0]) {
			t.Errorf("%v", same)
		}
	}
	for _, differs := range [][2]map[string]any{
		{one("a"), nil}, {one("a"), {"y": "a"}}, {one("5"), one(int64(5))}, {one(true), one(int64(1))}, {one(nil), {}},
		{one(int64(1<<53 + 1)), one(int64(1 << 53))}, {one(int64(math.MaxInt64)), one(int64(math.MaxInt64 - 1))},
		{one(int64(math.MaxInt64)), one(float64(math.MaxInt64))}, {one(int64(1 << 60)), one(float64(1 << 60))}, {one(math.NaN()), one(math.NaN())},
		{one([]any{"a", "b"}), one([]any{"b", "a"})}, {one([]any{}), one(nil)}, {one("64KiB"), one(int64(65536))},
	} {
		if policy.SameOptions(differs[0], differs[1]) || policy.SameOptions(differs[1], differs[0]) {
			t.Errorf("%v", differs)
		}
	}
}

func TestEffects(t *testing.T) {
	for effect, word := range map[policy.Effect]string{allow: "allow", clamp: "clamp", ask: "ask", deny: "deny", 0: "deny", 9: "deny", -3: "deny"} {
		if effect.String() != word {
			t.Errorf("%d: %s", effect, effect)
		}
		if policy.Stricter(effect, allow) != policy.Stricter(allow, effect) || policy.Stricter(effect, deny) != deny {
			t.Error(effect)
		}
	}
	if policy.Stricter(ask, clamp) != ask || policy.Stricter(0, allow) != deny {
		t.Error("not the stricter one")
	}
}

// Of any request, rules and approval: a stricter ruling never makes the decision laxer;
// an approval grants nothing that the rules deny and nothing that is not in it; limits
// and options are never above those asked for; deciding twice gives the same.
func TestDecideProperties(t *testing.T) {
	effect := rapid.SampledFrom([]policy.Effect{allow, clamp, ask, deny, 0})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 4).Draw(t, "n")
		var asked []policy.Permission
		var effects []policy.Effect
		var grants []policy.Grant
		for i := range n {
			p := policy.Permission{Optional: rapid.Bool().Draw(t, "optional"), Options: map[string]any{"n": rapid.Int64Range(-5, 50).Draw(t, "value")}}
			asked = append(asked, p)
			effects = append(effects, effect.Draw(t, "effect"))
			if rapid.Bool().Draw(t, "granted") {
				grants = append(grants, policy.Grant{Capability: string(rune('a' + i)), Options: p.Options})
			}
		}
		r := request(asked...)
		r.Limits.Memory = rapid.Int64Range(0, 100).Draw(t, "asked memory")
		if rapid.Bool().Draw(t, "frozen") && rapid.Bool().Draw(t, "frozen too") {
			r.Freezes = []string{"x"}
		}
		f := rules(effect.Draw(t, "mod"), effects...)
		f.mod.Limits.Memory = rapid.Int64Range(0, 100).Draw(t, "memory")
		for i := range f.permissions {
			if rapid.Bool().Draw(t, "clamped") {
				f.permissions[i].Options = map[string]int64{"n": rapid.Int64Range(0, 40).Draw(t, "most")}
			}
		}
		var a *policy.Approval
		if rapid.Bool().Draw(t, "approval") {
			a = approval(grants...)
			a.Verdict = rapid.SampledFrom([]policy.Verdict{policy.Approved, policy.Approved, policy.Denied}).Draw(t, "verdict")
		}
		d := policy.Decide(r, f, a)
		if !reflect.DeepEqual(d, policy.Decide(r, f, a)) {
			t.Fatal("another decision")
		}
		if d.Runs() && (len(r.Freezes) > 0 || a != nil && a.Verdict != policy.Approved || policy.Stricter(f.mod.Effect, allow) == deny) {
			t.Fatalf("it runs: %+v", d)
		}
		if most := r.Limits.Memory; most > 0 && d.Limits.Memory > most {
			t.Fatalf("more than it asks for: %+v", d.Limits)
		}
		if most := f.mod.Limits.Memory; most > 0 && d.Limits.Memory > most {
			t.Fatalf("more than the rules give: %+v", d.Limits)
		}
		for i, p := range d.Permissions {
			in := a != nil && strings.Contains(fmt.Sprint(a.Grants), "{"+p.Capability+" ")
			ruled := policy.Stricter(f.permissions[i].Effect, allow)
			switch {
			case p.Granted && ruled == deny, p.Granted && ruled == ask && !in, p.Granted && a != nil && a.Verdict == policy.Approved && !in:
				t.Fatalf("%s is granted: %+v", p.Capability, d)
			case p.Granted && p.Options["n"].(int64) > asked[i].Options["n"].(int64):
				t.Fatalf("%s is more than it asked for: %v", p.Capability, p.Options)
			case d.Runs() && !p.Granted && !p.Optional:
				t.Fatalf("it runs without %s: %+v", p.Capability, d)
			}
			if most, ok := f.permissions[i].Options["n"]; ok && p.Granted && p.Options["n"].(int64) > most {
				t.Fatalf("%s is more than the rules give: %v", p.Capability, p.Options)
			}
		}
		// One ruling becomes stricter.
		stricter := fixed{f.mod, append([]policy.Ruling(nil), f.permissions...)}
		if at := rapid.IntRange(-1, n-1).Draw(t, "which"); at < 0 {
			stricter.mod.Effect = policy.Stricter(f.mod.Effect, effect.Draw(t, "stricter"))
		} else {
			stricter.permissions[at].Effect = policy.Stricter(f.permissions[at].Effect, effect.Draw(t, "stricter"))
		}
		after := policy.Decide(r, stricter, a)
		if policy.Stricter(d.Effect, after.Effect) != after.Effect && !(after.Effect == allow && d.Effect == clamp) {
			t.Fatalf("%v became %v", d.Effect, after.Effect)
		}
		for i := range after.Permissions {
			if after.Permissions[i].Granted && !d.Permissions[i].Granted {
				t.Fatalf("%s became granted", after.Permissions[i].Capability)
			}
		}
	})
}

func ExampleDecide() {
	r := policy.Request{ID: "weather", Version: "1.0.0", Digest: "h1:abc", Permissions: []policy.Permission{
		{Capability: "log"},
		{Capability: "http", Optional: true, Options: map[string]any{"hosts": []string{"example.com"}}},
	}}
	d := policy.Decide(r, policy.AllowList{Capabilities: []string{"log"}}, nil)
	for _, p := range d.Permissions {
		fmt.Println(p.Capability, p.Granted)
	}
	fmt.Println(d.Effect)
	// Output:
	// log true
	// http false
	// allow
}
