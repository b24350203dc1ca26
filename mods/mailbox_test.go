package mods_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
)

// deaf is a mod that does not come to receive what it subscribed to until it is
// resumed.
func deaf(t *testing.T, e mods.Event) (*world, *mods.Mod) {
	t.Helper()
	w := newWorld(t, mods.Config{Events: []mods.Event{e, {Name: "chat"}}})
	m := w.mod("one", `
		got, chats = {}, 0
		events.on("a", function(v) got[#got + 1] = type(v) == "table" and v.n or v end)
		events.on("chat", function(v) chats = chats + 1 end)
		return {got = function() return got end, chats = function() return chats end}`)
	w.run(1)
	if err := w.Pause("one"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	return w, m
}

func (w *world) received(m *mods.Mod) (got []any) {
	w.t.Helper()
	if err := w.Resume(m.ID()); err != nil {
		w.t.Fatal(err)
	}
	list, _ := w.answer(w.call(m.ID(), "got")).([]any)
	return list
}

func numbers(from, to int) (list []any) {
	for i := from; i <= to; i++ {
		list = append(list, float64(i))
	}
	return list
}

// TestOverflow: what happens to 300 events for a mod that receives none of them, of
// which 256 have room.
func TestOverflow(t *testing.T) {
	player := func(i int) map[string]any { return map[string]any{"player": i % 3, "n": i} }
	large := make([]any, 3000)
	for i := range large {
		large[i] = i
	}
	for name, test := range map[string]struct {
		event   mods.Event
		payload func(i int) any
		want    []any
		dropped int64
	}{
		"by default":          {mods.Event{}, func(i int) any { return i }, numbers(1, 256), 44},
		"newest":              {mods.Event{Overflow: mods.DropNewest}, func(i int) any { return i }, numbers(1, 256), 44},
		"oldest":              {mods.Event{Overflow: mods.DropOldest}, func(i int) any { return i }, numbers(45, 300), 44},
		"coalesce":            {mods.Event{Overflow: mods.Coalesce}, func(i int) any { return i }, numbers(300, 300), 299},
		"coalesce by key":     {mods.Event{Overflow: mods.Coalesce, Key: "player"}, func(i int) any { return player(i) }, numbers(298, 300), 297},
		"coalesce, no table":  {mods.Event{Overflow: mods.Coalesce, Key: "player"}, func(i int) any { return i }, numbers(300, 300), 299},
		"coalesce, all new":   {mods.Event{Overflow: mods.Coalesce, Key: "n"}, func(i int) any { return player(i) }, numbers(1, 256), 44},
		"coalesce, other key": {mods.Event{Overflow: mods.Coalesce, Key: "nobody"}, func(i int) any { return player(i) }, numbers(300, 300), 299},
	} {
		t.Run(name, func(t *testing.T) {
			test.event.Name = "a"
			w, m := deaf(t, test.event)
			for i := 1; i <= 300; i++ {
				w.emit("a", test.payload(i))
			}
			w.run(1)
			if r := m.Report(); r.Waiting > 256 || r.EventsDropped != test.dropped {
				t.Errorf("%d wait, %d were dropped; want %d", r.Waiting, r.EventsDropped, test.dropped)
			}
			if diff := cmp.Diff(test.want, w.received(m)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			w.well(m)
		})
	}
}

// TestOverflowByBytes: large events overflow sooner.
func TestOverflowByBytes(t *testing.T) {
	large := make([]any, 2000) // 16 bytes each
	for i := range large {
		large[i] = i
	}
	for _, rule := range []mods.Overflow{mods.DropNewest, mods.DropOldest} {
		w, m := deaf(t, mods.Event{Name: "a", Overflow: rule})
		for i := range 50 {
			w.emit("a", map[string]any{"n": i, "list": large})
		}
		w.run(1)
		r := m.Report()
		if r.Waiting < 3 || r.Waiting > 16 || int64(r.Waiting)+r.EventsDropped != 50 {
			t.Errorf("%s: %d wait, %d were dropped", rule, r.Waiting, r.EventsDropped)
		}
		got := w.received(m)
		want := numbers(0, r.Waiting-1)
		if rule == mods.DropOldest {
			want = numbers(50-r.Waiting, 49)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
}

// TestOverflowOfOthers: a mod's own events, and each subscription, count in the same
// room; the rule is that of the event that arrives.
func TestOverflowOfOthers(t *testing.T) {
	w, m := deaf(t, mods.Event{Name: "a", Overflow: mods.DropOldest})
	for i := range 256 {
		w.emit("chat", i)
	}
	w.emit("a", 1)
	w.emit("chat", "too late")
	w.run(1)
	if diff := cmp.Diff(numbers(1, 1), w.received(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := w.answer(w.call("one", "chats")); got != 255.0 {
		t.Errorf("%v of the others arrived", got)
	}
	if got := m.Report().EventsDropped; got != 2 {
		t.Errorf("%d were dropped", got)
	}
}

// TestQueuesOfCallsAreBounded: calls and spawned functions have room of their own.
func TestQueuesOfCallsAreBounded(t *testing.T) {
	w, m := deaf(t, mods.Event{Name: "a"})
	var replies []*mods.Reply
	for range 300 {
		replies = append(replies, w.call("one", "chats"))
	}
	w.emit("a", 1)
	w.run(1)
	full := 0
	for _, r := range replies {
		if _, err := r.Get(); errors.Is(err, mods.ErrQueueFull) && as[*mods.CallError](err) {
			full++
		} else if !errors.Is(err, mods.ErrPending) {
			t.Fatal(err)
		}
	}
	if full != 300-256 {
		t.Errorf("%d calls had no room", full)
	}
	if err := w.Resume("one"); err != nil {
		t.Fatal(err)
	}
	w.answer(replies[255])
	w.well(m)
}

// TestHandlerTwice: a handler that is registered twice is called twice, and ended
// once at a time.
func TestHandlerTwice(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local function handler(v) print(v) end
		local first, second = events.on("a", handler), events.on("a", handler)
		assert(first ~= second)
		return {off = function() return events.off(first), events.off(first) end}`)
	w.emit("a", "x")
	w.run(1)
	w.wantPrinted("[one] x", "[one] x")
	w.answer(w.call("one", "off"))
	w.emit("a", "y")
	w.run(1)
	w.wantPrinted("[one] y")
	w.well(m)
}

// TestOffWhileItWaits: an event that waits for a handler is not delivered after
// events.off.
func TestOffWhileItWaits(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local id
		events.on("a", function(v) events.off(id) end)
		id = events.on("a", function(v) print("off", v) end)
		events.on("a", function(v) print("control", v) end)`)
	w.emit("a", 1)
	w.emit("a", 2)
	w.run(2)
	w.wantPrinted(`[one] control\t1`, `[one] control\t2`)
	w.well(m)
	if got := m.Report().EventsDropped; got != 0 {
		t.Errorf("%d were dropped", got)
	}
}

// TestAsk: who answers a question of the engine's, and what when nobody does.
func TestAsk(t *testing.T) {
	fallback := func(payload any) any { return fmt.Sprint("fallback of ", payload) }
	answers := func(v string) string { return `events.on("a", function(v) ` + v + ` end)` }
	nilly, fails, says := answers(`return nil`), answers(`error("no")`), answers(`return "said " .. v`)
	for name, test := range map[string]struct {
		mods     []string
		fallback bool
		want     any
		err      error
	}{
		"nobody":              {nil, false, nil, mods.ErrNoAnswer},
		"nobody, fallback":    {nil, true, "fallback of 7", nil},
		"one":                 {[]string{says}, true, "said 7", nil},
		"nil":                 {[]string{nilly}, false, nil, mods.ErrNoAnswer},
		"nil, fallback":       {[]string{nilly, nilly}, true, "fallback of 7", nil},
		"nil, then one":       {[]string{nilly, says}, true, "said 7", nil},
		"fails":               {[]string{fails}, false, nil, mods.ErrNoAnswer},
		"fails, fallback":     {[]string{fails, fails}, true, "fallback of 7", nil},
		"fails, then one":     {[]string{fails, says}, true, "said 7", nil},
		"the first":           {[]string{says, answers(`return "later"`)}, true, "said 7", nil},
		"false is an answer":  {[]string{answers("return false")}, true, false, nil},
		"a table":             {[]string{answers("return {1, {x = 2}}, 'second'")}, true, []any{1.0, map[string]any{"x": 2.0}}, nil},
		"a function":          {[]string{answers("return print"), says}, true, "said 7", nil},
		"slow":                {[]string{answers("for i = 1, 1e6 do end return 'slow'")}, true, "slow", nil},
		"sleeps":              {[]string{answers("task.sleep(0.2) return 'slept'")}, true, "slept", nil},
		"quarantined":         {[]string{answers("while true do end")}, true, "fallback of 7", nil},
		"waits for ever, one": {[]string{answers("task.wait('b')"), says}, true, "said 7", nil},
		"a handle of a type":  {[]string{answers("return json.null"), says}, true, "said 7", nil},
	} {
		for _, workers := range []int{0, 2} {
			t.Run(fmt.Sprint(name, " ", workers), func(t *testing.T) {
				e := mods.Event{Name: "a"}
				if test.fallback {
					e.Fallback = fallback
				}
				w := newWorld(t, mods.Config{Events: []mods.Event{e}, Frame: mods.Frame{Workers: workers}})
				var mains []string
				for i, main := range test.mods {
					mains = append(mains, fmt.Sprintf("mod%d", i), main)
				}
				w.together(mains...)
				w.run(1)
				r, err := w.Ask("a", 7)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.Get(); !errors.Is(err, mods.ErrPending) {
					t.Errorf("before the tick: %v", err)
				}
				w.until("answered", func() bool { _, err := r.Get(); return !errors.Is(err, mods.ErrPending) })
				got, err := r.Get()
				if !errors.Is(err, test.err) || err == nil && (len(got) == 0 || !cmp.Equal(got[0], test.want)) {
					t.Errorf("%v, %v; want %v, %v", got, err, test.want, test.err)
				}
				w.run(3)
			})
		}
	}
}

// TestDroppedQuestion: where a question has no room, or its mod goes away, the
// fallback answers; and nobody waits for ever.
func TestDroppedQuestion(t *testing.T) {
	asked := 0
	e := mods.Event{Name: "a", Fallback: func(any) any { asked++; return "fallback" }}
	for name, away := range map[string]func(w *world) error{
		"unloaded": func(w *world) error { return w.Unload("one") },
		"disabled": func(w *world) error { return w.Disable("one", "") },
	} {
		w, _ := deaf(t, e)
		var replies []*mods.Reply
		for range 300 {
			r, err := w.Ask("a", 1)
			if err != nil {
				t.Fatal(err)
			}
			replies = append(replies, r)
		}
		asked = 0
		w.run(1)
		if asked != 300-256 {
			t.Errorf("%s: %d had no room", name, asked)
		}
		if err := away(w); err != nil {
			t.Fatal(err)
		}
		w.run(1)
		for i, r := range replies {
			if got, err := r.Get(); err != nil || got[0] != "fallback" {
				t.Fatalf("%s: %d: %v, %v", name, i, got, err)
			}
		}
		if asked != 300 {
			t.Errorf("%s: the fallback was asked %d times", name, asked)
		}
	}
}

// TestFallbackOfEmit: where no mod received an event well, the engine does itself
// what there is to do, once, with a payload of its own.
func TestFallbackOfEmit(t *testing.T) {
	var got []any
	e := mods.Event{Name: "a", Fallback: func(p any) any {
		got = append(got, p)
		if list, ok := p.([]any); ok {
			list[0] = "changed"
		}
		return nil
	}}
	w := newWorld(t, mods.Config{Events: []mods.Event{e}})
	payload := []any{"x"}
	w.emit("a", payload)
	w.run(1)
	w.together("fails", `events.on("a", function() error("no") end)`)
	w.run(1)
	w.emit("a", "fails")
	w.run(1)
	w.together("fine", `events.on("a", function() end)`)
	w.run(1)
	w.emit("a", "fine")
	w.run(1)
	if diff := cmp.Diff([]any{[]any{"changed"}, "fails"}, got); diff != "" || payload[0] != "x" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCloseAnswers: Close lets nobody wait.
func TestCloseAnswers(t *testing.T) {
	w, _ := deaf(t, mods.Event{Name: "a"})
	queued, err := w.Ask("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	calls := []*mods.Reply{w.call("one", "got")}
	w.run(1)
	said, err := w.Ask("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	calls = append(calls, w.call("one", "got"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, r := range append(slices.Clone(calls), queued, said) {
		if _, err := r.Get(); err == nil || errors.Is(err, mods.ErrPending) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// A fallback that panics is no answer, and ends nothing else.
func TestFallbackThatPanics(t *testing.T) {
	w := newWorld(t, mods.Config{Events: []mods.Event{{Name: "a", Fallback: func(any) any { panic("oh") }}}})
	m := w.mod("other", `return {tick = function(n) print(n) end}`)
	r, err := w.Ask("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	w.emit("a", 2)
	w.run(2)
	if _, err := r.Get(); !errors.Is(err, mods.ErrNoAnswer) {
		t.Errorf("%v", err)
	}
	w.wantPrinted("[other] 1", "[other] 2")
	w.well(m)
	if w.log.told("panic in the fallback") == 0 {
		t.Error("nothing is logged")
	}
}

// What an engine says between two ticks is bounded, also where it says it for players.
func TestTooManyCalls(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.mod("one", `return {f = function() end}`)
	w.mod("slow", `task.sleep(1e6) return {f = function() end}`)
	w.run(1)
	for _, id := range []string{"one", "slow"} {
		var replies []*mods.Reply
		for range 10_000 {
			r, err := w.Call(id, "f")
			if err != nil {
				if !errors.Is(err, mods.ErrQueueFull) {
					t.Fatal(err)
				}
				break
			}
			replies = append(replies, r)
		}
		if len(replies) != 4096 {
			t.Errorf("%s: %d calls are taken", id, len(replies))
		}
		w.run(3)
		full := 0
		for _, r := range replies {
			if _, err := r.Get(); errors.Is(err, mods.ErrQueueFull) {
				full++
			}
		}
		if want := 4096 - 256; full != want {
			t.Errorf("%s: %d calls are refused, want %d", id, full, want)
		}
	}
}
