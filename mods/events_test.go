package mods_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

func TestEventOrderAndRounds(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	one := w.mod("one", `
		events.on("a", function(v) print("a1", v) events.emit("b", v + 1) end)
		events.on("b", function(v) print("b1", v) events.emit("c", v + 1) end)
		events.on("c", function(v) print("c1", v) events.emit("a", v + 1) end)
		return {tick = function(n) if n == 1 then events.emit("a", 1) print("hook") end end}`)
	two := w.mod("two", `
		events.on("b", function(v) print("b2", v) end)
		events.on("a", function(v) print("a2", v) end)
		return {tick = function() print("hook") end}`)
	w.run(1)
	w.wantPrinted("[one] hook", "[two] hook",
		`[one] a1\t1`, `[two] a2\t1`, // round 1, in the order of events.on
		`[one] b1\t2`, `[two] b2\t2`,
		`[one] c1\t3`)
	w.ticks(1)
	w.wantPrinted("[two] hook",
		`[one] a1\t4`, `[two] a2\t4`, `[one] b1\t5`, `[two] b2\t5`, `[one] c1\t6`)
	w.well(one, two)
}

func TestEventsOfStart(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	w.mod("aaa", `events.emit("a", "main") return {start = function() events.emit("a", "start") end}`)
	w.mod("bbb", `events.on("a", print) return {start = function() print("start") end}`)
	w.start()
	w.wantPrinted("[bbb] start", "[bbb] main", "[bbb] start")
}

func TestEventLists(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	m, err := w.try("one", "[permissions.events]\nreason = 'x'\nemit = ['out']\nsubscribe = ['in']", `
		local function try(...) local ok, problem = pcall(...) print(ok, problem) end
		try(events.on, "in", print)
		try(events.on, "out", print)
		try(events.on, "A b\n", print)
		try(events.on, "in")
		try(events.on, "in", "print")
		try(events.emit, "out")
		try(events.emit, "in")
		try(events.emit)`)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := w.try("bare", "[permissions.events]\nreason = 'x'", `print(pcall(events.on, "in", print)) print(pcall(events.emit, "out"))`)
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.well(m, bare)
	w.wantPrinted(
		`[bare] false\tevents: "in" is not under subscribe in [permissions.events] of the manifest`,
		`[bare] false\tevents: "out" is not under emit in [permissions.events] of the manifest`,
		`[one] true\t1`,
		`[one] false\tevents: "out" is not under subscribe in [permissions.events] of the manifest`,
		`[one] false\tevents: "A b\n" cannot be an event's name: 1 to 64 small letters, digits, '_', '.' and '-'`,
		`[one] false\tbad argument #2 to 'on' (function expected, got no value)`,
		`[one] false\tbad argument #2 to 'on' (function expected, got string)`,
		`[one] true\tnil`,
		`[one] false\tevents: "in" is not under emit in [permissions.events] of the manifest`,
		`[one] false\tbad argument #1 to 'emit' (string expected, got no value)`)
}

func TestOff(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	w.mod("aaa", `events.on("a", function() print("mine") end)`)
	w.mod("bbb", `
		local first, second
		first = events.on("a", function() print("first", events.off(second), events.off(second)) end)
		second = events.on("a", function() print("second") end)
		for _, id in ipairs{0, 3, 1.5, -1, 1/0, 2^63, 2^64} do assert(events.off(id) == false) end
		assert(not pcall(events.off, 0/0) and not pcall(events.off, "1"))
		local third = events.on("a", function() events.off(first) print("third") events.on("a", function() print("new") end) end)
		return {tick = function() events.emit("a") end}`)
	w.run(2)
	w.wantPrinted("[aaa] mine", `[bbb] first\ttrue\tfalse`, "[bbb] third",
		"[aaa] mine", "[bbb] third", "[bbb] new")
	w.well(w.Mods()...)
}

func TestPayloadIsACopy(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	w.mod("aaa", `
		events.on("a", function(v) print("a", v.list[1], v.text, v.deep.er, getmetatable(v)) v.list[1] = "changed" v.text = nil end)
		return {tick = function()
		  local v = setmetatable({list = {1, 2}, text = "t\0\255", deep = {er = true}}, {})
		  events.emit("a", v)
		  v.list[1] = "later"
		end}`)
	w.mod("bbb", `events.on("a", function(v) print("b", v.list[1], #v.text, #v.list) end)`)
	w.run(1)
	w.well(w.Mods()...)
	w.wantPrinted(`[aaa] a\t1\tt\x00\xff\ttrue\tnil`, `[bbb] b\t1\t3\t2`)
}

func TestPayloadsThatCannotBeSent(t *testing.T) {
	w, m := one(t, mods.HostConfig{}, `
		local loop = {} loop.loop = loop
		local deep = {} for i = 1, 101 do deep = {deep} end
		for _, v in ipairs{0/0, 1/0, print, function() end, coroutine.create(function() end), json.null, {json.null}, {f = print},
		    {1, 2, x = 3}, {[2] = 1}, {[1.5] = 1}, {[true] = 1}, loop, deep, ("x"):rep(70000), {[("x"):rep(70000)] = 1}} do
		  local ok, problem = pcall(events.emit, "a", v)
		  print(ok, problem)
		end
		events.on("a", function() print("delivered") end)`)
	w.ticks(1)
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
	ctx := context.Background()
	w := newWorld(t, mods.HostConfig{})
	m := w.mod("one", `events.on("chat", function(v) print(json.encode(v)) end)`)
	w.start()
	list := []any{1, int64(2), 3.5, "x", true, nil}
	payload := map[string]any{"list": list, "names": []string{"a"}, "empty": []any{}}
	if err := w.Emit(ctx, "chat", payload); err != nil {
		t.Fatal(err)
	}
	list[0] = "changed afterwards"
	if err := w.Emit(ctx, "nobody.listens", nil); err != nil {
		t.Fatal(err)
	}
	w.ticks(1)
	w.well(m)
	w.wantPrinted(`[one] {"empty":{},"list":[1,2,3.5,"x",true],"names":["a"]}`)

	loop := []any{nil}
	loop[0] = loop
	for name, v := range map[string]any{"struct": struct{}{}, "NaN": math.NaN(), "large": int64(1) << 60, "loop": loop, "long": strings.Repeat("x", 70000)} {
		if err := w.Emit(ctx, "chat", v); !as[*mods.EventError](err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Emit(ctx, "Chat!", nil); !as[*mods.EventError](err) {
		t.Errorf("a bad name: %v", err)
	}
	sent := 0
	var err error
	for ; err == nil && sent < 10000; sent++ {
		err = w.Emit(ctx, "other", "x")
	}
	if !errors.Is(err, mods.ErrQueueFull) || sent != 4097 {
		t.Errorf("after %d events: %v", sent, err)
	}
	w.ticks(1)
	if err := w.Emit(ctx, "chat", "room again"); err != nil {
		t.Error(err)
	}
	w.ticks(1)
	w.wantPrinted(`[one] "room again"`)
}

func TestFloodStopsAtTheSender(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	flooder := w.mod("flooder", `
		return {tick = function(n)
		  local sent, problem = 0
		  for i = 1, 10000 do
		    local ok, why = pcall(events.emit, n == 1 and "a" or "b", n == 3 and ("x"):rep(9999) or i)
		    if ok then sent = sent + 1 else problem = why end
		  end
		  print(n, sent, problem)
		end}`)
	receiver := w.mod("receiver", `
		local got = 0
		events.on("a", function() got = got + 1 end)
		return {tick = function(n) if n == 2 then print("got " .. got) events.emit("c", "not held up") end end}`)
	bystander := w.mod("bystander", `events.on("c", print)`)
	w.run(3)
	const full = `events: too many events wait to be delivered (at most 256, with 256 KiB)`
	w.wantPrinted(`[flooder] 1\t256\t`+full, `[flooder] 2\t256\t`+full, "[receiver] got 256", "[bystander] not held up", `[flooder] 3\t26\t`+full)
	w.well(receiver, bystander)
	r := flooder.Report()
	if r.State != mods.Running || len(r.Violations) != 3 {
		t.Fatalf("%s %v", r.State, r.Violations)
	}
	for i, v := range r.Violations {
		if v.Kind != mods.FloodViolation || v.Tick != int64(i+1) {
			t.Errorf("%+v", v)
		}
	}
}

// TestFloodCannotStopTheReceiver: what others send is put off before it can
// bring a mod to its limits, and dropped before it fills the memory.
func TestFloodCannotStopTheReceiver(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Instructions: 200_000}})
	w.mod("flooder", `return {tick = function(n) if n <= 40 then for i = 1, 200 do events.emit("a", {n, i}) end end end}`)
	receiver := w.mod("receiver", `
		local got, last, work = 0, 0, 0
		events.on("a", function(v)
		  got = got + 1
		  local number = v[1] * 1000 + v[2]
		  assert(number > last) last = number
		  for i = 1, 10000 do work = work + i end
		end)
		events.on("chat", function() print("got " .. got) end)`)
	w.start()
	before := int64(0)
	for n := range 60 {
		w.ticks(1)
		r := receiver.Report()
		if spent := r.Instructions - before; spent > 5*200_000 {
			t.Errorf("tick %d: %d instructions", n, spent)
		}
		before = r.Instructions
	}
	w.well(receiver)
	r := receiver.Report()
	if r.EventsDropped == 0 || r.Calls < 500 {
		t.Errorf("%d calls, %d events dropped", r.Calls, r.EventsDropped)
	}
	if err := w.Emit(context.Background(), "chat", nil); err != nil {
		t.Fatal(err)
	}
	w.ticks(1)
	w.wantPrinted(fmt.Sprintf("[receiver] got %d", r.Calls-1))
	if r.Calls-1+r.EventsDropped != 40*200 {
		t.Errorf("%d events arrived and %d were dropped, of %d", r.Calls-1, r.EventsDropped, 40*200)
	}
}

func TestSubscriptionsAreBounded(t *testing.T) {
	w, m := one(t, mods.HostConfig{}, `
		local most, problem = 0
		for i = 1, 1000 do
		  local ok, id = pcall(events.on, "a", function() end)
		  if ok then most = most + 1 events.off(id) else problem = id end
		end
		print(most, problem)
		return {tick = function() print(pcall(events.on, "a", function() end)) end}`)
	w.ticks(1)
	w.well(m)
	w.wantPrinted(`[one] 128\tevents: 128 subscriptions are the most that a mod can have, with those that it ended in this tick`,
		`[one] true\t129`)
}

func TestHandlerErrorsAreItsOwn(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Instructions: 50_000}})
	sender := w.mod("sender", `return {tick = function(n) events.emit("a", n) end}`)
	aaa := w.mod("aaa", `events.on("a", function(n) error("no " .. n) end)`)
	bbb := w.mod("bbb", `events.on("a", function(n) while true do end end) events.on("a", function() print("not any more") end)`)
	ccc := w.mod("ccc", `events.on("a", function(n) print(n) end)`)
	w.run(2)
	w.wantPrinted("[ccc] 1", "[ccc] 2")
	w.well(sender, ccc)
	if r := aaa.Report(); r.State != mods.Running || len(r.Violations) != 2 || r.Violations[0].During != "event a" {
		t.Errorf("%+v", r)
	}
	if r := bbb.Report(); r.State != mods.Quarantined || r.Violations[0].Limit != "instructions" {
		t.Errorf("%+v", r)
	}
}

// TestPayloadThatDoesNotFit: what is too much for the receiver's own limits is
// not the receiver's fault.
func TestPayloadThatDoesNotFit(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	w.mod("sender", `
		return {tick = function() events.emit("a", ("x"):rep(2000)) events.emit("b", ("x"):rep(60000)) end}`)
	listen := "[permissions.events]\nreason = 'x'\nsubscribe = ['a', 'b']\n"
	short, err := w.try("short", "[limits]\nstring = 1000\n"+listen, `events.on("a", print)`)
	if err != nil {
		t.Fatal(err)
	}
	small, err := w.try("small", "[limits]\nmemory = '48KiB'\n"+listen, `events.on("b", print)`)
	if err != nil {
		t.Fatal(err)
	}
	w.run(30)
	w.well(short, small)
	for _, m := range []*mods.Mod{short, small} {
		if r := m.Report(); r.EventsDropped != 30 || r.Calls != 1 {
			t.Errorf("%+v", r)
		}
	}
}

func TestStoppedModsReceiveNothing(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	w.mod("one", `events.on("a", print) return {stop = function() events.emit("a", "too late") print("stop") end}`)
	w.run(1)
	w.stop()
	w.wantPrinted("[one] stop")
	if !slices.Equal(*w.log.lines, nil) {
		t.Errorf("%q", *w.log.lines)
	}
}
