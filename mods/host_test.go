package mods_test

import (
	"bytes"
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
	"github.com/luasandbox/modrunner/mods/schedule"
	"github.com/luasandbox/modrunner/mods/storage"
)

var builtin = []string{"log", "events", "timer", "task", "storage", "random", "clock", "json", "services"}

func TestZeroConfigAllowsNothing(t *testing.T) {
	h, err := mods.Open(mods.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	loaded, err := h.Load(source(t, "plain", "", `
		assert(not (log or events or timer or task or storage or random or clock or json or services or io))
		print("into the void", os.time())`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range builtin {
		refused, err := h.Load(source(t, "with-"+name, "[permissions."+name+"]\nreason = 'wants it'\n", ""))
		p, ok := errors.AsType[*mods.PermissionError](err)
		if !ok || p.Unknown || p.Capability != name || p.Mod != "with-"+name || p.Err.Line != 4 || refused[0].State() != mods.Refused || refused[0].Err() != p {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := 0; n < 1000 && loaded[0].State() == mods.Loaded; n++ { // the default guard may end a frame early
		if err := h.Tick(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if r := loaded[0].Report(); r.State != mods.Active || r.OutputBytes == 0 {
		t.Errorf("%+v", r)
	}
	if err := h.Emit("a", nil); !as[*mods.EventError](err) {
		t.Errorf("an event that nobody declared: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	event := func(e ...mods.Event) mods.Config { return mods.Config{Events: e} }
	for name, test := range map[string]struct {
		field string
		cfg   mods.Config
	}{
		"limits":            {"Limits", mods.Config{Limits: limits.Limits{Memory: -1}}},
		"API version":       {"APIVersion", mods.Config{APIVersion: "v1"}},
		"nothing to open":   {"OpenStore", mods.Config{DataDir: "somewhere"}},
		"no store":          {"OpenStore", mods.Config{OpenStore: func(string) (storage.Store, error) { return nil, nil }}},
		"save every":        {"SaveEvery", mods.Config{SaveEvery: -1}},
		"quota":             {"Policy.StorageQuota", mods.Config{Policy: mods.Policy{StorageQuota: -1}}},
		"policy":            {"Policy.Allow", mods.Config{Policy: mods.Policy{Allow: []string{"log", "evnets"}}}},
		"capability twice":  {"Capabilities", mods.Config{Capabilities: []mods.Capability{{Name: "log", Members: []luasandbox.Member{}}}}},
		"frame":             {"Frame.Instructions", mods.Config{Frame: mods.Frame{Instructions: -1}}},
		"frame, too large":  {"Frame", mods.Config{Frame: mods.Frame{Instructions: 1 << 40}}},
		"guard":             {"Frame.Guard", mods.Config{Frame: mods.Frame{Guard: -1}}},
		"workers":           {"Frame.Workers", mods.Config{Frame: mods.Frame{Workers: -1}}},
		"too many workers":  {"Frame.Workers", mods.Config{Frame: mods.Frame{Workers: 257}}},
		"weight":            {"Priorities", mods.Config{Priorities: map[string]mods.Priority{"one": {Weight: 1001}}}},
		"negative weight":   {"Priorities", mods.Config{Priorities: map[string]mods.Priority{"one": {Weight: -1}}}},
		"class":             {"Priorities", mods.Config{Priorities: map[string]mods.Priority{"one": {Class: schedule.Class(77)}}}},
		"event's name":      {"Events", event(mods.Event{Name: "A b"})},
		"event twice":       {"Events", event(mods.Event{Name: "a"}, mods.Event{Name: "a"})},
		"event's overflow":  {"Events", event(mods.Event{Name: "a", Overflow: "drop"})},
		"key without reson": {"Events", event(mods.Event{Name: "a", Key: "player"})},
	} {
		h, err := mods.Open(test.cfg)
		if e, ok := errors.AsType[*mods.ConfigError](err); !ok || e.Field != test.field || h != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := mods.Open(mods.Config{Policy: mods.Policy{Allow: []string{"evnets"}}})
	if err == nil || !strings.Contains(err.Error(), `did you mean "events"?`) {
		t.Errorf("no help: %v", err)
	}
	broken := errors.New("no store today")
	_, err = mods.Open(mods.Config{OpenStore: func(string) (storage.Store, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("the store's error came back as %v", err)
	}
}

func TestLimitsOnlyTighten(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: limits.Limits{Instructions: 1000, Memory: 1 << 20}})
	m := w.with("greedy", "[limits]\ninstructions = 1_000_000\nmemory = '100KiB'\n", "")
	if l := m.Limits(); l.Instructions != 1000 || l.Memory != 100<<10 || l.Depth != limits.DefaultDepth {
		t.Errorf("%+v", l)
	}
	if l := newWorld(t, mods.Config{}).with("plain", "", "").Limits(); l.Instructions != mods.DefaultCallInstructions {
		t.Errorf("a call may take %d instructions", l.Instructions)
	}
}

func TestTickLength(t *testing.T) {
	w := newWorld(t, mods.Config{})
	for _, dt := range []time.Duration{-1, mods.MaxTick + 1, 1 << 62, -1 << 63} {
		if err := w.Tick(t.Context(), dt); !as[*mods.TickError](err) {
			t.Errorf("%v: %v", dt, err)
		}
	}
	if s := w.Status(); s.Tick != 0 || s.Time != 0 {
		t.Errorf("something happened: %+v", s)
	}
	w.dt = mods.MaxTick
	w.run(1)
	if s := w.Status(); s.Tick != 1 || s.Time != time.Hour {
		t.Errorf("%+v", s)
	}
}

func TestTickWithAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the player left")
	leave := mods.Capability{Name: "engine", Members: []luasandbox.Member{luasandbox.Func("leave", func() { cancel(cause) })}}
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{leave}})
	m := w.with("one", "[permissions.engine]\nreason = 'x'", `return {tick = function(n)
		if n == 1 then engine.leave() for i = 1, 100000 do end end print(n) end}`)
	for range 2 { // interrupted; and with a context that has ended before
		if err := w.Tick(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if s := w.Status(); s.Tick != 1 {
		t.Errorf("%d ticks", s.Tick)
	}
	w.wantPrinted()
	w.run(2)
	w.wantPrinted("[one] 1", "[one] 3") // nothing is lost; when it was to begin 2, it was busy with 1
	w.well(m)                           // that it was interrupted is not its fault
}

func TestPhases(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, mods.Config{})
	check := func(step string, want error, errs ...error) {
		t.Helper()
		for i, err := range errs {
			if !errors.Is(err, want) {
				t.Errorf("%s: %d: %v, want %v", step, i, err, want)
			}
		}
	}
	load := func(id string) error { _, err := w.Load(source(t, id, "", "")); return err }
	call := func() error { _, err := w.Call("one", "f"); return err }
	ask := func() error { _, err := w.Ask("a", nil); return err }
	reload := func() error { _, err := w.Reload("one", source(t, "one", "", "")); return err }
	restore := func() error { _, err := w.Restore(ctx, strings.NewReader("{}")); return err }
	save := func() error { return w.Save(ctx, &bytes.Buffer{}) }
	check("open", nil, load("one"), w.Emit("a", nil), ask(), call(), reload(), w.Tick(ctx, 0), save(), load("two"), w.Tick(ctx, 0), w.Unload("two"))
	check("nobody", mods.ErrNoMod, w.Unload("nobody"), w.Pause("nobody"), w.Resume("nobody"), w.Disable("nobody", ""), w.Enable("nobody"))
	check("Stop", nil, w.Stop(ctx))
	all := func() []error {
		return []error{w.Tick(ctx, 0), w.Stop(ctx), w.Emit("a", nil), ask(), call(), reload(), load("three"), w.Unload("one"),
			w.Pause("one"), w.Resume("one"), w.Disable("one", ""), w.Enable("one"), save(), restore()}
	}
	check("after Stop", mods.ErrStopped, all()...)
	check("Close", nil, w.Close(), w.Close())
	check("after Close", mods.ErrClosed, all()...)
	if s := w.Status(); !s.Closed || len(s.Mods) != 1 || s.Mods[0].State != mods.Stopped {
		t.Errorf("%+v", s)
	}
}

func TestCloseWithoutStop(t *testing.T) {
	var kept storage.Memory
	w := newWorld(t, mods.Config{OpenStore: func(string) (storage.Store, error) { return &kept, nil }})
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

// TestFromInside: an engine's function may say things to the host, but not be a second
// loop inside the first.
func TestFromInside(t *testing.T) {
	var w *world
	var busy, fine []error
	inside := mods.Capability{Name: "engine", Members: []luasandbox.Member{luasandbox.Func("inside", func(ctx context.Context) {
		_, restored := w.Restore(ctx, strings.NewReader("{}"))
		busy = []error{w.Tick(ctx, 0), w.Stop(ctx), w.Save(ctx, &bytes.Buffer{}), restored}
		_, called := w.Call("one", "answer")
		_, asked := w.Ask("a", "asked")
		_, loaded := w.Load(source(t, "two", "", "print('loaded')"))
		_, reloaded := w.Reload("other", source(t, "other", "", "print('reloaded')"))
		fine = []error{w.Emit("a", "emitted"), called, asked, loaded, reloaded}
		w.Status()
		w.Mod("one").Report()
	})}}
	for _, workers := range []int{0, 1, 4} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			w = newWorld(t, mods.Config{Capabilities: []mods.Capability{inside}, Frame: mods.Frame{Workers: workers}})
			m := w.with("one", everything+"[permissions.engine]\nreason = 'x'", `
				events.on("a", print)
				return {tick = function(n) if n == 1 then engine.inside() end end, answer = function() print("called") end}`)
			other := w.with("other", "", "")
			w.run(1)
			w.wantPrinted()
			w.run(1)
			lines := w.printed()
			slices.Sort(lines)
			if diff := cmp.Diff([]string{"[one] asked", "[one] called", "[one] emitted", "[other] reloaded", "[two] loaded"}, lines); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			w.well(m, other)
			if len(busy) != 4 || len(fine) != 5 {
				t.Fatal("the engine was not called")
			}
			for i, err := range busy {
				if !errors.Is(err, mods.ErrBusy) {
					t.Errorf("%d: %v", i, err)
				}
			}
			for i, err := range fine {
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
}

// TestFrameIsTheMost: whatever mods do, a frame takes its budget and one charge.
func TestFrameIsTheMost(t *testing.T) {
	const budget, charge = 100_000, 20_000
	for _, workers := range []int{0, 4} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: budget, Workers: workers}})
		for i := range 20 {
			w.mod(fmt.Sprintf("busy%d", i), `return {tick = function() local x = 0 for i = 1, 20000 do x = x + i end end}`)
		}
		for n := range 100 { // those that use up their shares get less from the ninth on
			w.run(1)
			s := w.Status()
			if s.Used > budget+charge || n < 8 && s.Used < budget*9/10 || s.Budget != budget || s.Configured != budget || s.Cut {
				t.Fatalf("tick %d: %d instructions of %d", n, s.Used, s.Budget)
			}
		}
	}
}

// TestPriorities: who is before others gets more, and the others something.
func TestPriorities(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 200_000}, Priorities: map[string]mods.Priority{"twice": {Weight: 200}, "half": {Weight: 50}}})
	spent := map[string]int64{}
	for _, id := range []string{"half", "once", "twice"} {
		w.mod(id, `return {tick = function() while true do end end}`)
	}
	w.run(8) // then they are throttled
	for _, m := range w.Mods() {
		spent[m.ID()] = m.Report().Instructions
	}
	if a, b := float64(spent["twice"])/float64(spent["once"]), float64(spent["once"])/float64(spent["half"]); a < 1.8 || a > 2.2 || b < 1.8 || b > 2.2 {
		t.Errorf("%v", spent)
	}
}
