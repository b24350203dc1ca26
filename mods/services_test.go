package mods_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// serving is the manifest of a mod that exports and uses services.
func serving(export, use []string) string {
	list := func(texts []string) string { return strings.ReplaceAll(fmt.Sprintf("%q", texts), `" "`, `", "`) }
	return fmt.Sprintf("%s\n[permissions.services]\nreason = 'test'\nexport = %s\nuse = %s\n", everything, list(export), list(use))
}

func TestServices(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Workers: workers}})
		all := w.load(
			source(t, "economy", serving([]string{"price", "several", "slow"}, nil), `
				return {price = function(item) local n = item.n item.n = "changed" return {cost = n * 2, item = item} end,
				  several = function(...) return select("#", ...), nil, ... end,
				  slow = function() task.sleep(0.2) return "slept" end,
				  hidden = function() print("hidden was called") end}`),
			source(t, "shop", serving(nil, []string{"economy/price", "economy/several", "economy/slow", "economy/hidden", "economy/nothere", "nobody/price"}), `
				return {start = function()
				  local item = {n = 21}
				  local got = services.call("economy", "price", item)
				  print(got.cost, got.item.n, item.n, got.item ~= item)
				  print(services.call("economy", "several", nil, 1, "x", nil))
				  print(pcall(services.call, "economy", "hidden"))
				  print(pcall(services.call, "economy", "nothere"))
				  print(pcall(services.call, "nobody", "price"))
				  print(pcall(services.call, "economy", "other"))
				  print(pcall(services.call, "shop", "start"))
				  print(services.available("economy", "price"), services.available("economy", "hidden"), services.available("nobody", "price"), services.available("economy", "other"))
				  local co = coroutine.wrap(function() return services.call("economy", "slow") end)
				  print(pcall(co))
				end}`))
		w.until("done", func() bool { return strings.Contains(w.out.String(), "slept") })
		w.wantPrintedBy("shop", `42\tchanged\t21\ttrue`, `4\tnil\tnil\t1\tx\tnil`,
			`false\tservices: the mod "economy" does not export "hidden"`,
			`false\tservices: the mod "economy" does not export "nothere"`,
			`false\tservices: the mod "nobody" is not running`,
			`false\tservices: "economy/other" is not under use in [permissions.services] of the manifest`,
			`false\tservices: "shop/start" is not under use in [permissions.services] of the manifest`,
			`true\tfalse\tfalse\tfalse`, `true\tslept`)
		w.well(all...)
	}
}

// TestServiceValues: what cannot be copied is an error of the caller's, or of the
// service's; neither sees the other's tables.
func TestServiceValues(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000_000}})
	all := w.load(
		source(t, "echo", serving([]string{"echo", "bad"}, nil), `return {echo = function(...) return ... end,
			bad = function(n) return ({0/0, 1/0, {1, x = 2}, ("x"):rep(70000)})[n] end}`),
		source(t, "caller", serving(nil, []string{"echo/echo", "echo/bad"}), `
			return {start = function()
			  local loop = {} loop.loop = loop
			  local deep = {} for i = 1, 101 do deep = {deep} end
			  for _, v in ipairs{0/0, 1/0, print, coroutine.create(function() end), json.null, {f = print}, {1, x = 2}, {[2] = 1}, loop, deep, ("x"):rep(70000)} do
			    print(pcall(services.call, "echo", "echo", v))
			  end
			  for n = 1, 4 do print(pcall(services.call, "echo", "bad", n)) end
			  print(pcall(services.call)) print(pcall(services.call, "echo")) print(pcall(services.call, "echo", 5)) print(pcall(services.call, ("x"):rep(1e5), "f"))
			end}`))
	w.run(3)
	lines := w.printed()
	if len(lines) != 19 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `[caller] false\t`) || strings.Contains(line, "host error") || len(line) > 400 {
			t.Error(line)
		}
	}
	w.well(all...)
}

// TestServiceErrors: what goes wrong in a service is an error of the caller's, to be
// caught, and a violation of nobody who is not to blame.
func TestServiceErrors(t *testing.T) {
	w := newWorld(t, mods.Config{})
	all := w.load(
		source(t, "economy", serving([]string{"fails"}, nil), `return {fails = function(what) error(what, 0) end}`),
		source(t, "caller", serving(nil, []string{"economy/fails"}), `return {tick = function(n)
			print(pcall(services.call, "economy", "fails", n == 1 and "out of\nstock" or {code = 5}))
		end}`))
	w.run(20)
	lines := w.printed()
	if lines[0] != `[caller] false\tservices: economy/fails: out of\nstock` || len(lines) != 20 {
		t.Errorf("%q", lines)
	}
	for i, want := range []string{"economy", "caller"} {
		if r := all[i].Report(); r.State != mods.Active || r.Health.Points != 0 || r.Health.Quarantines != 0 {
			t.Errorf("%s: %+v", want, r.Health)
		}
	}
}

// TestCalleeCannotBeStopped: whoever calls a service such that it passes a limit is
// the one to pay, and the callee goes on; by itself, it is quarantined for it.
func TestCalleeCannotBeStopped(t *testing.T) {
	callee := serving([]string{"work", "hog"}, nil)
	main := `local kept = 0
		return {work = function(n) for i = 1, n do end kept = kept + 1 return kept end,
		  hog = function(n) local t = {} for i = 1, n do t[i] = {} end return #t end}`
	for name, attack := range map[string]string{"instructions": `"work", 1e9`, "memory": `"hog", 1e6`} {
		w := newWorld(t, mods.Config{Limits: testLimits})
		all := w.load(source(t, "callee", callee, main),
			source(t, "attacker", serving(nil, []string{"callee/work", "callee/hog"}), `return {tick = function() pcall(services.call, "callee", `+attack+`) end}`),
			source(t, "honest", serving(nil, []string{"callee/work"}), `return {tick = function() print(services.call("callee", "work", 10)) end}`))
		w.in(all[1], mods.Quarantined)
		r := all[0].Report()
		if r.State == mods.Quarantined || r.Health.Points != 0 || r.Health.Quarantines != 0 {
			t.Errorf("%s: the callee: %+v", name, r.Health)
		}
		w.out.Reset()
		w.run(30)
		if n := len(w.printed()); n < 10 {
			t.Errorf("%s: after the attack the service answered %d times", name, n)
		}
	}
	w := newWorld(t, mods.Config{Limits: testLimits})
	m := w.with("callee", callee, main)
	w.run(1)
	w.call("callee", "work", 1e9) // the engine's own call: the control
	w.in(m, mods.Quarantined)
}

// TestServiceWorkIsTheCallers: what a service does is taken from the share of who
// calls it, so that the callee is not slowed down by it.
func TestServiceWorkIsTheCallers(t *testing.T) {
	run := func(attack bool) (served, callee int64) {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 200_000}})
		main := ""
		if attack {
			main = `return {start = function() for i = 1, 60 do task.spawn(function() while true do pcall(services.call, "callee", "work", 3000) end end) end end}`
		}
		all := w.load(
			source(t, "callee", serving([]string{"work"}, nil), `
				local n = 0
				return {work = function(n) for i = 1, n do end end, tick = function() n = n + 1 for i = 1, 5000 do end end, served = function() return n end}`),
			source(t, "attacker", serving(nil, []string{"callee/work"}), main),
			source(t, "busy", everything, `return {tick = function() while true do end end}`))
		w.run(100)
		return int64(w.answer(w.call("callee", "served")).(float64)), all[0].Report().Instructions
	}
	alone, _ := run(false)
	beside, instructions := run(true)
	if beside < alone*2/3 {
		t.Errorf("the callee had %d of its own ticks, and %d beside an attacker", alone, beside)
	}
	// Of 100 frames among three, the attacker may have bought no more than its third.
	if most := int64(100 * 200_000 * 2 / 3); instructions > most*11/10 {
		t.Errorf("the callee used %d instructions in all, of %d", instructions, most)
	}
}

// TestServiceCycles: services that call each other end in an error, not in a heap of
// calls, and re-entry is a new call in its turn.
func TestServiceCycles(t *testing.T) {
	for _, workers := range []int{0, 2} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Workers: workers}})
		ping := func(other string) string {
			return `return {ping = function(n) local ok, why = pcall(services.call, "` + other + `", "ping", n + 1) if ok then return why end return n .. " " .. why end}`
		}
		all := w.load(
			source(t, "aaa", serving([]string{"ping"}, []string{"bbb/ping"}), ping("bbb")),
			source(t, "bbb", serving([]string{"ping"}, []string{"aaa/ping"}), ping("aaa")))
		w.run(1)
		if got, want := w.answer(w.call("aaa", "ping", 0)), "8 services: more than 8 services call each other"; got != want {
			t.Errorf("%v", got)
		}
		w.well(all...)
		for _, m := range all {
			if r := m.Report(); r.Parked != 0 || r.Waiting != 0 {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestSpawnDoesNotForgetTheDepth: with a spawned function between, there is no loop
// without end in one frame, and no growth.
func TestSpawnDoesNotForgetTheDepth(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 200_000}})
	ping := func(other string) string {
		return `return {ping = function() task.spawn(function() services.call("` + other + `", "ping") services.call("` + other + `", "ping") end) end}`
	}
	all := w.load(
		source(t, "aaa", serving([]string{"ping"}, []string{"bbb/ping"}), ping("bbb")),
		source(t, "bbb", serving([]string{"ping"}, []string{"aaa/ping"}), ping("aaa")),
		source(t, "other", everything, `return {tick = function(n) print(n) end}`))
	w.run(1)
	w.call("aaa", "ping")
	w.run(60)
	for _, m := range all[:2] {
		if r := m.Report(); r.Parked > 64 || r.Waiting > 600 || r.MemoryBytes > 4<<20 {
			t.Errorf("%d parked, %d waiting, %d bytes", r.Parked, r.Waiting, r.MemoryBytes)
		}
	}
	if n := len(w.printed()); n < 60 {
		t.Errorf("another mod had %d of 61 ticks", n)
	}
}

// TestCalleeGoesAway: a caller whose callee is dropped gets an error and goes on.
func TestCalleeGoesAway(t *testing.T) {
	for name, away := range map[string]func(w *world) error{
		"unloaded": func(w *world) error { return w.Unload("callee") },
		"disabled": func(w *world) error { return w.Disable("callee", "") },
		"reloaded": func(w *world) error {
			_, err := w.Reload("callee", source(t, "callee", serving([]string{"sleep", "queue"}, nil), ""))
			return err
		},
		"quarantined": func(w *world) error { w.call("callee", "loop"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: 100_000}})
			all := w.load(
				source(t, "callee", serving([]string{"sleep", "queue"}, nil), `return {sleep = function() task.sleep(1000) end, loop = function() while true do end end}`),
				source(t, "caller", serving(nil, []string{"callee/sleep"}), `
					for i = 1, 3 do task.spawn(function() print(pcall(services.call, "callee", "sleep")) end) end
					return {tick = function() end}`))
			w.run(3)
			if r := all[1].Report(); r.Parked != 3 {
				t.Fatalf("%+v", r)
			}
			if err := away(w); err != nil {
				t.Fatal(err)
			}
			w.run(4)
			want := `[caller] false\tservices: callee/sleep: the mod is not running any more`
			w.wantPrinted(want, want, want)
			w.well(all[1])
			if r := all[1].Report(); r.Parked != 0 {
				t.Errorf("%d parked", r.Parked)
			}
		})
	}
}

// TestCallerGoesAway: a service that works for a mod which is gone comes to its end,
// for nobody.
func TestCallerGoesAway(t *testing.T) {
	w := newWorld(t, mods.Config{})
	all := w.load(
		source(t, "callee", serving([]string{"sleep"}, nil), `return {sleep = function() task.sleep(0.2) print("slept") return 1 end}`),
		source(t, "caller", serving(nil, []string{"callee/sleep"}), `task.spawn(function() print(services.call("callee", "sleep")) end)`))
	w.run(2)
	if err := w.Unload("caller"); err != nil {
		t.Fatal(err)
	}
	w.run(10)
	w.wantPrinted("[callee] slept")
	w.well(all[0])
}

// TestCall: Host.Call.
func TestCall(t *testing.T) {
	w, m := one(t, mods.Config{}, `return {
		add = function(a, b) return a + b end, none = function() end, fails = function() error({code = 1}) end, data = 5,
		values = function() return nil, true, 0.5, "x\0", {1, {2}}, {a = {}}, print, json.null end}`)
	r := w.call("one", "values")
	if _, err := r.Get(); err != mods.ErrPending {
		t.Errorf("before the tick: %v", err)
	}
	w.run(1)
	<-r.Done()
	got, err := r.Wait(t.Context())
	want := []any{nil, true, 0.5, "x\x00", []any{1.0, []any{2.0}}, map[string]any{"a": map[string]any{}}, nil, nil}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got := w.answer(w.call("one", "add", int64(1), 2)); got != 3.0 {
		t.Errorf("%v", got)
	}
	for function, is := range map[string]func(error) bool{"nothere": as[*mods.CallError], "data": as[*mods.CallError], "fails": as[*mods.CallError]} {
		r := w.call("one", function)
		w.run(1)
		if _, err := r.Get(); !is(err) {
			t.Errorf("%s: %T %v", function, err, err)
		}
	}
	for i, bad := range []any{struct{}{}, make(chan int), strings.Repeat("x", 70000), []any{[]int{1}}} {
		if _, err := w.Call("one", "add", bad); !as[*mods.CallError](err) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := w.Call("nobody", "add"); !as[*mods.CallError](err) {
		t.Errorf("%v", err)
	}
	if got := m.Report().ViolationCount; got != 1 {
		t.Errorf("%d violations", got)
	}
}
