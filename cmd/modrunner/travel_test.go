package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/catalog"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/trust"
)

// travelWorld is a publisher with a catalogue on a server, and a game that has installed two
// mods from it and runs them.
type travelWorld struct {
	t       *testing.T
	keys    map[string]trust.PrivateKey // by the id of the mod
	publish *catalog.Publisher
	asked   atomic.Int64 // of the server
	down    atomic.Bool
	home    *install.Home
	watch   *install.Watch
	host    *mods.Host
}

func newTravelWorld(t *testing.T) *travelWorld {
	t.Helper()
	w := &travelWorld{t: t, keys: map[string]trust.PrivateKey{}}
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// The publisher.
	options := catalog.PublisherOptions{Dir: filepath.Join(dir, "public"), Keys: []string{filepath.Join(dir, "keys")}}
	must(catalog.Init(options, nil, catalog.Expiry{}))
	var err error
	w.publish, err = catalog.OpenPublisher(options)
	must(err)
	t.Cleanup(func() { w.publish.Close() })
	store := &trust.Store{}
	for _, id := range []string{"weather", "economy"} {
		key, _, err := trust.NewUnprotectedKey()
		must(err)
		w.keys[id] = key
		store, err = store.Trust(trust.Key{Public: key.Public(), Publisher: "Studio of " + id, IDs: []string{id}})
		must(err)
		b, err := bundle.Open(fstest.MapFS{
			"mod.toml": {Data: fmt.Appendf(nil, "[mod]\nid = %q\nversion = \"1.2.0\"\n[permissions]\nlog.reason = \"tells what it does\"\n", id)},
			"main.lua": {Data: []byte("return {tick = function(n) log.info('tick ' .. n) end}")},
		}, bundle.Limits{})
		must(err)
		b, err = bundle.Pack(b)
		must(err)
		b, err = trust.Sign(b, key, time.Now())
		must(err)
		_, err = w.publish.Add(b, catalog.AddOptions{})
		must(err)
	}
	_, err = w.publish.Publish()
	must(err)
	// The server, which nobody has to trust.
	root, err := os.OpenRoot(options.Dir)
	must(err)
	t.Cleanup(func() { root.Close() })
	files := catalog.Handler(root)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		w.asked.Add(1)
		if w.down.Load() {
			out.WriteHeader(503)
			return
		}
		files.ServeHTTP(out, in)
	}))
	t.Cleanup(server.Close)
	// The operator, who was given the first root on paper.
	home := homeFlag{filepath.Join(dir, "home")}
	must(os.MkdirAll(home.path(), 0o700))
	first, err := os.ReadFile(filepath.Join(options.Dir, "metadata", "1.root.json"))
	must(err)
	must(os.WriteFile(home.file("root.json"), first, 0o600))
	must(os.WriteFile(home.file("catalog.toml"), fmt.Appendf(nil, "url = %q\nroot = \"root.json\"\n", server.URL), 0o600))
	must(os.WriteFile(home.file("trust.toml"), store.Format(), 0o600))
	flags := gateFlags{home: home, refresh: time.Minute}
	w.home, err = flags.open(time.Now)
	must(err)
	client, _, err := (&catalogFlags{home: home}).open(t.Context())
	must(err)
	var wants []manifest.Requirement
	for id := range w.keys {
		r, err := manifest.ParseRange("^1.2")
		must(err)
		wants = append(wants, manifest.Requirement{ID: id, Range: r})
	}
	plan, err := w.home.Plan(t.Context(), install.Request{Wants: wants, Catalog: &storeFront{
		Universe: client.Universe(), client: client, tell: func(string) func(done, total int64) { return func(int64, int64) {} },
	}})
	must(err)
	_, err = w.home.Apply(t.Context(), plan, nil)
	must(err)
	// The game.
	w.watch, err = flags.watch(t.Context(), w.home)
	must(err)
	w.host, err = mods.Open(mods.Config{Policy: mods.PolicyAll, Gatekeeper: w.watch, Frame: mods.Frame{Guard: limits.UnlimitedTime}})
	must(err)
	t.Cleanup(func() { w.host.Close() })
	sources, err := lockedSources(t.Context(), w.home)
	must(err)
	_, err = w.host.Load(sources...)
	must(err)
	w.want(map[string]mods.State{"weather": mods.Active, "economy": mods.Active})
	return w
}

// want runs some ticks and compares the states of the mods.
func (w *travelWorld) want(states map[string]mods.State) {
	w.t.Helper()
	for range 3 {
		if err := w.host.Tick(context.Background(), 50*time.Millisecond); err != nil {
			w.t.Fatal(err)
		}
	}
	for id, want := range states {
		if r := w.host.Mod(id).Report(); r.State != want {
			w.t.Errorf("%s is %s (%s), want %s", id, r.State, r.Reason, want)
		}
	}
}

// look is what a running game does in each period.
func (w *travelWorld) look() error {
	w.t.Helper()
	err := w.watch.Refresh(w.t.Context())
	if _, err := w.host.Reconsider(); err != nil {
		w.t.Fatal(err)
	}
	return err
}

func (w *travelWorld) published(err error) {
	w.t.Helper()
	if err == nil {
		_, err = w.publish.Publish()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

const warning = `{"schema_version": "1.6.0", "id": "MOD-2026-1", "modified": "2026-05-01T00:00:00Z", "summary": "sends what players type",
	"affected": [{"package": {"ecosystem": "modrunner", "name": "economy"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": %q}]}]}],
	"database_specific": {"severity": "critical"}}`

// What is published today stops the mod at the next look, on every host that uses the
// catalogue, and no other mod; before that look, and after a publication that is about
// something else, it runs.
func TestRevocationTravels(t *testing.T) {
	both := map[string]mods.State{"weather": mods.Active, "economy": mods.Active}
	t.Run("a revoked key", func(t *testing.T) {
		w := newTravelWorld(t)
		w.published(w.publish.Revoke("0123456789ABCDEF", "a key that signed neither"))
		if err := w.look(); err != nil {
			t.Fatal(err)
		}
		w.want(both)
		w.published(w.publish.Revoke(w.keys["weather"].ID(), "the laptop was stolen"))
		w.want(both) // nobody has looked
		if err := w.look(); err != nil {
			t.Fatal(err)
		}
		w.want(map[string]mods.State{"weather": mods.Quarantined, "economy": mods.Active})
		// And it stays so, also for a host that begins now, with the catalogue down.
		w.down.Store(true)
		if err := w.look(); err == nil {
			t.Error("a look at a server that is down says nothing")
		}
		w.want(map[string]mods.State{"weather": mods.Quarantined, "economy": mods.Active})
		if _, err := lockedSources(t.Context(), w.home); err == nil {
			t.Error("it is locked as before")
		}
	})
	t.Run("an advisory", func(t *testing.T) {
		w := newTravelWorld(t)
		_, err := w.publish.Advise(fmt.Appendf(nil, warning, "1.1.0"))
		w.published(err)
		if err := w.look(); err != nil {
			t.Fatal(err)
		}
		w.want(both) // it is about versions before
		_, err = w.publish.Advise(fmt.Appendf(nil, strings.Replace(warning, "2026-05-01", "2026-05-02", 1), "1.3.0"))
		w.published(err)
		if err := w.look(); err != nil {
			t.Fatal(err)
		}
		w.want(map[string]mods.State{"weather": mods.Active, "economy": mods.Quarantined})
		if r := w.host.Mod("economy").Report(); !strings.Contains(r.Reason, "warning") {
			t.Errorf("%q", r.Reason)
		}
		// When it is withdrawn, the mod runs again.
		_, err = w.publish.Advise(fmt.Appendf(nil, strings.Replace(strings.Replace(warning, "2026-05-01", "2026-05-03", 1), `"summary"`, `"withdrawn": "2026-05-03T00:00:00Z", "summary"`, 1), "1.3.0"))
		w.published(err)
		if err := w.look(); err != nil {
			t.Fatal(err)
		}
		w.want(both)
	})
	t.Run("a server that is down", func(t *testing.T) {
		w := newTravelWorld(t)
		w.down.Store(true)
		before := w.asked.Load()
		if err := w.look(); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if w.asked.Load() == before {
			t.Error("the server was not asked: the test shows nothing")
		}
		w.want(both)
	})
}
