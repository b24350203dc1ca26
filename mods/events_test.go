package mods_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// TestEventOrderAndHops: a mod receives events in the order in which they were sent,
// and answers to answers of answers in the same tick; the next one in the next.
func TestEventOrderAndHops(t *testing.T) {
	w := newWorld(t, mods.Config{})
	all := w.together(
		"one", `
		events.on("a", function(v) print("a1", v) events.emit("b", v + 1) end)
		events.on("b", function(v) print("b1", v) events.emit("c", v + 1) end)
		events.on("c", function(v) print("c1", v) events.emit("a", v + 1) end)
		return {tick = function(n) if n == 1 then events.emit("a", 1) print("hook") end end}`,
		"two", `
		events.on("b", function(v) print("b2", v) end)
		events.on("a", function(v) print("a2", v) end)
		return {tick = function(n) print("hook", n) end}`)
	one, two := all[0], all[1]
	w.run(1)
	w.wantPrintedBy("one", "hook", `a1\t1`, `b1\t2`, `c1\t3`)
	w.wantPrintedBy("two", `hook\t1`, `a2\t1`, `b2\t2`)
	w.run(1)
	w.wantPrintedBy("one", `a1\t4`, `b1\t5`, `c1\t6`, `a1\t7`)
	w.wantPrintedBy("two", `hook\t2`, `a2\t4`, `b2\t5`, `a2\t7`)
	w.well(one, two)
}

// TestEventsOfStart: what is sent while mods are being loaded reaches those that have
// subscribed by then, when they have started.
func TestEventsOfStart(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.together(
		"aaa", `events.on("chat", print) events.emit("a", "nobody listens yet") return {start = function() events.emit("a", "start") end}`,
		"bbb", `events.on("a", print) events.on("chat", print) return {start = function() print("start") end}`)
	w.emit("chat", "from the host")
	w.run(2)
	lines := w.printed()
	slices.Sort(lines)
	if diff := cmp.Diff([]string{"[aaa] from the host", "[bbb] from the host", "[bbb] start", "[bbb] start"}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEventLists(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.with("one", "[permissions.events]\nreason = 'x'\nemit = ['out']\nsubscribe = ['in']", `
		local function try(...) local ok, problem = pcall(...) print(ok, problem) end
		try(events.on, "in", print)
		try(events.on, "out", print)
		try(events.on, "A b\n", print)
		try(events.on, "in")
		try(events.on, "in", "print")
		try(events.emit, "out")
		try(events.emit, "in")
		try(events.emit)`)
	bare := w.with("bare", "[permissions.events]\nreason = 'x'", `print(pcall(events.on, "in", print)) print(pcall(events.emit, "out"))`)
	w.run(1)
	w.well(m, bare)
	w.wantPrinted(
		`[one] true\t1`,
		`[one] false\tevents: "out" is not under subscribe in [permissions.events] of the manifest`,
		`[one] false\tevents: "A b\n" cannot be an event's name: 1 to 64 small letters, digits, '_', '.' and '-'`,
		`[one] false\tbad argument #2 to 'on' (function expected, got no value)`,
		`[one] false\tbad argument #2 to 'on' (function expected, got string)`,
		`[one] true\tnil`,
		`[one] false\tevents: "in" is not under emit in [permissions.events] of the manifest`,
		`[one] false\tbad argument #1 to 'emit' (string expected, got no value)`,
		`[bare] false\tevents: "in" is not under subscribe in [permissions.events] of the manifest`,
		`[bare] false\tevents: "out" is not under emit in [permissions.events] of the manifest`)
}

func TestOff(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.together(
		"aaa", `events.on("a", function() print("mine") end)`,
		"bbb", `
		local first, second
		first = events.on("a", function() print("first", events.off(second), events.off(second)) end)
		second = events.on("a", function() print("second") end)
		for _, id in ipairs{0, 3, 1.5, -1, 1/0, 2^63, 2^64} do assert(events.off(id) == false) end
		assert(not pcall(events.off, 0/0) and not pcall(events.off, "1"))
		local third = events.on("a", function() events.off(first) print("third") events.on("a", function() print("new") end) end)
		return {tick = function() events.emit("a") end}`)
	w.run(2)
	w.wantPrintedBy("aaa", "mine", "mine")
	w.wantPrintedBy("bbb", `first\ttrue\tfalse`, "third", "third", "new")
	w.well(w.Mods()...)
}

func TestPayloadIsACopy(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.together(
		"aaa", `
		events.on("a", function(v) print("a", v.list[1], v.text, v.deep.er, getmetatable(v)) v.list[1] = "changed" v.text = nil end)
		return {tick = function()
		  local v = setmetatable({list = {1, 2}, text = "t\0\255", deep = {er = true}}, {})
		  events.emit("a", v)
		  v.list[1] = "later"
		end}`,
		"bbb", `events.on("a", function(v) print("b", v.list[1], #v.text, #v.list) end)`)
	w.run(1)
	w.well(w.Mods()...)
	w.wantPrinted(`[aaa] a\t1\tt\x00\xff\ttrue\tnil`, `[bbb] b\t1\t3\t2`)
}

func TestPayloadsThatCannotBeSent(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local loop = {} loop.loop = loop
		local deep = {} for i = 1, 101 do deep = {deep} end
		for _, v in ipairs{0/0, 1/0, print, function() end, coroutine.create(function() end), json.null, {json.null}, {f = print},
		    {1, 2, x = 3}, {[2] = 1}, {[1.5] = 1}, {[true] = 1}, loop, deep, ("x"):rep(70000), {[("x"):rep(70000)] = 1}} do
		  local ok, problem = pcall(events.emit, "a", v)
		  print(ok, problem)
		end
		events.on("a", function() print("delivered") end)`)
	w.run(1)
	w.well(m)
	lines := w.printed()
	if len(lines) != 16 {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines {
		if len(line) > 500 || !strings.HasPrefix(line, `[one] false\t`) || strings.Contains(line, "host error") || strings.HasSuffix(line, "false") {
			t.Error(line)
		}
	}
}

func TestEmitFromTheHost(t *testing.T) {
	w := newWorld(t, mods.Config{Events: []mods.Event{{Name: "chat"}, {Name: "other"}, {Name: "nobody.listens"}}})
	m := w.mod("one", `events.on("chat", function(v) print(json.encode(v)) end)`)
	w.run(1)
	list := []any{1, int64(2), 3.5, "x", true, nil}
	payload := map[string]any{"list": list, "names": []string{"a"}, "empty": []any{}}
	if err := w.Emit("chat", payload); err != nil {
		t.Fatal(err)
	}
	list[0] = "changed afterwards"
	if err := w.Emit("nobody.listens", nil); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.well(m)
	w.wantPrinted(`[one] {"empty":{},"list":[1,2,3.5,"x",true],"names":["a"]}`)

	loop := []any{nil}
	loop[0] = loop
	for name, v := range map[string]any{"struct": struct{}{}, "NaN": math.NaN(), "large": int64(1) << 60, "loop": loop, "long": strings.Repeat("x", 70000)} {
		if err := w.Emit("chat", v); !as[*mods.EventError](err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"Chat!", "", "chats", strings.Repeat("x", 1000)} {
		err := w.Emit(name, nil)
		if !as[*mods.EventError](err) || name == "chats" && !strings.Contains(err.Error(), `did you mean "chat"?`) {
			t.Errorf("an event that nobody declared: %v", err)
		}
	}
	sent := 0
	var err error
	for ; err == nil && sent < 10000; sent++ {
		err = w.Emit("other", "x")
	}
	if !errors.Is(err, mods.ErrQueueFull) || sent != 4097 {
		t.Errorf("after %d events: %v", sent, err)
	}
	w.run(1)
	if err := w.Emit("chat", "room again"); err != nil {
		t.Error(err)
	}
	w.run(1)
	w.wantPrinted(`[one] "room again"`)
}

func TestFloodStopsAtTheSender(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000_000}})
	all := w.together(
		"flooder", `
		return {tick = function(n)
		  local sent, problem = 0
		  for i = 1, 1000 do
		    local ok, why = pcall(events.emit, n == 1 and "a" or "b", n == 3 and ("x"):rep(9999) or i)
		    if ok then sent = sent + 1 else problem = why end
		  end
		  print(n, sent, problem)
		end}`,
		"receiver", `
		local got = 0
		events.on("a", function() got = got + 1 end)
		return {tick = function(n) if n == 2 then print("got " .. got) events.emit("c", "not held up") end end}`,
		"bystander", `events.on("c", print)`)
	flooder, receiver, bystander := all[0], all[1], all[2]
	w.run(3)
	w.wantPrinted(`[flooder] 1\t256\tevents: more than 256 operations in one tick`,
		`[flooder] 2\t256\tevents: more than 256 operations in one tick`, "[receiver] got 256", "[bystander] not held up",
		`[flooder] 3\t26\tevents: more than 256KiB in one tick`)
	w.well(receiver, bystander)
	r := flooder.Report()
	if r.State != mods.Active || len(r.Violations) != 3 {
		t.Fatalf("%s %v", r.State, r.Violations)
	}
	for i, v := range r.Violations {
		if v.Kind != mods.FloodViolation || v.Tick != int64(i+1) {
			t.Errorf("%+v", v)
		}
	}
	w.in(flooder, mods.Quarantined) // who does not stop
	w.well(receiver, bystander)
}

// TestFloodCannotStopTheReceiver: what others send waits until it can be received,
// and is dropped before it fills the memory; and it is no fault of the receiver's.
func TestFloodCannotStopTheReceiver(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 400_000}})
	all := w.together(
		"flooder", `return {tick = function(n) if n <= 40 then for i = 1, 200 do events.emit("a", {n, i}) end end end}`,
		"receiver", `
		local got, last, work = 0, 0, 0
		events.on("a", function(v)
		  got = got + 1
		  local number = v[1] * 1000 + v[2]
		  assert(number > last) last = number
		  for i = 1, 10000 do work = work + i end
		end)
		return {got = function() return got end}`,
		"other", `local ticks = 0 return {tick = function() ticks = ticks + 1 end, ticks = function() return ticks end}`)
	_, receiver, other := all[0], all[1], all[2]
	for n := range 60 {
		w.run(1)
		if r := receiver.Report(); r.Waiting > 256+1 || r.MemoryBytes > 10<<20 {
			t.Errorf("tick %d: %d jobs wait in %d bytes", n, r.Waiting, r.MemoryBytes)
		}
	}
	w.well(receiver, other)
	w.until("all received", func() bool { return receiver.Report().Waiting == 0 })
	n := int64(w.answer(w.call("receiver", "got")).(float64))
	r := receiver.Report()
	if r.EventsDropped == 0 || n < 256 || n+r.EventsDropped != 40*200 {
		t.Errorf("%d events arrived and %d were dropped, of %d", n, r.EventsDropped, 40*200)
	}
	if seen := w.answer(w.call("other", "ticks")); int64(seen.(float64)) < w.Status().Tick-1 {
		t.Errorf("a mod that nobody flooded had %v of %d ticks", seen, w.Status().Tick)
	}
}

func TestSubscriptionsAreBounded(t *testing.T) {
	w, m := one(t, mods.Config{Frame: mods.Frame{Instructions: 100_000_000}}, `
		local most, problem = 0
		for i = 1, 1000 do
		  local ok, id = pcall(events.on, "a", function() end)
		  if ok then most = most + 1 events.off(id) else problem = id end
		end
		print(most, problem)
		return {tick = function(n) if n == 2 then print(pcall(events.on, "a", function() end)) end end}`)
	w.run(1)
	w.well(m)
	w.wantPrinted(`[one] 128\tevents: 128 subscriptions are the most that a mod can have, with those that it ended in this tick`,
		`[one] true\t129`)
}

func TestHandlerErrorsAreItsOwn(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: 50_000}})
	all := w.together(
		"sender", `return {tick = function(n) events.emit("a", n) end}`,
		"aaa", `events.on("a", function(n) error("no " .. n) end)`,
		"bbb", `events.on("a", function(n) while true do end end) events.on("a", function() print("not any more") end)`,
		"ccc", `events.on("a", function(n) print(n) end)`)
	sender, aaa, bbb, ccc := all[0], all[1], all[2], all[3]
	w.run(2)
	w.wantPrinted("[ccc] 1", "[ccc] 2")
	w.well(sender, ccc)
	if r := aaa.Report(); r.State != mods.Active || len(r.Violations) != 2 || r.Violations[0].During != "event a" {
		t.Errorf("%+v", r)
	}
	if r := bbb.Report(); r.State != mods.Quarantined || r.Violations[0].Limit != "instructions" {
		t.Errorf("%+v", r)
	}
}

// TestPayloadThatDoesNotFit: what is too much for the receiver's own limits is
// not the receiver's fault.
func TestPayloadThatDoesNotFit(t *testing.T) {
	w := newWorld(t, mods.Config{})
	sender := source(t, "sender", everything, `
		return {tick = function() events.emit("a", ("x"):rep(2000)) events.emit("b", ("x"):rep(60000)) end}`)
	listen := "[permissions.events]\nreason = 'x'\nsubscribe = ['a', 'b']\n"
	all := w.load(sender,
		source(t, "short", "[limits]\nstring = 1000\n"+listen, `events.on("a", print)`),
		source(t, "small", "[limits]\nmemory = '48KiB'\n"+listen, `events.on("b", print)`))
	short, small := all[1], all[2]
	w.run(30)
	w.well(short, small)
	for _, m := range []*mods.Mod{short, small} {
		if r := m.Report(); r.EventsDropped != 30 || r.Calls != 1 {
			t.Errorf("%+v", r)
		}
	}
}

func TestStoppedModsReceiveNothing(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.mod("one", `events.on("a", print) return {stop = function() events.emit("a", "too late") print("stop") end}`)
	w.run(1)
	w.stop()
	w.wantPrinted("[one] stop")
	if lines := w.log.lines(); len(lines) > 0 {
		t.Errorf("%q", lines)
	}
}

// What was meant by names that nobody sends is looked for when a mod is loaded, and
// not in a frame; and not for more names than somebody reads of.
func TestHintsAtEventsAreBounded(t *testing.T) {
	w := newWorld(t, mods.Config{Events: []mods.Event{{Name: "player.joined"}}})
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("'player.joind%c%c'", 'a'+i%26, 'a'+i/26))
	}
	m := w.with("one", "[permissions.events]\nreason = 'test'\nsubscribe = ['player.joined', 'player.joind', "+strings.Join(names, ", ")+"]\n", "")
	told := w.log.told("that nobody sends")
	if told == 0 || told > 16 || w.log.told(`event=player.joind nearest=player.joined`) != 1 {
		t.Errorf("%d hints when it was loaded: %q", told, w.log.lines())
	}
	w.run(2)
	if again := w.log.told("that nobody sends"); again != told {
		t.Errorf("%d hints after the first tick, %d before", again, told)
	}
	w.well(m)
}
