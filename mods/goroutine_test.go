package mods_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/storage"
)

// goroutine returns the id of the goroutine that calls it.
func goroutine() string {
	var text [64]byte
	fields := strings.Fields(string(text[:runtime.Stack(text[:], false)]))
	return fields[1]
}

// witness is everything of an engine's that a host calls, and on which goroutine it
// was called.
type witness struct {
	mu   sync.Mutex
	seen map[string]map[string]int // what, goroutine, how often
	storage.Memory
}

func (w *witness) saw(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string]map[string]int{}
	}
	if w.seen[what] == nil {
		w.seen[what] = map[string]int{}
	}
	w.seen[what][goroutine()]++
}

func (w *witness) Write(p []byte) (int, error)               { w.saw("output"); return len(p), nil }
func (w *witness) Append(audit.Record) error                 { w.saw("audit"); return nil }
func (w *witness) Save(changes []storage.Change) error       { w.saw("store"); return w.Memory.Save(changes) }
func (w *witness) Enabled(context.Context, slog.Level) bool  { return true }
func (w *witness) WithAttrs([]slog.Attr) slog.Handler        { return w }
func (w *witness) WithGroup(string) slog.Handler             { return w }
func (w *witness) Handle(context.Context, slog.Record) error { w.saw("logger"); return nil }

// TestCallbacksAreOnTheTicksGoroutine: whatever of an engine's a host calls, it calls
// on the goroutine that is in Tick; with workers, too.
func TestCallbacksAreOnTheTicksGoroutine(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			see := &witness{}
			anywhere := atomic.Int64{}
			cap := mods.Capability{Name: "engine", Sensitive: true, Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
				see.saw("grant")
				g.OnEnd(func() { see.saw("on end") })
				return []luasandbox.Member{
					luasandbox.Func("call", func() { see.saw("function") }),
					luasandbox.Func("back", func(ctx context.Context, fn *luasandbox.Function) error {
						see.saw("function")
						_, err := fn.Call(ctx)
						see.saw("after a callback")
						return err
					}),
					luasandbox.Func("queue", func(fn *luasandbox.Function) error { return g.Queue("queued", fn) }),
				}, nil
			}}
			free := mods.Capability{Name: "free", Members: []luasandbox.Member{luasandbox.Func("call", func() { anywhere.Add(1) }, luasandbox.Anywhere())}}
			cfg := mods.Config{Capabilities: []mods.Capability{cap, free}, Frame: mods.Frame{Instructions: 200_000, Workers: workers}, SaveEvery: 1,
				Output: see, Audit: see, Logger: slog.New(see), OpenStore: func(string) (storage.Store, error) { return see, nil },
				Now:    func() time.Time { see.saw("now"); return time.Time{} },
				Events: []mods.Event{{Name: "chat", Fallback: func(any) any { see.saw("fallback"); return nil }}}}
			w := newWorld(t, cfg)
			see.mu.Lock()
			see.seen = nil // Open is on the goroutine of whoever calls it
			see.mu.Unlock()
			var sources []mods.Source
			for i := range 8 {
				sources = append(sources, source(t, fmt.Sprintf("mod%d", i), everything+"[permissions.engine]\nreason = 'x'\n[permissions.free]\nreason = 'x'\n", `
					events.on("chat", function() engine.call() end)
					task.spawn(function() while true do task.sleep(0.1) engine.back(function() engine.call() for i = 1, 2000 do end end) end end)
					return {start = function() engine.call() end, tick = function(n)
					  engine.call() log.info("x") print("x") storage.set("n", n)
					  for i = 1, 20000 do if i % 500 == 0 then free.call() end end
					  engine.queue(function() engine.call() end)
					  if n == 30 then error("once") end
					end, stop = function() engine.call() end}`))
			}
			w.load(sources...)
			// Other goroutines say things; nothing of the engine's is called on theirs.
			var others sync.WaitGroup
			for range 3 {
				others.Go(func() {
					for range 50 {
						_ = w.Emit("chat", "x")
						if r, err := w.Ask("chat", "x"); err == nil {
							_, _ = r.Get()
						}
						_, _ = w.Call("mod1", "stop")
						runtime.Gosched()
					}
				})
			}
			me := goroutine()
			w.run(60)
			others.Wait()
			if err := w.Unload("mod3"); err != nil {
				t.Fatal(err)
			}
			w.run(5)
			w.stop()
			for what, on := range see.seen {
				if len(on) != 1 || on[me] == 0 {
					t.Errorf("%s was called on the goroutines %v; mine is %s", what, on, me)
				}
			}
			for _, what := range []string{"grant", "on end", "function", "after a callback", "output", "audit", "store", "logger", "now", "fallback"} {
				if see.seen[what][me] == 0 {
					t.Errorf("%s was never called; the test proves nothing", what)
				}
			}
			if anywhere.Load() == 0 {
				t.Error("a function that may run anywhere was never called")
			}
		})
	}
}

// TestFromAnyGoroutine is for the race detector: all that may be called from anywhere,
// from several goroutines, while the game ticks.
func TestFromAnyGoroutine(t *testing.T) {
	for _, workers := range []int{0, 4} {
		w := newWorld(t, mods.Config{Limits: testLimits, Frame: mods.Frame{Instructions: 300_000, Workers: workers}})
		main := `
			events.on("chat", function(text) storage.set("last", text) return "heard" end)
			task.spawn(function() while true do task.sleep(0.05) end end)
			return {tick = function(n) log.info("tick", {n = n}) events.emit("a", n) if n % 7 == 0 then error("x") end if n % 31 == 0 then while true do end end end,
			  add = function(a, b) return a + b end, on_save = function() return {1} end, on_load = function() end}`
		all := w.together("one", main, "two", main, "three", main)
		stop := make(chan struct{})
		var others sync.WaitGroup
		work := func(f func(i int)) {
			others.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						f(i)
						runtime.Gosched()
					}
				}
			})
		}
		fine := func(err error, allowed ...error) {
			for _, a := range allowed {
				if errors.Is(err, a) {
					return
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
		for range 2 {
			work(func(i int) { fine(w.Emit("chat", map[string]any{"text": i}), mods.ErrQueueFull) })
			work(func(int) {
				r, err := w.Ask("chat", "question")
				fine(err, mods.ErrQueueFull)
				if err == nil {
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					_, _ = r.Wait(ctx)
					cancel()
				}
			})
			work(func(i int) {
				r, err := w.Call([]string{"one", "two", "three"}[i%3], "add", i, 1)
				fine(err, mods.ErrNoMod, mods.ErrQueueFull)
				if err == nil {
					_, _ = r.Get()
				}
			})
			work(func(int) {
				s := w.Status()
				for _, r := range s.Mods {
					_, _ = r.MarshalJSON()
				}
				for _, m := range w.Mods() {
					_, _, _, _, _ = m.Report(), m.State(), m.Err(), m.Manifest(), m.Limits()
				}
			})
			work(func(int) { fine(w.Tick(t.Context(), time.Millisecond), mods.ErrBusy) })
			work(func(int) {
				// A mod that is quarantined in its on_save is told of here, too.
				if err := w.Save(t.Context(), &bytes.Buffer{}); !as[*mods.SaveError](err) {
					fine(err, mods.ErrBusy)
				}
			})
		}
		work(func(i int) {
			id := fmt.Sprintf("extra%d", i%5)
			_, err := w.Load(source(t, id, everything, main), mods.Source{Path: "broken", Err: io.ErrUnexpectedEOF})
			if err == nil {
				t.Error("a broken source was taken")
			}
			time.Sleep(time.Millisecond)
			fine(w.Unload(id), mods.ErrNoMod)
		})
		work(func(i int) {
			_, err := w.Reload("two", source(t, "two", everything, main))
			fine(err, mods.ErrNoMod, mods.ErrQueueFull)
			time.Sleep(time.Millisecond)
		})
		work(func(i int) {
			fine(w.Pause("three"))
			fine(w.Resume("three"))
			if i%20 == 0 {
				fine(w.Disable("three", "for a while"))
			}
			fine(w.Enable("three"))
			time.Sleep(time.Millisecond)
		})
		for w.Status().Tick < 200 {
			fine(w.Tick(t.Context(), 10*time.Millisecond), mods.ErrBusy)
			time.Sleep(100 * time.Microsecond)
		}
		close(stop)
		others.Wait()
		for _, m := range all {
			for _, v := range m.Report().Violations {
				if v.Kind == mods.InternalViolation {
					t.Errorf("%+v", v)
				}
			}
		}
		if n := w.log.told("panic"); n > 0 {
			t.Errorf("%d panics", n)
		}
	}
}

// TestCloseFromAnyGoroutine: however Close and all else meet, the host is closed once,
// and everybody else gets to know it.
func TestCloseFromAnyGoroutine(t *testing.T) {
	for range 20 {
		before := runtime.NumGoroutine()
		s := newSlowWork()
		w := newWorld(t, mods.Config{Capabilities: []mods.Capability{s.capability()}, Frame: mods.Frame{Workers: 2}})
		w.with("one", slowRest, asking)
		w.with("busy", everything, "return {tick = function() while true do end end}")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for {
					switch err := w.Tick(t.Context(), time.Millisecond); {
					case errors.Is(err, mods.ErrClosed):
						return
					case err != nil && !errors.Is(err, mods.ErrBusy):
						t.Error(err)
						return
					}
				}
			})
			all.Go(func() {
				for !errors.Is(w.Emit("chat", 1), mods.ErrClosed) {
					runtime.Gosched()
				}
			})
		}
		time.Sleep(time.Millisecond)
		for range 2 {
			all.Go(func() {
				if err := w.Close(); err != nil && !errors.Is(err, mods.ErrBusy) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		settled(t, before)
	}
}
