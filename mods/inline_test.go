package mods_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// world is a host with what the mods in it say.
type world struct {
	*mods.Host
	t   testing.TB
	log journal
	out *bytes.Buffer
}

// newWorld makes a host that allows everything, unless cfg has a policy.
func newWorld(t testing.TB, cfg mods.HostConfig) *world {
	t.Helper()
	w := &world{t: t, log: newJournal(), out: &bytes.Buffer{}}
	cfg.Logger, cfg.Output = slog.New(w.log), w.out
	if cfg.Policy.Allow == nil {
		cfg.Policy.All = true
	}
	h, err := mods.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Host = h
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// bundleOf makes a mod of files given as name and text in turn.
func bundleOf(t testing.TB, files ...string) *bundle.Bundle {
	t.Helper()
	fs := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fs[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	b, err := bundle.Open(fs, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// everything asks for all capabilities.
const everything = `
[permissions]
log = {reason = "test"}
timer = {reason = "test"}
storage = {reason = "test"}
random = {reason = "test"}
clock = {reason = "test"}
json = {reason = "test"}
[permissions.events]
reason = "test"
emit = ["a", "b", "c"]
subscribe = ["a", "b", "c", "chat"]
`

func manifestOf(id, rest string) string {
	return fmt.Sprintf("[mod]\nid = %q\nversion = \"1.0.0\"\n%s", id, rest)
}

// try adds a mod and returns what Add says.
func (w *world) try(id, rest, main string, files ...string) (*mods.Mod, error) {
	w.t.Helper()
	files = append([]string{"mod.toml", manifestOf(id, rest), "main.lua", main}, files...)
	return w.Add(bundleOf(w.t, files...), "path/to/"+id)
}

// mod adds a mod that asks for everything.
func (w *world) mod(id, main string, files ...string) *mods.Mod {
	w.t.Helper()
	m, err := w.try(id, everything, main, files...)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) start() {
	w.t.Helper()
	if err := w.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ticks(n int) {
	w.t.Helper()
	for range n {
		if err := w.Tick(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) stop() {
	w.t.Helper()
	if err := w.Stop(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// run starts the host and gives it n ticks.
func (w *world) run(n int) {
	w.t.Helper()
	w.start()
	w.ticks(n)
}

// printed returns the lines that mods printed.
func (w *world) printed() []string {
	return strings.Split(strings.TrimSuffix(w.out.String(), "\n"), "\n")
}

// wantPrinted compares what was printed with lines as "[a] text".
func (w *world) wantPrinted(want ...string) {
	w.t.Helper()
	if got, want := w.out.String(), strings.Join(append(want, ""), "\n"); got != want {
		w.t.Errorf("printed:\n%s\nwant:\n%s", got, want)
	}
	w.out.Reset()
}

// well fails the test unless the mods are well.
func (w *world) well(ms ...*mods.Mod) {
	w.t.Helper()
	for _, m := range ms {
		if r := m.Report(); r.State != mods.Running && r.State != mods.Stopped || len(r.Violations) > 0 {
			w.t.Errorf("%s is %s: %s %v", r.ID, r.State, r.Reason, r.Violations)
		}
	}
}

// one runs the main file of a mod that asks for everything, and returns it.
func one(t testing.TB, cfg mods.HostConfig, main string) (*world, *mods.Mod) {
	t.Helper()
	w := newWorld(t, cfg)
	m := w.mod("one", main)
	w.start()
	return w, m
}
