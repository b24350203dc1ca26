package policytest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/internal/safetoml"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/policytest"
)

const whole = `
id = "weather"
version = "1.2.3"
library = true
signature = "trusted"
publisher = "Ada"
keys = ["K1"]
environment = "server"
interactive = true
risk = 42
freezes = ["stolen"]
findings = {b = "error", a = "note"}
advisories = {OSV-1 = "high"}
limits = {memory = "16MiB", time = "50ms", depth = 9}
update = {more = true, signer_changed = true, risk_raised = true, downgrade = true}
permissions.storage = {risk = "low", version = "1.0.0", optional = true, options = {quota = "64KiB", n = 5, x = 0.5, on = true, hosts = ["a", "b"]}}
permissions.http = {}
`

func TestReadRequest(t *testing.T) {
	got, approval, err := policytest.ReadRequest("r.toml", []byte(whole))
	if err != nil || approval != nil {
		t.Fatal(err, approval)
	}
	want := policy.Request{
		ID: "weather", Version: "1.2.3", Digest: "h1:test", Library: true, Signature: policy.Trusted, Publisher: "Ada", Keys: []string{"K1"},
		Environment: "server", Interactive: true, Risk: 42, Freezes: []string{"stolen"},
		Findings:   []policy.Finding{{Rule: "a", Severity: "note"}, {Rule: "b", Severity: "error"}},
		Advisories: []policy.Advisory{{ID: "OSV-1", Severity: "high"}},
		Limits:     limits.Limits{Memory: 16 << 20, Time: 50e6, Depth: 9},
		Update:     &policy.Update{FromVersion: "0.9.0", FromDigest: "h1:before", More: true, SignerChanged: true, RiskRaised: true, Downgrade: true},
		Permissions: []policy.Permission{{Capability: "http", Risk: "high"}, {Capability: "storage", Risk: "low", Version: "1.0.0", Optional: true,
			Options: map[string]any{"quota": "64KiB", "n": int64(5), "x": 0.5, "on": true, "hosts": []any{"a", "b"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What is not said is the worst.
	got, _, err = policytest.ReadRequest("r.toml", nil)
	if err != nil || got.Signature != policy.Unsigned || got.Interactive || got.Environment != "" {
		t.Errorf("%+v %v", got, err)
	}
	_, approval, err = policytest.ReadRequest("r.toml", []byte("approved = true\n"+whole))
	if err != nil || approval == nil || len(approval.Grants) != 2 || approval.Digest != got.Digest {
		t.Errorf("%+v %v", approval, err)
	}
}

func TestReadRefuses(t *testing.T) {
	const test = "[tests.one]\nwant.decision = \"deny\"\n"
	for _, one := range []struct{ text, want string }{
		{"", "t.toml: there is no test"},
		{"[tests]\n", "there is no test"},
		{"[tests.one]\nrisk = 5\n", "t.toml:1:1: test \"one\": nothing is expected"},
		{"[tests.one]\nwant.decison = \"deny\"\n", "t.toml:2:1: unknown key tests.one.want.decison"},
		{"[test.one]\n", "unknown key test"},
		{test + "sginature = \"trusted\"\n", "t.toml:3:1: unknown key tests.one.sginature"},
		{test + "risk = 101\n", "t.toml:3:1: test \"one\": a risk is 0 to 100"},
		{test + "risk = \"5\"\n", "t.toml:3:"},
		{test + "publisher = \"Ada\"\n", "only a trusted signature"},
		{test + "findings = {a = \"bad\"}\n", "t.toml:3:13: test \"one\": a finding is"},
		{test + "advisories = {a = \"bad\"}\n", "an advisory is"},
		{test + "limits = {memry = 5}\n", "limit name"},
		{test + "limits = {memory = 0}\n", "want a whole number"},
		{test + "limits = {memory = -1}\n", "want a whole number"},
		{test + "limits = {time = 5}\n", "a duration"},
		{test + "permissions.a = {risk = \"huge\"}\n", "a risk is none"},
		{test + "permissions.a = {options = {x = 1979-05-27}}\n", "an option is"},
		{test + "permissions.a = {options = {x = [1]}}\n", "an option is"},
		{test + "permissions.a = {options = {x = nan}}\n", "an option is"},
		{"[tests.one]\nwant.decision = \"perhaps\"\n", "want one of allow, clamp, ask, deny"},
		{"[tests.one]\nwant.permissions = {a = \"allow\"}\n", "t.toml:2:21: test \"one\": the request does not ask for it"},
		{"[tests.one]\nwant.options.a = {n = 5}\n", "the request does not ask for it"},
		{"[tests.one]\nwant.limits = {memory = \"x\"}\n", "want a whole number"},
		{"[defaults]\nrisk = 200\n" + test, "a risk is 0 to 100"},
		{strings.Repeat("[", 5000), "t.toml:1"},
		{strings.Repeat("#", policytest.MaxBytes+1), "bytes"},
	} {
		_, err := policytest.Read("t.toml", []byte(one.text))
		if _, ok := errors.AsType[*safetoml.Error](err); !ok || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%v, want %s\n%.200s", err, one.want, one.text)
		}
	}
}

// What differs is said; what does not, is not.
func TestRun(t *testing.T) {
	table, err := policytest.Read("t.toml", []byte(`[defaults]
permissions.a = {options = {n = 9}}
risk = 7

[tests.right]
want.decision = "deny"
want.mod = "allow"
want.message = "does not allow the capability"
want.rules = ["allow-list"]
want.permissions = {a = "deny"}
want.options = {a = {n = 9}}

[tests.wrong]
limits = {memory = "1MiB"}
want.decision = "allow"
want.mod = "ask"
want.message = "something else"
want.rules = ["other"]
want.permissions = {a = "allow"}
want.options = {a = {n = 8, m = "1KiB"}}
want.limits = {memory = "2MiB"}

[tests.overridden]
permissions.b = {}
want.permissions = {b = "deny"}
`))
	if err != nil {
		t.Fatal(err)
	}
	results := table.Run(policy.AllowList{})
	var shown []string
	for _, r := range results {
		if r.Request.Risk != 7 {
			t.Errorf("%s has not the defaults: %+v", r.Name, r.Request)
		}
		shown = append(shown, fmt.Sprint(r.Name, " ", r.Line, " ", r.Decision.Effect))
		for _, d := range r.Differences {
			shown = append(shown, d.String())
		}
	}
	want := []string{
		"right 5 deny",
		"wrong 13 deny",
		"the decision is deny; want allow",
		"the mod is allow; want ask",
		"the rules is allow-list; want other",
		`a message is the capability "a": this host does not allow the capability "a"; this host does not allow the capability "a"; want something else`,
		"the capability a is deny; want allow",
		"a.m is <nil>; want 1KiB",
		"a.n is 9; want 8",
		"the limit memory is 1MiB; want 2MiB",
		"overridden 23 deny",
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
}

// An approval is of what the request asks for, and no more than that.
func TestApproved(t *testing.T) {
	table, err := policytest.Read("t.toml", []byte("[tests.one]\napproved = true\npermissions.a = {}\nwant.decision = \"allow\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r := table.Run(asking{})[0]; len(r.Differences) > 0 || !r.Decision.Approved {
		t.Errorf("%+v", r)
	}
	if r := table.Run(policy.AllowList{})[0]; len(r.Differences) == 0 {
		t.Errorf("an approval overrules: %+v", r)
	}
}

// asking asks about everything.
type asking struct{}

func (asking) Name() string { return "asking" }
func (asking) Judge(r policy.Request) (policy.Ruling, []policy.Ruling) {
	var all []policy.Ruling
	for _, p := range r.Permissions {
		all = append(all, policy.Ruling{Capability: p.Capability, Effect: policy.Ask})
	}
	return policy.Ruling{Effect: policy.Ask}, all
}

// Whatever the text: an error of the one type, or a table that runs.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"", whole, "[tests.one]\n" + whole + "\n[tests.one.want]\ndecision = \"deny\"\n",
		"[tests.a]\nwant.options = {a = {n = 1}}\npermissions.a = {}\n", "[defaults]\nrisk = 1\n[tests.a]\nwant.mod = \"ask\"\n", "[[tests]]\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, data := range []string{text, "[tests.x]\n" + text} {
			table, err := policytest.Read("f.toml", []byte(data))
			if err == nil {
				table.Run(policy.AllowList{All: true})
			} else if _, ok := errors.AsType[*safetoml.Error](err); !ok {
				t.Fatalf("%T %v", err, err)
			}
		}
		if _, _, err := policytest.ReadRequest("f.toml", []byte(text)); err != nil {
			if _, ok := errors.AsType[*safetoml.Error](err); !ok {
				t.Fatalf("%T %v", err, err)
			}
		}
	})
}
