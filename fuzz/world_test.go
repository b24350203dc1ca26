package fuzz

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/storage"
)

// probe returns a capability through which a target talks with its mods. members
// makes it for the mod with an id.
func probe(members func(id string) []luasandbox.Member) mods.Capability {
	return mods.Capability{Name: "probe", Doc: "The fuzz target.", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return members(g.ID()), nil
	}}
}

// world is a host with one mod for each text.
type world struct {
	*mods.Host
	t   *testing.T
	log bytes.Buffer
	out bytes.Buffer
}

const worldManifest = `[mod]
id = "%"
version = "1.0.0"
[permissions]
json = {reason = "fuzz"}
probe = {reason = "fuzz"}
[permissions.storage]
reason = "fuzz"
`

// newWorld returns a host with a mod for each id, each with the same main file, which
// the first tick runs. more is the rest of the manifest. A frame is enough for all
// that the mods can do, and no clock ends it.
func newWorld(t *testing.T, store storage.Store, p mods.Capability, main, more string, ids ...string) *world {
	t.Helper()
	w := &world{t: t}
	cfg := mods.Config{
		Limits: small, Frame: mods.Frame{Instructions: 1 << 30, Guard: limits.UnlimitedTime}, Policy: mods.PolicyAll, Capabilities: []mods.Capability{p}, SaveEvery: 1,
		Output: &w.out, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	cfg.Limits.Instructions, cfg.Limits.Memory, cfg.Limits.HostCalls = 2_000_000, 4<<20, 100_000
	if store != nil {
		cfg.OpenStore = func(string) (storage.Store, error) { return store, nil }
	}
	var err error
	if w.Host, err = mods.Open(cfg); err != nil {
		t.Fatal(err)
	}
	var sources []mods.Source
	for _, id := range ids {
		b, err := bundle.Open(fstest.MapFS{
			"mod.toml": {Data: []byte(strings.Replace(worldManifest, "%", id, 1) + more)},
			"main.lua": {Data: []byte(main)},
		}, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, mods.Source{Bundle: b, Path: id})
	}
	if _, err := w.Load(sources...); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) tick() {
	w.t.Helper()
	if err := w.Tick(context.Background(), 50*time.Millisecond); err != nil {
		w.t.Fatal(err)
	}
}

// stop is the last tick. The error of a store that fails is for the caller.
func (w *world) stop() error { return w.storageError(w.Stop(context.Background())) }

// end closes the host and looks at what became of the mods.
func (w *world) end() error {
	w.t.Helper()
	err := w.storageError(w.Close())
	if strings.Contains(w.log.String(), "internal error") {
		w.t.Fatal(w.log.String())
	}
	for _, m := range w.Mods() {
		r := m.Report()
		r.WallMS = 0
		most := m.Limits().Memory + m.Limits().Memory/4
		if r.MemoryPeakBytes > most {
			w.t.Errorf("%s: %d bytes live, limit %d", r.ID, r.MemoryPeakBytes, m.Limits().Memory)
		}
		var (
			script *luasandbox.ScriptError
			limit  *limits.Error
			result *luasandbox.ResultError
		)
		if err := m.Err(); err != nil && !errors.As(err, &script) && !errors.As(err, &limit) && !errors.As(err, &result) {
			w.t.Errorf("%s ended with %T %v", r.ID, err, err)
		}
		for _, v := range r.Violations {
			if v.Kind == mods.InternalViolation {
				w.t.Errorf("%+v", v)
			}
		}
	}
	return err
}

// storageError fails unless err is nil or a store's.
func (w *world) storageError(err error) error {
	w.t.Helper()
	var e *storage.Error
	if err != nil && !errors.As(err, &e) {
		w.t.Fatalf("%T %v", err, err)
	}
	return err
}

// figures are the reports without times.
func (w *world) figures() []mods.Report {
	var all []mods.Report
	for _, m := range w.Mods() {
		r := m.Report()
		r.WallMS = 0
		all = append(all, r)
	}
	return all
}
