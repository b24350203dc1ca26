package mods_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

func TestSleep(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local function say(...) print(clock.tick(), ...) end
		events.on("a", function(v) say("event", v) end)
		return {sleep = function(seconds) task.sleep(seconds) say("slept", seconds) return "done" end,
		  nested = function()
		    local co = coroutine.wrap(function()
		      coroutine.yield("yielded")
		      local ok, why = pcall(function() task.sleep(0.1) say("in a coroutine, in pcall") error("thrown", 0) end)
		      say(ok, why)
		      return table.concat({1, 2})
		    end)
		    say(co()) say(co())
		    for i = 1, 2 do task.sleep(0) say("loop", i) end
		  end}`)
	zero := w.call("one", "sleep", 0)
	long := w.call("one", "sleep", 0.12)
	w.run(1) // 2
	w.emit("a", "meanwhile")
	w.run(1) // 3
	w.wantPrinted(`[one] 3\tslept\t0`, `[one] 3\tevent\tmeanwhile`)
	if r := m.Report(); r.Parked != 1 {
		t.Errorf("%d are parked", r.Parked)
	}
	w.run(3)
	w.wantPrinted(`[one] 5\tslept\t0.12`)
	if w.answer(zero) != "done" || w.answer(long) != "done" {
		t.Error("the calls have no results")
	}
	w.call("one", "nested")
	w.run(6)
	w.wantPrinted(`[one] 7\tyielded`, `[one] 9\tin a coroutine, in pcall`, `[one] 9\tfalse\tthrown`, `[one] 9\t12`, `[one] 10\tloop\t1`, `[one] 11\tloop\t2`)
	w.well(m)
	if r := m.Report(); r.Parked != 0 || r.Waiting != 0 {
		t.Errorf("%+v", r)
	}
}

// TestSleepIsInSimulationTime: a game that stands still wakes nobody.
func TestSleepIsInSimulationTime(t *testing.T) {
	w, m := one(t, mods.Config{}, `return {start = function() task.spawn(function() task.sleep(1) print(clock.elapsed()) end) end}`)
	w.dt = 0
	w.run(100)
	w.wantPrinted()
	w.dt = 10 * time.Second
	w.run(1)
	w.wantPrinted("[one] 10.05")
	w.well(m)
}

func TestWait(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local function wait(name, ...) local what = name task.spawn(function(...) print(what, task.wait(...)) end, ...) end
		wait("event", "a") wait("in time", "a", 10) wait("too late", "b", 0.1) wait("never", "c")
		task.spawn(function() local ok, v = task.wait("chat") v.text = "changed" print("mine", v.text, ok) end)
		task.spawn(function() local _, v = task.wait("chat") print("mine", v.text) end)
		task.spawn(function() print(pcall(task.wait, "chat")) error("after the wait") end)`)
	w.wantPrinted()
	if r := m.Report(); r.Parked != 7 {
		t.Errorf("%d wait", r.Parked)
	}
	w.emit("a", 1)
	w.emit("a", 2) // nobody waits any more
	w.run(1)
	w.wantPrinted(`[one] event\ttrue\t1`, `[one] in time\ttrue\t1`)
	w.run(1)
	w.wantPrinted(`[one] too late\tfalse`)
	w.emit("b", "too late for b")
	w.emit("chat", map[string]any{"text": "hi"})
	w.run(1)
	lines := w.out.String()
	for _, want := range []string{`[one] mine\tchanged\ttrue`, `[one] mine\thi`, `[one] true\ttrue\ttable: `} {
		if !strings.Contains(lines, want) {
			t.Errorf("not printed: %s in %q", want, lines)
		}
	}
	if r := m.Report(); r.Parked != 1 || r.ViolationCount != 1 || r.Violations[0].During != "spawned task" || r.State != mods.Active {
		t.Errorf("%+v", r)
	}
}

func TestSpawn(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local list = {1, {2}}
		local function show(v, n) print("spawned", v[2][1], n, v ~= list) end
		task.spawn(show, list, 7)
		list[2][1] = "changed afterwards"
		task.spawn(function() task.spawn(function() print("by a spawned one") end) print("second") end)
		print("main")`)
	w.wantPrinted("[one] main", `[one] spawned\t2\t7\ttrue`, "[one] second", "[one] by a spawned one")
	w.well(m)
}

// TestTasksThatCannotBe: a bad argument is an error that the script can catch.
func TestTasksThatCannotBe(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local loop = {} loop.loop = loop
		local function try(f, ...) print(pcall(f, ...)) end
		for _, seconds in ipairs{0/0, 1/0, -1/0, -1, -1e-9, 1e10, 1e300, "x"} do try(task.sleep, seconds) end
		try(task.sleep) try(task.sleep, {})
		for _, seconds in ipairs{0/0, 1/0, -1, 1e10} do try(task.wait, "a", seconds) end
		try(task.wait) try(task.wait, "nobody.declared.it") try(task.wait, "A b")
		try(task.spawn) try(task.spawn, "f") try(task.spawn, print, loop) try(task.spawn, print, print) try(task.spawn, print, 0/0) try(task.spawn, print, {{1, x = 2}})
		print("done")`)
	lines := w.printed()
	if len(lines) != 24 || lines[23] != "[one] done" {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines[:23] {
		if !strings.HasPrefix(line, `[one] false\t`) || strings.Contains(line, "host error") || strings.HasSuffix(line, "false") || len(line) > 300 {
			t.Error(line)
		}
	}
	w.well(m)
	if r := m.Report(); r.Parked != 0 || r.Waiting != 0 {
		t.Errorf("%d parked, %d waiting", r.Parked, r.Waiting)
	}
}

// TestTasksAreBounded: how many functions of a mod may wait at a time.
func TestTasksAreBounded(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local ok, why = true
		local n = 0
		for i = 1, 200 do
		  local fine, problem = pcall(task.spawn, function() task.wait("a") end)
		  if fine then n = n + 1 else why = problem end
		end
		print(n, why)`)
	w.run(3)
	w.wantPrinted(`[one] 64\ttask.spawn: 64 functions are the most that can wait to be called`)
	if r := m.Report(); r.Parked != 64 || r.State != mods.Active {
		t.Errorf("%d parked: %s", r.Parked, r.State)
	}
	w.emit("a", nil)
	w.run(2)
	if r := m.Report(); r.Parked != 0 {
		t.Errorf("%d parked", r.Parked)
	}
	w.well(m)
	// One more is not only refused: whoever goes on regardless passes a limit.
	w, m = one(t, mods.Config{}, `return {tick = function() for i = 1, 30 do task.spawn(function() task.sleep(1000) end) end end}`)
	w.in(m, mods.Quarantined)
	if v := m.Report().Violations[0]; v.Kind != mods.LimitViolation || v.Limit != "coroutines" || v.Max != 64 {
		t.Errorf("%+v", v)
	}
	w.run(5)
	if r := m.Report(); r.Parked != 0 {
		t.Errorf("%d parked after its quarantine", r.Parked)
	}
}

// TestSleepersCountTogether: the limits of a call hold for all of it, with the time in
// which it slept left out.
func TestSleepersCountTogether(t *testing.T) {
	l := limits.Limits{Instructions: 100_000, Time: limits.UnlimitedTime}
	for sleeps, want := range map[int]mods.State{5: mods.Active, 20: mods.Quarantined} {
		w, m := one(t, mods.Config{Limits: l}, fmt.Sprintf(
			`task.spawn(function() for i = 1, %d do for j = 1, 8000 do end task.sleep(0.05) end print("woke") end)`, sleeps))
		w.run(50)
		if r := m.Report(); r.ViolationCount > 0 != (want == mods.Quarantined) || want == mods.Quarantined && r.Violations[0].Limit != "instructions" {
			t.Errorf("%d sleeps: %+v", sleeps, r)
		}
	}
}

// TestQuarantineEndsTasks: what sleeps or waits when its mod is quarantined is gone,
// and does not go on in the mod's next life.
func TestQuarantineEndsTasks(t *testing.T) {
	for _, parked := range []string{"task.sleep(2)", "task.wait('a')", "task.wait('a', 2)", "coroutine.wrap(function() pcall(task.sleep, 2) end)()"} {
		w := newWorld(t, mods.Config{Limits: testLimits})
		m := w.mod("one", `
			local lives = (storage.get("lives") or 0) + 1
			storage.set("lives", lives)
			if lives == 1 then
			  task.spawn(function() `+parked+` print("woke") end)
			  return {tick = function(n) if n == 3 then while true do end end end}
			end`)
		w.run(2)
		if r := m.Report(); r.Parked != 1 {
			t.Fatalf("%s: %+v", parked, r)
		}
		w.in(m, mods.Quarantined)
		if r := m.Report(); r.Parked != 0 || r.Waiting != 0 {
			t.Errorf("%s: %+v", parked, r)
		}
		w.in(m, mods.Active)
		w.emit("a", 1)
		w.run(60)
		w.wantPrinted()
	}
}

// TestTasksOfTheMainFile: a main file may wait; the mod is loaded when it ends.
func TestTasksOfTheMainFile(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.mod("one", `task.sleep(0.2) print("main", task.wait("a", 0.1)) return {start = function() task.sleep(0.1) print("start") end, tick = function(n) print("tick", n) end}`)
	w.run(3)
	if r := m.Report(); r.State != mods.Loaded || r.Parked != 1 {
		t.Errorf("%s with %d parked", r.State, r.Parked)
	}
	w.until("ticking", func() bool { return strings.Contains(w.out.String(), "tick") })
	lines := w.printed()
	if len(lines) != 3 || lines[0] != `[one] main\tfalse` || lines[1] != "[one] start" || !strings.HasPrefix(lines[2], `[one] tick\t`) {
		t.Errorf("%q", lines)
	}
	w.well(m)
}
