package mods_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
)

func TestTimers(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.dt = 100 * time.Millisecond
	m := w.mod("one", `
		local function say(what) return function() print(clock.tick(), what) end end
		timer.every(0.3, say "every 0.3")
		timer.after(0.25, say "after 0.25")
		timer.after(0, function() print(clock.tick(), "at once") timer.after(0, say "and again") end)
		timer.after(0.3, say "after 0.3")
		return {tick = function(n) if n == 4 then print(n, "hook") end end}`)
	w.run(7)
	w.well(m)
	// The main file ran in the first tick, 0.1 s after the beginning.
	w.wantPrinted(`[one] 2\tat once`, `[one] 3\tand again`,
		`[one] 4\tafter 0.25`, `[one] 4\tevery 0.3`, `[one] 4\tafter 0.3`, // by time, then by age
		`[one] 4\thook`, `[one] 7\tevery 0.3`)
}

func TestTimerKeepsTheBeat(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.dt = 100 * time.Millisecond
	m := w.mod("one", `
		local ticks = {}
		timer.every(0.04, function() end)
		timer.every(0.25, function() ticks[#ticks + 1] = clock.tick() end)
		return {stop = function() print(table.concat(ticks, " ")) end}`)
	w.run(1)
	before := m.Report().Calls
	w.run(20)
	if calls := m.Report().Calls - before; calls != 20+8 { // once a tick, however short; every 2.5 ticks
		t.Errorf("%d calls", calls)
	}
	w.stop()
	w.wantPrinted("[one] 4 6 9 11 14 16 19 21")
}

func TestCancel(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.mod("aaa", `timer.after(0, function() print("mine") end)`)
	m := w.mod("one", `
		local first, second, third
		first = timer.every(0.05, function() print("first", timer.cancel(second), timer.cancel(second), timer.cancel(first), timer.cancel(first)) end)
		second = timer.every(0.05, function() print("second") end)
		third = timer.after(0.05, function() print("third", timer.cancel(third)) end)
		for _, id in ipairs{0, 4, 1.5, -1, 1/0, 2^64} do assert(timer.cancel(id) == false) end`)
	w.run(3)
	w.well(m)
	w.wantPrinted("[aaa] mine", `[one] first\ttrue\tfalse\ttrue\tfalse`, `[one] third\tfalse`)
}

func TestTimersThatCannotBe(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		for _, seconds in ipairs{0/0, 1/0, -1/0, -1, -1e-9, 1e10, 1e300, "1"} do
		  print(pcall(timer.after, seconds, print))
		end
		for _, seconds in ipairs{0, 0.0009, 1e-300, 0/0, 1/0, -5} do
		  print(pcall(timer.every, seconds, print))
		end
		print(pcall(timer.after, 1)) print(pcall(timer.every, 1, "")) print(pcall(timer.every, 1, ("x"):rep(65))) print(pcall(timer.every, 1, {})) print(pcall(timer.after))
		assert(timer.every(0.001, function() end) == 1 and timer.after(1e9, function() end) == 2)`)
	w.run(1)
	w.well(m)
	lines := w.printed()
	if len(lines) != 19 {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `[one] false\t`) || !strings.Contains(line, "want a number from ") && !strings.Contains(line, "bad argument") && !strings.Contains(line, "want 1 to 64") {
			t.Error(line)
		}
	}
}

func TestTimersAreBounded(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local most, problem, id = 0
		for i = 1, 10000 do
		  local ok, why = pcall(timer.after, 1000, function() end)
		  if ok then most = most + 1 id = why else problem = why end
		end
		print(most, problem)
		timer.cancel(id)
		print(pcall(timer.every, 1, function() end))
		return {}`)
	w.well(m)
	w.wantPrinted(`[one] 256\ttimer.after: 256 timers are the most that a mod can have, with those that wait to be called`, `[one] true\t257`)
}

// TestTimerStorm: 256 timers of a mod that each take half a frame are put off, one
// call of each at a time; another mod's come when they are due.
func TestTimerStorm(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 400_000}})
	storm := w.mod("storm", `
		called = {}
		for i = 1, 256 do timer.every(0.05, function() called[i] = (called[i] or 0) + 1 local x = 0 for i = 1, 100000 do x = x + i end end) end
		return {counts = function() return called end}`)
	other := w.mod("other", `return {start = function() timer.every(0.05, function() print(clock.tick()) end) end}`)
	w.until("the storm", func() bool { return storm.State() != mods.Loaded })
	w.out.Reset()
	first := w.Status().Tick + 1
	var want []string
	for n := range int64(50) {
		before := storm.Report()
		w.run(1)
		if spent := storm.Report().Instructions - before.Instructions; spent > 400_000+100 {
			t.Errorf("tick %d: %d instructions", n, spent)
		}
		want = append(want, fmt.Sprintf("[other] %d", first+n))
	}
	w.wantPrinted(want...)
	w.well(storm, other)
	if r := storm.Report(); r.Waiting > 256 || r.Waiting < 200 {
		t.Errorf("%d jobs wait", r.Waiting)
	}
}

// TestCancelledWhileItWaits: a timer that is due and waits is not called after
// timer.cancel said that it is gone.
func TestCancelledWhileItWaits(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local id = timer.every(0.05, function() print("cancelled") end)
		local control = timer.every(0.05, function() print("not cancelled") end)
		return {tick = function(n) if n == 2 then for i = 1, 500000 do end end end,
		  cancel = function() return timer.cancel(id), timer.cancel(id) end}`)
	w.out.Reset()
	r := w.call("one", "cancel") // waits before the timers, which wait for a slow hook
	w.run(5)
	if got, err := r.Get(); err != nil || !cmp.Equal(got, []any{true, false}) {
		t.Errorf("%v, %v", got, err)
	}
	w.well(m)
	if got := w.out.String(); strings.Contains(got, "] cancelled") || !strings.Contains(got, "not cancelled") {
		t.Errorf("printed %q", got)
	}
}

// TestNamedTimers call the hook on_timer.
func TestNamedTimers(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		timer.after(0.1, "once") local id = timer.every(0.1, "beat")
		return {on_timer = function(name) print(clock.tick(), name) if clock.tick() == 5 then timer.cancel(id) end end}`)
	w.run(9)
	w.well(m)
	w.wantPrinted(`[one] 3\tonce`, `[one] 3\tbeat`, `[one] 5\tbeat`)
	// A name without the hook is not an error: nobody is called.
	w, m = one(t, mods.Config{}, `timer.after(0, "once") timer.every(0.05, "beat")`)
	w.run(5)
	w.well(m)
}

// TestTimersAreInSimulationTime: no clock moves them, and a tick without time none.
func TestTimersAreInSimulationTime(t *testing.T) {
	w, m := one(t, mods.Config{}, `timer.after(1, function() print(clock.elapsed()) end)`)
	w.dt = 0
	w.run(100)
	w.wantPrinted()
	w.dt = 600 * time.Millisecond
	w.run(2)
	w.wantPrinted("[one] 1.25")
	w.well(m)
}
