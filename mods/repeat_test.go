package mods_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// outcome is all that a run has to repeat.
type outcome struct {
	Statuses []mods.Status // of some ticks
	Printed  string
	Logged   []string
	Notes    []string
	Replies  []string
}

// repeatable runs mods of every kind, good and bad, small and large, through the same
// inputs.
func repeatable(t *testing.T, seed uint64, workers int) (o outcome) {
	t.Helper()
	notes, note := notebook()
	w := newWorld(t, mods.Config{
		Seed: seed, Capabilities: []mods.Capability{note}, Limits: limits.Limits{Instructions: 400_000, Memory: 1 << 20},
		Frame:      mods.Frame{Instructions: 150_000, Workers: workers},
		Priorities: map[string]mods.Priority{"busy1": {Weight: 300}, "good1": {Class: 1}},
	})
	rest := serving([]string{"work"}, []string{"good0/work", "good1/work", "fails/work"}) + "[permissions.note]\nreason = 'x'\n"
	var sources []mods.Source
	add := func(id, more, main string) { sources = append(sources, source(t, id, rest+more, main)) }
	for i := range 4 {
		more := ""
		if i == 3 {
			more = "[dependencies]\nhangs = '*'\n"
		}
		add(fmt.Sprintf("good%d", i), more, `
			local function say(...) print(...) note.down(table.concat({tostring((...))}, " ")) end
			for _, name in ipairs{"a", "b", "chat"} do events.on(name, function(v) say(name, v) if type(v) == "number" and v % 3 == 0 then events.emit("b", v + 1) end end) end
			timer.every(0.13, function() say("timer", random.integer(1, 1000)) end)
			task.spawn(function() while true do task.sleep(random.float() / 3) say("slept", clock.elapsed()) end end)
			task.spawn(function() while true do say("service", pcall(services.call, "good" .. random.integer(0, 1), "work", random.integer(1, 3000))) task.wait("a", 0.4) end end)
			return {tick = function(n, dt) log.info("tick", {n = n}) if n % 4 == 0 then events.emit("a", n) end storage.set("n", n) end,
			  work = function(n) local x = 0 for i = 1, n do x = x + i end return x end}`)
	}
	for i := range 3 {
		add(fmt.Sprintf("busy%d", i), "", `events.on("a", function(v) note.down("busy " .. v) for i = 1, 3000 do end end)
			return {tick = function(n) local t = {} for i = 1, 30000 do t[i % 100] = {i} end end}`)
	}
	add("fails", "", `return {tick = function(n) if n % 3 == 0 then error("tick " .. n) end end, work = function() error("never") end}`)
	add("hangs", "", `return {tick = function(n) if n % 20 == 9 then while true do end end end}`)
	add("hogs", "", `local t = {} return {tick = function(n) if n > 15 then while true do t[#t + 1] = ("x"):rep(100) .. #t end end end}`)
	add("floods", "", `return {tick = function(n) if n % 10 == 0 then for i = 1, 300 do pcall(events.emit, "a", i) end end end}`)
	w.load(sources...)
	var replies []*mods.Reply
	for n := range 150 {
		switch {
		case n%5 == 0:
			w.emit("chat", n)
			replies = append(replies, w.call(fmt.Sprintf("good%d", n%3), "work", 100*n))
		case n%7 == 0:
			if r, err := w.Ask("chat", n); err == nil {
				replies = append(replies, r)
			}
		case n == 60:
			if _, err := w.Reload("good2", source(t, "good2", rest, `print("new") return {tick = function(n) note.down("new") end}`)); err != nil {
				t.Error(err)
			}
		case n == 90:
			if err := w.Unload("busy2"); err != nil {
				t.Error(err)
			}
		}
		w.dt = time.Duration(30+n%40) * time.Millisecond
		w.run(1)
		if n%10 == 9 {
			o.Statuses = append(o.Statuses, w.Status())
		}
	}
	for i := range o.Statuses {
		s := &o.Statuses[i]
		s.Wall = 0
		for j := range s.Mods {
			s.Mods[j].WallMS = 0
		}
	}
	for _, r := range replies {
		values, err := r.Get()
		o.Replies = append(o.Replies, fmt.Sprint(values, err))
	}
	o.Printed, o.Logged, o.Notes = w.out.String(), w.log.lines(), *notes
	return o
}

// TestOutcomeIsRepeated: the same mods, seed, ticks and inputs have the same outcome, on
// one goroutine; and on several, however many.
func TestOutcomeIsRepeated(t *testing.T) {
	for _, workers := range []int{0, 1} {
		first := repeatable(t, 1, workers)
		last := first.Statuses[len(first.Statuses)-1]
		states := map[mods.State]int{}
		for _, s := range first.Statuses {
			for _, m := range s.Mods {
				states[m.State]++
			}
		}
		for _, s := range []mods.State{mods.Active, mods.Paused, mods.Throttled, mods.Quarantined} {
			if states[s] == 0 {
				t.Errorf("no mod was %s; the test proves little: %v", s, states)
			}
		}
		if len(first.Notes) < 100 || last.Tick != 150 {
			t.Errorf("%d notes in %d ticks", len(first.Notes), last.Tick)
		}
		others := []int{0}
		if workers > 0 {
			others = []int{1, 2, 4}
		}
		for _, n := range others {
			if diff := cmp.Diff(first, repeatable(t, 1, n)); diff != "" {
				t.Errorf("%d and %d workers differ:\n%.3000s", workers, n, diff)
			}
		}
		if slices.Equal(repeatable(t, 2, workers).Notes, first.Notes) {
			t.Error("another seed changes nothing")
		}
	}
}
