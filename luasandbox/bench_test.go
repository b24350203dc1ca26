package luasandbox_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s, err := luasandbox.New(luasandbox.Config{})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}

// BenchmarkIdle makes a thousand sandboxes that all stay, and reports what one of
// them takes: time, Go heap, and bytes charged against its own memory limit.
func BenchmarkIdle(b *testing.B) {
	const n = 1000
	idle := make([]*luasandbox.Sandbox, n)
	heap := func() float64 {
		runtime.GC()
		runtime.GC() // what the first one found in pools
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var held float64
	for b.Loop() {
		b.StopTimer()
		clear(idle)
		before := heap()
		b.StartTimer()
		for i := range idle {
			s, err := luasandbox.New(luasandbox.Config{})
			if err != nil {
				b.Fatal(err)
			}
			idle[i] = s
		}
		b.StopTimer()
		held = heap() - before
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/sandbox")
	b.ReportMetric(held/n, "heap-bytes/sandbox")
	b.ReportMetric(float64(idle[0].Usage().Memory), "charged-bytes/sandbox")
	runtime.KeepAlive(idle)
}

// BenchmarkCall is the host calling a Lua function of two numbers.
func BenchmarkCall(b *testing.B) {
	s := newSandbox(b, luasandbox.Config{}, `function add(a, b) return a + b end`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Call(context.Background(), "add", 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep is a task that is resumed, executes one instruction, or a hundred,
// and is paused.
func BenchmarkStep(b *testing.B) {
	b.Run("1", func(b *testing.B) { benchmarkStep(b, 1) })
	b.Run("100", func(b *testing.B) { benchmarkStep(b, 100) })
}

func benchmarkStep(b *testing.B, fuel int64) {
	s := newSandbox(b, luasandbox.Config{Limits: limits.Limits{Instructions: limits.Unlimited, Time: limits.UnlimitedTime}}, `function spin() while true do end end`)
	task := start(b, s, "spin")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := task.Step(fuel); err != nil {
			b.Fatal(err)
		}
	}
}
