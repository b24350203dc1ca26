package install_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// target is an operator whose home is attacked, and the publishers whom they trust.
type target struct {
	t   testing.TB
	dir string
	now time.Time
	api *gate.API
}

func newTarget(t testing.TB) *target {
	t.Helper()
	data, err := os.ReadFile("testdata/api.json")
	if err != nil {
		t.Fatal(err)
	}
	api, err := gate.ReadAPI(data)
	if err != nil {
		t.Fatal(err)
	}
	return &target{t: t, dir: t.TempDir(), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), api: api}
}

func (x *target) home() *install.Home {
	x.t.Helper()
	h, err := install.Open(x.dir, install.Options{Now: func() time.Time { return x.now }, Environment: "player", Interactive: true, By: "olga", API: x.api})
	if err != nil {
		x.t.Fatal(err)
	}
	return h
}

// publisher makes a key, and trusts it with ids.
func (x *target) publisher(name, ids string) trust.PrivateKey {
	x.t.Helper()
	key, _, err := trust.NewUnprotectedKey()
	if err != nil {
		x.t.Fatal(err)
	}
	x.store(func(s *trust.Store) (*trust.Store, error) {
		return s.Trust(trust.Key{Public: key.Public(), Publisher: name, IDs: []string{ids}})
	})
	return key
}

// store changes the trust store.
func (x *target) store(change func(*trust.Store) (*trust.Store, error)) {
	x.t.Helper()
	path := filepath.Join(x.dir, "trust.toml")
	s := &trust.Store{}
	if _, err := os.Stat(path); err == nil {
		if s, err = trust.ReadFile(path); err != nil {
			x.t.Fatal(err)
		}
	}
	s, err := change(s)
	if err == nil {
		err = s.WriteFile(path)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// mod packs a mod, signed by the keys, as it is read from its archive.
func (x *target) mod(id, version, manifest, code string, keys ...trust.PrivateKey) *bundle.Bundle {
	x.t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: fmt.Appendf(nil, "[mod]\nid = %q\nversion = %q\n%s", id, version, manifest)},
		"main.lua": {Data: []byte(code)},
	}, bundle.Limits{})
	if err == nil {
		b, err = bundle.Pack(b)
	}
	for _, key := range keys {
		if err == nil {
			b, err = trust.Sign(b, key, x.now)
		}
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return x.archived(b)
}

func (x *target) archived(b *bundle.Bundle) *bundle.Bundle {
	x.t.Helper()
	var out bytes.Buffer
	if err := b.WriteZip(&out); err != nil {
		x.t.Fatal(err)
	}
	again, err := bundle.OpenZip(bytes.NewReader(out.Bytes()), int64(out.Len()), bundle.Limits{})
	if err != nil {
		x.t.Fatal(err)
	}
	return again
}

// unsigned is the same mod, of the same digest, with no signatures.
func (x *target) unsigned(b *bundle.Bundle) *bundle.Bundle {
	x.t.Helper()
	changes := map[string][]byte{}
	for _, f := range b.Attachments() {
		if bundle.IsSignature(f.Path) {
			changes[f.Path] = nil
		}
	}
	stripped, err := b.WithAttachments(changes)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.archived(stripped)
}

func (x *target) plan(bundles ...*bundle.Bundle) *install.Plan {
	x.t.Helper()
	var r install.Request
	for i, b := range bundles {
		r.Sources = append(r.Sources, install.Source{Name: fmt.Sprintf("%d.zip", i), Bundle: b})
	}
	p, err := x.home().Plan(context.Background(), r)
	if err != nil {
		x.t.Fatal(err)
	}
	return p
}

// install installs bundles, and says yes to what is asked.
func (x *target) install(bundles ...*bundle.Bundle) {
	x.t.Helper()
	p := x.plan(bundles...)
	answers := map[string]install.Answer{}
	for _, i := range p.Items {
		if i.Asks() {
			answers[i.Review.Digest] = install.Answer{Approve: true}
		}
	}
	if _, err := x.home().Apply(context.Background(), p, answers); err != nil {
		x.t.Fatal(err)
	}
}

func (x *target) decide(b *bundle.Bundle) policy.Decision {
	x.t.Helper()
	g, err := x.home().Gatekeeper(context.Background())
	if err != nil {
		x.t.Fatal(err)
	}
	d, err := g.Decide(b)
	if err != nil {
		x.t.Fatal(err)
	}
	return d
}

const wantsHTTP = "[permissions.http]\nreason = 'scores'\nhosts = ['a.example']\n"

// A person approved a signed mod; its key was revoked; somebody took the signature away.
// Neither the host nor the next installation may take the approval for an answer.
func TestSignatureTakenAwayFromARevokedKey(t *testing.T) {
	x := newTarget(t)
	key := x.publisher("Ada", "com.ada.*")
	b := x.mod("com.ada.maps", "1.0.0", wantsHTTP, "return 1", key)
	x.install(b)
	stripped := x.unsigned(b)
	if stripped.Digest() != b.Digest() {
		t.Fatal("another digest: this shows nothing")
	}
	if d := x.decide(b); !d.Runs() {
		t.Fatal(d.Reasons)
	}
	x.store(func(s *trust.Store) (*trust.Store, error) { return s.Revoke(key.Public().ID(), x.now, "stolen") })
	if d := x.decide(b); d.Runs() {
		t.Error("a revoked key counts")
	}
	if d := x.decide(stripped); d.Effect != policy.Ask {
		t.Errorf("without its signature: %s, granted %v", d.Effect, d.Granted())
	}
	if _, err := x.home().Uninstall(context.Background(), "com.ada.maps"); err != nil {
		t.Fatal(err)
	}
	if p := x.plan(stripped); len(p.Items) != 1 || !p.Items[0].Asks() {
		t.Error("it is installed again without a question")
	}
	// The control: what was approved as unsigned needs no second answer.
	x.install(stripped)
	if d := x.decide(stripped); !d.Runs() {
		t.Error(d.Reasons)
	}
}

// Points for errors have a most. Whoever is there already adds more errors for nothing,
// and must not add them unseen.
func TestErrorsBeyondTheMostPoints(t *testing.T) {
	noise := strings.Repeat("nofunc.x()\nstring.nosuch()\ntable.nosuch()\nmath.nosuch()\n", 3)
	for name, test := range map[string]struct {
		code, manifest string
		asks           bool
	}{
		"the same":           {noise + "local x = 1", "", false}, // the control
		"code from a string": {"loadstring(http)()\n" + noise, "", true},
		"justified":          {"loadstring(http)()\n" + noise, "[exceptions]\ncode-from-string = 'trust me'\n", true},
		"an endless loop":    {noise + "while true do end", "", true},
		"hidden globals":     {noise + "local k = 'load' .. 'string' _G[k](tostring(http))()", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTarget(t)
			key := x.publisher("Ada", "com.ada.*")
			x.install(x.mod("com.ada.maps", "1.0.0", wantsHTTP, noise, key))
			p := x.plan(x.mod("com.ada.maps", "1.1.0", wantsHTTP+test.manifest, test.code, key))
			i := p.Items[0]
			if i.Asks() != test.asks || i.Follows == test.asks {
				t.Errorf("%s, follows %v: %v", i.Decision.Effect, i.Follows, i.Decision.Reasons)
			}
		})
	}
}

// Who publishes one thing that an approved mod may copy in, or needs, is asked about by
// themselves: the approval of the one who names it is none for them.
func TestApprovalIsNotForWhatIsNeeded(t *testing.T) {
	for name, test := range map[string]struct {
		from, to string
		other    func(x *target, eve trust.PrivateKey) *bundle.Bundle
	}{
		"a new dependency": {"", "[dependencies]\n'com.eve.net' = '*'\n", func(x *target, eve trust.PrivateKey) *bundle.Bundle {
			return x.mod("com.eve.net", "1.0.0", wantsHTTP, "return 1", eve)
		}},
		"a new library": {"", "[libraries]\n'com.eve.lib' = '*'\n", func(x *target, eve trust.PrivateKey) *bundle.Bundle {
			return x.mod("com.eve.lib", "1.0.0", "library = true\n", "return 1", eve)
		}},
		"a wider range of a library": {"[libraries]\n'com.eve.lib' = '^1.0'\n", "[libraries]\n'com.eve.lib' = '*'\n", func(x *target, eve trust.PrivateKey) *bundle.Bundle {
			return x.mod("com.eve.lib", "2.0.0", "library = true\n", "return 2", eve)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTarget(t)
			ada, eve := x.publisher("Ada", "com.ada.*"), x.publisher("Eve", "com.eve.*")
			x.install(x.mod("com.ada.maps", "1.0.0", wantsHTTP+test.from, "return 1", ada), x.mod("com.eve.lib", "1.0.0", "library = true\n", "return 1", eve))
			p := x.plan(x.mod("com.ada.maps", "1.1.0", wantsHTTP+test.to, "return 1", ada), test.other(x, eve))
			asked := 0
			for _, i := range p.Items {
				if i.Asks() {
					asked++
				}
			}
			if asked == 0 {
				t.Errorf("%d items, and nobody is asked about any", len(p.Items))
			}
			if p := x.plan(x.mod("com.ada.maps", "1.1.0", wantsHTTP+test.from, "return 1", ada), x.mod("com.eve.lib", "1.0.0", "library = true\n", "return 1", eve)); len(p.Items) != 1 || p.Items[0].Asks() {
				t.Error("the control: an update that needs nothing more is asked about")
			}
		})
	}
}

// The catalogue of a home warns of a mod. Another one, that somebody asked once, must
// not take that back by publishing something under the same id.
func TestForeignCatalogueLiftsNoWarning(t *testing.T) {
	warning := func(more string) install.Feed {
		return install.Feed{Advisories: []install.FeedAdvisory{{ID: "EX-1", Data: []byte(`{"schema_version":"1.6.0","id":"EX-1","modified":"2026-01-01T00:00:00Z",` + more +
			`"affected":[{"package":{"ecosystem":"modrunner","name":"com.ada.maps"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`)}}}
	}
	for name, other := range map[string]bool{"another catalogue": true, "the home's own, the control": false} {
		t.Run(name, func(t *testing.T) {
			x := newTarget(t)
			b := x.mod("com.ada.maps", "1.0.0", "", "return 1", x.publisher("Ada", "com.ada.*"))
			x.install(b)
			if err := x.home().TakeFeed(context.Background(), warning("")); err != nil {
				t.Fatal(err)
			}
			if d := x.decide(b); d.Runs() {
				t.Fatal("the warning stops nothing: this shows nothing")
			}
			lifted := warning(`"withdrawn":"2026-01-02T00:00:00Z",`)
			lifted.Other = other
			if err := x.home().TakeFeed(context.Background(), lifted); err != nil {
				t.Fatal(err)
			}
			if d := x.decide(b); d.Runs() == other {
				t.Errorf("%s %v", d.Effect, d.Reasons)
			}
		})
	}
}
