package mods_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/health"
)

// crowd is a host with so many mods of one main file, all of them started.
func crowd(b *testing.B, cfg mods.Config, n int, main string) *world {
	b.Helper()
	cfg.Limits.Memory = 1 << 20 // of which the host has 4 GiB to promise
	w := newWorld(b, cfg)
	var sources []mods.Source
	for i := range n {
		sources = append(sources, source(b, fmt.Sprintf("mod%04d", i), everything, main))
	}
	all := w.load(sources...)
	w.until("started", func() bool {
		return !slices.ContainsFunc(all, func(m *mods.Mod) bool { return m.State() == mods.Loaded })
	})
	w.run(100) // past all that is done once
	return w
}

func (w *world) benchmark(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Tick(b.Context(), w.dt); err != nil {
			b.Fatal(err)
		}
	}
}

// idle mods have subscribed to events and wait for a timer and an answer that are far
// away.
const idle = `
	events.on("chat", function() end)
	timer.after(1e6, function() end)
	task.spawn(function() task.sleep(1e6) end)
	return {start = function() end}`

// BenchmarkIdle is a tick in which nobody has anything to do: its time does not depend
// on how many mods there are.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("mods=%d", n), func(b *testing.B) { crowd(b, mods.Config{}, n, idle).benchmark(b) })
	}
}

// BenchmarkBusy is a tick in which each mod has a tick hook of some 1,000 instructions:
// its time grows with their number, and "ns/mod" does not.
func BenchmarkBusy(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for _, workers := range []int{0, 2} {
			b.Run(fmt.Sprintf("mods=%d/workers=%d", n, workers), func(b *testing.B) {
				w := crowd(b, mods.Config{Frame: mods.Frame{Instructions: 1 << 30, Workers: workers}}, n,
					`local x = 0 return {tick = function(n) for i = 1, 250 do x = x + i end end}`)
				w.benchmark(b)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/mod")
			})
		}
	}
}

// BenchmarkTick is one tick of the nine mods in testdata.
func BenchmarkTick(b *testing.B) {
	w := newWorld(b, mods.Config{})
	w.load(testModSources(b, goodTestMods(b))...)
	w.run(50)
	w.benchmark(b)
}

// BenchmarkParallel is a frame of fifty mods that have much to do, by the number of
// workers.
//
//	go test ./mods -run '^$' -bench Parallel
func BenchmarkParallel(b *testing.B) {
	for _, workers := range []int{0, 1, 2, 4} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			w := newWorld(b, mods.Config{Frame: mods.Frame{Instructions: 20e6, Workers: workers}})
			for i := range 50 {
				w.mod(fmt.Sprintf("mod%02d", i), `local x = 0 return {tick = function() for i = 1, 20000 do x = x + i % 7 end end}`)
			}
			w.run(10)
			for b.Loop() {
				w.run(1)
			}
		})
	}
}

// attacks are what a mod can do in its tick hook to take the time of the others.
var attacks = []string{
	`while true do end`,
	`local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end`,
	`local s = ("a"):rep(30) .. "b" while true do s:find(("a*"):rep(30) .. "c") end`,
	`local t = {} for i = 1, 50000 do t[i] = i * 7919 % 50021 end while true do table.sort(t, function(a, b) return a > b end) end`,
	`while true do pcall(events.emit, "a", {1, 2, 3}) end`,
	`while true do print(("x"):rep(1000)) log.info(("\27"):rep(1000)) end`,
	`while true do coroutine.wrap(function() coroutine.yield() end)() end`,
	`while true do pcall(json.decode, ("["):rep(90) .. ("]"):rep(90)) json.encode({1, {2, {3}}}) end`,
	`for i = 1, 60 do task.spawn(function() while true do task.sleep(0) for i = 1, 1000 do end end end) end`,
	`local t = {} for i = 1, 3000 do t[i] = {} end while true do storage.set("x", "y") ("x"):rep(1e6):gsub(".", "%0%0") end`,
}

// began is when the process did, nearly.
var began = time.Now()

// BenchmarkTail is a game of 100 mods, of which 10 are hostile in ten ways and come
// back soon after each quarantine. It reports the 99.9th percentile of a tick over the
// guard ("p99.9/guard"), beside the median, and the same of the game without the
// hostile ones. Guard and ticks are measured in processor time of the whole process,
// the collector's included, so that nobody else on the machine is measured with it;
// clock=wall is by the wall clock, and means something on a machine of its own only.
//
//	go test ./mods -run '^$' -bench Tail -benchtime 5000x
func BenchmarkTail(b *testing.B) {
	clocks := map[string]func() time.Duration{
		"processor": processorTime,
		"wall":      func() time.Duration { return time.Since(began) },
	}
	for _, clock := range []string{"processor", "wall"} {
		for _, hostile := range []int{0, 10} {
			b.Run(fmt.Sprintf("clock=%s/hostile=%d", clock, hostile), func(b *testing.B) { tail(b, clocks[clock], hostile) })
		}
	}
}

func tail(b *testing.B, clock func() time.Duration, hostile int) {
	const guard = mods.DefaultGuard
	w := newWorld(b, mods.Config{
		Frame:  mods.Frame{Guard: guard},
		Limits: limits.Limits{Memory: 8 << 20}, Elapsed: clock,
		Health: health.Config{Backoff: 100 * time.Millisecond, MaxBackoff: 200 * time.Millisecond, Disable: -1},
	})
	var sources []mods.Source
	for i := range 100 - hostile {
		sources = append(sources, source(b, fmt.Sprintf("good%02d", i), everything,
			`local x = 0 events.on("a", function() x = x + 1 end) return {tick = function(n) for i = 1, 1000 do x = x + i end end}`))
	}
	for i := range hostile {
		sources = append(sources, source(b, fmt.Sprintf("hostile%d", i), everything, "return {tick = function() "+attacks[i]+" end}"))
	}
	all := w.load(sources...)
	w.dt = time.Second / 60
	w.run(100)
	var ticks []time.Duration
	for b.Loop() {
		w.out.Reset()
		begin := clock()
		if err := w.Tick(b.Context(), w.dt); err != nil {
			b.Fatal(err)
		}
		ticks = append(ticks, clock()-begin)
	}
	slices.Sort(ticks)
	at := func(part float64) float64 {
		return float64(ticks[min(int(part*float64(len(ticks))), len(ticks)-1)]) / float64(guard)
	}
	b.ReportMetric(at(0.5), "p50/guard")
	b.ReportMetric(at(0.999), "p99.9/guard")
	b.ReportMetric(at(1), "max/guard")
	quarantines := int64(0)
	for _, m := range all {
		quarantines += m.Report().Quarantines
	}
	b.ReportMetric(float64(quarantines), "quarantines")
}
