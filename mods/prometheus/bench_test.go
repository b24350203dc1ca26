package prometheus_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/prometheus"
)

// full returns a collector all of whose labels are taken.
func full() *prometheus.Collector {
	c := prometheus.New(prometheus.Config{})
	for i := range prometheus.DefaultMods {
		for j := range 10 {
			c.HostCall(fmt.Sprintf("mod-%d", i), fmt.Sprintf("capability%d", j), true)
		}
	}
	c.HostCall("without-a-label", "capability7", true)
	return c
}

var callers = []string{"mod-42", "without-a-label"}

func TestHostCallAllocatesNothing(t *testing.T) {
	c := full()
	for _, mod := range callers {
		if n := testing.AllocsPerRun(100, func() { c.HostCall(mod, "capability7", true) }); n != 0 {
			t.Errorf("%s: %v allocations", mod, n)
		}
	}
}

func BenchmarkHostCall(b *testing.B) {
	c := full()
	for _, mod := range callers {
		b.Run(mod, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.HostCall(mod, "capability7", false)
			}
		})
		b.Run(mod+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.HostCall(mod, "capability7", false)
				}
			})
		})
	}
}

func BenchmarkTick(b *testing.B) {
	c := full()
	b.ReportAllocs()
	for b.Loop() {
		c.Tick(mods.TickFigures{Wall: 5e6, Guard: 8e6, Instructions: 1e6, Budget: 2e6})
	}
}

func BenchmarkWriteText(b *testing.B) {
	w := newWorld(b, prometheus.Config{}, mods.Config{Memory: limits.Unlimited})
	for i := range 100 {
		w.load(source(fmt.Sprintf("mod-%d", i), `json.encode(1)`, "json"))
	}
	w.run(3)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.metrics.WriteText(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
