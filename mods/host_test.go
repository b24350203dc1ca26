package mods_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
)

func TestZeroConfigAllowsNothing(t *testing.T) {
	h, err := mods.NewHost(mods.HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Add(bundleOf(t, "mod.toml", manifestOf("plain", ""), "main.lua", `
		assert(not (log or events or timer or storage or random or clock or json or io))
		print("into the void", os.time())`), "plain"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log", "events", "timer", "storage", "random", "clock", "json"} {
		m, err := h.Add(bundleOf(t, "mod.toml", manifestOf("with-"+name, "[permissions."+name+"]\nreason = 'wants it'\n"), "main.lua", ""), name)
		var refused *mods.PermissionError
		if !errors.As(err, &refused) || refused.Unknown || refused.Capability != name || refused.Mod != "with-"+name ||
			refused.Err.Line != 4 || m.State() != mods.Refused || m.Err() != err {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := h.Tick(context.Background()); err != nil {
		t.Fatal(err)
	}
	r := h.Mods()[0].Report()
	if r.State != mods.Running || r.OutputBytes == 0 {
		t.Errorf("%+v", r)
	}
}

func TestConfigErrors(t *testing.T) {
	for field, cfg := range map[string]mods.HostConfig{
		"Limits":              {Limits: limits.Limits{Memory: -1}},
		"APIVersion":          {APIVersion: "v1"},
		"OpenStore":           {DataDir: "somewhere"},
		"SaveEvery":           {SaveEvery: -1},
		"TickLength":          {TickLength: -time.Second},
		"Policy.StorageQuota": {Policy: mods.Policy{StorageQuota: -1}},
		"Policy.Allow":        {Policy: mods.Policy{Allow: []string{"log", "evnets"}}},
		"Capabilities":        {Capabilities: []mods.Capability{engine{name: "log"}}},
	} {
		_, err := mods.NewHost(cfg)
		var typed *mods.ConfigError
		if !errors.As(err, &typed) || typed.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := mods.NewHost(mods.HostConfig{Policy: mods.Policy{Allow: []string{"evnets"}}})
	if err == nil || !strings.Contains(err.Error(), `did you mean "events"?`) {
		t.Errorf("no help: %v", err)
	}
	broken := errors.New("no store today")
	_, err = mods.NewHost(mods.HostConfig{OpenStore: func(string) (storage.Store, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("the store's error came back as %v", err)
	}
}

func TestAddRefuses(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Policy: mods.Policy{Allow: []string{"log", "storage", "events"}}, APIVersion: "2.1.0"})
	if _, err := w.try("first", "", ""); err != nil {
		t.Fatal(err)
	}
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
		"two problems":      {"second", "[permissions.events]\nreason = 'x'\nemit = 1\nsubscribe = 2", 6, "", as[*manifest.Error]},
		"no entry":          {"second", "entry = 'other.lua'", 4, "", as[*manifest.Problem]},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := w.try(test.id, test.rest, "")
			if err == nil || !test.is(err) {
				t.Fatalf("got %T %v", err, err)
			}
			if r := m.Report(); r.State != mods.Refused || r.Reason == "" || strings.Contains(r.Reason, "\n") || m.Err() != err {
				t.Errorf("%+v", r)
			}
			var p *manifest.Problem
			if found := errors.As(err, &p); found != (test.line > 0) || found && (p.Line != test.line || p.Suggestion != test.suggestion) {
				t.Errorf("got %v", err)
			}
		})
	}
	if got := len(w.Mods()); got != 15 {
		t.Errorf("%d mods are recorded, want 15", got)
	}
	w.start()
	if first := w.Mods()[0]; first.State() != mods.Running || first.ID() != "first" {
		t.Errorf("the first mod is %s", first.State())
	}
}

func as[E error](err error) bool { var e E; return errors.As(err, &e) }

func TestRefuseRecordsWhatCannotBeOpened(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	reason := errors.New("a damaged archive\nwith \x1b[31mcolours")
	m, err := w.Refuse("mods/\u202ebroken.zip", reason)
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	r := m.Report()
	want := mods.Report{Source: `mods/\u202ebroken.zip`, State: mods.Refused, Reason: "a damaged archive"}
	if diff := cmp.Diff(want, r); diff != "" || m.Err() != reason || m.ID() != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimitsOnlyTighten(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Instructions: 1000, Memory: 1 << 20}})
	m, err := w.try("greedy", "[limits]\ninstructions = 1_000_000\nmemory = '100KiB'\n", "")
	if err != nil {
		t.Fatal(err)
	}
	if l := m.Limits(); l.Instructions != 1000 || l.Memory != 100<<10 || l.Depth != limits.DefaultDepth {
		t.Errorf("%+v", l)
	}
}

func TestHooks(t *testing.T) {
	w := newWorld(t, mods.HostConfig{TickLength: 250 * time.Millisecond})
	for _, id := range []string{"bb", "aa"} {
		rest := ""
		if id == "aa" {
			rest = "[dependencies]\nbbb = '*'\n"
		}
		if _, err := w.try(id+id[:1], rest, `
			print("main")
			return {start = function(...) print("start", ...) end, tick = function(...) print("tick", ...) end, stop = function(...) print("stop", ...) end}`); err != nil {
			t.Fatal(err)
		}
	}
	w.run(2)
	w.stop()
	w.wantPrinted(
		"[bbb] main", "[aaa] main", "[bbb] start", "[aaa] start",
		`[bbb] tick\t1\t0.25`, `[aaa] tick\t1\t0.25`, `[bbb] tick\t2\t0.25`, `[aaa] tick\t2\t0.25`,
		"[aaa] stop", "[bbb] stop")
	for _, m := range w.Mods() {
		if m.State() != mods.Stopped {
			t.Errorf("%s is %s", m.ID(), m.State())
		}
	}
}

func TestMainFile(t *testing.T) {
	for name, test := range map[string]struct {
		main  string
		state mods.State
		kind  mods.ViolationKind
		err   func(error) bool
	}{
		"nothing":        {"", mods.Running, "", nil},
		"nil":            {"return nil", mods.Running, "", nil},
		"no hooks":       {"return {}", mods.Running, "", nil},
		"other things":   {"return {version = 3, helper = function() end, list = {1, {f = print}}}", mods.Running, "", nil},
		"a number":       {"return 5", mods.Quarantined, mods.HookViolation, as[*mods.HookError]},
		"a list":         {"return {function() end}", mods.Quarantined, mods.HookViolation, as[*mods.HookError]},
		"tick is 5":      {"return {tick = 5}", mods.Quarantined, mods.HookViolation, as[*mods.HookError]},
		"a cycle":        {"local t = {} t.t = t return t", mods.Running, "", nil},
		"a class":        {"local M = {} M.__index = M function M.tick() end return M", mods.Running, "", nil},
		"an error":       {"error('so\\nit goes')", mods.Quarantined, mods.ErrorViolation, as[*luasandbox.ScriptError]},
		"not Lua":        {"this is not Lua", mods.Quarantined, mods.SyntaxViolation, as[*luasandbox.SyntaxError]},
		"bytecode":       {"\x1bLua\x51\x00", mods.Quarantined, mods.SyntaxViolation, as[*luasandbox.SyntaxError]},
		"without end":    {"while true do pcall(function() while true do end end) end", mods.Quarantined, mods.LimitViolation, as[*limits.Error]},
		"without memory": {"local t = {} while true do t[#t+1] = ('x'):rep(1000) .. #t end", mods.Quarantined, mods.LimitViolation, as[*limits.Error]},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Instructions: 1_000_000, Memory: 1 << 20}})
			m := w.mod("one", test.main)
			other := w.mod("other", "return {tick = function() print('well') end}")
			w.run(1)
			w.wantPrinted("[other] well")
			w.well(other)
			r := m.Report()
			if r.State != test.state || (test.err == nil) != (m.Err() == nil) || test.err != nil && !test.err(m.Err()) {
				t.Errorf("%s, %T %v", r.State, m.Err(), m.Err())
			}
			if strings.Contains(r.Reason, "\n") || (r.Reason == "") != (test.err == nil) {
				t.Errorf("reason %q", r.Reason)
			}
			if test.kind == "" && len(r.Violations) > 0 || test.kind != "" && (len(r.Violations) != 1 || r.Violations[0].Kind != test.kind) {
				t.Errorf("%v", r.Violations)
			}
		})
	}
}

func TestMisspeltHookIsTold(t *testing.T) {
	w, m := one(t, mods.HostConfig{}, "return {ticks = function() end, ['\\n\\27'] = function() end}")
	w.well(m)
	want := "WARN mod has an unknown hook mod=one hook=ticks nearest=tick"
	if !slices.Contains(*w.log.lines, want) {
		t.Errorf("not logged: %s in %q", want, *w.log.lines)
	}
}

func TestRequire(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
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
	w.start()
	w.well(m, secret)
	w.wantPrinted(`[one] error loading module 'lib.broken':\n\tlib/broken.lua:1: unexpected symbol near '<eof>'`)
}

// failing is a mod that fails every nth tick.
const failing = `return {tick = function(n) if n %% %d == 0 then error("tick " .. n .. "\nFORGED \27[31m", 0) end end}`

func TestErrorsAreCounted(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	often := w.mod("often", fmt.Sprintf(failing, 1))
	seldom := w.mod("seldom", fmt.Sprintf(failing, 200))
	dependant, err := w.try("dependant", "[dependencies]\noften = '*'\n", "return {tick = function(n) if n == 20 then print('still here') end end}")
	if err != nil {
		t.Fatal(err)
	}
	w.run(9)
	if r := often.Report(); r.State != mods.Running || len(r.Violations) != 9 {
		t.Errorf("after 9 errors it is %s", r.State)
	}
	w.ticks(2)
	r := often.Report()
	if r.State != mods.Quarantined || len(r.Violations) != 10 ||
		r.Reason != `it failed 10 times; last in tick 10, tick hook: tick 10` {
		t.Errorf("after 10 errors it is %s with %d violations: %s", r.State, len(r.Violations), r.Reason)
	}
	if v := r.Violations[9]; v.Kind != mods.ErrorViolation || v.Tick != 10 || v.Message != `tick 10\nFORGED \x1b[31m` || v.Traceback == "" {
		t.Errorf("%+v", v)
	}
	w.ticks(2500)
	w.wantPrinted("[dependant] still here")
	if r := seldom.Report(); r.State != mods.Running || len(r.Violations) != 12 {
		t.Errorf("12 errors in 2,500 ticks: %s, %d violations", r.State, len(r.Violations))
	}
	w.well(dependant)
}

func TestViolationsAreBounded(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Instructions: 100_000}})
	m := w.mod("one", `local n = 0 return {tick = function(tick) if tick % 200 == 0 then error(("x"):rep(1e5)) end
		if tick == 6001 then while true do end end end}`)
	w.run(6001)
	r := m.Report()
	if len(r.Violations) != 21 || r.ViolationsOmitted != 10 || r.Violations[20].Kind != mods.LimitViolation {
		t.Errorf("%d violations, %d omitted", len(r.Violations), r.ViolationsOmitted)
	}
	if got := len(r.Violations[0].Message); got > 1100 {
		t.Errorf("a message of %d bytes", got)
	}
}

func TestResultsOfHooksAreNotHeld(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Memory: 256 << 10}})
	// Each result holds 10 KB. The host must let go of all of them.
	const result = `local big = ("x"):rep(1e4) .. %s return function() return big end, {{f = {function() return big end}}}`
	m := w.mod("one", `
		local n = 0
		timer.every(0.05, function() n = n + 1 `+fmt.Sprintf(result, "n")+` end)
		events.on("a", function() `+fmt.Sprintf(result, "n")+` end)
		return {tick = function(tick) events.emit("a") `+fmt.Sprintf(result, "tick")+` end}`)
	w.run(500)
	w.well(m)
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("the player left")
	leave := engine{name: "engine", grant: luasandbox.NewGrant("engine", "", luasandbox.Func("leave", func() { cancel(cause) }))}
	w := newWorld(t, mods.HostConfig{Capabilities: []mods.Capability{leave}})
	m, err := w.try("one", "[permissions.engine]\nreason = 'x'", "return {tick = function(n) if n == 1 then engine.leave() while true do end end print(n) end}")
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	for range 2 { // interrupted; and with a context that has ended before
		if err := w.Tick(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	}
	w.ticks(1)
	w.wantPrinted("[one] 3")
	w.well(m) // that it was interrupted is not its fault
}

// deadline is a context whose deadline passes when it has been looked at a few
// times: when the first mod is running.
type deadline struct {
	context.Context
	looks int
}

func (d *deadline) Err() error {
	if d.looks++; d.looks > 4 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestDeadline(t *testing.T) {
	w := newWorld(t, mods.HostConfig{Limits: limits.Limits{Instructions: limits.Unlimited, Time: limits.UnlimitedTime}})
	m := w.mod("one", "return {tick = function(n) while true do end end}")
	good := w.mod("two", "return {tick = function(n) print(n) end}")
	w.start()
	for n := range 10 {
		if state := m.State(); state != mods.Running {
			t.Fatalf("%s after %d ticks", state, n)
		}
		if err := w.Tick(&deadline{Context: context.Background()}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	}
	if r := m.Report(); r.State != mods.Quarantined || r.Violations[0].Kind != mods.DeadlineViolation {
		t.Errorf("%+v", r)
	}
	w.ticks(1)
	w.wantPrinted("[two] 11")
	w.well(good)
}

func TestPhases(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, mods.HostConfig{})
	empty := bundleOf(t, "mod.toml", manifestOf("one", ""), "main.lua", "")
	check := func(step string, want error, errs ...error) {
		t.Helper()
		for i, err := range errs {
			if !errors.Is(err, want) {
				t.Errorf("%s: %d: %v, want %v", step, i, err, want)
			}
		}
	}
	add := func() error { _, err := w.Add(empty, ""); return err }
	refuse := func() error { _, err := w.Refuse("", errors.New("x")); return err }
	check("before Start", mods.ErrNotStarted, w.Tick(ctx), w.Stop(ctx), w.Emit(ctx, "a", nil))
	check("before Start", nil, add(), w.Start(ctx), w.Emit(ctx, "a", nil), w.Tick(ctx))
	check("after Start", mods.ErrStarted, w.Start(ctx), add(), refuse())
	check("Stop", nil, w.Stop(ctx))
	check("after Stop", mods.ErrStopped, w.Tick(ctx), w.Stop(ctx), w.Emit(ctx, "a", nil))
	check("after Stop", mods.ErrStarted, w.Start(ctx), add())
	check("Close", nil, w.Close(), w.Close())
	check("after Close", mods.ErrClosed, w.Tick(ctx), w.Stop(ctx), w.Start(ctx), w.Emit(ctx, "a", nil), add(), refuse())
	if got := w.Mods()[0].State(); got != mods.Stopped {
		t.Errorf("the mod is %s", got)
	}
}

func TestCloseWithoutStop(t *testing.T) {
	var kept storage.Memory
	w := newWorld(t, mods.HostConfig{OpenStore: func(string) (storage.Store, error) { return &kept, nil }})
	m := w.mod("one", "return {tick = function(n) storage.set('n', n) end, stop = function() print('never') end}")
	w.run(3)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r := m.Report(); r.State != mods.Stopped || r.Instructions == 0 {
		t.Errorf("%+v", r)
	}
	if got, _ := kept.Load("one"); got["n"] != "3" || w.out.Len() > 0 {
		t.Errorf("saved %v, printed %q", got, w.out)
	}
}

func TestMisuseIsNoticed(t *testing.T) {
	var w *world
	var errs []error
	var emitted error
	reenter := engine{name: "engine", grant: luasandbox.NewGrant("engine", "",
		luasandbox.Func("reenter", func(ctx context.Context) {
			_, added := w.Add(nil, "")
			_, called := w.Mods()[0].Call(ctx, "nonsense", nil)
			errs = []error{w.Tick(ctx), w.Start(ctx), w.Stop(ctx), w.Close(), added, called}
			emitted = w.Emit(ctx, "a", "from inside")
			w.Mods()[0].Report()
		}))}
	w = newWorld(t, mods.HostConfig{Capabilities: []mods.Capability{reenter}})
	m, err := w.try("one", everything+"[permissions.engine]\nreason = 'x'", `
		events.on("a", print)
		return {tick = function(n) if n == 1 then engine.reenter() end end}`)
	if err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.well(m)
	if len(errs) != 6 {
		t.Fatal("the engine was not called")
	}
	for i, err := range errs {
		if !errors.Is(err, mods.ErrBusy) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if emitted != nil {
		t.Errorf("Emit: %v", emitted)
	}
	w.wantPrinted("[one] from inside")
}

// TestFromOtherGoroutines is for the race detector.
func TestFromOtherGoroutines(t *testing.T) {
	w := newWorld(t, mods.HostConfig{})
	w.mod("one", `
		events.on("chat", function(text) storage.set("last", text) end)
		return {tick = function(n) log.info("tick", {n = n}) if n % 7 == 0 then error("x") end end}`)
	w.start()
	ctx := context.Background()
	done := make(chan struct{})
	for range 3 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 100 {
				if err := w.Emit(ctx, "chat", map[string]any{"text": "hello"}); err != nil {
					t.Error(err)
				}
				if err := w.Tick(ctx); err != nil && !errors.Is(err, mods.ErrBusy) {
					t.Error(err)
				}
				for _, m := range w.Mods() {
					m.Report()
					m.State()
					_ = m.Err()
				}
			}
		}()
	}
	for range 100 {
		if err := w.Tick(ctx); err != nil && !errors.Is(err, mods.ErrBusy) {
			t.Error(err)
		}
	}
	for range 3 {
		<-done
	}
}
