package mods_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

const testMods = "../testdata/mods"

// journal is a slog.Handler that keeps what mods and host log, as lines.
type journal struct{ lines *[]string }

func newJournal() journal { return journal{new([]string)} }

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
	*j.lines = append(*j.lines, b.String())
	return nil
}

// of returns the lines that one mod logged.
func (j journal) of(id string) []string {
	var found []string
	for _, line := range *j.lines {
		if _, text, ok := strings.Cut(line, "mod log mod="+id+" "); ok {
			found = append(found, text)
		}
	}
	return found
}

func (j journal) count(id, text string) int {
	n := 0
	for _, line := range j.of(id) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func allTestMods(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(testMods)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

var hostile = []string{"crypto-miner", "memory-hog", "snooper"}

func goodTestMods(t testing.TB) []string {
	return slices.DeleteFunc(allTestMods(t), func(name string) bool { return slices.Contains(hostile, name) })
}

func addTestMods(t testing.TB, h *mods.Host, names []string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(testMods, name)
		b, err := bundle.OpenPath(path, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Add(b, path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSmoke(t *testing.T) {
	j := newJournal()
	var out bytes.Buffer
	h, err := mods.NewHost(mods.HostConfig{Policy: mods.PolicyAll, Logger: slog.New(j), Output: &out})
	if err != nil {
		t.Fatal(err)
	}
	addTestMods(t, h, allTestMods(t))
	if err := h.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := h.Tick(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, l := range *j.lines {
		t.Log(l)
	}
	t.Log(out.String())
	for _, m := range h.Mods() {
		t.Logf("%+v", m.Report())
	}
}
