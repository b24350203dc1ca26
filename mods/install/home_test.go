package install

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/resolution"
	"github.com/luasandbox/modrunner/mods/trust"
)

// fixture is an operator with a home, a clock, and a publisher whom they trust.
type fixture struct {
	t     testing.TB
	dir   string
	files string // where bundles are
	now   time.Time
	key   trust.PrivateKey
	opts  Options
}

func newFixture(t testing.TB) *fixture {
	x := &fixture{t: t, dir: filepath.Join(t.TempDir(), "home"), files: t.TempDir(), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	x.key = newKey(t)
	x.opts = Options{Now: func() time.Time { return x.now }, Environment: "player", Interactive: true, By: "ada", Wait: time.Second, API: testAPI(t)}
	store, err := (&trust.Store{}).Trust(trust.Key{Public: x.key.Public(), Publisher: "Studio", IDs: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	x.write(trustName, store.Format())
	return x
}

func newKey(t testing.TB) trust.PrivateKey {
	t.Helper()
	key, _, err := trust.NewUnprotectedKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testAPI(t testing.TB) *gate.API {
	t.Helper()
	data, err := os.ReadFile("testdata/api.json")
	if err != nil {
		t.Fatal(err)
	}
	api, err := gate.ReadAPI(data)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// write puts a file of the operator's into the home.
func (x *fixture) write(name string, data []byte) {
	x.t.Helper()
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(x.dir, name), data, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

func (x *fixture) read(name string) []byte {
	x.t.Helper()
	data, err := os.ReadFile(filepath.Join(x.dir, name))
	if err != nil {
		x.t.Fatal(err)
	}
	return data
}

func (x *fixture) home() *Home {
	x.t.Helper()
	h, err := Open(x.dir, x.opts)
	if err != nil {
		x.t.Fatal(err)
	}
	return h
}

// mod packs a mod, signed by the keys, and returns it.
func (x *fixture) mod(id, version, more string, keys ...trust.PrivateKey) Source {
	x.t.Helper()
	_, archive := testArchive(x.t, id, version, "return "+`"`+id+version+`"`, more)
	b, err := bundle.OpenZip(bytes.NewReader(archive), int64(len(archive)), bundle.Limits{})
	if err != nil {
		x.t.Fatal(err)
	}
	for _, key := range keys {
		if b, err = trust.Sign(b, key, x.now); err != nil {
			x.t.Fatal(err)
		}
	}
	return Source{Name: id + "-" + version + ".zip", Bundle: b}
}

func (x *fixture) plan(r Request) *Plan {
	x.t.Helper()
	p, err := x.home().Plan(context.Background(), r)
	if err != nil {
		x.t.Fatal(err)
	}
	return p
}

// install installs bundles, and says yes to what is asked, without some capabilities.
func (x *fixture) install(without []string, sources ...Source) *Result {
	x.t.Helper()
	p := x.plan(Request{Sources: sources})
	answers := map[string]Answer{}
	for _, i := range p.Items {
		if i.Asks() {
			answers[i.Review.Digest] = Answer{Approve: true, Without: without}
		}
	}
	return x.apply(p, answers)
}

func (x *fixture) apply(p *Plan, answers map[string]Answer) *Result {
	x.t.Helper()
	r, err := x.home().Apply(context.Background(), p, answers)
	if err != nil {
		x.t.Fatal(err)
	}
	return r
}

func (x *fixture) state() *State {
	x.t.Helper()
	s, err := x.home().State(context.Background())
	if err != nil {
		x.t.Fatal(err)
	}
	return s
}

// listed tells what is in the home: "id version", with a "?" if it waits.
func (x *fixture) listed() (all []string) {
	s := x.state()
	for _, m := range s.installed() {
		all = append(all, m.ID+" "+m.Version)
	}
	for _, w := range s.approvals.Waiting {
		all = append(all, w.ID+" "+w.Version+"?")
	}
	slices.Sort(all)
	return all
}

func (x *fixture) want(all ...string) {
	x.t.Helper()
	slices.Sort(all)
	if diff := cmp.Diff(all, x.listed()); diff != "" {
		x.t.Errorf("-want +listed:\n%s", diff)
	}
	if _, err := audit.VerifyFile(filepath.Join(x.dir, auditName), nil); err != nil {
		x.t.Error(err)
	}
	s := x.state()
	for _, digest := range s.Bundles() {
		if _, err := s.Bundle(digest); err != nil {
			x.t.Error(err)
		}
	}
	names, err := os.ReadDir(filepath.Join(x.dir, bundlesDir))
	if err != nil || len(names) != len(s.Bundles()) {
		x.t.Errorf("%d bundles are on the disk, %d belong to the state (%v)", len(names), len(s.Bundles()), err)
	}
}

// said returns the last word on a bundle.
func (x *fixture) said(s Source) *Entry { return x.state().approvals.Last(s.Bundle.Digest()) }

const (
	asksStorage = "[permissions]\nstorage = { reason = \"remembers\" }\n"
	asksHTTP    = "[permissions]\nhttp = { reason = \"scores\", hosts = [\"a.example\"] }\n"
	asksBoth    = "[permissions]\nhttp = { reason = \"scores\", hosts = [\"a.example\"], optional = true }\nstorage = { reason = \"remembers\" }\n"
	asksMore    = "[permissions]\nhttp = { reason = \"scores\", hosts = [\"a.example\", \"b.example\"] }\n"
)

func TestInstallUnderPolicy(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksStorage, x.key)
	x.install(nil, one)
	x.want("one 1.0.0")
	e := x.said(one)
	if e == nil || e.By != byPolicy || e.Follows != "" || e.Verdict != policy.Approved || len(e.Grants) != 1 || e.Grants[0].Capability != "storage" || e.Publisher != "Studio" {
		t.Errorf("%+v", e)
	}
	// Again, it is nothing to do.
	if p := x.plan(Request{Sources: []Source{one}}); !p.Empty() {
		t.Errorf("the same again: %+v", p)
	}
}

func TestAskedAndAnswered(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksBoth, x.key)
	p := x.plan(Request{Sources: []Source{one}})
	if len(p.Items) != 1 || !slices.Equal(p.Items[0].Undecided(), []string{"http"}) {
		t.Fatalf("not asked: %+v", p.Items[0].Decision)
	}
	x.apply(p, map[string]Answer{one.Bundle.Digest(): {Approve: true, Without: []string{"http"}, Note: "no network"}})
	x.want("one 1.0.0")
	e := x.said(one)
	if e.By != "ada" || e.Note != "no network" || len(e.Grants) != 1 || e.Grants[0].Capability != "storage" {
		t.Errorf("%+v", e)
	}
	// The mod runs, and does not have it.
	keeper, err := x.home().Gatekeeper(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d, err := keeper.Decide(one.Bundle)
	if _, has := d.Granted()["http"]; err != nil || !d.Runs() || has {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestLeavingOutWhatIsNeeded(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	p := x.plan(Request{Sources: []Source{one}})
	for _, name := range []string{"http", "nothing"} {
		_, err := x.home().Apply(context.Background(), p, map[string]Answer{one.Bundle.Digest(): {Approve: true, Without: []string{name}}})
		if e, ok := errors.AsType[*AnswerError](err); !ok || e.Capability != name {
			t.Errorf("%v (%T)", err, err)
		}
	}
}

// TestWaits: who is not asked gets nothing installed, and later approves.
func TestWaits(t *testing.T) {
	x := newFixture(t)
	x.opts.Interactive = false
	one, two := x.mod("one", "1.0.0", asksHTTP, x.key), x.mod("two", "1.0.0", "[dependencies]\none = \"^1.0\"\n", x.key)
	r := x.apply(x.plan(Request{Sources: []Source{two, one}}), nil)
	if len(r.Waiting) != 2 || len(r.Installed) != 0 {
		t.Errorf("%+v", r)
	}
	x.want("one 1.0.0?", "two 1.0.0?")
	item, err := x.home().Review(context.Background(), "one")
	if err != nil {
		t.Fatal(err)
	}
	r, err = x.home().Approve(context.Background(), item, Answer{Approve: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Waiting) != 0 || len(r.Installed) != 2 {
		t.Errorf("%+v", r)
	}
	x.want("one 1.0.0", "two 1.0.0")
}

func TestUpdates(t *testing.T) {
	for name, test := range map[string]struct {
		was, is  string
		unsigned bool // the first one is
		by       bool // it is approved by a person
		key      func(x *fixture) []trust.PrivateKey
		asks     bool
	}{
		"no more, same signer":  {was: asksHTTP, is: asksHTTP, by: true},
		"less":                  {was: asksMore, is: asksHTTP, by: true},
		"asks for more":         {was: asksHTTP, is: asksMore, by: true, asks: true},
		"another capability":    {was: asksHTTP, is: asksHTTP + "chat = { reason = \"talks\" }\n", by: true, asks: true},
		"nobody signed it":      {was: asksHTTP, is: asksHTTP, by: true, key: func(*fixture) []trust.PrivateKey { return nil }, asks: true},
		"somebody else did":     {was: asksHTTP, is: asksHTTP, by: true, key: func(x *fixture) []trust.PrivateKey { return []trust.PrivateKey{x.other()} }, asks: true},
		"nobody signed either":  {was: asksHTTP, is: asksHTTP, unsigned: true, by: true, key: func(*fixture) []trust.PrivateKey { return nil }, asks: true},
		"the policy allowed it": {was: asksStorage, is: asksHTTP, asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newFixture(t)
			first := x.mod("one", "1.0.0", test.was, x.key)
			if test.unsigned {
				first = x.mod("one", "1.0.0", test.was)
			}
			x.install(nil, first)
			if got := x.said(first).byPerson(); got != test.by {
				t.Fatalf("approved by a person: %v", got)
			}
			keys := []trust.PrivateKey{x.key}
			if test.key != nil {
				keys = test.key(x)
			}
			second := x.mod("one", "1.1.0", test.is, keys...)
			p := x.plan(Request{Sources: []Source{second}})
			if got := p.Items[0].Asks(); got != test.asks {
				t.Fatalf("asks: %v, %+v", got, p.Items[0].Decision)
			}
			x.apply(p, nil)
			if test.asks {
				x.want("one 1.0.0", "one 1.1.0?") // the old one stays
				return
			}
			x.want("one 1.1.0")
			e := x.said(second)
			if e.By != byPolicy || e.Follows != first.Bundle.Digest() {
				t.Errorf("%+v", e)
			}
			// And so does the next, which follows from the same person's word.
			third := x.mod("one", "1.2.0", test.is, x.key)
			if p := x.plan(Request{Sources: []Source{third}}); p.Items[0].Asks() || !p.Items[0].Follows {
				t.Errorf("the third: %+v", p.Items[0].Decision)
			}
		})
	}
}

// TestStricterPolicy: what rules allowed once is no answer when they ask.
func TestStricterPolicy(t *testing.T) {
	x := newFixture(t)
	x.opts.Rules = policy.AllowList{All: true}
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	x.install(nil, one)
	decision := func() policy.Decision {
		keeper, err := x.home().Gatekeeper(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		d, err := keeper.Decide(one.Bundle)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if !decision().Runs() {
		t.Fatal("it does not run to begin with")
	}
	x.opts.Rules = nil
	if d := decision(); d.Effect != policy.Ask {
		t.Errorf("it runs: %+v", d)
	}
	if p := x.plan(Request{Sources: []Source{x.mod("one", "1.1.0", asksHTTP, x.key)}}); !p.Items[0].Asks() {
		t.Error("its update is taken without asking")
	}
	// A person can say yes to it, and then it runs, and so do its updates.
	item, err := x.home().Review(context.Background(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.home().Approve(context.Background(), item, Answer{Approve: true}); err != nil {
		t.Fatal(err)
	}
	if d := decision(); !d.Runs() {
		t.Errorf("it does not run: %+v", d)
	}
	if p := x.plan(Request{Sources: []Source{x.mod("one", "1.1.0", asksHTTP, x.key)}}); p.Items[0].Asks() {
		t.Error("its update is asked about")
	}
}

// other is a publisher who is trusted as well, and is another.
func (x *fixture) other() trust.PrivateKey {
	x.t.Helper()
	key := newKey(x.t)
	store, err := trust.ReadFile(filepath.Join(x.dir, trustName))
	if err == nil {
		store, err = store.Trust(trust.Key{Public: key.Public(), Publisher: "Other", IDs: []string{"*"}})
	}
	if err != nil {
		x.t.Fatal(err)
	}
	x.write(trustName, store.Format())
	return key
}

// TestLeftOutStaysLeftOut: an update asks again for what was optional and left out,
// and the answer holds.
func TestLeftOutStaysLeftOut(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksBoth, x.key)
	x.apply(x.plan(Request{Sources: []Source{one}}), map[string]Answer{one.Bundle.Digest(): {Approve: true, Without: []string{"http"}}})
	two := x.mod("one", "1.1.0", asksBoth, x.key)
	p := x.plan(Request{Sources: []Source{two}})
	if p.Items[0].Asks() {
		t.Fatalf("asks: %+v", p.Items[0].Decision)
	}
	x.apply(p, nil)
	if e := x.said(two); len(e.Grants) != 1 || e.Grants[0].Capability != "storage" {
		t.Errorf("%+v", e)
	}
}

func TestRevocationEndsWhatFollows(t *testing.T) {
	x := newFixture(t)
	x.install(nil, x.mod("one", "1.0.0", asksHTTP, x.key))
	x.install(nil, x.mod("one", "1.1.0", asksHTTP, x.key))
	x.want("one 1.1.0")
	if _, err := x.home().Revoke(context.Background(), "one", "it spies"); err != nil {
		t.Fatal(err)
	}
	x.want("one 1.1.0?")
	third := x.mod("one", "1.2.0", asksHTTP, x.key)
	if p := x.plan(Request{Sources: []Source{third}}); !p.Items[0].Asks() {
		t.Error("a version after the one that was revoked is taken without asking, because an older one was approved")
	}
	// The revoked one itself is refused, and can be approved again.
	item, err := x.home().Review(context.Background(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if item.Decision.Runs() || item.Asks() {
		t.Errorf("%+v", item.Decision)
	}
	if _, err := x.home().Approve(context.Background(), item, Answer{Approve: true}); err != nil {
		t.Fatal(err)
	}
	x.want("one 1.1.0")
}

// TestClockRunsBackwards: what was said last counts, whatever the time was.
func TestClockRunsBackwards(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	x.install(nil, one)
	x.now = x.now.Add(-24 * 365 * time.Hour)
	if _, err := x.home().Deny(context.Background(), "one", ""); err != nil {
		t.Fatal(err)
	}
	s := x.state()
	if e := x.said(one); e.Verdict != policy.Denied || !e.At.Before(s.approvals.History[0].At) {
		t.Errorf("%+v", e)
	}
	if _, err := x.home().Plan(context.Background(), Request{Sources: []Source{one}}); err != nil {
		t.Fatal(err)
	}
	p := x.plan(Request{Sources: []Source{one}})
	if len(p.Denied()) != 1 {
		t.Errorf("%+v", p.Items[0].Decision)
	}
}

func TestDenied(t *testing.T) {
	x := newFixture(t)
	x.opts.Interactive = false // the default policy then denies what nobody signed
	one := x.mod("one", "1.0.0", "")
	p := x.plan(Request{Sources: []Source{one}})
	_, err := x.home().Apply(context.Background(), p, nil)
	if refused, ok := errors.AsType[*RefusedError](err); !ok || len(refused.Items) != 1 {
		t.Fatalf("%v (%T)", err, err)
	}
	x.want()
	log, err := os.ReadFile(filepath.Join(x.dir, auditName))
	if err != nil || !strings.Contains(string(log), `"kind":"decision"`) || !strings.Contains(string(log), `"effect":"deny"`) {
		t.Errorf("the denial is not on record: %s, %v", log, err)
	}
}

func TestSaysNo(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	p := x.plan(Request{Sources: []Source{one}})
	_, err := x.home().Apply(context.Background(), p, map[string]Answer{one.Bundle.Digest(): {Note: "no"}})
	if _, ok := errors.AsType[*RefusedError](err); !ok {
		t.Fatalf("%v (%T)", err, err)
	}
	if e := x.said(one); e == nil || e.Verdict != policy.Denied || e.By != "ada" {
		t.Errorf("%+v", e)
	}
	x.want("one 1.0.0?")
	if all, err := x.home().List(context.Background()); err != nil || all[0].State != "denied" {
		t.Errorf("%+v, %v", all, err)
	}
	// It is not asked about again, and can be approved after all.
	if p := x.plan(Request{Sources: []Source{one}}); len(p.Denied()) != 1 {
		t.Errorf("%+v", p.Items[0].Decision)
	}
	item, err := x.home().Review(context.Background(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.home().Approve(context.Background(), item, Answer{Approve: true}); err != nil {
		t.Fatal(err)
	}
	x.want("one 1.0.0")
}

func TestDowngrade(t *testing.T) {
	x := newFixture(t)
	x.install(nil, x.mod("one", "1.1.0", "", x.key))
	old := x.mod("one", "1.0.0", "", x.key)
	_, err := x.home().Plan(context.Background(), Request{Sources: []Source{old}})
	if _, ok := errors.AsType[*DowngradeError](err); !ok {
		t.Fatalf("%v (%T)", err, err)
	}
	p := x.plan(Request{Sources: []Source{old}, AllowDowngrade: true})
	if !p.Items[0].Asks() {
		t.Errorf("a downgrade is taken without asking: %+v", p.Items[0].Decision)
	}
}

func TestUninstall(t *testing.T) {
	x := newFixture(t)
	x.install(nil, x.mod("two", "1.0.0", "[dependencies]\none = \"^1.0\"\n[libraries]\nlib = \"^1.0\"\n", x.key),
		x.mod("one", "1.0.0", "", x.key), x.mod("lib", "1.0.0", "library = true\n", x.key))
	x.want("one 1.0.0", "two 1.0.0")
	_, err := x.home().Uninstall(context.Background(), "one")
	if needed, ok := errors.AsType[*NeededError](err); !ok || !slices.Equal(needed.By, []string{"two"}) {
		t.Fatalf("%v (%T)", err, err)
	}
	if _, err := x.home().Uninstall(context.Background(), "two"); err != nil {
		t.Fatal(err)
	}
	x.want("one 1.0.0") // it was named, and stays
	if _, err := x.home().Uninstall(context.Background(), "none"); !errors.As(err, new(*UnknownError)) {
		t.Errorf("%v", err)
	}
}

// testCatalog is a catalogue in memory.
type testCatalog map[string][]Source

func (c testCatalog) Versions(id string) (all []resolution.Candidate, err error) {
	for _, s := range c[id] {
		man, err := manifest.Parse(s.Name, s.Bundle.Manifest())
		if err != nil {
			return nil, err
		}
		all = append(all, resolution.CandidateOf(man))
	}
	return all, nil
}

func (c testCatalog) Fetch(_ context.Context, id, version string) (*bundle.Bundle, error) {
	for _, s := range c[id] {
		if s.Name == id+"-"+version+".zip" {
			archive, err := archiveOf(s.Bundle)
			if err != nil {
				return nil, err
			}
			return bundle.OpenZip(bytes.NewReader(archive), int64(len(archive)), bundle.Limits{})
		}
	}
	return nil, errors.New("not there")
}

func TestCatalogAndUpdate(t *testing.T) {
	x := newFixture(t)
	cat := testCatalog{
		"one":  {x.mod("one", "1.0.0", "[dependencies]\nbase = \"^1.0\"\n", x.key)},
		"base": {x.mod("base", "1.0.0", "", x.key)},
	}
	at, err := manifest.ParseRange("^1.0")
	if err != nil {
		t.Fatal(err)
	}
	x.apply(x.plan(Request{Wants: []manifest.Requirement{{ID: "one", Range: at}}, Catalog: cat}), nil)
	x.want("base 1.0.0", "one 1.0.0")
	cat["one"] = append(cat["one"], x.mod("one", "1.1.0", "[dependencies]\nbase = \"^1.0\"\n", x.key), x.mod("one", "2.0.0", "", x.key))
	cat["base"] = append(cat["base"], x.mod("base", "1.1.0", "", x.key))
	x.apply(x.plan(Request{Update: []string{"one"}, Catalog: cat}), nil)
	x.want("base 1.0.0", "one 1.1.0") // the others stay
	x.apply(x.plan(Request{UpdateAll: true, Catalog: cat}), nil)
	x.want("base 1.1.0", "one 1.1.0") // in the range
	out, err := x.home().Outdated(context.Background(), cat)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Outdated{{ID: "one", Installed: "1.1.0", Allowed: "1.1.0", Newest: "2.0.0", Range: "^1.0"}}, out); diff != "" {
		t.Error(diff)
	}
}

// TestChangedMeanwhile: what a person approves is what they were shown.
func TestChangedMeanwhile(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	p := x.plan(Request{Sources: []Source{one}})
	yes := map[string]Answer{one.Bundle.Digest(): {Approve: true}}
	x.install(nil, x.mod("two", "1.0.0", "", x.key)) // somebody else, and it does not matter
	store, err := trust.ReadFile(filepath.Join(x.dir, trustName))
	if err != nil {
		t.Fatal(err)
	}
	before := store.Format()
	if store, err = store.Revoke(x.key.ID(), x.now, "stolen"); err != nil {
		t.Fatal(err)
	}
	x.write(trustName, store.Format())
	_, err = x.home().Apply(context.Background(), p, yes)
	if _, ok := errors.AsType[*ChangedError](err); !ok {
		t.Errorf("%v (%T)", err, err)
	}
	x.want("two 1.0.0")
	x.write(trustName, before)
	x.apply(p, yes)
	x.want("one 1.0.0", "two 1.0.0")
}

// TestDrift: what is on the disk is what was locked, or nothing runs.
func TestDrift(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", asksHTTP, x.key)
	x.install(nil, one)
	sources, err := x.home().Locked(context.Background())
	if err != nil || len(sources) != 1 || sources[0].Bundle.Digest() != one.Bundle.Digest() {
		t.Fatalf("%v, %v", sources, err)
	}
	name, err := bundleName(one.Bundle.Digest())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(x.dir, bundlesDir, name)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := archiveOf(x.mod("one", "1.0.0", asksMore, x.key).Bundle)
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := one.Bundle.WithAttachments(map[string][]byte{bundle.SignatureName(0): nil})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range one.Bundle.Attachments() {
		if bundle.IsSignature(f.Path) {
			if unsigned, err = unsigned.WithAttachments(map[string][]byte{f.Path: nil}); err != nil {
				t.Fatal(err)
			}
		}
	}
	stripped, err := archiveOf(unsigned)
	if err != nil {
		t.Fatal(err)
	}
	for what, archive := range map[string][]byte{"another bundle": other, "half of it": good[:len(good)/2], "nothing": {}, "its signature taken away": stripped} {
		if err := os.WriteFile(path, archive, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := x.home().Locked(context.Background()); err == nil {
			t.Errorf("%s: not found", what)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	approvals := filepath.Join(x.dir, approvalsName)
	text, err := os.ReadFile(approvals)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(approvals, bytes.Replace(text, []byte("a.example"), []byte("b.example"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = x.home().Locked(context.Background())
	if drift, ok := errors.AsType[*DriftError](err); !ok || drift.ID != "one" {
		t.Errorf("%v (%T)", err, err)
	}
}

// TestInstallFailsAtEachStep: an installation that cannot be written to, at any step of
// an update that brings a new bundle and removes the old one, is what it was or what it
// was to be, and says which.
func TestInstallFailsAtEachStep(t *testing.T) {
	x := newFixture(t)
	x.install(nil, x.mod("one", "1.0.0", asksStorage, x.key))
	two := x.mod("one", "1.1.0", asksStorage, x.key)
	start := x.dir
	steps := 0
	for n := 0; n == 0 || n <= steps; n++ { // the first time, nothing fails
		x.dir = filepath.Join(t.TempDir(), "home")
		if err := os.CopyFS(x.dir, os.DirFS(start)); err != nil {
			t.Fatal(err)
		}
		p := x.plan(Request{Sources: []Source{two}})
		count := 0
		x.opts.step = func(string) error {
			if count++; count == n {
				return errBroken
			}
			return nil
		}
		_, err := x.home().Apply(context.Background(), p, nil)
		x.opts.step = nil
		if n == 0 {
			steps = count
		}
		_, unfinished := errors.AsType[*UnfinishedError](err)
		if n > 0 && !errors.Is(err, errBroken) {
			t.Fatalf("step %d: %v", n, err)
		}
		want := "one 1.0.0"
		if err == nil || unfinished {
			want = "one 1.1.0"
		}
		if got := x.listed(); !slices.Equal(got, []string{want}) {
			t.Errorf("step %d: %v, want %s (%v)", n, got, want, err)
		}
		// Whoever comes next finds all of it well, and can go on.
		x.install(nil, x.mod("other", "1.0.0", "", x.key))
		x.want(want, "other 1.0.0")
	}
	if steps < 20 {
		t.Errorf("only %d steps", steps)
	}
}

// TestLookingWhileOthersRemove: who looks at a home while others install and remove sees
// one state or another, and no error.
func TestLookingWhileOthersRemove(t *testing.T) {
	x := newFixture(t)
	one := x.mod("one", "1.0.0", "", x.key)
	x.install(nil, x.mod("two", "1.0.0", "", x.key))
	ctx := context.Background()
	stop, ended := make(chan bool), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			h, err := Open(x.dir, x.opts)
			var p *Plan
			if err == nil {
				p, err = h.Plan(ctx, Request{Sources: []Source{one}})
			}
			if err == nil {
				_, err = h.Apply(ctx, p, nil)
			}
			if err == nil {
				_, err = h.Uninstall(ctx, "one")
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	h := x.home()
	counts := map[int]int{}
	for range 60 {
		all, err := h.List(ctx)
		if err != nil {
			t.Fatal(err)
		}
		counts[len(all)]++
		if _, err := h.Locked(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Plan(ctx, Request{UpdateAll: true}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Log(counts)
}

// A yes to what the policy denies is nobody's: it was not asked.
func TestYesToWhatIsDenied(t *testing.T) {
	x := newFixture(t)
	x.opts.Interactive = false             // who is unsigned is denied then
	one := x.mod("one", "1.0.0", asksBoth) // with something optional that is undecided
	p := x.plan(Request{Sources: []Source{one}})
	if len(p.Denied()) != 1 || len(p.Items[0].Undecided()) == 0 {
		t.Fatalf("%+v", p.Items[0].Decision)
	}
	_, err := x.home().Apply(t.Context(), p, map[string]Answer{one.Bundle.Digest(): {Approve: true, Without: []string{"http"}}})
	if refused, ok := errors.AsType[*RefusedError](err); !ok || len(refused.Items) != 1 {
		t.Errorf("%v", err)
	}
	if e := x.said(one); e != nil {
		t.Errorf("on record: %+v", e)
	}
}

// A library that somebody said no to, and yes later, is needed by nobody by itself: the
// approval is on record, and nothing is tried again and again.
func TestApproveLibraryThatNobodyNeeds(t *testing.T) {
	x := newFixture(t)
	one, lib := x.mod("one", "1.0.0", "[libraries]\nwords = '*'\n"), x.mod("words", "1.0.0", "library = true\n") // of strangers
	p := x.plan(Request{Sources: []Source{one, lib}})
	_, err := x.home().Apply(t.Context(), p, map[string]Answer{lib.Bundle.Digest(): {Approve: false}})
	if _, ok := errors.AsType[*RefusedError](err); !ok {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it went on for ever
	defer cancel()
	item, err := x.home().Review(ctx, "words")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.home().Approve(ctx, item, Answer{Approve: true}); err != nil {
		t.Fatal(err)
	}
	if e := x.said(lib); e == nil || e.Verdict != policy.Approved {
		t.Errorf("%+v", e)
	}
	for _, w := range x.state().approvals.Waiting {
		if w.ID == "words" {
			t.Errorf("it waits: %+v", w)
		}
	}
}
