package mods_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

// gate decides by a function over requests, with package policy.
type gate struct {
	mu     sync.Mutex
	judge  func(policy.Request) (policy.Ruling, []policy.Ruling)
	facts  func(*policy.Request)
	asked  []string
	broken error
}

func (g *gate) Judge(r policy.Request) (policy.Ruling, []policy.Ruling) { return g.judge(r) }
func (g *gate) Name() string                                            { return "test rules" }

func (g *gate) Decide(b *bundle.Bundle) (policy.Decision, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	man, err := manifest.Parse("mod.toml", b.Manifest())
	if err != nil || g.broken != nil {
		return policy.Decision{}, errors.Join(err, g.broken)
	}
	g.asked = append(g.asked, man.ID)
	r := policy.Request{ID: man.ID, Version: man.Version.String(), Digest: b.Digest(), Limits: man.Limits, Library: man.Library}
	for _, p := range man.Permissions {
		r.Permissions = append(r.Permissions, policy.Permission{Capability: p.Name, Optional: p.Optional, Options: p.Options})
	}
	if g.facts != nil {
		g.facts(&r)
	}
	var rules policy.Rules = policy.AllowList{All: true}
	if g.judge != nil {
		rules = g
	}
	return policy.Decide(r, rules, nil), nil
}

// deny denies one capability to all.
func deny(capability string) func(policy.Request) (policy.Ruling, []policy.Ruling) {
	return func(r policy.Request) (policy.Ruling, []policy.Ruling) {
		rulings := make([]policy.Ruling, len(r.Permissions))
		for i, p := range r.Permissions {
			rulings[i] = policy.Ruling{Capability: p.Capability, Effect: policy.Allow, Options: map[string]int64{"quota": 100}}
			if p.Capability == capability {
				rulings[i].Effect = policy.Deny
			}
		}
		return policy.Ruling{Effect: policy.Allow, Limits: limits.Limits{Memory: 1 << 20}}, rulings
	}
}

const optionalLog = "[permissions]\nlog = {reason = 'test', optional = true}\nstorage = {reason = 'test'}\n[limits]\ninstructions = 1000000"

// An optional permission that is not granted is absent; others and limits are as the
// rules have them.
func TestGatekeeperGrants(t *testing.T) {
	g := &gate{judge: deny("log")}
	w := newWorld(t, mods.Config{Gatekeeper: g})
	m := w.with("one", optionalLog, "print(log, select(2, storage.usage()))")
	w.run(1)
	w.well(m)
	w.wantPrinted(`[one] nil\t100`)
	if l := m.Limits(); l.Memory != 1<<20 || l.Instructions != 1000000 {
		t.Errorf("%+v", l)
	}
	// The control: without it both are there.
	w = newWorld(t, mods.Config{})
	m = w.with("one", optionalLog, "print(log ~= nil, select(2, storage.usage()))")
	w.run(1)
	w.wantPrinted(`[one] true\t65536`)
	if l := m.Limits(); l.Memory != limits.DefaultMemory {
		t.Errorf("%+v", l)
	}
}

// A rule bounds what a mod says, and what it leaves to the default; of what is no number
// it is a mistake, and refuses.
func TestGatekeeperClamps(t *testing.T) {
	given := mods.Options{}
	able := mods.Capability{
		Name: "able", Risk: mods.RiskNone,
		Options: []mods.Option{
			{Name: "count", Type: mods.CountOption, Default: int64(10)}, {Name: "ratio", Type: mods.NumberOption, Default: 10.0},
			{Name: "size", Type: mods.SizeOption}, {Name: "text", Type: mods.TextOption, Default: "x"},
		},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			if g.ID() != "" {
				given = g.Options()
			}
			return []luasandbox.Member{luasandbox.Func("f", func() {})}, nil
		},
	}
	clamped := func(most map[string]int64) *gate {
		return &gate{judge: func(r policy.Request) (policy.Ruling, []policy.Ruling) {
			return policy.Ruling{Effect: policy.Allow}, []policy.Ruling{{Capability: "able", Effect: policy.Clamp, Options: most}}
		}}
	}
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{able}, Gatekeeper: clamped(map[string]int64{"count": 5, "ratio": 5, "size": 5})})
	w.with("defaults", "[permissions]\nable = {reason = 'test'}", "")
	w.run(1)
	if given.Int("count") != 5 || given.Number("ratio") != 5 || given.Has("size") {
		t.Errorf("%+v", given)
	}
	w.with("asks", "[permissions]\nable = {reason = 'test', count = 3, ratio = 7.5, size = 100}", "")
	w.run(1)
	if given.Int("count") != 3 || given.Number("ratio") != 5 || given.Int("size") != 5 {
		t.Errorf("%+v", given)
	}
	w = newWorld(t, mods.Config{Capabilities: []mods.Capability{able}, Gatekeeper: clamped(map[string]int64{"text": 5})})
	if _, err := w.try("text", "[permissions]\nable = {reason = 'test'}", ""); err == nil {
		t.Error("a text was bounded by a number")
	}
}

// An optional permission that the host does not have, or the engine does not allow,
// keeps no mod from running; one that is not optional does.
func TestOptionalPermissions(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  mods.Config
		rest string
		runs bool
	}{
		"unknown":                  {rest: "telepathy = {reason = 'test', optional = true}", runs: true},
		"unknown and needed":       {rest: "telepathy = {reason = 'test'}"},
		"version":                  {rest: "log = {reason = 'test', optional = true, version = '^9'}", runs: true},
		"version needed":           {rest: "log = {reason = 'test', version = '^9'}"},
		"not allowed":              {cfg: mods.Config{Policy: mods.Policy{Allow: []string{"clock"}}}, rest: "log = {reason = 'test', optional = true}\nclock = {reason = 'test'}", runs: true},
		"not allowed and needed":   {cfg: mods.Config{Policy: mods.Policy{Allow: []string{"clock"}}}, rest: "log = {reason = 'test'}\nclock = {reason = 'test'}"},
		"gate allows, engine not":  {cfg: mods.Config{Gatekeeper: &gate{}, Policy: mods.Policy{Allow: []string{"clock"}}}, rest: "log = {reason = 'test'}"},
		"gate allows, engine too":  {cfg: mods.Config{Gatekeeper: &gate{}, Policy: mods.Policy{Allow: []string{"log"}}}, rest: "log = {reason = 'test'}", runs: true},
		"gate denies what it asks": {cfg: mods.Config{Gatekeeper: &gate{judge: deny("log")}}, rest: "log = {reason = 'test'}"},
		"gate is broken":           {cfg: mods.Config{Gatekeeper: &gate{broken: errors.New("no trust store")}}, rest: "log = {reason = 'test'}"},
		"a bad option, granted":    {rest: "storage = {reason = 'test', optional = true, quota = 'much'}"},
		"rules that judge nothing": {cfg: mods.Config{Gatekeeper: &gate{judge: func(policy.Request) (policy.Ruling, []policy.Ruling) { return policy.Ruling{Effect: policy.Allow}, nil }}}, rest: "log = {reason = 'test'}"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.cfg)
			m, err := w.try("one", "[permissions]\n"+test.rest, "print('runs')")
			w.run(1)
			if runs := w.out.Len() > 0; runs != test.runs || runs == (err != nil) || runs == (m.State() == mods.Refused) {
				t.Errorf("runs: %v, %v", runs, err)
			}
		})
	}
}

// The decision, with the rules it was made by, is in the audit log, for those who run
// and those who do not.
func TestDecisionsAreAudited(t *testing.T) {
	var log records
	g := &gate{judge: deny("log")}
	w := newWorld(t, mods.Config{Gatekeeper: g, Audit: &log})
	w.with("one", optionalLog, "")
	_, err := w.try("two", "[permissions]\nlog = {reason = 'test'}", "")
	if e, ok := errors.AsType[*mods.DecisionError](err); !ok || e.Decision.Effect != policy.Deny || !strings.Contains(err.Error(), "test rules") {
		t.Error(err)
	}
	w.run(1)
	for id, want := range map[string]string{
		"one": "rules=test rules effect=clamp rule= granted=storage refused=log reasons=",
		"two": `rules=test rules effect=deny rule= granted= refused=log reasons=the capability "log": the policy does not allow it`,
	} {
		if got := log.of("decision", id); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

// records is an audit log in memory.
type records struct{ all []audit.Record }

func (r *records) Append(a audit.Record) error { r.all = append(r.all, a); return nil }

// of returns the attributes of the records of one kind about one mod.
func (r *records) of(kind, id string) (texts []string) {
	for _, a := range r.all {
		if a.Kind == kind && a.Mod == id {
			var attrs []string
			for _, attr := range a.Attrs {
				attrs = append(attrs, attr.String())
			}
			texts = append(texts, strings.Join(attrs, " "))
		}
	}
	return texts
}

// A library that may not run takes the mod with it.
func TestGatekeeperOfLibraries(t *testing.T) {
	g := &gate{facts: func(r *policy.Request) {
		if r.Library {
			r.Freezes = []string{"stolen"}
		}
	}}
	w := newWorld(t, mods.Config{Gatekeeper: g})
	s := source(t, "one", "[libraries]\nvec = '*'", "print('runs')")
	s.Libraries = []*bundle.Bundle{libraryOf(t, "vec", "", "")}
	_, err := w.Load(s)
	if e, ok := errors.AsType[*mods.DecisionError](err); !ok || e.Library != "vec" {
		t.Error(err)
	}
	w.run(1)
	w.wantPrinted()
}

// What becomes known of a mod while it runs stops it, and only that: not for good, not
// by what it did, and nobody but the gatekeeper lets it run again.
func TestReconsider(t *testing.T) {
	frozen := map[string]bool{}
	g := &gate{}
	g.facts = func(r *policy.Request) {
		if frozen[r.ID] {
			r.Freezes = []string{"key revoked"}
		}
		r.Advisories = []policy.Advisory{{ID: "MOD-1", Severity: "low"}}
	}
	w := newWorld(t, mods.Config{Gatekeeper: g})
	main := "print('main') return {tick = function() print('tick') end}"
	bad, needs, other := w.with("bad", "", main), w.with("needs", "[dependencies]\nbad = '*'", main), w.with("other", "", main)
	if got := bad.Report().Warnings; len(got) != 1 || got[0] != "advisory MOD-1 (low)" {
		t.Errorf("warnings %q", got)
	}
	w.run(2)
	w.well(bad, needs, other)
	if n, err := w.Reconsider(); n != 0 || err != nil {
		t.Error(n, err)
	}
	w.run(1)
	w.well(bad, needs, other)

	frozen["bad"] = true
	if n, err := w.Reconsider(); n != 1 || err != nil {
		t.Error(n, err)
	}
	w.run(1)
	w.out.Reset()
	w.run(3)
	if r := bad.Report(); r.State != mods.Quarantined || !strings.Contains(r.Reason, "key revoked") {
		t.Errorf("%s: %s", r.State, r.Reason)
	}
	if s := needs.State(); s != mods.Paused {
		t.Errorf("who needs it is %s", s)
	}
	if err := w.Enable("bad"); err != nil { // which is for what a mod did
		t.Fatal(err)
	}
	w.run(100_000 / 50) // longer than any quarantine
	if s := bad.State(); s != mods.Quarantined {
		t.Errorf("enabled: %s", s)
	}
	if got := w.out.String(); strings.Contains(got, "[bad]") || strings.Contains(got, "[needs]") || !strings.Contains(got, "[other]") {
		t.Errorf("%q", got[:min(len(got), 200)])
	}
	if _, err := w.Reload("bad", source(t, "bad", "", "print('new')")); err == nil {
		t.Error("a frozen id was reloaded")
	}

	frozen["bad"] = false
	if n, err := w.Reconsider(); n != 0 || err != nil {
		t.Error(n, err)
	}
	w.run(2)
	w.well(bad, needs, other)
}

// A better version of what was withdrawn runs at once.
func TestReloadOfWhatWasWithdrawn(t *testing.T) {
	g := &gate{facts: func(r *policy.Request) {
		if r.Version == "1.0.0" {
			r.Freezes = []string{"stolen"}
		}
	}}
	allowed := g.facts
	g.facts = nil
	w := newWorld(t, mods.Config{Gatekeeper: g})
	m := w.with("one", "", "return {tick = function() end}")
	w.run(2)
	g.mu.Lock()
	g.facts = allowed
	g.mu.Unlock()
	if n, err := w.Reconsider(); n != 1 || err != nil {
		t.Error(n, err)
	}
	w.run(1)
	better := mods.Source{Bundle: bundleOf(t, "mod.toml", "[mod]\nid = 'one'\nversion = '1.0.1'\n", "main.lua", "return {tick = function() end}")}
	if err := w.reloaded("one", better); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.well(m)
}

// What is decided while more becomes known is decided anew: no mod slips in between
// the question and the answer.
func TestReconsiderMeanwhile(t *testing.T) {
	for name, begin := range map[string]func(w *world) error{
		"load":   func(w *world) error { _, err := w.try("two", "", "print('runs')"); return err },
		"reload": func(w *world) error { _, err := w.Reload("one", source(w.t, "one", "", "print('runs')")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			g := &gate{}
			w := newWorld(t, mods.Config{Gatekeeper: g})
			w.with("one", "", "")
			w.run(1)
			asked := 0
			g.mu.Lock()
			g.facts = func(r *policy.Request) {
				if asked++; asked == 1 { // while it is being decided by what was known
					g.facts = func(r *policy.Request) { r.Freezes = []string{"stolen"} }
					done := make(chan struct{})
					go func() { // which waits for g.mu: it is held here
						_, _ = w.Reconsider()
						close(done)
					}()
					for w.Asked() == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			}
			g.mu.Unlock()
			if err := begin(w); err == nil {
				t.Error("it was taken by what was known before")
			}
			w.run(3)
			w.wantPrinted()
		})
	}
	// A reload that was taken before is not over yet: it is reconsidered too.
	g := &gate{}
	w := newWorld(t, mods.Config{Gatekeeper: g})
	m := w.with("one", "", "")
	w.run(1)
	if _, err := w.Reload("one", mods.Source{Bundle: bundleOf(t, "mod.toml", "[mod]\nid = 'one'\nversion = '2.0.0'\n", "main.lua", "print('runs')")}); err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	g.facts = func(r *policy.Request) {
		if r.Version == "2.0.0" {
			r.Freezes = []string{"stolen"}
		}
	}
	g.mu.Unlock()
	if n, err := w.Reconsider(); n != 1 || err != nil {
		t.Error(n, err)
	}
	w.run(3)
	if s := m.State(); s != mods.Quarantined {
		t.Errorf("%s", s)
	}
	w.wantPrinted()
}

// Who would be given less does not go on with more.
func TestReconsiderGrants(t *testing.T) {
	for name, judge := range map[string]func(policy.Request) (policy.Ruling, []policy.Ruling){
		"a capability": deny("log"),
		"an option":    deny("none"),
		"a limit": func(r policy.Request) (policy.Ruling, []policy.Ruling) {
			_, all := policy.AllowList{All: true}.Judge(r)
			return policy.Ruling{Effect: policy.Clamp, Limits: limits.Limits{Memory: 1 << 20}}, all
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gate{}
			w := newWorld(t, mods.Config{Gatekeeper: g})
			m := w.with("one", optionalLog, "return {tick = function() end}")
			w.run(2)
			g.mu.Lock()
			g.judge = judge
			g.mu.Unlock()
			if n, err := w.Reconsider(); n != 1 || err != nil {
				t.Error(n, err)
			}
			w.run(1)
			if s := m.State(); s != mods.Quarantined {
				t.Errorf("%s", s)
			}
		})
	}
}
