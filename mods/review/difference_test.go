package review

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// TestWidens is the table of what is more. What cannot be told is more.
func TestWidens(t *testing.T) {
	type l = []string
	tests := []struct {
		capability, option string
		before, after      any
		more               bool
	}{
		{"http", "hosts", l{"a.org"}, l{"a.org"}, false},
		{"http", "hosts", l{"a.org", "b.org"}, l{"b.org"}, false},
		{"http", "hosts", l{"a.org"}, l{}, false},
		{"http", "hosts", l{"a.org"}, nil, false},
		{"http", "hosts", nil, l{"a.org"}, true},
		{"http", "hosts", l{"a.org"}, l{"a.org", "b.org"}, true},
		{"http", "hosts", l{"a.org"}, l{"a.org:8443"}, true},
		{"http", "hosts", l{"a.org:8443"}, l{"a.org"}, true},
		{"http", "hosts", l{"a.org"}, l{"*.a.org"}, true},
		{"http", "hosts", l{"*.a.org"}, l{"a.org"}, true},
		{"http", "hosts", l{"*.a.org"}, l{"x.a.org", "y.x.a.org"}, false},
		{"http", "hosts", l{"*.a.org"}, l{"*.x.a.org"}, false},
		{"http", "hosts", l{"*.x.a.org"}, l{"*.a.org"}, true},
		{"http", "hosts", l{"*.a.org"}, l{"xa.org"}, true},
		{"http", "hosts", l{"*.a.org"}, l{"x.a.org:8443"}, true},
		{"http", "hosts", l{"*.a.org:8443"}, l{"x.a.org:8443"}, false},
		{"http", "hosts", l{"*.a.org"}, l{"x.a.org.evil.org"}, true},
		{"http", "hosts", l{"a.org"}, l{"A.org"}, true},
		{"http", "hosts", l{"a.org"}, "a.org", true},
		{"http", "hosts", l{"a.org"}, []any{"a.org"}, false},
		{"http", "hosts", []any{"a.org", int64(1)}, l{"a.org"}, true},
		{"http", "methods", nil, l{"GET"}, false},
		{"http", "methods", nil, l{"HEAD"}, true},
		{"http", "methods", l{"GET", "POST"}, nil, false},
		{"http", "methods", l{"POST"}, nil, true},
		{"http", "paths", l{"/v1"}, l{"/v1"}, false},
		{"http", "paths", l{"/v1"}, l{"/v1/a", "/v1/b"}, false},
		{"http", "paths", l{"/v1"}, l{"/v1/"}, false},
		{"http", "paths", l{"/v1/"}, l{"/v1"}, true},
		{"http", "paths", l{"/v1/"}, l{"/v1/a"}, false},
		{"http", "paths", l{"/v1"}, l{"/v10"}, true},
		{"http", "paths", l{"/v1"}, l{"/"}, true},
		{"http", "paths", l{"/v1"}, l{"/v1/../v2"}, true},
		{"http", "paths", l{"/v1"}, l{"/v1/%2e%2e/v2"}, true},
		{"http", "paths", l{""}, l{"/v1"}, true},
		{"http", "paths", nil, l{"/v1"}, false},
		{"http", "paths", l{"/v1"}, nil, true},
		{"http", "paths", l{"/v1"}, l{}, true},
		{"http", "headers", nil, l{"X-Key"}, true},
		{"http", "headers", l{"X-Key"}, nil, false},
		{"http", "plain_http", nil, false, false},
		{"http", "plain_http", nil, true, true},
		{"http", "plain_http", true, nil, false},
		{"http", "plain_http", false, "yes", true},
		{"storage", "quota", int64(1), int64(2), true},
		{"storage", "quota", int64(2), int64(1), false},
		{"storage", "quota", "64KiB", int64(65536), false},
		{"storage", "quota", "64KiB", "65KiB", true},
		{"storage", "quota", 65536.0, int64(65536), false}, // as an approval in JSON has it
		{"storage", "quota", nil, int64(65536), false},
		{"storage", "quota", nil, int64(65537), true},
		{"storage", "quota", int64(65536), nil, false},
		{"storage", "quota", int64(65535), nil, true},
		{"storage", "quota", int64(1), "much", true},
		{"storage", "quota", int64(-1), int64(1), true},
		{"files", "max_files", nil, int64(256), false},
		{"files", "max_files", int64(256), int64(257), true},
		{"events", "emit", l{"a"}, l{"a", "b"}, true},
		{"events", "subscribe", l{"a", "b"}, l{"b", "a"}, false},
		{"services", "export", nil, l{"f"}, true},
		{"services", "use", l{"a/b"}, nil, false},
		{"i18n", "default", "en", "nl", false},
		{"storage", "version", "^1.0", "^1.1", true},
		{"world", "radius", int64(5), int64(4), true},
		{"world", "radius", int64(5), nil, true},
		{"world", "radius", nil, int64(5), true},
		{"world", "radius", int64(5), int64(5), false},
		{"storage", "colour", l{"red", "blue"}, l{"red"}, true},
	}
	for _, test := range tests {
		option := func(value any) *Review {
			p := asks(test.capability, "low", map[string]any{})
			if value != nil {
				p.Options[test.option] = value
			}
			return trusted(p)
		}
		if d := Compare(option(test.before), option(test.after)); d.More != test.more {
			t.Errorf("%s.%s: %v -> %v is more: %v, want %v", test.capability, test.option, test.before, test.after, d.More, test.more)
		}
	}
}

// TestForeignCapability: a capability of an engine's own that is called like one of ours
// has options whose meaning is not known.
func TestForeignCapability(t *testing.T) {
	for _, declared := range [][]Option{{{Name: "quota", Type: "text"}}, {{Name: "other", Type: "size"}}} {
		p := func(quota any) *Review {
			out := asks("storage", "low", map[string]any{"quota": quota})
			out.Known, out.Declared = true, declared
			return trusted(out)
		}
		if d := Compare(p(int64(5)), p(int64(4))); !d.More {
			t.Errorf("%+v: less of an unknown option is no more: %+v", declared, d)
		}
	}
}

// TestCompare compares two versions that differ in everything.
func TestCompare(t *testing.T) {
	old := trusted(
		asks("storage", "low", map[string]any{"quota": int64(65536)}),
		asks("log", "none", nil),
		asks("events", "low", map[string]any{"subscribe": []string{"chat", "loot"}}),
	)
	old.Limits.Memory, old.Limits.Depth = 4<<20, 100
	old.Requirements = []Requirement{{Relation: Needs, ID: "base", Range: "^1.0"}, {Relation: Copies, ID: "vectors", Range: "^2.0"}}
	old.Settings = []Setting{{Name: "rain", Title: "Rain", Type: "integer"}}
	old.Findings = []gate.Finding{{Rule: "unused", Severity: gate.Note}, {Rule: "unused", Severity: gate.Note, Omitted: 2}}
	old.Files = []File{{Path: "a.lua"}, {Path: "b.lua"}, {Path: "c.lua"}}

	new := trusted(
		asks("storage", "low", map[string]any{"quota": int64(1 << 20)}),
		asks("http", "high", map[string]any{"hosts": []string{"api.example.org"}, "paths": []string{"/v1"}}),
		asks("events", "low", map[string]any{"subscribe": []string{"loot", "quest"}}),
	)
	new.Permissions[0].Reason, new.Permissions[0].Optional = "another \u202e", true
	new.Version, new.Digest, new.Publisher = "0.9.0", "h1:y", "eve"
	new.Limits.Memory = 8 << 20
	new.Requirements = []Requirement{{Relation: Needs, ID: "base", Range: "^2.0"}, {Relation: Copies, ID: "noise", Range: "^1.0"}}
	new.Advisories = []Advisory{{ID: "ADV-1", Severity: "low"}}
	new.Findings = []gate.Finding{{Rule: "obfuscated", Severity: gate.Error}}
	new.Files = []File{{Path: "a.lua"}, {Path: "b.lua", SHA256: [32]byte{1}}, {Path: "d.lua"}, {Path: "e.lua"}}

	d := Compare(old, new)
	var got []string
	for _, c := range d.Changes {
		more := "  "
		if c.More {
			more = "+ "
		}
		got = append(got, more+c.Words)
	}
	want := []string{
		"  version 1.0.0 -> 0.9.0: it is an older one",
		"  signed by eve, was by ada",
		"  risk 13 -> 83",
		"+ events.subscribe adds quest; drops chat",
		"+ asks for http, which it did not: hosts api.example.org; paths /v1",
		"  asks for log no more",
		"+ storage.quota 64 KiB -> 1 MiB",
		"  storage is optional now",
		`  storage: the reason was "r", and is "another \u202e"`,
		"+ limit of memory 4 MiB -> 8 MiB",
		"+ limit of depth 100 -> the host's own",
		"  needs base ^2.0, was ^1.0",
		"+ copies noise ^1.0, which it did not",
		"  no more: copies vectors ^2.0",
		"  setting rain is gone",
		"+ warned of in ADV-1",
		"+ static check: obfuscated 0 -> 1, of them errors 0 -> 1",
		"  static check: unused 4 -> 0",
		"  files: 2 added, 1 changed, 1 removed, 1 as before",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !d.More || !d.SignerChanged || !d.RiskRaised || !d.Downgrade {
		t.Errorf("%+v", d)
	}
	if back := Compare(new, new); len(back.Changes) != 0 || back.More || back.SignerChanged || back.RiskRaised || back.Downgrade {
		t.Errorf("a mod differs from itself: %+v", back)
	}
}

// TestSignerChanged is the table of who is the same signer.
func TestSignerChanged(t *testing.T) {
	by := func(state policy.Signature, publisher string, keys ...string) *Review {
		return &Review{ID: "m", Version: "1.0.0", Signature: state, Publisher: publisher, Keys: keys}
	}
	tests := []struct {
		name     string
		old, new *Review
		changed  bool
	}{
		{"same publisher", by(policy.Trusted, "ada", "K1"), by(policy.Trusted, "ada", "K1"), false},
		{"same publisher, another key", by(policy.Trusted, "ada", "K1"), by(policy.Trusted, "ada", "K2"), false},
		{"another publisher", by(policy.Trusted, "ada", "K1"), by(policy.Trusted, "eve", "K2"), true},
		{"not signed any more", by(policy.Trusted, "ada", "K1"), by(policy.Unsigned, ""), true},
		{"signed now", by(policy.Unsigned, ""), by(policy.Trusted, "ada", "K1"), true},
		{"never signed", by(policy.Unsigned, ""), by(policy.Unsigned, ""), false},
		{"unknown keys cannot be told apart", by(policy.UnknownKey, ""), by(policy.UnknownKey, ""), true},
		{"bad", by(policy.Unsigned, ""), by(policy.BadSig, ""), true},
		{"revoked", by(policy.Trusted, "ada", "K1"), by(policy.Revoked, ""), true},
	}
	for _, test := range tests {
		test.old.Digest, test.new.Digest = "h1:old", "h1:new"
		if d := Compare(test.old, test.new); d.SignerChanged != test.changed {
			t.Errorf("%s: %v", test.name, d.SignerChanged)
		}
		// The same with nothing but the approval.
		a := &policy.Approval{ID: "m", Version: "1.0.0", Digest: "h1:old", Verdict: policy.Approved, Publisher: test.old.Publisher, Keys: test.old.Keys, Risk: 100}
		if d := compare(approvedBefore(a, nil), test.new); d.SignerChanged != test.changed {
			t.Errorf("%s, by the approval: %v", test.name, d.SignerChanged)
		}
	}
}

// TestApprovedBefore compares with what was granted, which may be less than was asked
// for, and comes from a file.
func TestApprovedBefore(t *testing.T) {
	storage := asks("storage", "low", map[string]any{"quota": int64(65536)})
	events := asks("events", "low", map[string]any{"emit": []string{"a", "b"}})
	http := asks("http", "high", map[string]any{"hosts": []string{"a.org"}})
	optional := http
	optional.Optional = true
	approve := func(change func(*policy.Approval), grants ...Permission) *policy.Approval {
		a := &policy.Approval{ID: "com.example.mod", Version: "1.0.0", Digest: "h1:old", Verdict: policy.Approved, Publisher: "ada", Risk: 100}
		for _, g := range grants {
			a.Grants = append(a.Grants, policy.Grant{Capability: g.Capability, Options: g.Options})
		}
		if change != nil {
			change(a)
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		read := &policy.Approval{}
		if err := json.Unmarshal(text, read); err != nil {
			t.Fatal(err)
		}
		return read
	}
	library := with(trusted(storage), func(r *Review) { r.Requirements = []Requirement{{Relation: Copies, ID: "vectors", Range: "*"}} })
	limited := with(trusted(storage), func(r *Review) { r.Limits.Memory = 2 })
	tests := []struct {
		name       string
		approval   *policy.Approval
		new        *Review
		more, risk bool
	}{
		{"the same", approve(nil, storage, events), trusted(storage, events), false, false},
		{"less", approve(nil, storage, events), trusted(storage), false, false},
		{"more", approve(nil, storage), trusted(storage, events), true, false},
		{"an optional one that was not granted", approve(nil, storage), trusted(storage, optional), true, false},
		{"denied before", approve(func(a *policy.Approval) { a.Verdict = policy.Denied }, storage), trusted(storage), true, false},
		{"withdrawn", approve(func(a *policy.Approval) { a.Verdict = policy.Withdrawn }, storage), trusted(storage), true, false},
		{"no verdict", approve(func(a *policy.Approval) { a.Verdict = "" }, storage), trusted(storage), true, false},
		{"another mod", approve(func(a *policy.Approval) { a.ID = "other" }, storage), trusted(storage), true, false},
		{"riskier", approve(func(a *policy.Approval) { a.Risk = 0 }, storage), trusted(storage), false, true},
		{"a library, and nobody knows whether it had one", approve(nil, storage), library, true, false},
		{"limits below", approve(func(a *policy.Approval) { a.Limits.Memory = 3 }, storage), limited, false, false},
		{"limits above", approve(func(a *policy.Approval) { a.Limits.Memory = 1 }, storage), limited, true, false},
		{"no limits", approve(func(a *policy.Approval) { a.Limits.Memory = 1 }, storage), trusted(storage), true, false},
	}
	for _, test := range tests {
		new := *test.new
		new.Digest = "h1:new"
		d := compare(approvedBefore(test.approval, nil), &new)
		if d.More != test.more || d.RiskRaised != test.risk {
			t.Errorf("%s: %+v", test.name, d)
		}
		new.Since = &d
		if u := new.Request("", false).Update; u == nil || u.More != test.more || u.FromDigest != "h1:old" {
			t.Errorf("%s: %+v", test.name, u)
		}
	}
	// A bundle that is not the one that was approved says nothing.
	other := trusted(storage, events)
	other.Digest, other.Files = "h1:other", []File{{Path: "x"}}
	if d := compare(approvedBefore(approve(nil, storage), other), trusted(storage)); slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Kind == FilesChange }) {
		t.Errorf("%+v", d)
	}
	same := trusted(storage, events)
	same.Digest, same.Files = "h1:old", []File{{Path: "x"}}
	if d := compare(approvedBefore(approve(nil, storage), same), trusted(storage)); d.More || !slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Kind == FilesChange }) {
		t.Errorf("%+v", d)
	}
}

// TestFindingsAreMore is the table of what the static check finds in an update and did
// not find before. The score has a most for each severity, and does not tell.
func TestFindingsAreMore(t *testing.T) {
	type l = []gate.Finding
	find := func(rule string, severity gate.Severity, omitted int) gate.Finding {
		return gate.Finding{Rule: rule, Severity: severity, Omitted: omitted}
	}
	reasoned := find("code-from-string", gate.Error, 0)
	reasoned.Justified = "trust me"
	many := slices.Repeat(l{find("unknown-function", gate.Error, 0)}, 12)
	tests := []struct {
		name     string
		old, new l
		more     bool
		unknown  bool // more, if it is not known what was found before
	}{
		{"nothing", nil, nil, false, false},
		{"an error beside many", many, append(slices.Clone(many), find("code-from-string", gate.Error, 0)), true, true},
		{"an error instead of many", many, l{find("code-from-string", gate.Error, 0)}, true, true},
		{"one that its author justified", many, append(slices.Clone(many), reasoned), true, true},
		{"justified now", l{find("code-from-string", gate.Error, 0)}, l{reasoned}, false, true},
		{"justified no more", l{reasoned}, l{find("code-from-string", gate.Error, 0)}, false, true},
		{"fewer", many, many[:3], false, true},
		{"one that is not told", many, append(slices.Clone(many[1:]), find("unknown-function", gate.Error, 1)), true, true},
		{"a warning", nil, l{find("obfuscation", gate.Warning, 0)}, true, true},
		{"a warning that is an error now", l{find("unknown-function", gate.Warning, 0)}, l{find("unknown-function", gate.Error, 0)}, true, true},
		{"an error that is a warning now", l{find("unknown-function", gate.Error, 0)}, l{find("unknown-function", gate.Warning, 0)}, false, true},
		{"a severity that there is not", nil, l{find("new", "strange", 0)}, true, true},
		{"a note", nil, l{find("global-write", gate.Note, 0)}, false, false},
		{"a note of what cannot be followed", nil, l{find("dynamic-globals", gate.Note, 0)}, true, true},
	}
	for _, test := range tests {
		old, new := trusted(), trusted()
		old.Findings, new.Findings = test.old, test.new
		if d := Compare(old, new); d.More != test.more {
			t.Errorf("%s: more is %v: %+v", test.name, d.More, d.Changes)
		}
		a := &policy.Approval{ID: old.ID, Version: old.Version, Digest: "h1:old", Verdict: policy.Approved, Publisher: old.Publisher, Risk: 100}
		if d := compare(approvedBefore(a, nil), new); d.More != test.unknown {
			t.Errorf("%s, without the bundle of before: more is %v: %+v", test.name, d.More, d.Changes)
		}
	}
	if !slices.ContainsFunc(gate.Rules(), func(r gate.Rule) bool { return r.ID == hiding[0] && r.Severity == gate.Note }) {
		t.Errorf("the static check has no note %q", hiding[0])
	}
}

// TestRiskAtTheTop: where the score is as high as can be, it cannot tell that it rose.
func TestRiskAtTheTop(t *testing.T) {
	top := func(digest string, advisories ...string) *Review {
		r := trusted()
		r.Digest = digest
		for _, id := range advisories {
			r.Advisories = append(r.Advisories, Advisory{ID: id, Severity: "critical"})
		}
		return r
	}
	if d := Compare(top("h1:a", "A", "B"), top("h1:b", "A", "B")); !d.RiskRaised || d.More {
		t.Errorf("%+v", d)
	}
	if d := Compare(top("h1:a", "A", "B"), top("h1:a", "A", "B")); d.RiskRaised || len(d.Changes) != 0 {
		t.Errorf("a mod differs from itself: %+v", d)
	}
	if d := Compare(top("h1:a", "A", "B"), top("h1:b", "B", "C")); !d.More {
		t.Errorf("another warning is not more: %+v", d)
	}
	if d := Compare(top("h1:a", "A", "B"), top("h1:b", "A")); d.RiskRaised || d.More {
		t.Errorf("%+v", d)
	}
}
