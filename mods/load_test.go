package mods_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func TestLoadRefuses(t *testing.T) {
	w := newWorld(t, mods.Config{Policy: mods.Policy{Allow: []string{"log", "storage", "events", "services"}}, APIVersion: "2.1.0"})
	w.with("first", "", "")
	for name, test := range map[string]struct {
		id, rest   string
		line       int
		suggestion string
		is         func(error) bool
	}{
		"broken manifest":   {"second", "[mod]\n", 4, "", as[*manifest.Error]},
		"duplicate":         {"first", "", 0, "", as[*mods.DuplicateError]},
		"other API":         {"second", "api = '^1.0'\n", 4, "", as[*mods.APIError]},
		"not allowed":       {"second", "[permissions.timer]\nreason = 'x'", 4, "", as[*mods.PermissionError]},
		"unknown":           {"second", "[permissions.strorage]\nreason = 'x'", 4, "storage", as[*mods.PermissionError]},
		"unknown option":    {"second", "[permissions.storage]\nreason = 'x'\nqouta = '1KiB'", 6, "quota", as[*manifest.Problem]},
		"option of none":    {"second", "[permissions.log]\nreason = 'x'\nlevel = 'debug'", 6, "", as[*manifest.Problem]},
		"quota of words":    {"second", "[permissions.storage]\nreason = 'x'\nquota = 'lots'", 6, "", as[*manifest.Problem]},
		"quota too large":   {"second", "[permissions.storage]\nreason = 'x'\nquota = '65KiB'", 6, "", as[*manifest.Problem]},
		"events not a list": {"second", "[permissions.events]\nreason = 'x'\nemit = 'all'", 6, "", as[*manifest.Problem]},
		"event twice":       {"second", "[permissions.events]\nreason = 'x'\nemit = ['a',\n'b',\n'a']", 8, "", as[*manifest.Problem]},
		"event name":        {"second", "[permissions.events]\nreason = 'x'\nemit = ['A b']", 6, "", as[*manifest.Problem]},
		"service's name":    {"second", "[permissions.services]\nreason = 'x'\nuse = ['economy.price']", 6, "", as[*manifest.Problem]},
		"exported name":     {"second", "[permissions.services]\nreason = 'x'\nexport = ['a/b']", 6, "", as[*manifest.Problem]},
		"two problems":      {"second", "[permissions.events]\nreason = 'x'\nemit = 1\nsubscribe = 2", 6, "", as[*manifest.Error]},
		"no entry":          {"second", "entry = 'other.lua'", 4, "", as[*manifest.Problem]},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := w.try(test.id, test.rest, "")
			if err == nil || !test.is(err) {
				t.Fatalf("got %T %v", err, err)
			}
			if r := m.Report(); r.State != mods.Refused || r.Reason == "" || strings.Contains(r.Reason, "\n") || !errors.Is(err, m.Err()) {
				t.Errorf("%+v", r)
			}
			p, found := errors.AsType[*manifest.Problem](err)
			if found != (test.line > 0) || found && (p.Line != test.line || p.Suggestion != test.suggestion) {
				t.Errorf("got %v", err)
			}
		})
	}
	if got := len(w.Mods()); got != 17 {
		t.Errorf("%d mods are recorded, want 17", got)
	}
	w.run(1)
	if first := w.Mod("first"); first.State() != mods.Active || w.Mods()[0] != first || w.Mod("second") != nil {
		t.Errorf("the first mod is %s", first.State())
	}
}

func TestLoadRecordsWhatCannotBeOpened(t *testing.T) {
	w := newWorld(t, mods.Config{})
	reason := errors.New("a damaged archive\nwith \x1b[31mcolours")
	all, err := w.Load(mods.Source{Path: "mods/\u202ebroken.zip", Err: reason}, mods.Source{Path: "nothing"}, source(t, "good", "", ""))
	if !errors.Is(err, reason) || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	w.run(1)
	r := all[0].Report()
	want := mods.Report{Source: `mods/\u202ebroken.zip`, State: mods.Refused, Reason: "a damaged archive"}
	if diff := cmp.Diff(want, r); diff != "" || all[0].Err() != reason || all[0].ID() != "" || all[0].Manifest() != nil {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if all[1].State() != mods.Refused || all[1].Err() == nil {
		t.Errorf("neither a bundle nor an error: %+v", all[1].Report())
	}
	w.well(all[2])
}

func TestDuplicatesInOneLoad(t *testing.T) {
	w := newWorld(t, mods.Config{})
	all, err := w.Load(source(t, "one", "", "print('first')"), source(t, "one", "", "print('second')"), source(t, "two", "", "print('two')"))
	if e, ok := errors.AsType[*mods.DuplicateError](err); !ok || e.ID != "one" {
		t.Errorf("got %v", err)
	}
	w.run(1)
	w.wantPrinted("[one] first", "[two] two")
	if all[1].State() != mods.Refused || w.Mod("one") != all[0] {
		t.Errorf("the second is %s", all[1].State())
	}
}

// TestWhatRunsStays: a mod that cannot run beside those that are there is refused,
// whoever of both says so.
func TestWhatRunsStays(t *testing.T) {
	w := newWorld(t, mods.Config{})
	if _, err := loadAll(t, w, []string{"aaa@1.0.0 wants zzz ^1; not yyy *", "bbb@1.0.0 needs aaa ^1"}); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.out.Reset()
	for _, test := range []struct {
		mod, reason, on string
	}{
		{"ccc@1.0.0 not aaa *", "conflict", "aaa"},
		{"yyy@1.0.0", "conflict", "aaa"},
		{"zzz@2.0.0", "version", "aaa"},
		{"ddd@1.0.0 needs aaa ^2", "version", "aaa"},
		{"eee@1.0.0 needs fff *", "missing", "fff"},
		{"ggg@1.0.0 needs ggg *", "", ""},
	} {
		_, err := loadAll(t, w, []string{test.mod})
		if e, ok := errors.AsType[*mods.DependencyError](err); err == nil || test.on != "" && (!ok || string(e.Reason) != test.reason || e.On != test.on || e.Err == nil) {
			t.Errorf("%s: %v", test.mod, err)
		}
	}
	// Among many, only those that cannot are refused, and who needs them.
	loaded, err := loadAll(t, w, []string{"ppp@1.0.0 needs qqq *", "qqq@1.0.0 not bbb *", "rrr@1.0.0 needs bbb ^1", "sss@1.0.0 wants qqq *"})
	if err == nil {
		t.Error("all were taken")
	}
	w.run(2)
	var states []string
	for _, m := range loaded {
		states = append(states, m.ID()+" "+string(m.State()))
	}
	if diff := cmp.Diff([]string{"ppp refused", "qqq refused", "rrr active", "sss active"}, states); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.wantPrinted("[rrr] here", "[sss] here")
	w.well(w.Mod("aaa"), w.Mod("bbb"))
}

// TestLaterLoads: a mod may need what is there, also what is not loaded yet.
func TestLaterLoads(t *testing.T) {
	w := newWorld(t, mods.Config{})
	base := w.with("base", "", "print('base')")
	dependant := w.with("dependant", "[dependencies]\nbase = '*'", "print('dependant')")
	w.run(1)
	w.with("late", "[dependencies]\ndependant = '*'", "print('late')")
	w.run(1)
	w.wantPrinted("[base] base", "[dependant] dependant", "[late] late")
	w.well(base, dependant, w.Mod("late"))
	var order []string
	for _, m := range w.Mods() {
		order = append(order, m.ID())
	}
	if diff := cmp.Diff([]string{"base", "dependant", "late"}, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

const slow = "for i = 1, 400000 do end "

// TestSlowDependency: whoever needs a mod whose main file takes several frames waits
// for it; others do not, but with their start hooks.
func TestSlowDependency(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		notes, cap := notebook()
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 200_000, Workers: workers}, Capabilities: []mods.Capability{cap}})
		hooks := "return {start = function() note.down('start') end, tick = function(n) note.down('tick') end}"
		load := func(id, rest, main string) mods.Source {
			return source(t, id, "[permissions.note]\nreason = 'test'\n"+rest, main+"note.down('main') "+hooks)
		}
		loaded := w.load(
			load("aaa", "[dependencies]\nslow = '*'", ""), load("bbb", "", ""), load("slow", "", slow),
			load("zzz", "[optional_dependencies]\nslow = '*'", ""))
		w.run(1)
		if diff := cmp.Diff([]string{"[bbb] main"}, *notes); diff != "" || loaded[2].State() != mods.Loaded {
			t.Fatalf("it is not slow; the test proves nothing: %s", diff)
		}
		w.until("started", func() bool { return slices.Contains(*notes, "[zzz] tick") })
		w.run(3)
		at := func(line string) int { return slices.Index(*notes, line) }
		for _, id := range []string{"aaa", "bbb", "slow", "zzz"} {
			start, tick := at("["+id+"] start"), at("["+id+"] tick")
			if start < 0 || tick < start || start < at("[slow] main") || start < at("[aaa] main") || start < at("[zzz] main") {
				t.Errorf("%d workers: %s starts at %d, ticks at %d: %q", workers, id, start, tick, *notes)
			}
		}
		w.well(loaded...)
	}
}

// TestBatchDoesNotWaitForEver: a main file that does not come to its end in ten
// ticks, or that waits for something, holds nobody up for longer.
func TestBatchDoesNotWaitForEver(t *testing.T) {
	for name, main := range map[string]string{
		"works":  "while true do end",
		"waits":  "task.sleep(1000)",
		"forked": "coroutine.wrap(function() task.wait('a') end)()",
	} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000}})
		loaded := w.load(source(t, "good", "", "return {start = function() print('start') end}"), source(t, "slow", everything, main))
		w.run(5)
		w.wantPrinted()
		w.run(8)
		w.wantPrinted("[good] start")
		w.well(loaded[0])
		if s := loaded[1].State(); s != mods.Loaded && s != mods.Paused {
			t.Errorf("%s: the slow one is %s", name, s)
		}
	}
}

// TestBrokenDependency: a mod whose dependency fails is not run, and is when the
// dependency is there.
func TestBrokenDependency(t *testing.T) {
	w := newWorld(t, mods.Config{})
	broken := w.with("broken", "", "error('always')")
	dependant := w.with("dependant", "[dependencies]\nbroken = '*'", "print('runs')")
	optional := w.with("optional", "[optional_dependencies]\nbroken = '*'", "print('runs')")
	w.run(20)
	w.wantPrinted("[optional] runs")
	w.well(optional)
	if broken.State() != mods.Quarantined || dependant.State() != mods.Paused || len(dependant.Report().Violations) > 0 {
		t.Errorf("%s and %s", broken.State(), dependant.State())
	}
	if r := dependant.Report(); r.Reason == "" {
		t.Error("there is no reason why it is paused")
	}
	reply, err := w.Reload("broken", source(t, "broken", "", "print('mended')"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(2)
	if _, err := reply.Get(); err != nil {
		t.Error(err)
	}
	w.wantPrinted("[broken] mended", "[dependant] runs")
	w.well(dependant)
	if broken.State() != mods.Active {
		t.Errorf("the mended mod is %s", broken.State())
	}
}

// TestUnload: stop hooks are called, of who needs it first; nothing of it happens
// afterwards, and its id is free.
func TestUnload(t *testing.T) {
	w := newWorld(t, mods.Config{})
	main := "events.on('a', print) timer.every(0.05, function() print('timer') end) return {stop = function() print('stop') end}"
	loaded := w.load(source(t, "base", everything, main), source(t, "needs", everything+"[dependencies]\nbase = '*'", main), source(t, "other", everything, main))
	w.run(1)
	w.out.Reset()
	w.emit("a", "before")
	if err := w.Unload("base"); err != nil {
		t.Fatal(err)
	}
	w.emit("a", "after")
	w.run(2)
	lines := w.printed()
	if diff := cmp.Diff([]string{"[needs] stop", "[base] stop"}, slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "[other]") })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, want := range []mods.State{mods.Unloaded, mods.Unloaded, mods.Active} {
		if got := loaded[i].State(); got != want {
			t.Errorf("%s is %s", loaded[i].ID(), got)
		}
	}
	if w.Mod("base") != nil || len(w.Mods()) != 1 || len(w.Status().Mods) != 1 {
		t.Errorf("%d mods are left", len(w.Mods()))
	}
	if err := w.Unload("base"); !errors.Is(err, mods.ErrNoMod) {
		t.Errorf("a second time: %v", err)
	}
	w.out.Reset()
	again := w.with("base", "", "print('again')")
	w.run(1)
	if !slices.Contains(w.printed(), "[base] again") {
		t.Errorf("printed %q", w.printed())
	}
	w.well(again, loaded[2])
}

func TestHooks(t *testing.T) {
	w := newWorld(t, mods.Config{})
	var sources []mods.Source
	for _, id := range []string{"bbb", "aaa"} {
		rest := ""
		if id == "aaa" {
			rest = "[dependencies]\nbbb = '*'\n"
		}
		sources = append(sources, source(t, id, rest, `
			print("main")
			return {start = function(...) print("start", ...) end, tick = function(...) print("tick", ...) end, stop = function(...) print("stop", ...) end}`))
	}
	loaded := w.load(sources...)
	w.run(1)
	w.dt *= 5
	w.run(1)
	w.stop()
	lines := w.printed()
	slices.Sort(lines[2:6]) // who starts first, when all main files have run, is not said
	if diff := cmp.Diff([]string{
		"[bbb] main", "[aaa] main", "[aaa] start", `[aaa] tick\t1\t0.05`, "[bbb] start", `[bbb] tick\t1\t0.05`,
		`[bbb] tick\t2\t0.25`, `[aaa] tick\t2\t0.25`, "[aaa] stop", "[bbb] stop"}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, m := range loaded {
		if m.State() != mods.Stopped {
			t.Errorf("%s is %s", m.ID(), m.State())
		}
	}
}

func TestMisspeltHookIsTold(t *testing.T) {
	w, m := one(t, mods.Config{}, "return {ticks = function() end, ['\\n\\27'] = function() end}")
	w.well(m)
	want := "WARN mod has an unknown hook mod=one hook=ticks nearest=tick"
	if !slices.Contains(w.log.lines(), want) {
		t.Errorf("not logged: %s in %q", want, w.log.lines())
	}
}

func TestRequire(t *testing.T) {
	w := newWorld(t, mods.Config{})
	secret := w.mod("secret", "", "lib/names.lua", "return 'secret'")
	m := w.mod("one", `
		assert(require("lib.names") == "names" and require("lib.names") == "names")
		assert(require("lib.pack") == "pack")
		assert(require("main2") == "main2" )
		for _, name in ipairs{"lib/names", "lib.names.lua", ".lib.names", "lib..names", "lib.", ".", "..", "../secret/lib/names",
		    "secret.lib.names", "/lib/names", "lib\\names", "lib.names\0", "mod", "mod.toml", "LIB.NAMES", "hidden", "io", ("a."):rep(99) .. "a"} do
		  local ok, problem = pcall(require, name)
		  if ok then print("found " .. name) end
		end
		local ok, problem = pcall(require, "lib.broken")
		print(problem)`,
		"lib/names.lua", "return 'names'", "lib/names/init.lua", "return 'shadowed'", "lib/pack/init.lua", "return 'pack'",
		"main2.lua", "return 'main2'", "lib/broken.lua", "x =", ".hidden.lua", "return 'hidden'")
	w.run(1)
	w.well(m, secret)
	w.wantPrinted(`[one] error loading module 'lib.broken':\n\tlib/broken.lua:1: unexpected symbol near '<eof>'`)
}

func TestMainFile(t *testing.T) {
	for name, test := range map[string]struct {
		main  string
		state mods.State
		kind  mods.ViolationKind
		err   func(error) bool
	}{
		"nothing":        {"", mods.Active, "", nil},
		"nil":            {"return nil", mods.Active, "", nil},
		"no hooks":       {"return {}", mods.Active, "", nil},
		"other things":   {"return {version = 3, helper = function() end, list = {1, {f = print}}}", mods.Active, "", nil},
		"a number":       {"return 5", mods.Quarantined, mods.HookViolation, as[*mods.HookError]},
		"a list":         {"return {function() end}", mods.Quarantined, mods.HookViolation, as[*mods.HookError]},
		"tick is 5":      {"return {tick = 5}", mods.Quarantined, mods.HookViolation, as[*mods.HookError]},
		"a cycle":        {"local t = {} t.t = t return t", mods.Active, "", nil},
		"a class":        {"local M = {} M.__index = M function M.tick() end return M", mods.Active, "", nil},
		"an error":       {"error('so\\nit goes')", mods.Quarantined, mods.ErrorViolation, as[*luasandbox.ScriptError]},
		"not Lua":        {"this is not Lua", mods.Disabled, mods.SyntaxViolation, as[*luasandbox.SyntaxError]},
		"bytecode":       {"\x1bLua\x51\x00", mods.Disabled, mods.SyntaxViolation, as[*luasandbox.SyntaxError]},
		"without end":    {"while true do pcall(function() while true do end end) end", mods.Quarantined, mods.LimitViolation, nil},
		"without memory": {"local t = {} while true do t[#t+1] = ('x'):rep(1000) .. #t end", mods.Quarantined, mods.LimitViolation, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mods.Config{Limits: testLimits})
			m := w.mod("one", test.main)
			other := w.mod("other", "return {tick = function() print('well') end}")
			w.run(1)
			w.wantPrinted("[other] well")
			w.well(other)
			r := m.Report()
			stopped := test.state != mods.Active
			if r.State != test.state || stopped != (m.Err() != nil) || test.err != nil && !test.err(m.Err()) {
				t.Errorf("%s, %T %v", r.State, m.Err(), m.Err())
			}
			if strings.Contains(r.Reason, "\n") || (r.Reason == "") == stopped {
				t.Errorf("reason %q", r.Reason)
			}
			if test.kind == "" && len(r.Violations) > 0 || test.kind != "" && (len(r.Violations) != 1 || r.Violations[0].Kind != test.kind) {
				t.Errorf("%v", r.Violations)
			}
		})
	}
}

// TestResultsOfHooksAreNotHeld: each result holds 10 KB, of which the host must let
// go, as of what is sent by mistake.
func TestResultsOfHooksAreNotHeld(t *testing.T) {
	const result = `local big = ("x"):rep(1e4) .. %s return function() return big end, {{f = {function() return big end}}}`
	main := `
		local n = 0
		timer.every(0.05, function() n = n + 1 ` + fmt.Sprintf(result, "n") + ` end)
		events.on("a", function() ` + fmt.Sprintf(result, "n") + ` end)
		return {service = function() ` + fmt.Sprintf(result, "n") + ` end, tick = function(tick) events.emit("a") task.spawn(function() task.sleep(0) ` + fmt.Sprintf(result, "tick") + ` end) ` + fmt.Sprintf(result, "tick") + ` end}`
	limit := testLimits
	limit.Memory = 384 << 10
	w := newWorld(t, mods.Config{Limits: limit})
	m := w.mod("one", main)
	for range 300 {
		w.call("one", "service")
		w.run(1)
	}
	w.well(m)
}

// TestLoadFromAMainFile: a mod that needs one which is being loaded just then is
// loaded in the next tick, as all that is said in a tick happens in the next.
func TestLoadFromAMainFile(t *testing.T) {
	var w *world
	do := func() {
		w.load(source(t, "needs", "[dependencies]\nbase = '*'\n", "print('runs')"), source(t, "likes", "[optional_dependencies]\nbase = '*'\n", "print('runs')"))
	}
	for _, workers := range []int{0, 2} {
		w = newWorld(t, mods.Config{Capabilities: []mods.Capability{inside(&do)}, Frame: mods.Frame{Workers: workers}})
		w.with("base", "[permissions.engine]\nreason = 'x'", "engine.inside()")
		w.run(1)
		w.wantPrinted()
		w.run(1)
		w.wantPrintedBy("needs", "runs")
		w.wantPrintedBy("likes", "runs")
		w.well(w.Mods()...)
	}
}
