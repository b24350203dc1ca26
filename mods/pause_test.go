package mods_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
)

// TestLargerThanAFrame: a handler that takes several frames is paused at the end of
// each and goes on; meanwhile its mod gets no other, and others get theirs.
func TestLargerThanAFrame(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			notes, cap := notebook()
			w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000, Workers: workers}, Capabilities: []mods.Capability{cap}})
			rest := everything + "[permissions.note]\nreason = 'x'\n"
			all := w.load(source(t, "long", rest, `
				local inside = false
				local function handler(name, ...)
				  assert(not inside, "a second handler at the same time") inside = true
				  note.down(name)
				  for i = 1, 200000 do end
				  note.down(name .. " end") inside = false
				end
				events.on("a", function() handler("event") end)
				timer.after(0.1, function() handler("timer") end)
				return {start = function() handler("start") end, tick = function(n) if n < 20 then handler("tick") end end, call = function() handler("call") end}`),
				source(t, "other", rest, `return {tick = function(n) note.down(tostring(n)) end}`))
			long, other := all[0], all[1]
			w.run(1)
			if r := long.Report(); r.State != mods.Paused && r.State != mods.Loaded {
				t.Errorf("it is %s; the test proves nothing", r.State)
			}
			w.emit("a", nil)
			w.call("long", "call")
			paused := 0
			for n := range 80 {
				before := long.Report().Instructions
				w.run(1)
				r := long.Report()
				if spent := r.Instructions - before; spent > 101_000 {
					t.Errorf("tick %d: %d instructions", n, spent)
				}
				if r.State == mods.Paused {
					paused++
				}
			}
			if paused < 5 {
				t.Errorf("it was paused in %d ticks", paused)
			}
			w.well(long, other)
			var begun []string
			for i, line := range slices.DeleteFunc(slices.Clone(*notes), func(l string) bool { return strings.HasPrefix(l, "[other]") }) {
				if i%2 == 0 {
					begun = append(begun, line)
				} else if line != begun[i/2]+" end" {
					t.Errorf("%s inside of %s", line, begun[i/2])
				}
			}
			for _, what := range []string{"start", "event", "timer", "call", "tick"} {
				if n := len(slices.DeleteFunc(slices.Clone(begun), func(l string) bool { return l != "[long] "+what })); n == 0 || what != "tick" && n != 1 {
					t.Errorf("%s was called %d times", what, n)
				}
			}
			// Nobody else starved: one tick hook in each tick.
			seen := 0
			for _, line := range *notes {
				if strings.HasPrefix(line, "[other]") {
					seen++
				}
			}
			if int64(seen) < w.Status().Tick-1 {
				t.Errorf("the other had %d of %d ticks", seen, w.Status().Tick)
			}
		})
	}
}

// TestPausedAnywhere: wherever a frame ends, what the mod computes is what it would
// be in one go.
func TestPausedAnywhere(t *testing.T) {
	main := `
		local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
		local function work()
		  local out = {}
		  local co = coroutine.wrap(function() for i = 1, 5 do coroutine.yield(fib(i + 5)) end return "end" end)
		  for i = 1, 6 do out[#out + 1] = tostring(co()) end
		  local list = {} for i = 1, 200 do list[i] = (i * 7919) % 1009 end
		  table.sort(list, function(a, b) return fib(3) == 2 and a < b end)
		  out[#out + 1] = table.concat(list, ",")
		  out[#out + 1] = (("abc"):rep(50):gsub("b", function(s) fib(4) return s:upper() end))
		  out[#out + 1] = tostring(select(2, pcall(function() fib(8) error({code = fib(9)}) end)).code)
		  out[#out + 1] = setmetatable({}, {__index = function(_, k) return fib(7) .. k end}).key
		  return table.concat(out, " ")
		end
		return {work = work}`
	run := func(frame int64) (any, int64) {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: frame}})
		m := w.mod("one", main)
		w.run(1)
		got := w.answer(w.call("one", "work"))
		w.well(m)
		return got, m.Report().Instructions
	}
	want, instructions := run(1_000_000)
	for _, frame := range []int64{1_000, 1_001, 1_009, 2_003, 10_007} {
		if got, n := run(frame); got != want || n != instructions {
			t.Errorf("frames of %d: %v with %d instructions\nwant %v with %d", frame, got, n, want, instructions)
		}
	}
}

// TestCallLimitOverManyFrames: the limit of a call is that of the call, however many
// frames it is spread over, and wherever it catches the error.
func TestCallLimitOverManyFrames(t *testing.T) {
	for name, main := range map[string]string{
		"loop":       "while true do end",
		"caught":     "while true do pcall(function() while true do end end) end",
		"coroutines": "while true do coroutine.wrap(function() for i = 1, 1000 do end end)() end",
		"sleeper":    "while true do task.sleep(0) for i = 1, 10000 do end end",
	} {
		w := newWorld(t, mods.Config{Limits: testLimits, Frame: mods.Frame{Instructions: 50_000}})
		m := w.mod("one", "return {tick = function() "+main+" end}")
		control := w.mod("control", "return {tick = function() for i = 1, 100 do end end}") // as many in all
		w.in(m, mods.Quarantined)
		r := m.Report()
		if v := r.Violations[0]; v.Limit != "instructions" || v.Max != testLimits.Instructions || v.During != "tick hook" || w.Status().Tick < 15 {
			t.Errorf("%s: tick %d: %+v", name, w.Status().Tick, v)
		}
		if r.Instructions > testLimits.Instructions*11/10 {
			t.Errorf("%s: %d instructions", name, r.Instructions)
		}
		w.well(control)
	}
}

// TestMemoryLimitOverManyFrames: what a paused handler holds is held to account.
func TestMemoryLimitOverManyFrames(t *testing.T) {
	limit := limits.Limits{Instructions: 50_000_000, Memory: 1 << 20, Time: limits.UnlimitedTime}
	w := newWorld(t, mods.Config{Limits: limit, Frame: mods.Frame{Instructions: 10_000}})
	m := w.mod("hog", `local t = {} return {tick = function() while true do t[#t + 1] = ("x"):rep(100) .. #t end end}`)
	control := w.mod("control", `return {tick = function() for i = 1, 10 do local s = ("x"):rep(100) .. i end end}`)
	w.in(m, mods.Quarantined)
	if v := m.Report().Violations[0]; v.Limit != "memory" || m.Report().MemoryPeakBytes > limit.Memory*5/4 || w.Status().Tick < 3 {
		t.Errorf("%+v after %d ticks", v, w.Status().Tick)
	}
	w.well(control)
}

// TestTickHookIsNotQueued: of a slow tick hook, one is called at a time, and those that
// were missed are not made up for.
func TestTickHookIsNotQueued(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000}})
	m := w.mod("one", `return {tick = function(n) print(n) if n == 1 then for i = 1, 200000 do end end end}`)
	w.run(30)
	lines := w.printed()
	if lines[0] != "[one] 1" || lines[1] == "[one] 2" || lines[len(lines)-1] != "[one] 30" {
		t.Errorf("%q", lines)
	}
	w.well(m)
}

// TestThrottle: who uses its whole share frame after frame gets less, and gets it back.
func TestThrottle(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000}})
	all := w.together(
		"busy", `return {tick = function(n) if n < 60 then for i = 1, 1000000 do end end end}`,
		"other", `return {tick = function(n) for i = 1, 100 do end end}`)
	throttled := false
	for range 60 {
		w.run(1)
		r := all[0].Report()
		throttled = throttled || r.State == mods.Throttled && r.Share < 1 && r.Reason != ""
		if r := all[1].Report(); r.Share != 1 {
			t.Fatalf("the other has %v of its share", r.Share)
		}
	}
	if !throttled {
		t.Error("it was never throttled")
	}
	w.until("given its share back", func() bool { r := all[0].Report(); return r.State == mods.Active && r.Share == 1 })
	w.well(all...)
}

// TestGuard: a frame that takes too long by the clock is ended, and the budget is
// less until it is well again. The clock is the test's.
func TestGuard(t *testing.T) {
	slow, now := true, time.Duration(0)
	cfg := mods.Config{Frame: mods.Frame{Instructions: 1_000_000, Guard: time.Millisecond}, Elapsed: func() time.Duration { return now }}
	cfg.Capabilities = []mods.Capability{{Name: "engine", Members: []luasandbox.Member{
		luasandbox.Func("work", func() {
			if slow {
				now += 2 * time.Millisecond
			}
		}),
	}}}
	w := newWorld(t, cfg)
	var sources []mods.Source
	for i := range 5 {
		sources = append(sources, source(t, fmt.Sprintf("mod%d", i), "[permissions.engine]\nreason = 'x'", "return {tick = function() engine.work() for i = 1, 100000 do end end}"))
	}
	w.load(sources...)
	w.run(10)
	if s := w.Status(); !s.Cut || s.Budget >= s.Configured || s.Wall < 2*time.Millisecond {
		t.Errorf("cut: %v, budget %d of %d", s.Cut, s.Budget, s.Configured)
	}
	slow = false
	w.until("recovered", func() bool { s := w.Status(); return !s.Cut && s.Budget == s.Configured })
	w.well(w.Mods()...)
}

// TestErrorAfterAPause: what a handler does wrong in a later frame is told with its
// place, as if there had been no pause.
func TestErrorAfterAPause(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 50_000}})
	m := w.mod("one", "return {tick = function(n) if n > 1 then return end\nfor i = 1, 200000 do end\nlocal x = nil + 1 end}")
	w.until("failed", func() bool { return m.Report().ViolationCount == 1 })
	v := m.Report().Violations[0]
	if v.Where != "main.lua:3" || v.During != "tick hook" || v.Tick < 3 || !strings.Contains(v.Traceback, "main.lua:3") {
		t.Errorf("%+v", v)
	}
	if e, ok := errors.AsType[*luasandbox.ScriptError](m.Err()); ok {
		t.Errorf("one error stopped it: %v", e)
	}
}
