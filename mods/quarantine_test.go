package mods_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/storage"
)

// failsEvery is a mod that fails every nth tick.
const failsEvery = `return {tick = function(n) if n %% %d == 0 then error("tick " .. n .. "\nFORGED \27[31m", 0) end end}`

func TestErrorsAreCounted(t *testing.T) {
	w := newWorld(t, mods.Config{})
	often := w.mod("often", fmt.Sprintf(failsEvery, 1))
	seldom := w.mod("seldom", fmt.Sprintf(failsEvery, 300))
	w.run(4)
	if s := often.State(); s != mods.Active {
		t.Errorf("after 4 errors it is %s", s)
	}
	w.run(5)
	if s := often.State(); s != mods.Failing {
		t.Errorf("after 9 errors it is %s", s)
	}
	w.run(1)
	r := often.Report()
	if r.State != mods.Quarantined || len(r.Violations) != 10 || r.Reason != "tick 10; tick 10, tick hook" || r.Quarantines != 1 {
		t.Errorf("after 10 errors it is %s with %d violations: %s", r.State, len(r.Violations), r.Reason)
	}
	if v := r.Violations[9]; v.Kind != mods.ErrorViolation || v.Tick != 10 || v.Time != 500*time.Millisecond || v.Message != `tick 10\nFORGED \x1b[31m` || v.Traceback == "" {
		t.Errorf("%+v", v)
	}
	w.run(2490)
	if r := seldom.Report(); r.State != mods.Active || len(r.Violations) != 8 {
		t.Errorf("8 errors in 2,500 ticks: %s, %d violations", r.State, len(r.Violations))
	}
	if w.log.told("FORGED \x1b") > 0 || w.log.told(`FORGED \x1b`) == 0 {
		t.Error("what a mod raises is not escaped in the log")
	}
}

func TestViolationsAreBounded(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: 100_000}, Health: health.Config{Quarantine: 1000, Failing: 1000}})
	m := w.mod("one", `return {tick = function(tick) if tick <= 30 then error(("x"):rep(1e5)) end while true do end end}`)
	w.run(31)
	r := m.Report()
	last := len(r.Violations) - 1
	if last != 19 || r.ViolationCount != 31 || r.ViolationsOmitted != 11 || r.Violations[last].Kind != mods.LimitViolation || r.Violations[last].Tick != 31 {
		t.Errorf("%d violations, %d omitted", len(r.Violations), r.ViolationsOmitted)
	}
	if got := len(r.Violations[0].Message); got > 1100 {
		t.Errorf("a message of %d bytes", got)
	}
	if script, ok := errors.AsType[*luasandbox.ScriptError](m.Err()); ok && (script.Value != nil || len(script.Message) > 2000) {
		t.Error("the error holds what the mod raised")
	}
}

// TestBackoff: a mod that passes a limit is gone for a time that doubles, comes back
// by itself with a new state, and is disabled when that does not help.
func TestBackoff(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: testLimits, Health: health.Config{Backoff: time.Second, Disable: 3}})
	m := w.mod("one", `
		local lives = storage.get("lives") or 0
		storage.set("lives", lives + 1)
		print("life " .. lives + 1)
		local ticks = 0
		return {tick = function() ticks = ticks + 1 if ticks == 5 then while true do end end end}`)
	other := w.mod("other", "return {tick = function() end}")
	for life, back := range []time.Duration{time.Second, 2 * time.Second} {
		w.in(m, mods.Quarantined)
		w.wantPrinted(fmt.Sprintf("[one] life %d", life+1))
		r := m.Report()
		if r.Health.Until-r.Health.Since != back || r.Quarantines != int64(life+1) || !as[*limits.Error](m.Err()) || r.Violations[life].Limit != "instructions" {
			t.Errorf("until %v: %+v", r.Health.Until, r)
		}
		used := r.Instructions
		for w.Status().Time+w.dt < r.Health.Until {
			w.run(1)
			if r := m.Report(); r.State != mods.Quarantined || r.Instructions != used || r.MemoryBytes != 0 {
				t.Fatalf("during its quarantine: %+v", r)
			}
		}
		w.wantPrinted()
		w.run(2) // its main file runs; it is on probation
		if r := m.Report(); r.State == mods.Quarantined || !r.Health.Probation || m.Err() != nil || r.Reason != "" && r.State != mods.Paused && r.State != mods.Throttled {
			t.Errorf("after its quarantine: %+v, %v", r, m.Err())
		}
	}
	w.in(m, mods.Disabled)
	w.run(500)
	w.wantPrinted("[one] life 3")
	if r := m.Report(); r.State != mods.Disabled || r.Quarantines != 3 || !strings.Contains(r.Reason, "instruction") {
		t.Errorf("%+v", r)
	}
	w.well(other)
	// The operator's word.
	if err := w.Enable("one"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.wantPrinted("[one] life 4")
}

// TestProbation: one error is too many then; and after a clean time nothing is on the
// account.
func TestProbation(t *testing.T) {
	main := `
		local lives = storage.get("lives") or 0
		storage.set("lives", lives + 1)
		return {tick = function(n)
		  if lives == 0 then while true do end end
		  if n == %d then error("once") end
		end}`
	for name, test := range map[string]struct {
		at    int
		state mods.State
	}{"soon": {45, mods.Quarantined}, "later": {200, mods.Active}} {
		w := newWorld(t, mods.Config{Limits: testLimits, Health: health.Config{Backoff: time.Second, Probation: 5 * time.Second}})
		m := w.mod("one", fmt.Sprintf(main, test.at))
		w.run(test.at + 1)
		if r := m.Report(); r.State != test.state || r.ViolationCount != 2 {
			t.Errorf("%s: %s: %+v", name, r.State, r.Violations)
		}
	}
}

// TestDependantsPause: what needs a mod that is away waits, with all that is sent to
// it, and goes on when it is back; who only likes to have it does not.
func TestDependantsPause(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: testLimits, Health: health.Config{Backoff: time.Second}})
	on := `events.on("chat", function(v) print(v) end) `
	loaded := w.load(
		source(t, "base", everything, `return {tick = function(n) if n == 3 then while true do end end end}`),
		source(t, "needs", everything+"[dependencies]\nbase = '*'", on+`print("main") timer.every(0.05, function() hidden = (hidden or 0) + 1 end)`),
		source(t, "deep", everything+"[dependencies]\nneeds = '*'", on),
		source(t, "likes", everything+"[optional_dependencies]\nbase = '*'", on))
	w.run(3)
	for i, want := range []mods.State{mods.Quarantined, mods.Paused, mods.Paused, mods.Active} {
		if got := loaded[i].Report(); got.State != want {
			t.Errorf("%s is %s: %s", got.ID, got.State, got.Reason)
		}
	}
	w.out.Reset()
	w.emit("chat", "while base is away")
	used := loaded[1].Report().Instructions
	w.run(10)
	w.wantPrinted("[likes] while base is away")
	if got := loaded[1].Report().Instructions; got != used {
		t.Error("something of it ran")
	}
	w.in(loaded[0], mods.Active)
	w.run(2)
	for _, want := range []string{"[needs] while base is away", "[deep] while base is away"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("lost: %s in %q", want, w.out)
		}
	}
	if strings.Contains(w.out.String(), "main") {
		t.Error("a dependant was loaded anew")
	}
	w.well(loaded[1:]...)
}

// TestOperator: Pause, Resume, Disable, Enable.
func TestOperator(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.mod("one", `print("main") events.on("chat", print) return {tick = function(n) print("tick " .. n) end, stop = function() print("stop") end}`)
	w.run(1)
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(w.Pause("one"))
	w.emit("chat", "while it is paused")
	w.run(3)
	w.wantPrinted("[one] main", "[one] tick 1")
	if r := m.Report(); r.State != mods.Paused || r.Reason == "" || r.Waiting != 1 {
		t.Errorf("%+v", r)
	}
	do(w.Resume("one"))
	w.run(1)
	w.wantPrinted("[one] while it is paused", "[one] tick 5")
	do(w.Disable("one", "it is \x1b[31m late"))
	w.run(2)
	w.wantPrinted()
	if r := m.Report(); r.State != mods.Disabled || r.Reason != `it is \x1b[31m late` {
		t.Errorf("%+v", r)
	}
	do(w.Enable("one"))
	w.run(1)
	w.wantPrinted("[one] main", "[one] tick 8")
	w.well(m)
}

// TestHealthSurvivesARestart: who was disabled, or in quarantine, is so in the next
// host with the same store; who is well is not.
func TestHealthSurvivesARestart(t *testing.T) {
	kept := &storage.Memory{}
	cfg := mods.Config{Limits: testLimits, Health: health.Config{Backoff: 10 * time.Second, Disable: 2},
		OpenStore: func(string) (storage.Store, error) { return kept, nil }}
	loop := "return {tick = function(n) while true do end end}"
	start := func() *world {
		w := newWorld(t, cfg)
		w.load(source(t, "good", "", "print('runs')"), source(t, "looping", "", loop+"--"), source(t, "blocked", "", "print('runs')"))
		return w
	}
	w := start()
	if err := w.Disable("blocked", "says the operator"); err != nil {
		t.Fatal(err)
	}
	w.run(21)
	if got := w.Mod("looping").Report(); got.State != mods.Quarantined {
		t.Fatalf("%+v", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = start()
	w.run(1)
	w.wantPrinted("[good] runs")
	looping, blocked := w.Mod("looping"), w.Mod("blocked")
	r := looping.Report()
	if r.State != mods.Quarantined || r.Health.Until < 8*time.Second || r.Health.Until > 10*time.Second || r.Calls != 0 {
		t.Errorf("%+v", r)
	}
	if r := blocked.Report(); r.State != mods.Disabled || !strings.Contains(r.Reason, "says the operator") {
		t.Errorf("%+v", r)
	}
	w.in(looping, mods.Disabled) // comes back, and fails once too often
	if err := w.Enable("blocked"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.wantPrinted("[blocked] runs")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = start()
	w.run(1)
	w.wantPrinted("[blocked] runs", "[good] runs")
	if r := w.Mod("looping").Report(); r.State != mods.Disabled || r.Calls != 0 {
		t.Errorf("%+v", r)
	}
}

// TestDamagedHealthIsForgotten: the record is told of and left out, and holds nobody.
func TestDamagedHealthIsForgotten(t *testing.T) {
	for _, record := range []string{"{", "[]", `{"one": 5}`, `{"one": {"version": 99}}`, `{"one": {"version": 1, "quarantine_ns": -5}}`} {
		kept := &storage.Memory{}
		if err := kept.Save([]storage.Change{{Mod: "@host", Key: "health", Value: record}}); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, mods.Config{OpenStore: func(string) (storage.Store, error) { return kept, nil }})
		m := w.mod("one", "print('runs')")
		w.run(1)
		w.well(m)
		w.wantPrinted("[one] runs")
		if w.log.told("health") == 0 {
			t.Errorf("%s: nobody was told", record)
		}
	}
}

// TestEngineFaultsAreNotCounted: a mod that does not catch the error of a function of
// the engine's that fails is not to blame.
func TestEngineFaultsAreNotCounted(t *testing.T) {
	broken := mods.Capability{Name: "engine", Members: []luasandbox.Member{
		luasandbox.Func("fails", func() error { return errors.New("the disk is full") }),
		luasandbox.Func("panics", func() { panic("a bug") }),
	}}
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{broken}})
	m := w.with("one", "[permissions.engine]\nreason = 'x'", `return {tick = function(n) if n % 2 == 0 then engine.fails() else engine.panics() end end}`)
	control := w.mod("control", `return {tick = function() error("its own") end}`)
	w.run(30)
	if r := m.Report(); r.State != mods.Active || r.ViolationCount != 30 || r.Violations[0].Kind != mods.HostViolation || r.Health.Points != 0 {
		t.Errorf("%s: %+v", r.State, r.Violations)
	}
	if control.State() != mods.Quarantined {
		t.Error("the control is not quarantined")
	}
}
