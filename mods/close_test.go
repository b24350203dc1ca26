package mods_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// slowWork is a capability whose function answers when it is told to, or when its
// context ends.
type slowWork struct {
	answer chan []any
	begun  chan struct{}
	ended  chan error // of contexts
	ends   int        // of OnEnd
}

func newSlowWork() *slowWork {
	return &slowWork{answer: make(chan []any), begun: make(chan struct{}, 100), ended: make(chan error, 100)}
}

func (s *slowWork) capability() mods.Capability {
	return mods.Capability{Name: "slow", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		g.OnEnd(func() { s.ends++ })
		return []luasandbox.Member{luasandbox.Func("ask", func() (*luasandbox.Pending, error) {
			return g.Later(func(ctx context.Context) ([]any, error) {
				s.begun <- struct{}{}
				select {
				case values := <-s.answer:
					return values, nil
				case <-ctx.Done():
					s.ended <- ctx.Err()
					return nil, ctx.Err()
				}
			})
		})}, nil
	}}
}

const asking = `
	for i = 1, 3 do task.spawn(function() print("answered", slow.ask()) end) end
	return {stop = function() print("stop") end}`

const slowRest = everything + "[permissions.slow]\nreason = 'test'\n"

// settled fails the test if more goroutines are left than there were, after a while.
func settled(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	var all [1 << 16]byte
	t.Errorf("%d goroutines were %d:\n%s", runtime.NumGoroutine(), before, all[:runtime.Stack(all[:], true)])
}

// TestLater is the control of what follows: an answer arrives, in a later tick.
func TestLater(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newSlowWork()
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{s.capability()}})
	m := w.with("one", slowRest, asking)
	w.run(1)
	for range 3 {
		<-s.begun
	}
	w.run(5)
	w.wantPrinted()
	if got := w.Status().Works; got != 3 || m.Report().Parked != 3 {
		t.Errorf("%d works, %d parked", got, m.Report().Parked)
	}
	for i := range 3 {
		s.answer <- []any{i, "x"}
	}
	settled(t, before) // the goroutines of the works
	w.run(2)
	for _, want := range []string{`answered\t0\tx`, `answered\t1\tx`, `answered\t2\tx`} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("%s is missing in %q", want, w.out)
		}
	}
	w.well(m)
}

// TestGoneWhileItWaits: whatever ends a mod whose tasks wait for an answer ends the
// work, and nothing of it happens later.
func TestGoneWhileItWaits(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w *world) error
		left string // what is printed
	}{
		"unload":  {func(w *world) error { return w.Unload("one") }, "[one] stop\n"},
		"disable": {func(w *world) error { return w.Disable("one", "") }, ""},
		"reload": {func(w *world) error {
			_, err := w.Reload("one", source(t, "one", slowRest, "print('new')"))
			return err
		}, "[one] new\n"},
		"stop":  {func(w *world) error { return w.Stop(t.Context()) }, "[one] stop\n"},
		"close": {func(w *world) error { return w.Close() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			s := newSlowWork()
			w := newWorld(t, mods.Config{Capabilities: []mods.Capability{s.capability()}})
			m := w.with("one", slowRest, asking)
			w.run(1)
			for range 3 {
				<-s.begun
			}
			if err := test.end(w); err != nil {
				t.Fatal(err)
			}
			_ = w.Tick(context.Background(), 0)
			for range 3 {
				if err := <-s.ended; !errors.Is(err, context.Canceled) {
					t.Errorf("a work ended with %v", err)
				}
			}
			settled(t, before)
			_ = w.Tick(context.Background(), 0)
			if got := w.out.String(); got != test.left {
				t.Errorf("printed %q, want %q", got, test.left)
			}
			if r := m.Report(); r.Parked != 0 || s.ends != 1 || r.ViolationCount > 0 {
				t.Errorf("%d parked, OnEnd called %d times, %v", r.Parked, s.ends, r.Violations)
			}
		})
	}
}

// TestCloseLeavesNothing: no goroutine, and no lock on the folder.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	for range 3 { // each opens the folder that the one before has left
		s := newSlowWork()
		w := newWorld(t, mods.Config{Capabilities: []mods.Capability{s.capability()}, DataDir: dir, OpenStore: boltstore.Open, Frame: mods.Frame{Workers: 4}})
		w.with("one", slowRest, `task.spawn(function() task.sleep(1000) end) task.spawn(function() task.wait("a") end) timer.every(1, print) storage.set("x", 1) `+asking)
		w.with("busy", everything, "return {tick = function() while true do end end}")
		w.run(3)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		settled(t, before)
	}
}

// TestLeakIsTold: work that does not end when it is told to is not waited for without
// end. (It takes 10 seconds.)
func TestLeakIsTold(t *testing.T) {
	synctest.Test(t, leak) // Close waits for ten seconds of made time
}

func leak(t *testing.T) {
	release := make(chan struct{})
	cap := mods.Capability{Name: "slow", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return []luasandbox.Member{luasandbox.Func("ask", func() (*luasandbox.Pending, error) {
			return g.Later(func(context.Context) ([]any, error) { <-release; return nil, nil })
		})}, nil
	}}
	h, err := mods.Open(mods.Config{Capabilities: []mods.Capability{cap}, Policy: mods.PolicyAll})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Load(source(t, "one", slowRest, asking)); err != nil {
		t.Fatal(err)
	}
	for h.Status().Works < 3 {
		if err := h.Tick(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	err = h.Close()
	if e, ok := errors.AsType[*mods.LeakError](err); !ok || e.Works != 3 {
		t.Errorf("got %v", err)
	}
	close(release)
}

// inside is a capability whose function does to the host what it is told.
func inside(do *func()) mods.Capability {
	return mods.Capability{Name: "engine", Members: []luasandbox.Member{luasandbox.Func("inside", func() { (*do)() })}}
}

// TestEndsDuringItsOwnCall: a function of the engine's that unloads, disables or
// reloads the mod that calls it, or closes the host. The call comes to its end, but
// for Close, with which the frame ends.
func TestEndsDuringItsOwnCall(t *testing.T) {
	main := `return {tick = function(n) if n == 2 then print("before") engine.inside() print("after") end end, stop = function() print("stop") end}`
	for name, test := range map[string]struct {
		do    func(w *world) error
		left  string
		state mods.State
	}{
		"unload":  {func(w *world) error { return w.Unload("one") }, "before after stop", mods.Unloaded},
		"disable": {func(w *world) error { return w.Disable("one", "") }, "before after", mods.Disabled},
		"pause":   {func(w *world) error { return w.Pause("one") }, "before after", mods.Paused},
		"reload": {func(w *world) error {
			_, err := w.Reload("one", source(t, "one", "[permissions.engine]\nreason = 'x'", "print('new')"))
			return err
		}, "before after new", mods.Active},
		"close": {func(w *world) error {
			if err := w.Close(); !errors.Is(err, mods.ErrBusy) {
				return errors.New("Close inside a tick is not busy")
			}
			return nil
		}, "", mods.Stopped},
	} {
		for _, workers := range []int{0, 2} {
			t.Run(name, func(t *testing.T) {
				before := runtime.NumGoroutine()
				var w *world
				do := func() {
					if err := test.do(w); err != nil {
						t.Error(err)
					}
				}
				w = newWorld(t, mods.Config{Capabilities: []mods.Capability{inside(&do)}, Frame: mods.Frame{Workers: workers}})
				m := w.with("one", "[permissions.engine]\nreason = 'x'", main)
				for range 4 {
					if err := w.Tick(t.Context(), 0); err != nil && !errors.Is(err, mods.ErrClosed) {
						t.Error(err)
					}
				}
				got := strings.Fields(strings.ReplaceAll(w.out.String(), "[one] ", ""))
				if name == "close" {
					if len(got) == 0 || got[0] != "before" || !w.Status().Closed {
						t.Errorf("printed %q, closed: %v", got, w.Status().Closed)
					}
				} else if strings.Join(got, " ") != test.left {
					t.Errorf("printed %q, want %q", got, test.left)
				}
				if r := m.Report(); r.State != test.state || r.ViolationCount > 0 {
					t.Errorf("%s: %v", r.State, r.Violations)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				settled(t, before)
			})
		}
	}
}

// TestCloseDuringATick, from another goroutine: the tick ends, and the host is closed
// when it has.
func TestCloseDuringATick(t *testing.T) {
	before := runtime.NumGoroutine()
	entered, closed := make(chan struct{}), make(chan error)
	var w *world
	do := func() {
		close(entered)
		if err := <-closed; !errors.Is(err, mods.ErrBusy) {
			t.Errorf("Close said %v", err)
		}
	}
	w = newWorld(t, mods.Config{Capabilities: []mods.Capability{inside(&do)}, Frame: mods.Frame{Instructions: 1 << 36}})
	m := w.with("one", "[permissions.engine]\nreason = 'x'", "engine.inside() while true do end")
	go func() {
		<-entered
		closed <- w.Close()
	}()
	if err := w.Tick(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if !w.Status().Closed || m.State() != mods.Stopped {
		t.Errorf("closed: %v; the mod is %s", w.Status().Closed, m.State())
	}
	if err := w.Tick(t.Context(), 0); !errors.Is(err, mods.ErrClosed) {
		t.Errorf("a tick after Close: %v", err)
	}
	settled(t, before)
}

// TestWorksAreBounded: how much a mod, and a host, have under way.
func TestWorksAreBounded(t *testing.T) {
	s := newSlowWork()
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{s.capability()}})
	m := w.with("one", slowRest, `for i = 1, 20 do task.spawn(function() local ok, why = pcall(slow.ask) if not ok then print(why) end end) end`)
	w.run(1)
	if n := len(w.printed()); n != 12 || !strings.Contains(w.printed()[0], "at most 8") || w.Status().Works != 8 {
		t.Errorf("%d were refused, %d are under way: %q", n, w.Status().Works, w.printed())
	}
	w.well(m)
	for range 8 {
		s.answer <- nil
	}
	w.until("answered", func() bool { return m.Report().Parked == 0 })
	w.call("one", "nothing")
	w.run(1)
}

// TestWorkThatFails: an error of work, a panic in it, and values that are none.
func TestWorkThatFails(t *testing.T) {
	works := map[string]func(context.Context) ([]any, error){
		"an error":    func(context.Context) ([]any, error) { return nil, errors.New("no network: secret detail") },
		"its own":     func(context.Context) ([]any, error) { return nil, luasandbox.Errorf("not found") },
		"a panic":     func(context.Context) ([]any, error) { panic("a bug") },
		"no value":    func(context.Context) ([]any, error) { return []any{struct{}{}}, nil },
		"the control": func(context.Context) ([]any, error) { return []any{map[string]any{"x": 1}}, nil },
	}
	for name, work := range works {
		cap := mods.Capability{Name: "slow", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			return []luasandbox.Member{luasandbox.Func("ask", func() (*luasandbox.Pending, error) { return g.Later(work) })}, nil
		}}
		w := newWorld(t, mods.Config{Capabilities: []mods.Capability{cap}})
		m := w.with("one", slowRest, `task.spawn(function() local ok, v = pcall(slow.ask) print(ok, ok and v.x or v) end)`)
		w.run(1)
		w.until("answered", func() bool { return m.Report().Parked == 0 })
		w.run(1)
		got := strings.TrimSpace(w.out.String())
		switch {
		case name == "the control" && got != `[one] true\t1`, name == "its own" && !strings.HasSuffix(got, "not found"),
			name != "the control" && !strings.HasPrefix(got, `[one] false\t`), strings.Contains(got, "secret"):
			t.Errorf("%s: %s", name, got)
		}
		w.well(m)
	}
}

// TestEveryGrantEnds: whatever becomes of a mod's state, what capabilities hold for it
// is let go of, once.
func TestEveryGrantEnds(t *testing.T) {
	given, ended := 0, 0
	cap := mods.Capability{Name: "engine", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		if g.ID() != "" {
			given++
			g.OnEnd(func() { ended++ })
		}
		return []luasandbox.Member{luasandbox.Value("there", true)}, nil
	}}
	rest := everything + "[permissions.engine]\nreason = 'x'\n"
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{cap}, Limits: testLimits})
	w.with("fails", rest, "error('at once')")
	w.with("hangs", rest, "return {tick = function() while true do end end}")
	w.with("goes", rest, "")
	w.with("stays", rest, "")
	w.run(60)
	for _, main := range []string{"error('no')", "return {on_load = function() end, start = function() error('no') end}", "return 5", "while true do end"} {
		_ = w.reloaded("stays", source(t, "stays", rest, main))
	}
	if err := w.Unload("goes"); err != nil {
		t.Fatal(err)
	}
	w.run(5)
	if live := given - ended; given < 8 || live < 1 || live > 2 {
		t.Errorf("of %d grants %d have ended", given, ended)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if given != ended {
		t.Errorf("of %d grants %d have ended", given, ended)
	}
}
