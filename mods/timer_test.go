package mods_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
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
		return {tick = function(n) if n == 3 then print(n, "hook") end end}`)
	w.run(6)
	w.well(m)
	w.wantPrinted(`[one] 1\tat once`, `[one] 2\tand again`,
		`[one] 3\tafter 0.25`, `[one] 3\tevery 0.3`, `[one] 3\tafter 0.3`, // by time, then by age
		`[one] 3\thook`, `[one] 6\tevery 0.3`)
}

func TestTimerKeepsTheBeat(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.dt = 100 * time.Millisecond
	m := w.mod("one", `
		local ticks = {}
		timer.every(0.04, function() end)
		timer.every(0.25, function() ticks[#ticks + 1] = clock.tick() end)
		return {stop = function() print(table.concat(ticks, " ")) end}`)
	w.run(20)
	if r := m.Report(); r.Calls != 1+20+8 { // main file; once a tick, however short; every 2.5 ticks
		t.Errorf("%d calls", r.Calls)
	}
	w.stop()
	w.wantPrinted("[one] 3 5 8 10 13 15 18 20")
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
		print(pcall(timer.after, 1)) print(pcall(timer.every, 1, "print")) print(pcall(timer.after))
		assert(timer.every(0.001, function() end) == 1 and timer.after(1e9, function() end) == 2)`)
	w.run(1)
	w.well(m)
	lines := w.printed()
	if len(lines) != 17 {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `[one] false\t`) || !strings.Contains(line, "want a number from ") && !strings.Contains(line, "bad argument") {
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
	w.wantPrinted(`[one] 256\ttimer.after: 256 timers are the most that a mod can have`, `[one] true\t257`)
}

// TestTimerStorm: 256 timers that each do nearly what one call may do, in every
// tick, take no more than four calls and the hook.
func TestTimerStorm(t *testing.T) {
	const limit = 400_000
	w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: limit}})
	m := w.mod("storm", `
		for i = 1, 256 do timer.every(0.05, function() local x = 0 for i = 1, 100000 do x = x + i end end) end
		return {tick = function(n) print("hook " .. n) end}`)
	other := w.mod("other", `timer.every(0.05, function() print("timer") end)`)
	w.run(1)
	for n := 1; n <= 5; n++ {
		before := m.Report()
		w.run(1)
		after := m.Report()
		if spent := after.Instructions - before.Instructions; spent > 5*limit || spent < 2*limit {
			t.Errorf("tick %d: %d instructions", n, spent)
		}
		w.wantPrinted("[other] timer", fmt.Sprintf("[storm] hook %d", n))
	}
	w.well(m, other)
}
