package mods_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
)

// settable asks for config, and has one setting of each type.
const settable = `
[permissions]
config = {reason = "test"}
[settings]
snow = {type = "boolean", default = false}
rain = {type = "integer", default = 20, min = 0, max = 100, title = "Rain"}
wind = {type = "number", default = 0.5}
town = {type = "text", default = "Ulm", max_length = 10}
mood = {type = "choice", default = "mild", choices = ["mild", "wild"]}
`

const showSettings = `
	local function show() return table.concat({tostring(config.get("snow")), config.get("rain"), config.get("wind"), config.get("town"), config.get("mood")}, " ") end
`

func (w *world) set(mod, name string, value any) {
	w.t.Helper()
	if err := w.Set(mod, name, value); err != nil {
		w.t.Fatal(err)
	}
}

func TestConfig(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.with("one", settable, showSettings+`
		print(show())
		local all, n = config.all(), 0
		for name, v in pairs(all) do n = n + 1 assert(v == config.get(name)) end
		assert(n == 5)
		all.rain = 0 assert(config.get("rain") == 20)
		print(pcall(config.get, "rian")) print(pcall(config.get, "x\n")) print(pcall(config.get)) print(pcall(config.on_change, 5))
		config.on_change(function(name, value) assert(config.get(name) == value) print(name, value, show()) end)
		return {show = show}`)
	w.run(2)
	w.well(m)
	w.wantPrinted(`[one] false 20 0.5 Ulm mild`,
		`[one] false\tconfig: "rian" is not under [settings] of the manifest: the mod has no such setting; did you mean "rain"?`,
		`[one] false\tconfig: "x\n" is not under [settings] of the manifest: the mod has no such setting`,
		`[one] false\tbad argument #1 to 'get' (string expected, got no value)`,
		`[one] false\tbad argument #1 to 'on_change' (function expected, got 5)`)
	w.set("one", "rain", 30)
	if v := w.Settings("one")[1]; v.Value != int64(20) || v.Chosen {
		t.Errorf("before the tick: %+v", v)
	}
	w.run(1)
	w.wantPrinted(`[one] rain\t30\tfalse 30 0.5 Ulm mild`)
	w.set("one", "snow", true)
	w.set("one", "wind", 1)
	w.set("one", "town", "Bad Ems")
	w.set("one", "mood", "wild")
	w.set("one", "mood", "mild") // and no change: the handler is not called
	w.set("one", "rain", 30.0)   // nor here
	w.run(1)
	w.wantPrinted(`[one] snow\ttrue\ttrue 30 1 Bad Ems mild`, `[one] wind\t1\ttrue 30 1 Bad Ems mild`, `[one] town\tBad Ems\ttrue 30 1 Bad Ems mild`,
		`[one] mood\tmild\ttrue 30 1 Bad Ems mild`)
	want := []mods.Setting{
		{Setting: manifest.Setting{Name: "snow", Type: manifest.BooleanSetting, Title: "snow", Default: false}, Value: true, Chosen: true},
		{Setting: manifest.Setting{Name: "rain", Type: manifest.IntegerSetting, Title: "Rain", Default: int64(20), Max: 100}, Value: int64(30), Chosen: true},
		{Setting: manifest.Setting{Name: "wind", Type: manifest.NumberSetting, Title: "wind", Default: 0.5, Min: -math.MaxFloat64, Max: math.MaxFloat64}, Value: 1.0, Chosen: true},
		{Setting: manifest.Setting{Name: "town", Type: manifest.TextSetting, Title: "town", Default: "Ulm", MaxLength: 10}, Value: "Bad Ems", Chosen: true},
		{Setting: manifest.Setting{Name: "mood", Type: manifest.ChoiceSetting, Title: "mood", Default: "mild", Choices: []string{"mild", "wild"}}, Value: "mild", Chosen: true},
	}
	got := w.Settings("one")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got[4].Choices[0] = "not the caller's"
	if w.Settings("one")[4].Choices[0] != "mild" {
		t.Error("Settings hands out the manifest's own list")
	}
	w.set("one", "rain", nil)
	w.run(1)
	w.wantPrinted(`[one] rain\t20\ttrue 20 1 Bad Ems mild`)
	if v := w.Settings("one")[1]; v.Value != int64(20) || v.Chosen {
		t.Errorf("%+v", v)
	}
	w.well(m)
}

func TestSetRefuses(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.with("one", settable, showSettings+"print(show()) config.on_change(print) return {show = show}")
	none := w.with("none", "[permissions]\nconfig = {reason = 'x'}", `assert(next(config.all()) == nil and not pcall(config.get, "a"))`)
	w.run(2)
	w.well(m, none)
	w.out.Reset()
	for _, test := range []struct {
		mod, name string
		value     any
		want      error  // nil: a *manifest.SettingValueError
		text      string // part of the message
	}{
		{"two", "rain", 1, mods.ErrNoMod, "no such mod"},
		{"one", "rian", 1, mods.ErrNoSetting, `did you mean "rain"?`},
		{"one", "", 1, mods.ErrNoSetting, ""},
		{"none", "rain", 1, mods.ErrNoSetting, ""},
		{"one", "snow", 1, nil, "true or false"},
		{"one", "rain", 101, nil, "a whole number from 0 to 100"},
		{"one", "rain", -1, nil, "a whole number from 0 to 100"},
		{"one", "rain", 1.5, nil, "a whole number"},
		{"one", "rain", "1", nil, "a whole number"},
		{"one", "rain", math.NaN(), nil, "a whole number"},
		{"one", "wind", math.NaN(), nil, "a number"},
		{"one", "wind", math.Inf(-1), nil, "a number"},
		{"one", "town", strings.Repeat("x", 11), nil, "at most 10 characters"},
		{"one", "town", "a\xff", nil, "UTF-8"},
		{"one", "town", "a\x1b[31m", nil, "U+001B"},
		{"one", "town", []string{"Ulm"}, nil, "a text"},
		{"one", "mood", "bad", nil, `one of "mild", "wild"`},
	} {
		err := w.Set(test.mod, test.name, test.value)
		problem, ok := errors.AsType[*mods.SettingError](err)
		if !ok || problem.Mod != test.mod || problem.Name != test.name || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s/%s = %.20v: %v", test.mod, test.name, test.value, err)
			continue
		}
		if _, isValue := errors.AsType[*manifest.SettingValueError](err); test.want == nil && !isValue || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s/%s = %.20v: %v", test.mod, test.name, test.value, err)
		}
	}
	w.run(1)
	w.wantPrinted()
	if got := w.answer(w.call("one", "show")); got != "false 20 0.5 Ulm mild" {
		t.Error(got)
	}
	if w.Settings("two") != nil || w.Settings("none") != nil {
		t.Error("settings of nobody")
	}
	w.stop()
	if err := w.Set("one", "rain", 1); !errors.Is(err, mods.ErrStopped) {
		t.Error(err)
	}
}

// TestSettingsAreKept: what a player chose is there in the next host, after a reload,
// a quarantine and an unload, where the version that is loaded allows it.
func TestSettingsAreKept(t *testing.T) {
	store := &storage.Memory{}
	cfg := mods.Config{OpenStore: func(string) (storage.Store, error) { return store, nil }, SaveEvery: 1}
	kept := func() string {
		values, _ := store.Load("@settings")
		return values["one"]
	}
	w := newWorld(t, cfg)
	w.with("one", settable, "")
	w.run(1)
	if kept() != "" {
		t.Errorf("defaults are kept: %s", kept())
	}
	w.set("one", "rain", 40)
	w.set("one", "town", `"Ä"`)
	w.run(1)
	if want := `{"rain":40,"town":"\"Ä\""}`; kept() != want {
		t.Errorf("kept %s, want %s", kept(), want)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = newWorld(t, cfg)
	main := showSettings + `config.on_change(function(name) print("changed", name) end) return {show = show, fail = function() while true do end end}`
	m := w.with("one", settable, main)
	w.run(2)
	show := func(want string) {
		t.Helper()
		if got := w.answer(w.call("one", "show")); got != want {
			t.Errorf("%v; want %s", got, want)
		}
	}
	show(`false 40 0.5 "Ä" mild`)
	reload := func(manifestRest, main string) {
		t.Helper()
		r, err := w.Reload("one", source(t, "one", manifestRest, main))
		if err != nil {
			t.Fatal(err)
		}
		w.until("the reload", func() bool { _, err := r.Get(); return err != mods.ErrPending })
		if _, err := r.Get(); err != nil {
			t.Fatal(err)
		}
	}
	// A version that allows less: it has its default, and what was chosen is not lost.
	narrow := strings.Replace(settable, "max = 100", "max = 30", 1)
	reload(narrow, main)
	show(`false 20 0.5 "Ä" mild`)
	if n := w.log.told("what was kept of a setting cannot be used; it has its default mod=one setting=rain default=20 error=must be a whole number from 0 to 30"); n != 1 {
		t.Errorf("told %d times: %q", n, w.log.lines())
	}
	reload(settable, main)
	show(`false 40 0.5 "Ä" mild`)
	w.call("one", "fail")
	w.in(m, mods.Quarantined)
	w.set("one", "rain", 41) // also of a mod that does not run
	w.run(1)
	if err := w.Enable("one"); err != nil {
		t.Fatal(err)
	}
	w.in(m, mods.Active)
	show(`false 41 0.5 "Ä" mild`)
	if err := w.Unload("one"); err != nil {
		t.Fatal(err)
	}
	w.run(2)
	w.with("one", settable, main)
	w.run(2)
	show(`false 41 0.5 "Ä" mild`)
	// A version with other settings forgets the rest when the player sets something.
	reload("[permissions]\nconfig = {reason = 'x'}\n[settings]\nsnow = {type = 'boolean', default = false}", "")
	w.set("one", "snow", true)
	w.run(1)
	if kept() != `{"snow":true}` {
		t.Errorf("kept %s", kept())
	}
	w.set("one", "snow", nil)
	w.run(1)
	if values, _ := store.Load("@settings"); len(values) != 0 {
		t.Errorf("kept %q", values)
	}
}

// TestSetForAnotherVersion: what fits when Set is called and does not when it takes
// effect is left out.
func TestSetForAnotherVersion(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.with("one", settable, showSettings+"return {show = show}")
	w.run(2)
	r, err := w.Reload("one", source(t, "one", strings.Replace(settable, "max = 100", "max = 30", 1), showSettings+"return {show = show}"))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.set("one", "rain", 50)
		w.run(1)
		if _, err := r.Get(); err != mods.ErrPending {
			break
		}
	}
	w.run(2)
	if got := w.answer(w.call("one", "show")); got != "false 20 0.5 Ulm mild" {
		t.Error(got)
	}
	if err := w.Set("one", "rain", 31); err == nil {
		t.Error("the old version's bounds hold")
	}
}

// TestDamagedSettings: what a store has is not trusted.
func TestDamagedSettings(t *testing.T) {
	big := `{"town":"` + strings.Repeat("x", 600<<10) + `"}`
	for record, want := range map[string]struct {
		show string
		told string
	}{
		`{"rain":50}`:                 {"false 50 0.5 Ulm mild", ""},
		`{"rain":50,"unknown":1}`:     {"false 50 0.5 Ulm mild", ""},
		``:                            {"false 20 0.5 Ulm mild", "the settings of a mod cannot be read mod=one"},
		`{`:                           {"false 20 0.5 Ulm mild", "the settings of a mod cannot be read mod=one"},
		`[1]`:                         {"false 20 0.5 Ulm mild", "it is not an object"},
		`{"rain":{}}`:                 {"false 20 0.5 Ulm mild", `the value of "rain" is neither`},
		`{"rain":null}`:               {"false 20 0.5 Ulm mild", "is neither"},
		`{"rain":1e300}`:              {"false 20 0.5 Ulm mild", "setting=rain default=20"},
		`{"rain":50.5,"snow":true}`:   {"true 20 0.5 Ulm mild", "setting=rain"},
		`{"rain":"50","mood":"wild"}`: {"false 20 0.5 Ulm wild", "setting=rain"},
		`{"town":"\u001b"}`:           {"false 20 0.5 Ulm mild", "setting=town"},
		`{"town":"` + "\xff" + `"}`:   {"false 20 0.5 Ulm mild", "the settings of a mod cannot be read mod=one"},
		`{"mood":"bad","wind":-1}`:    {"false 20 -1 Ulm mild", "setting=mood"},
		big:                           {"false 20 0.5 Ulm mild", "at most 524288"},
		strings.Repeat("[", 100_000):  {"false 20 0.5 Ulm mild", "nested"},
		`{"` + strings.Repeat("x", 100_000) + "\x1b" + `":{}}`: {"false 20 0.5 Ulm mild", "the settings of a mod cannot be read mod=one"},
	} {
		store := &storage.Memory{}
		if err := store.Save([]storage.Change{{Mod: "@settings", Key: "one", Value: record}, {Mod: "@settings", Key: "two\x1b", Value: "5"}}); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, mods.Config{OpenStore: func(string) (storage.Store, error) { return store, nil }})
		m := w.with("one", settable, showSettings+"print(show())")
		w.run(2)
		w.well(m)
		w.wantPrinted("[one] " + want.show)
		if want.told != "" && w.log.told(want.told) == 0 {
			t.Errorf("%.40q: not told: %.400q", record, w.log.lines())
		}
		for _, line := range w.log.lines() {
			if strings.Contains(line, "\x1b") || len(line) > 4096 {
				t.Errorf("%.40q: %.200q", record, line)
			}
		}
	}
}

// TestSettingChangesAreBounded: a handler that is slow sees the last value of each
// setting, however often the player moves it.
func TestSettingChangesAreBounded(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 50_000}})
	m := w.with("one", settable, `
		for i = 1, 16 do config.on_change(function(name, value) if i == 1 then print(name, value) for i = 1, 100000 do end end end) end
		print(pcall(config.on_change, print))`)
	w.run(2)
	w.wantPrinted(`[one] false\tconfig.on_change: 16 functions are the most that a mod can have called`)
	for i := range 2000 {
		w.set("one", "rain", i%100)
		w.set("one", "wind", i)
		if i%500 == 499 {
			w.run(1)
			if r := m.Report(); r.Waiting > 2*16+1 {
				t.Errorf("%d jobs wait", r.Waiting)
			}
		}
	}
	w.until("the end", func() bool { return m.Report().Waiting == 0 })
	w.run(10)
	lines := w.printed()
	if len(lines) < 3 || len(lines) > 8 {
		t.Errorf("called %d times: %q", len(lines), lines)
	}
	for _, last := range []string{`[one] rain\t99`, `[one] wind\t1999`} {
		if !strings.Contains(w.out.String(), last) {
			t.Errorf("no %s in %q", last, lines)
		}
	}
	w.well(m)
}

// TestSetFromAnywhere: Set and Settings may be called from any goroutine, also while
// mods read.
func TestSetFromAnywhere(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Workers: 2}})
	main := `config.on_change(function(name, value) assert(config.get("rain") >= 0) end) return {tick = function() config.all() end}`
	all := w.load(source(t, "one", settable, main), source(t, "two", settable, main))
	w.run(1)
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for n := range 50 {
				mod := []string{"one", "two"}[i%2]
				if err := w.Set(mod, "rain", n); err != nil {
					t.Error(err)
				}
				if s := w.Settings(mod); len(s) != 5 {
					t.Errorf("%+v", s)
				}
			}
		})
	}
	w.run(50)
	wait.Wait()
	w.run(1)
	w.well(all...)
}

// TestSettingsWithoutCapability: a mod that declares settings and cannot read them is
// told.
func TestSettingsWithoutCapability(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.with("one", "[settings]\na = {type = 'boolean', default = true}", "assert(config == nil)")
	w.run(1)
	if n := w.log.told("does not ask for the capability to read them mod=one capability=config where=mod.toml:4"); n != 1 {
		t.Errorf("%q", w.log.lines())
	}
	w.set("one", "a", false)
	w.run(1)
	if fmt.Sprint(w.Settings("one")[0].Value) != "false" {
		t.Errorf("%+v", w.Settings("one"))
	}
}

// TestHintsAreBounded: names that a mod makes up have no more said about them than a
// person can read.
func TestHintsAreBounded(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.with("one", "", `local t = {tikc = print} for i = 1, 5000 do t["tick" .. i] = print end return t`)
	w.run(2)
	w.until("loaded", func() bool { return m.State() != mods.Loaded })
	if n := w.log.told("mod has an unknown hook"); n < 1 || n > 64 {
		t.Errorf("%d lines", n)
	}
}
