package mods_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// BenchmarkRecord compares a tick of ten mods that call the host now and then with the
// same one recorded, and repeated.
func BenchmarkRecord(b *testing.B) {
	var sources []mods.Source
	for i := range 10 {
		sources = append(sources, source(b, fmt.Sprint("mod", i), everything, `
local x = 0
return {tick = function(n)
  for i = 1, 2000 do x = x + i % 7 end
  for i = 1, 10 do x = x + random.float() end
  storage.set("x", x)
end}`))
	}
	config := func() mods.Config {
		return mods.Config{Policy: mods.PolicyAll, Events: []mods.Event{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "chat"}},
			Frame: mods.Frame{Guard: limits.UnlimitedTime}, Limits: limits.Limits{Time: limits.UnlimitedTime}}
	}
	run := func(b *testing.B, cfg mods.Config, load bool) {
		b.Helper()
		b.ReportAllocs()
		h, err := mods.Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		if load {
			if _, err := h.Load(sources...); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		for range b.N {
			if err := h.Tick(context.Background(), 16*time.Millisecond); err != nil {
				b.Fatal(err)
			}
		}
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("plain", func(b *testing.B) { run(b, config(), true) })
	var file counted
	b.Run("recorded", func(b *testing.B) {
		cfg := config()
		file = counted{}
		cfg.Record = &file
		run(b, cfg, true)
		b.ReportMetric(float64(file.n)/float64(b.N), "bytes/tick")
	})
	cfg := config()
	var kept bytes.Buffer
	cfg.Record = &kept
	h, err := mods.Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := h.Load(sources...); err != nil {
		b.Fatal(err)
	}
	const most = 5_000 // ticks: -benchtime 5000x
	for range most {
		if err := h.Tick(context.Background(), 16*time.Millisecond); err != nil {
			b.Fatal(err)
		}
	}
	_ = h.Close()
	b.Run("repeated", func(b *testing.B) {
		if b.N > most {
			b.Skip("more ticks than are recorded")
		}
		cfg := config()
		cfg.Replay = &mods.Replay{Recording: bytes.NewReader(kept.Bytes()), Sources: slices.Clone(sources)}
		run(b, cfg, false)
	})
}

type counted struct{ n int64 }

func (c *counted) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
