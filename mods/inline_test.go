package mods_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
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
	dt  time.Duration // of a tick; 50 ms unless a test sets it
}

// newWorld opens a host that allows everything, unless cfg has a policy, in which no
// clock decides anything, and in which the engine sends the events a, b, c and chat,
// unless cfg has others. It is closed at the end of the test.
func newWorld(t testing.TB, cfg mods.Config) *world {
	t.Helper()
	w := &world{t: t, log: newJournal(), out: &bytes.Buffer{}, dt: 50 * time.Millisecond}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(w.log)
	}
	if cfg.Output == nil {
		cfg.Output = w.out
	}
	if cfg.Policy.Allow == nil {
		cfg.Policy.All = true
	}
	if cfg.Frame.Guard == 0 {
		cfg.Frame.Guard = limits.UnlimitedTime
	}
	if cfg.Limits.Time == 0 {
		cfg.Limits.Time = limits.UnlimitedTime
	}
	if cfg.Events == nil {
		for _, name := range []string{"a", "b", "c", "chat"} {
			cfg.Events = append(cfg.Events, mods.Event{Name: name})
		}
	}
	h, err := mods.Open(cfg)
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

// everything asks for all capabilities but services.
const everything = `
[permissions]
log = {reason = "test"}
timer = {reason = "test"}
task = {reason = "test"}
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

// source makes a mod of version 1.0.0. rest is what else is in its manifest.
func source(t testing.TB, id, rest, main string, files ...string) mods.Source {
	t.Helper()
	files = append([]string{"mod.toml", manifestOf(id, rest), "main.lua", main}, files...)
	return mods.Source{Bundle: bundleOf(t, files...), Path: "path/to/" + id}
}

// load loads mods together, none of which may be refused.
func (w *world) load(sources ...mods.Source) []*mods.Mod {
	w.t.Helper()
	all, err := w.Load(sources...)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// try loads a mod and returns what Load says of it.
func (w *world) try(id, rest, main string, files ...string) (*mods.Mod, error) {
	w.t.Helper()
	all, err := w.Load(source(w.t, id, rest, main, files...))
	return all[0], err
}

// with loads a mod that must not be refused.
func (w *world) with(id, rest, main string, files ...string) *mods.Mod {
	w.t.Helper()
	return w.load(source(w.t, id, rest, main, files...))[0]
}

// mod loads a mod that asks for everything.
func (w *world) mod(id, main string, files ...string) *mods.Mod {
	w.t.Helper()
	return w.with(id, everything, main, files...)
}

// together loads mods that ask for everything, given as id and main file in turn, in
// one Load: all their main files run before the first of them goes on.
func (w *world) together(idsAndMains ...string) []*mods.Mod {
	w.t.Helper()
	var sources []mods.Source
	for i := 0; i < len(idsAndMains); i += 2 {
		sources = append(sources, source(w.t, idsAndMains[i], everything, idsAndMains[i+1]))
	}
	return w.load(sources...)
}

// answer ticks until a reply is there, and returns its first value.
func (w *world) answer(r *mods.Reply) any {
	w.t.Helper()
	w.until("answered", func() bool { _, err := r.Get(); return !errors.Is(err, mods.ErrPending) })
	values, err := r.Get()
	if err != nil || len(values) == 0 {
		w.t.Fatalf("%v, %v", values, err)
	}
	return values[0]
}

// run gives the host n ticks.
func (w *world) run(n int) {
	w.t.Helper()
	for range n {
		if err := w.Tick(context.Background(), w.dt); err != nil {
			w.t.Fatal(err)
		}
	}
}

// until gives the host ticks until a condition holds, which must be soon.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for range 2000 {
		if holds() {
			return
		}
		if w.Status().Works > 0 { // on goroutines of their own, which need time
			time.Sleep(time.Millisecond)
		}
		w.run(1)
	}
	w.t.Fatalf("after 2,000 ticks, not %s: %+v", what, w.Status())
}

// in is until for a mod's state.
func (w *world) in(m *mods.Mod, s mods.State) {
	w.t.Helper()
	w.until(m.ID()+" "+string(s), func() bool { return m.State() == s })
}

func (w *world) emit(name string, payload any) {
	w.t.Helper()
	if err := w.Emit(name, payload); err != nil {
		w.t.Fatal(err)
	}
}

// call calls a function of a mod's.
func (w *world) call(mod, function string, args ...any) *mods.Reply {
	w.t.Helper()
	r, err := w.Call(mod, function, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) stop() {
	w.t.Helper()
	if err := w.Stop(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// printed returns the lines that mods printed.
func (w *world) printed() []string {
	return strings.Split(strings.TrimSuffix(w.out.String(), "\n"), "\n")
}

// wantPrintedBy compares what one mod printed with texts, whoever printed something
// between them, and forgets it.
func (w *world) wantPrintedBy(id string, want ...string) {
	w.t.Helper()
	var got []string
	rest := ""
	for line := range strings.Lines(w.out.String()) {
		if text, ok := strings.CutPrefix(line, "["+id+"] "); ok {
			got = append(got, strings.TrimSuffix(text, "\n"))
		} else {
			rest += line
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("printed by %s (-want +got):\n%s", id, diff)
	}
	w.out.Reset()
	w.out.WriteString(rest)
}

// wantPrinted compares what was printed with lines as "[a] text", and forgets it.
func (w *world) wantPrinted(want ...string) {
	w.t.Helper()
	if got, want := w.out.String(), strings.Join(append(want, ""), "\n"); got != want {
		w.t.Errorf("printed:\n%s\nwant:\n%s", got, want)
	}
	w.out.Reset()
}

// well fails the test unless the mods run, or ran to their end, and did nothing wrong.
func (w *world) well(ms ...*mods.Mod) {
	w.t.Helper()
	for _, m := range ms {
		switch r := m.Report(); {
		case len(r.Violations) > 0:
			v := r.Violations[0]
			w.t.Errorf("%s is %s (%s) after %d violations; the first is %s during %s: %s", r.ID, r.State, r.Reason, r.ViolationCount, v.Kind, v.During, v.Message)
		case r.State != mods.Active && r.State != mods.Paused && r.State != mods.Throttled && r.State != mods.Stopped:
			w.t.Errorf("%s is %s: %s", r.ID, r.State, r.Reason)
		}
	}
}

// one runs the main file of a mod that asks for everything to its end, for as many
// ticks as that takes, and returns it.
func one(t testing.TB, cfg mods.Config, main string) (*world, *mods.Mod) {
	t.Helper()
	w := newWorld(t, cfg)
	m := w.mod("one", main)
	w.run(1)
	w.until("loaded", func() bool { return m.State() != mods.Loaded })
	return w, m
}

// journal is a slog.Handler that keeps what mods and host log, as lines.
type journal struct {
	mu   *sync.Mutex
	kept *[]string
}

func newJournal() journal { return journal{new(sync.Mutex), new([]string)} }

func (j journal) Enabled(context.Context, slog.Level) bool { return true }
func (j journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j journal) WithGroup(string) slog.Handler            { return j }

func (j journal) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	*j.kept = append(*j.kept, b.String())
	return nil
}

// lines returns what was logged, the host's own notes of states that come and go
// left out.
func (j journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, line := range *j.kept {
		if !strings.HasPrefix(line, "DEBUG mod ") || strings.HasPrefix(line, "DEBUG "+mods.LogMessage) {
			lines = append(lines, line)
		}
	}
	return lines
}

// of returns what one mod logged.
func (j journal) of(id string) []string {
	var found []string
	for _, line := range j.lines() {
		if _, text, ok := strings.Cut(line, mods.LogMessage+" mod="+id+" text="); ok {
			found = append(found, text)
		}
	}
	return found
}

// count returns how many lines of a mod begin with text.
func (j journal) count(id, text string) int {
	n := 0
	for _, line := range j.of(id) {
		if strings.HasPrefix(line, text) {
			n++
		}
	}
	return n
}

// told returns how many lines contain text.
func (j journal) told(text string) int {
	n := 0
	for _, line := range j.lines() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// as reports whether err is, or wraps, an E.
func as[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

// testLimits are small, so that what runs into them does so soon.
var testLimits = limits.Limits{Instructions: 1_000_000, Memory: 1 << 20, Time: limits.UnlimitedTime}

// notebook returns a capability with the function note.down(text), and where the
// texts are written, as "[id] text", in the order of the calls.
func notebook() (*[]string, mods.Capability) {
	lines := new([]string)
	return lines, mods.Capability{Name: "note", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return []luasandbox.Member{luasandbox.Func("down", func(text string) {
			*lines = append(*lines, "["+g.ID()+"] "+text)
		})}, nil
	}}
}
