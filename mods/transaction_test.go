package mods_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
)

func TestTransaction(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		storage.set("gold", 10) storage.set("gone", {1, 2})
		local used = storage.usage()
		local function same() assert(storage.get("gold") == 10 and storage.get("gone")[2] == 2 and table.concat(storage.keys(), " ") == "gold gone" and storage.usage() == used) end

		-- All is kept, and what fn returns comes back.
		local a, b, n, more = storage.transaction(function(...)
		  storage.set("gold", storage.get("gold") - 3) storage.set("sword", true)
		  assert(storage.get("gold") == 7 and table.concat(storage.keys(), " ") == "gold gone sword")
		  return "a", nil, select("#", ...)
		end, 1, nil, nil)
		assert(a == "a" and b == nil and n == 3 and more == nil and storage.get("gold") == 7 and storage.get("sword"))
		assert(select("#", storage.transaction(function() end)) == 0)
		storage.set("gold", 10) storage.delete("sword")
		same()

		-- Or none, and the error goes on as it was.
		local problem = setmetatable({}, {__tostring = function() return "problem" end})
		for _, e in ipairs{problem, "text", 5, true} do
		  local ok, got = pcall(storage.transaction, function()
		    storage.set("gold", 0) storage.set("gold", 1) storage.delete("gold") storage.set("gold", 2)
		    storage.delete("gone") storage.set("new", 1) storage.set("newer", 1) storage.delete("new") storage.set("z", 1)
		    error(e, 0)
		  end)
		  assert(not ok and got == e)
		  same()
		end
		local ok, got = pcall(storage.transaction, function() storage.set("gold", 0) local x = nil + 1 end)
		assert(not ok and got:find("main.lua:%d+: attempt to perform arithmetic"), got)
		same()

		-- An error that fn deals with undoes nothing.
		storage.transaction(function() storage.set("gold", 11) pcall(error) end)
		assert(storage.get("gold") == 11)
		storage.set("gold", 10)

		-- None inside each other; the outer one goes on.
		storage.transaction(function()
		  storage.set("gold", 12)
		  print(pcall(storage.transaction, function() storage.set("gold", 13) end))
		  assert(storage.get("gold") == 12)
		end)
		assert(storage.get("gold") == 12)
		storage.set("gold", 10)
		print(pcall(function() storage.transaction(function() storage.transaction(print) end) end))
		print(pcall(storage.transaction)) print(pcall(storage.transaction, 5)) print(pcall(storage.transaction, 1, true))
		same()`)
	w.well(m)
	w.wantPrinted(`[one] false\tstorage.transaction: one is under way; there are none inside each other`,
		`[one] false\tmain.lua:45: storage.transaction: one is under way; there are none inside each other`,
		`[one] false\tbad argument #1 to 'transaction' (function expected, got nil)`,
		`[one] false\tbad argument #1 to 'transaction' (function expected, got number)`,
		`[one] false\tbad argument #1 to 'transaction' (function expected, got number)`)
}

func TestTransactionQuota(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.with("one", "[permissions.storage]\nreason = 'x'\nquota = 1000", `
		storage.set("a", ("x"):rep(865)) -- 900 bytes with its key, its quotes and 32 bytes
		-- More than the quota meanwhile, and less at the end.
		storage.transaction(function() storage.set("b", ("y"):rep(800)) storage.delete("a") end)
		print(storage.usage())
		storage.transaction(function() storage.delete("b") storage.set("a", ("x"):rep(865)) end)
		-- More at the end.
		print(pcall(storage.transaction, function() storage.set("b", ("y"):rep(800)) storage.set("c", 1) end))
		print(storage.usage())
		print(table.concat(storage.keys(), " "))
		-- More than twice the quota at any time.
		print(pcall(storage.transaction, function() storage.set("b", ("y"):rep(800)) storage.set("c", ("y"):rep(800)) end))
		print(storage.usage())`)
	w.run(1)
	w.well(m)
	w.wantPrinted(`[one] 835\t1000`, `[one] false\tstorage.transaction: the quota is full: 1769 of 1000 bytes would be used`, `[one] 900\t1000`, `[one] a`,
		`[one] false\tmain.lua:12: storage: the quota is full: inside a transaction, twice the quota can be used, and the value does not fit`, `[one] 900\t1000`)
}

// TestTransactionAtLimit: what ends a handler in the middle of a transaction undoes
// it. The same handler without a transaction leaves half of its changes behind.
func TestTransactionAtLimit(t *testing.T) {
	for name, end := range map[string]string{
		"instructions": "while true do end",
		"memory":       `local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end`,
		"depth":        "local function f() return 1 + f() end f()",
		"error":        "error('x')",
	} {
		for _, how := range []string{"storage.transaction", "pcall"} {
			r := &recorder{}
			w := newWorld(t, mods.Config{OpenStore: r.open, SaveEvery: 1, Limits: limits.Limits{Instructions: 2_000_000, Memory: 4 << 20, Depth: 150}})
			m := w.mod("one", `
				if not storage.get("begun") then storage.set("begun", 1) storage.set("a", "old") storage.set("b", "old") end
				return {event = function() `+how+`(function()
				  storage.set("a", "new") storage.delete("b") storage.set("c", "new")
				  `+end+`
				end) end, show = function() return tostring(storage.get("a")) .. " " .. tostring(storage.get("b")) .. " " .. table.concat(storage.keys(), " ") end}`)
			w.run(2)
			w.well(m)
			reply := w.call("one", "event")
			w.until("the end of the call", func() bool { _, err := reply.Get(); return err != mods.ErrPending })
			if m.State() == mods.Quarantined {
				if err := w.Enable("one"); err != nil {
					t.Fatal(err)
				}
				w.in(m, mods.Active)
			}
			want, stored := "old old a b begun", map[string]string{"begun": "1", "a": `"old"`, "b": `"old"`}
			if how == "pcall" {
				want, stored = "new nil a begun c", map[string]string{"begun": "1", "a": `"new"`, "c": `"new"`}
			}
			if got := w.answer(w.call("one", "show")); got != want {
				t.Errorf("%s, %s: %v; want %s", name, how, got, want)
			}
			w.run(1)
			got, _ := r.Load("one")
			if diff := cmp.Diff(stored, got); diff != "" {
				t.Errorf("%s, %s: the store (-want +got):\n%s", name, how, diff)
			}
		}
	}
}

// spread is a handler that takes many ticks to change three values, with step as how
// it does it, and another handler that looks at them.
func spread(step string) string {
	return `
		local function set(n) for _, key in ipairs{"a", "b", "c"} do storage.set(key, n) for i = 1, 700 do end end end
		set(0)
		return {tick = function(n) ` + step + `(set, n) end,
		  look = function() return storage.get("a") == storage.get("b") and storage.get("b") == storage.get("c") end}`
}

// TestPausedTransaction: a handler that is paused in the middle is not saved by half,
// and no other handler comes between.
func TestPausedTransaction(t *testing.T) {
	for _, workers := range []int{0, 2} {
		for _, step := range []string{"storage.transaction", "pcall"} {
			r := &recorder{}
			w := newWorld(t, mods.Config{OpenStore: r.open, SaveEvery: 1, Frame: mods.Frame{Instructions: 4000, Workers: workers}})
			m := w.mod("one", spread(step))
			w.run(20)
			halves, looks := 0, 0
			for range 100 {
				reply := w.call("one", "look")
				w.run(1)
				if got, _ := r.Load("one"); got["a"] != got["b"] || got["b"] != got["c"] {
					halves++
				}
				if values, err := reply.Get(); err == nil {
					looks++
					if values[0] != true {
						t.Errorf("%s: another handler saw half of the changes", step)
					}
				}
			}
			w.well(m)
			if step == "pcall" && halves < 5 {
				t.Errorf("%d workers: without a transaction, %d of 100 saves have half of the changes: the test proves nothing", workers, halves)
			}
			if step != "pcall" && (halves > 0 || len(r.saves) < 5) {
				t.Errorf("%d workers: %d of 100 saves have half of a transaction; %d saves", workers, halves, len(r.saves))
			}
		}
	}
}

// TestTransactionAndSaving: what was changed before a transaction is saved while it
// goes on, and what it changed when it is over.
func TestTransactionAndSaving(t *testing.T) {
	r := &recorder{}
	w := newWorld(t, mods.Config{OpenStore: r.open, SaveEvery: 1, Frame: mods.Frame{Instructions: 20000}})
	m := w.mod("one", `
		local function slow() for i = 1, 30000 do end end
		return {start = function()
		  storage.set("a", "before") storage.set("b", "before")
		  pcall(storage.transaction, function() storage.set("a", "undone") storage.delete("b") storage.set("c", "undone") slow() error() end)
		  slow()
		  storage.transaction(function() storage.set("a", "kept") storage.delete("b") storage.set("c", "kept") storage.set("c", nil) slow() end)
		end}`)
	w.run(15)
	w.well(m)
	set := func(key, value string) storage.Change { return storage.Change{Mod: "one", Key: key, Value: value} }
	want := [][]storage.Change{
		{set("a", `"before"`), set("b", `"before"`)},
		{set("a", `"kept"`), {Mod: "one", Key: "b", Delete: true}},
	}
	var got [][]storage.Change
	for _, save := range r.saves {
		var ours []storage.Change
		for _, c := range save {
			if c.Mod == "one" {
				ours = append(ours, c)
			}
		}
		if ours != nil {
			got = append(got, ours)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTransactionCannotWait: whatever would park a handler is an error in the middle
// of a transaction.
func TestTransactionCannotWait(t *testing.T) {
	asks := mods.Capability{Name: "asks", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return []luasandbox.Member{
			luasandbox.Func("later", func() (*luasandbox.Pending, error) {
				return g.Later(func(context.Context) ([]any, error) { return nil, nil })
			}),
			luasandbox.Func("never", func() (*luasandbox.Pending, error) { return luasandbox.Later(), nil }),
		}, nil
	}}
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{asks}})
	exports := w.with("shop", "[permissions]\nservices = {reason = 'x', export = ['price']}", "return {price = function() return 1 end}")
	m := w.with("one", everything+"[permissions.asks]\nreason = 'x'\n[permissions.services]\nreason = 'x'\nuse = ['shop/price']", `
		return {waits = function()
		  for _, wait in ipairs{function() task.sleep(0) end, function() task.wait("a") end, function() task.wait("a", 1) end,
		      function() services.call("shop", "price") end, asks.later} do
		    print(pcall(storage.transaction, function() storage.set("a", 1) wait() end))
		    assert(storage.get("a") == nil)
		    print(pcall(wait))
		  end
		end, never = function() storage.transaction(function() storage.set("a", 1) pcall(asks.never) end) end,
		get = function() return tostring(storage.get("a")) end}`)
	w.run(2)
	w.well(m, exports)
	reply := w.call("one", "waits")
	for done := false; !done; {
		w.emit("a", nil)
		w.run(1)
		select {
		case <-reply.Done():
			done = true
		case <-time.After(time.Millisecond): // a work of the engine's takes its time
		}
	}
	lines := w.printed()
	if len(lines) != 10 {
		t.Fatalf("%q", lines)
	}
	for i := 0; i < 10; i += 2 {
		if !strings.HasSuffix(lines[i], `: a function that storage.transaction calls cannot wait`) || !strings.HasPrefix(lines[i], "[one] false") || !strings.HasPrefix(lines[i+1], "[one] true") {
			t.Errorf("%q, and outside %q", lines[i], lines[i+1])
		}
	}
	w.well(m)
	// A capability of the engine's that makes its answers itself.
	reply = w.call("one", "never")
	w.run(2)
	if _, err := reply.Get(); err == nil || !strings.Contains(err.Error(), "waits for an answer") {
		t.Errorf("%v", err)
	}
	if got := w.answer(w.call("one", "get")); got != "nil" {
		t.Errorf("a is %v", got)
	}
}

// TestTransactionCannotYield: a function that would leave a transaction open is ended
// with it. Coroutines inside the function are its own business.
func TestTransactionCannotYield(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		storage.set("a", "before")
		local left
		local co = coroutine.wrap(function()
		  print(pcall(storage.transaction, function() left = coroutine.running() storage.set("a", 1) coroutine.yield() storage.set("b", 2) end))
		  assert(storage.get("a") == "before")
		  coroutine.yield("outside")
		  return "end"
		end)
		assert(co() == "outside" and co() == "end" and storage.get("a") == "before")
		storage.transaction(function() local co = coroutine.wrap(function() storage.set("c", 1) coroutine.yield() storage.set("d", 1) end) co() co() end)
		print(table.concat(storage.keys(), " "))
		-- What goes on afterwards is no part of the transaction.
		print(coroutine.resume(left))
		print(table.concat(storage.keys(), " "))`)
	w.well(m)
	w.wantPrinted(`[one] false\tstorage.transaction: the function that it calls cannot yield`, `[one] a c d`, `[one] true`, `[one] a b c d`)
}

// TestTransactionOfOneThatGoes: an unload, a reload, a stop and a disabling in the
// middle of a transaction leave nothing of it, also not to the stop hook.
func TestTransactionOfOneThatGoes(t *testing.T) {
	main := `return {start = function() storage.set("a", storage.get("a") or "old") end, go = function()
		  storage.transaction(function() storage.set("a", "new") storage.set("b", "new") while true do end end)
		end, stop = function() storage.set("stopped", tostring(storage.get("a")) .. tostring(storage.get("b"))) end,
		show = function() return table.concat(storage.keys(), " ") .. " " .. storage.get("a") end}`
	for name, test := range map[string]struct {
		do   func(w *world)
		want map[string]string
	}{
		"unload": {func(w *world) {
			if err := w.Unload("one"); err != nil {
				t.Fatal(err)
			}
			w.run(1)
		}, map[string]string{"a": `"old"`, "stopped": `"oldnil"`}},
		"disable": {func(w *world) {
			if err := w.Disable("one", "test"); err != nil {
				t.Fatal(err)
			}
			w.run(1)
		}, map[string]string{"a": `"old"`}},
		"stop": {func(w *world) { w.stop() }, map[string]string{"a": `"old"`, "stopped": `"oldnil"`}},
		"close": {func(w *world) {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{"a": `"old"`}},
	} {
		r := &recorder{}
		w := newWorld(t, mods.Config{OpenStore: r.open, SaveEvery: 1, Frame: mods.Frame{Instructions: 10000}})
		w.mod("one", main)
		w.run(2)
		w.call("one", "go")
		w.run(3)
		test.do(w)
		got, _ := r.Load("one")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestValuesSurvive: what a mod saved is there after a reload, with another quota, a
// reload that fails, a quarantine, and an unload.
func TestValuesSurvive(t *testing.T) {
	w := newWorld(t, mods.Config{})
	version := func(n, quota int, main string) mods.Source {
		return mods.Source{Bundle: bundleOf(t, "mod.toml", fmt.Sprintf("[mod]\nid = 'one'\nversion = '%d.0.0'\n[permissions.storage]\nreason = 'x'\nquota = %d", n, quota), "main.lua", main)}
	}
	const show = `show = function() local used, quota = storage.usage() return table.concat(storage.keys(), " ") .. " " .. used .. "/" .. quota end,
		fill = function() return pcall(storage.set, "big", ("x"):rep(500)) end, fail = function() while true do end end`
	m := w.load(version(1, 1000, `storage.set("a", 1) return {`+show+`}`))[0]
	w.run(2)
	want := func(want string) {
		t.Helper()
		if got := w.answer(w.call("one", "show")); got != want {
			t.Errorf("%v; want %s", got, want)
		}
	}
	reload := func(s mods.Source, good bool) {
		t.Helper()
		r, err := w.Reload("one", s)
		if err != nil {
			t.Fatal(err)
		}
		w.until("the reload", func() bool { _, err := r.Get(); return err != mods.ErrPending })
		if _, err := r.Get(); (err == nil) != good {
			t.Fatal(err)
		}
	}
	want("a 34/1000")
	reload(version(2, 500, `return {`+show+`}`), true)
	want("a 34/500")
	if got := w.answer(w.call("one", "fill")); got != false {
		t.Error("more than the new quota was taken")
	}
	reload(version(3, 64000, `storage.set("by the new one", 1) error("x")`), false)
	want("a by the new one 81/500") // what it saved before it failed is saved
	if got := w.answer(w.call("one", "fill")); got != false {
		t.Error("a reload that failed changed the quota")
	}
	w.call("one", "fail")
	w.in(m, mods.Quarantined)
	if err := w.Enable("one"); err != nil {
		t.Fatal(err)
	}
	w.in(m, mods.Active)
	want("a by the new one 81/500")
	if err := w.Unload("one"); err != nil {
		t.Fatal(err)
	}
	w.run(2)
	w.load(version(4, 2000, `return {`+show+`}`))
	w.run(2)
	want("a by the new one 81/2000")
}

// TestStorageIO: what a mod does with its storage is bounded in a tick, in operations
// and in bytes; the next tick has room again.
func TestStorageIO(t *testing.T) {
	w, m := one(t, mods.Config{Limits: limits.Limits{Instructions: 200_000_000}, Frame: mods.Frame{Instructions: 400_000_000}, Policy: mods.Policy{All: true}}, `
		storage.set("big", ("x"):rep(60000))
		local function count(f, ...) local n = 0 while n < 20000 and pcall(f, ...) do n = n + 1 end return n end
		return {ops = function() return count(storage.usage) end, gets = function() return count(storage.get, "big") end,
		  sets = function() local n = 0 return count(function() n = n + 1 storage.set("big", n .. ("x"):rep(60000)) end) end,
		  steps = function() return count(storage.transaction, function() storage.usage() end) end}`)
	w.well(m)
	w.run(1)
	for _, test := range []struct {
		call string
		want float64
	}{{"ops", 10_000}, {"gets", 16 << 20 / 60002}, {"sets", 279}, {"steps", 10_000}, {"ops", 10_000}} {
		w.run(1)
		if got := w.answer(w.call("one", test.call)); got != test.want {
			t.Errorf("%s: %v, want %v", test.call, got, test.want)
		}
	}
}
