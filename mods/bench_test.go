package mods_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// BenchmarkTick is one tick of the nine mods in testdata.
func BenchmarkTick(b *testing.B) {
	h, err := mods.NewHost(mods.HostConfig{Policy: mods.PolicyAll})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	for _, name := range goodTestMods(b) {
		mod, err := bundle.OpenPath(filepath.Join(testMods, name), bundle.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.Add(mod, name); err != nil {
			b.Fatal(err)
		}
	}
	if err := h.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Tick(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
