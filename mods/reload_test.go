package mods_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// versioned is a source of another version of a mod that asks for everything.
func versioned(t testing.TB, id, version, main string) mods.Source {
	t.Helper()
	text := strings.Replace(manifestOf(id, everything), `"1.0.0"`, fmt.Sprintf("%q", version), 1)
	return mods.Source{Bundle: bundleOf(t, "mod.toml", text, "main.lua", main), Path: "new/" + id}
}

// reloaded waits for a reload to end, and returns its error.
func (w *world) reloaded(id string, s mods.Source) error {
	w.t.Helper()
	r, err := w.Reload(id, s)
	if err != nil {
		return err
	}
	w.until("reloaded", func() bool { _, err := r.Get(); return !errors.Is(err, mods.ErrPending) })
	_, err = r.Get()
	return err
}

const oldVersion = `
	local n = 0
	events.on("a", function(v) print("old", v) end)
	timer.every(0.1, "beat") timer.after(100, function() end)
	return {tick = function() n = n + 1 end, on_save = function() return {n = n, list = {1, 2}} end,
	  on_timer = function(name) end, n = function() return n end}`

// TestReload: the new version gets what the old one saved, and takes over.
func TestReload(t *testing.T) {
	for _, workers := range []int{0, 2} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Workers: workers}})
		m := w.mod("one", oldVersion)
		w.run(5)
		if err := w.reloaded("one", versioned(t, "one", "1.1.0", `
			print("new main")
			events.on("a", function(v) print("new", v) end)
			local state
			return {start = function() print("never") end, on_load = function(s) state = s print("loaded", s.n, #s.list, s.migrated) end,
			  on_migrate = function(s, from) s.migrated = from return s end, on_timer = function(name) print("timer", name) end, n = function() return state.n end}`)); err != nil {
			t.Fatal(err)
		}
		if n := w.answer(w.call("one", "n")); n.(float64) < 5 {
			t.Errorf("the new version has n = %v", n)
		}
		w.emit("a", 1)
		w.run(3)
		lines := w.printed()
		if lines[0] != "[one] new main" || !strings.HasPrefix(lines[1], `[one] loaded\t`) || !strings.HasSuffix(lines[1], `\t2\t1.0.0`) {
			t.Errorf("%q", lines)
		}
		rest := strings.Join(lines[2:], " ")
		if !strings.Contains(rest, `new\t1`) || !strings.Contains(rest, `timer\tbeat`) || strings.Contains(rest, "old") || strings.Contains(rest, "never") {
			t.Errorf("%q", rest)
		}
		w.well(m)
		if r := m.Report(); r.Version != "1.1.0" || r.Source != "new/one" || w.Mod("one") != m || m.Manifest().Version.String() != "1.1.0" {
			t.Errorf("%+v", r)
		}
	}
}

// TestReloadThatFails: whatever goes wrong, the old version goes on as if nothing had
// happened, and says why.
func TestReloadThatFails(t *testing.T) {
	on := "on_load = function() end, "
	for name, test := range map[string]struct {
		s  mods.Source
		is func(error) bool
	}{
		"not opened":        {mods.Source{Err: errors.New("damaged")}, nil},
		"no bundle":         {mods.Source{}, nil},
		"another id":        {source(t, "two", everything, ""), as[*manifest.Problem]},
		"not allowed":       {source(t, "one", everything+"[permissions.nothere]\nreason = 'x'\n", ""), as[*mods.PermissionError]},
		"a missing mod":     {source(t, "one", everything+"[dependencies]\nnothere = '*'\n", ""), as[*mods.DependencyError]},
		"not Lua":           {source(t, "one", everything, "x ="), as[*luasandbox.SyntaxError]},
		"main fails":        {source(t, "one", everything, "error('no')"), as[*luasandbox.ScriptError]},
		"main has no hooks": {source(t, "one", everything, "return 5"), as[*mods.HookError]},
		"main has no end":   {source(t, "one", everything, "while true do end"), nil},
		"on_load fails":     {source(t, "one", everything, "return {on_load = function() error('no') end}"), as[*luasandbox.ScriptError]},
		"on_load, no end":   {source(t, "one", everything, "return {on_load = function() while true do end end}"), nil},
		"on_migrate fails":  {versioned(t, "one", "2.0.0", "return {"+on+"on_migrate = function() error('no') end}"), as[*luasandbox.ScriptError]},
		"on_migrate, NaN":   {versioned(t, "one", "2.0.0", "return {"+on+"on_migrate = function() return 0/0 end}"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mods.Config{Limits: testLimits})
			m := w.mod("one", oldVersion)
			w.run(5)
			before := m.Report()
			err := w.reloaded("one", test.s)
			e, ok := errors.AsType[*mods.ReloadError](err)
			if !ok || e.Mod != "one" || test.is != nil && !test.is(err) {
				t.Errorf("%T %v", err, err)
			}
			w.emit("a", 1)
			w.run(2)
			w.wantPrintedBy("one", `old\t1`)
			if n := int64(w.answer(w.call("one", "n")).(float64)); n < w.Status().Tick-1 {
				t.Errorf("the old version missed ticks: %d of %d", n, w.Status().Tick)
			}
			r := m.Report()
			if r.State != mods.Active || r.Health.Points != 0 || r.Version != before.Version || r.Digest != before.Digest || r.Source != before.Source {
				t.Errorf("%+v", r)
			}
			// And a good one can follow.
			if err := w.reloaded("one", source(t, "one", everything, "print('mended')")); err != nil {
				t.Error(err)
			}
			if !strings.Contains(w.out.String(), "mended") {
				t.Errorf("printed %q", w.out)
			}
		})
	}
}

// TestReloadKeepsDependencies: a version beside which another mod cannot run is
// refused.
func TestReloadKeepsDependencies(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.load(source(t, "base", everything, ""), source(t, "needs", everything+"[dependencies]\nbase = '^1'\n", ""))
	w.run(1)
	if err := w.reloaded("base", versioned(t, "base", "2.0.0", "")); !as[*mods.ReloadError](err) {
		t.Errorf("got %v", err)
	}
	if err := w.reloaded("base", versioned(t, "base", "1.2.0", "")); err != nil {
		t.Error(err)
	}
	w.run(2)
	w.well(w.Mods()...)
}

// TestReloadWhilePaused: in the middle of a long handler of the old version, which
// comes to its end first, or does not; and while the engine holds the mod.
func TestReloadWhilePaused(t *testing.T) {
	for _, workers := range []int{0, 2} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000, Workers: workers}})
		m := w.mod("one", `local n = 0
			return {tick = function(t) if t == 2 then for i = 1, 300000 do n = n + 1 end print("handler ended") end end, on_save = function() return n end}`)
		w.run(3)
		if m.State() != mods.Paused {
			t.Fatalf("it is %s; the test proves nothing", m.State())
		}
		if err := w.reloaded("one", source(t, "one", everything, `print("new main") return {on_load = function(n) print("loaded", n) end}`)); err != nil {
			t.Fatal(err)
		}
		w.run(1)
		w.well(m)
		last := w.printed()[len(w.printed())-1]
		if !strings.HasPrefix(last, `[one] loaded\t`) || strings.Count(w.out.String(), "handler ended") > 1 {
			t.Errorf("%q", w.printed())
		}
	}
	w, m := one(t, mods.Config{}, `return {on_save = function() return 1 end}`)
	if err := w.Pause("one"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	r, err := w.Reload("one", source(t, "one", everything, `print("new")`))
	if err != nil {
		t.Fatal(err)
	}
	w.run(5)
	if _, err := r.Get(); !errors.Is(err, mods.ErrPending) {
		t.Errorf("while it is held: %v", err)
	}
	w.wantPrinted()
	if err := w.Resume("one"); err != nil {
		t.Fatal(err)
	}
	w.run(3)
	if _, err := r.Get(); err != nil {
		t.Error(err)
	}
	w.wantPrinted("[one] new")
	w.well(m)
}

// TestReloadOfTheQuarantined loads it anew, with nothing on its account.
func TestReloadOfTheQuarantined(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: testLimits})
	m := w.mod("one", "while true do end")
	w.in(m, mods.Quarantined)
	if err := w.reloaded("one", source(t, "one", everything, "error('still broken')")); !as[*mods.ReloadError](err) {
		t.Errorf("got %v", err)
	}
	if m.State() != mods.Quarantined {
		t.Errorf("it is %s", m.State())
	}
	if err := w.reloaded("one", source(t, "one", everything, "print('mended')")); err != nil {
		t.Error(err)
	}
	w.run(1)
	w.wantPrinted("[one] mended")
	if r := m.Report(); r.State != mods.Active || r.Health.Quarantines != 0 || r.Health.Probation || m.Err() != nil {
		t.Errorf("%+v, %v", r, m.Err())
	}
}

// TestTwoReloads: the second says that there is a first; a reload of a mod that goes
// away meanwhile says so.
func TestTwoReloads(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000}})
	w.mod("one", "")
	w.run(1)
	slowly := source(t, "one", everything, slow+`print("first")`)
	var got []string
	var replies []*mods.Reply
	for range 2 {
		r, err := w.Reload("one", slowly)
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r)
	}
	w.run(40)
	for _, r := range replies {
		_, err := r.Get()
		got = append(got, fmt.Sprint(err))
	}
	if diff := cmp.Diff([]string{"<nil>", `reload of mod "one": another reload of the mod is under way`}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.wantPrinted("[one] first")
	r, err := w.Reload("one", slowly)
	if err != nil {
		t.Fatal(err)
	}
	w.run(1)
	if err := w.Unload("one"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	if _, err := r.Get(); !as[*mods.ReloadError](err) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Reload("one", slowly); !errors.Is(err, mods.ErrNoMod) {
		t.Errorf("got %v", err)
	}
}
