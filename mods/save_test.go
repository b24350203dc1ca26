package mods_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// counter counts ticks, and goes on counting from a saved game.
const counter = `
local count = 0
return {
  start = function() print("start") timer.after(1, "late") timer.every(0.5, "beat") timer.after(0.1, function() print("lost") end) end,
  tick = function() count = count + 1 end,
  on_timer = function(name) print(name .. " at " .. count .. " of " .. clock.elapsed()) end,
  on_save = function() return {count = count, name = "a\255b"} end,
  on_load = function(state) count = state.count print("load " .. state.count .. " " .. #state.name) end,
  on_migrate = function(state, version) print("from " .. version) state.count = state.count + 100 return state end,
}`

func (w *world) save() []byte {
	w.t.Helper()
	var file bytes.Buffer
	if err := w.Save(context.Background(), &file); err != nil {
		w.t.Fatal(err)
	}
	return file.Bytes()
}

func (w *world) restore(file []byte) mods.Restored {
	w.t.Helper()
	done, err := w.Restore(context.Background(), bytes.NewReader(file))
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func TestSavedGame(t *testing.T) {
	first := newWorld(t, mods.Config{})
	m := first.mod("counter", counter)
	first.run(12) // 600 ms: beat once
	first.well(m)
	first.wantPrinted("[counter] start", "[counter] lost", "[counter] beat at 10 of 0.55")
	file := first.save()
	if again := first.save(); !bytes.Equal(file, again) {
		t.Errorf("saved twice:\n%s\n%s", file, again)
	}

	t.Run("before the mods run", func(t *testing.T) {
		w := newWorld(t, mods.Config{})
		m := w.mod("counter", counter)
		if diff := cmp.Diff(mods.Restored{Mods: []string{"counter"}, Failed: map[string]error{}}, w.restore(file)); diff != "" {
			t.Error(diff)
		}
		w.run(9)
		w.well(m)
		// late had 450 ms left, beat as well; time goes on from 600 ms.
		w.wantPrinted("[counter] load 12 3", "[counter] late at 20 of 1.05", "[counter] beat at 20 of 1.05")
	})
	t.Run("while they run", func(t *testing.T) {
		w := newWorld(t, mods.Config{})
		m := w.mod("counter", counter)
		w.run(3)
		w.wantPrinted("[counter] start", "[counter] lost")
		w.restore(file)
		w.wantPrinted("[counter] load 12 3")
		w.run(9)
		w.well(m)
		w.wantPrinted("[counter] late at 20 of 1.05", "[counter] beat at 20 of 1.05")
	})
	t.Run("into another version", func(t *testing.T) {
		w := newWorld(t, mods.Config{})
		s := source(t, "counter", everything, counter)
		text := strings.Replace(string(s.Bundle.Manifest()), "1.0.0", "2.0.0", 1)
		s.Bundle = bundleOf(t, "mod.toml", text, "main.lua", counter)
		ms := w.load(s)
		w.restore(file)
		w.run(1)
		w.well(ms...)
		w.wantPrinted("[counter] from 1.0.0", "[counter] load 112 3")
	})
	t.Run("of a mod that is not there", func(t *testing.T) {
		w := newWorld(t, mods.Config{})
		if diff := cmp.Diff(mods.Restored{Missing: []string{"counter"}, Failed: map[string]error{}}, w.restore(file)); diff != "" {
			t.Error(diff)
		}
		w.run(2)
		kept := w.save()
		if !bytes.Contains(kept, []byte(`"count":12`)) && !bytes.Contains(kept, []byte(`"count": 12`)) {
			t.Fatalf("what nobody claimed is lost: %s", kept)
		}
		m := w.mod("counter", counter)
		w.run(1)
		w.well(m)
		w.wantPrinted("[counter] load 12 3")
	})
}

func TestSaveFinishesWhatIsPaused(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 20_000}})
	m := w.mod("slow", `
local half
return {
  tick = function(n) if n == 2 then half = true for i = 1, 100000 do end half = false end end,
  on_save = function() return {half = half or false} end,
}`)
	w.run(2)
	if m.State() != mods.Paused {
		t.Fatalf("the handler is not paused: %+v", m.Report())
	}
	if file := w.save(); !strings.Contains(strings.ReplaceAll(string(file), " ", ""), `"half":false`) {
		t.Errorf("%s", file)
	}
	w.well(m)
}

func TestSaveOfModsThatFail(t *testing.T) {
	w := newWorld(t, mods.Config{})
	w.mod("errs", `return {on_save = function() error("no") end}`)
	w.mod("loops", `return {on_save = function() while true do end end}`)
	w.mod("waits", `return {on_save = function() task.sleep(1) end}`)
	w.mod("cycle", `return {on_save = function() local t = {} t[1] = t return t end}`)
	w.mod("nan", `return {on_save = function() return {0/0} end}`)
	w.mod("mixed", `return {on_save = function() return {1, x = 2} end}`)
	w.mod("large", `return {on_save = function() return ("x"):rep(2^20) end}`)
	w.mod("fine", `return {on_save = function() return {x = 1} end}`)
	w.mod("nothing", ``)
	w.run(1)
	var file bytes.Buffer
	err := w.Save(context.Background(), &file)
	failed := map[string]bool{}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var save *mods.SaveError
		if !errors.As(e, &save) {
			t.Fatalf("%T %v", e, e)
		}
		failed[save.Mod] = true
	}
	if diff := cmp.Diff(map[string]bool{"errs": true, "loops": true, "waits": true, "cycle": true, "nan": true, "mixed": true, "large": true}, failed); diff != "" {
		t.Error(diff)
	}
	var parsed struct{ Mods []struct{ ID string } }
	if err := json.Unmarshal(file.Bytes(), &parsed); err != nil || len(parsed.Mods) != 1 || parsed.Mods[0].ID != "fine" {
		t.Errorf("%v: %s", err, file.Bytes())
	}
	if m := w.Mod("loops"); m.State() != mods.Quarantined {
		t.Errorf("loops is %s", m.State())
	}
	broken := errors.New("disk full")
	if err := w.Save(context.Background(), writer(func([]byte) (int, error) { return 0, broken })); !errors.Is(err, broken) {
		t.Errorf("the writer's error came back as %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestRestoreOfWhatFails(t *testing.T) {
	w := newWorld(t, mods.Config{})
	m := w.mod("loads", `return {on_load = function(state) error("cannot " .. state) end}`)
	w.run(1)
	done := w.restore([]byte(`{"format":"modrunner save","version":1,"api":"1.0.0","tick":1,"time_ns":1,"mods":[{"id":"loads","version":"1.0.0","state":"do"}]}`))
	var save *mods.SaveError
	if !errors.As(done.Failed["loads"], &save) || !strings.Contains(save.Error(), "cannot do") {
		t.Errorf("%+v", done)
	}
	if r := m.Report(); r.State != mods.Active || len(r.Violations) != 1 {
		t.Errorf("%+v", r)
	}
}

// Every refused file leaves the host as it was.
func TestRestoreRefuses(t *testing.T) {
	const head = `{"format":"modrunner save","version":1,"api":"1","tick":1,"time_ns":1,"mods":[`
	for name, test := range map[string]struct{ file, field string }{
		"empty":           {"", ""},
		"no JSON":         {"hello", ""},
		"cut off":         {head, ""},
		"deep":            {head + `{"id":"abc","version":"1.0.0","state":` + strings.Repeat("[", 1e6), ""},
		"another format":  {`{"format":"x","version":1,"mods":[]}`, "format"},
		"another version": {`{"format":"modrunner save","version":2,"mods":[]}`, "version"},
		"unknown field":   {`{"format":"modrunner save","version":1,"mods":[],"x":1}`, ""},
		"more behind":     {head + `]} {}`, ""},
		"negative time":   {`{"format":"modrunner save","version":1,"time_ns":-1,"mods":[]}`, "time_ns"},
		"endless time":    {`{"format":"modrunner save","version":1,"time_ns":9223372036854775807,"mods":[]}`, "time_ns"},
		"negative tick":   {`{"format":"modrunner save","version":1,"tick":-1,"mods":[]}`, "tick"},
		"bad id":          {head + `{"id":"../x","version":"1.0.0"}]}`, "mods[0].id"},
		"host's own id":   {head + `{"id":"@host","version":"1.0.0"}]}`, "mods[0].id"},
		"twice":           {head + `{"id":"abc","version":"1.0.0"},{"id":"abc","version":"1.0.0"}]}`, "mods[1].id"},
		"bad version":     {head + `{"id":"abc","version":"new"}]}`, "mods[0].version"},
		"deep state":      {head + `{"id":"abc","version":"1.0.0","state":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]}`, "mods[0].state"},
		"keys twice":      {head + `{"id":"abc","version":"1.0.0","state":{"a":1,"a":2}}]}`, "mods[0].state"},
		"large state":     {head + `{"id":"abc","version":"1.0.0","state":"` + strings.Repeat("x", 3<<20) + `"}]}`, "mods[0].state"},
		"huge number":     {head + `{"id":"abc","version":"1.0.0","state":1e999}]}`, "mods[0].state"},
		"many timers":     {head + `{"id":"abc","version":"1.0.0","timers":[` + strings.Repeat(`{"name":"x","left_ns":1},`, 256) + `{"name":"x","left_ns":1}]}]}`, "mods[0].timers"},
		"timer's name":    {head + `{"id":"abc","version":"1.0.0","timers":[{"name":"","left_ns":1}]}]}`, "mods[0].timers[0].name"},
		"timer's time":    {head + `{"id":"abc","version":"1.0.0","timers":[{"name":"x","left_ns":-1}]}]}`, "mods[0].timers[0].left_ns"},
		"timer's beat":    {head + `{"id":"abc","version":"1.0.0","timers":[{"name":"x","left_ns":1,"every_ns":1}]}]}`, "mods[0].timers[0].every_ns"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mods.Config{})
			w.mod("abc", `return {start = function() print("start", clock.elapsed()) end, on_load = function() print("load") end}`)
			_, err := w.Restore(context.Background(), strings.NewReader(test.file))
			var save *mods.SaveError
			if !errors.As(err, &save) || save.Field != test.field {
				t.Fatalf("got %T %v", err, err)
			}
			w.run(1)
			w.wantPrinted(`[abc] start\t0.05`)
		})
	}
	w := newWorld(t, mods.Config{})
	if _, err := w.Restore(context.Background(), io.MultiReader(strings.NewReader("{"), readerOf(errors.ErrUnsupported))); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("the reader's error came back as %v", err)
	}
	var save *mods.SaveError
	if _, err := w.Restore(context.Background(), endless{}); !errors.As(err, &save) {
		t.Errorf("an endless file: %v", err)
	}
}

type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

func readerOf(err error) io.Reader { return failing{err} }

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

const restoreSeeds = "testdata/fuzz/FuzzRestore"

func TestRestoreSeedsAreThere(t *testing.T) {
	if seeds, err := filepath.Glob(filepath.Join(restoreSeeds, "*")); err != nil || len(seeds) < 3 {
		t.Errorf("%d seeds in %s: %v", len(seeds), restoreSeeds, err)
	}
}

// FuzzRestore: a file is used, or refused with an error of its own, and the mods run
// on either way; what is saved after it can be read again.
func FuzzRestore(f *testing.F) {
	if seeds, err := os.ReadDir(restoreSeeds); err != nil || len(seeds) < 3 {
		f.Fatalf("the seeds are not there: %v", err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		w := newWorld(t, mods.Config{})
		w.mod("counter", counter)
		_, err := w.Restore(context.Background(), bytes.NewReader(file))
		var save *mods.SaveError
		if err != nil && !errors.As(err, &save) {
			t.Fatalf("%T %v", err, err)
		}
		w.run(2)
		w.restore(w.save())
		w.run(1)
	})
}

func ExampleHost_Save() {
	clock, _ := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"clockwork\"\nversion = \"1.0.0\"\n")},
		"main.lua": {Data: []byte(`
local turns = 0
return {
  tick = function() turns = turns + 1 end,
  on_save = function() return {turns = turns} end,
  on_load = function(state) turns = state.turns end,
  turns = function() return turns end,
}`)},
	}, bundle.Limits{})
	play := func(saved io.Reader, ticks int) []byte {
		host, err := mods.Open(mods.Config{})
		if err != nil {
			panic(err)
		}
		defer host.Close()
		_, _ = host.Load(mods.Source{Bundle: clock})
		if saved != nil {
			_, err = host.Restore(context.Background(), saved)
		}
		for range ticks {
			err = errors.Join(err, host.Tick(context.Background(), time.Second/60))
		}
		turns, _ := host.Call("clockwork", "turns")
		err = errors.Join(err, host.Tick(context.Background(), 0))
		fmt.Println(turns.Get())
		var file bytes.Buffer
		err = errors.Join(err, host.Save(context.Background(), &file))
		if err != nil {
			panic(err)
		}
		return file.Bytes()
	}
	saved := play(nil, 10)
	play(bytes.NewReader(saved), 5)
	// Output:
	// [10] <nil>
	// [16] <nil>
}

// A mod that is quarantined while it saves still answers for what it had begun.
func TestSaveThatQuarantines(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 20_000}, Limits: limits.Limits{Instructions: 30_000}})
	m := w.mod("busy", `return {
		on_save = function() while true do end end,
		waits = function() for i = 1, 4000 do end task.sleep(1) end,
		first = function() for i = 1, 4000 do end end,
	}`)
	w.run(1)
	replies := []*mods.Reply{w.call("busy", "waits"), w.call("busy", "first"), w.call("busy", "first")}
	w.run(1)
	var file bytes.Buffer
	if err := w.Save(context.Background(), &file); err == nil {
		t.Error("the save went well")
	}
	if m.State() != mods.Quarantined {
		t.Fatalf("it is %s", m.State())
	}
	for i, r := range replies {
		if _, err := r.Get(); errors.Is(err, mods.ErrPending) {
			t.Errorf("call %d: no reply", i)
		}
	}
}

// A reload of a mod that does not run is answered however it ends.
func TestReloadOfAModThatNeverRuns(t *testing.T) {
	w := newWorld(t, mods.Config{})
	need := w.with("need", "", `error("not today")`)
	w.with("user", "[dependencies]\nneed = \"^1.0.0\"\n", "")
	w.in(need, mods.Quarantined)
	first, err := w.Reload("user", source(t, "user", "[dependencies]\nneed = \"^1.0.0\"\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	w.run(2)
	second, err := w.Reload("user", source(t, "user", "[dependencies]\nneed = \"^1.0.0\"\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	w.run(2)
	var reload *mods.ReloadError
	if _, err := first.Get(); !errors.As(err, &reload) {
		t.Errorf("the first: %v", err)
	}
	_ = w.Close()
	if _, err := second.Get(); !errors.Is(err, mods.ErrClosed) {
		t.Errorf("the second: %v", err)
	}
}
