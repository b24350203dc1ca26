package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/luasandbox/modrunner/fuzz/generate"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/storage"
)

// actor is a mod that does what the target tells it, whatever calls it.
const actor = `
local ids, keep, act = {}, {}, nil
local ops = {
  function(n) for i = 1, n * 200 do end end,
  function(n) task.spawn(act, n) end,
  function(n) task.sleep(n / 50) end,
  function(n) task.wait("a", n / 20) end,
  function(n) events.emit(n % 2 == 0 and "a" or "b", {n = n, text = ("x"):rep(n)}) end,
  function(n) ids[#ids + 1] = events.on(n % 2 == 0 and "a" or "b", function(p) act() return p end) end,
  function(n) events.off(ids[n % (#ids + 1)] or n) end,
  function(n) timer.after(n / 100, act) end,
  function(n) timer.every((n + 1) / 100, n % 2 == 0 and act or "beat") end,
  function(n) timer.cancel(n) end,
  function(n) services.call("mod" .. n % 5, "act", n) end,
  function(n) error("e" .. n) end,
  function(n) error({n}) end,
  function(n) keep[#keep + 1] = ("x"):rep(n * 500) end,
  function(n) keep = {} end,
  function(n) storage.set("k" .. n % 7, {n}) end,
  function(n) coroutine.wrap(function() task.sleep(n / 100) coroutine.yield() end)() end,
  function(n) probe.queue(act) end,
  function(n) probe.unload(n) end,
  function(n) print(n) end,
  function(n) while n == 77 do end end,
}
act = function()
  while true do
    local op, n = probe.next()
    if not op then return n end
    if op < 128 then pcall(ops[op % #ops + 1], n) else ops[op % #ops + 1](n) end
  end
end
return {start = act, tick = act, stop = act, act = act, on_timer = act, on_load = act, on_save = function() act() return {#keep} end}
`

const actorManifest = `[mod]
id = "%s"
version = "1.%d.0"
[permissions]
probe = {reason = "fuzz"}
task = {reason = "fuzz"}
timer = {reason = "fuzz"}
storage = {reason = "fuzz"}
events = {reason = "fuzz", emit = ["a", "b"], subscribe = ["a", "b"]}
services = {reason = "fuzz", export = ["act"], use = ["mod0/act", "mod1/act", "mod2/act", "mod3/act", "mod4/act"]}
[limits]
memory = "1MiB"
instructions = 60000
`

// actorMod returns one of five mods: each but the first needs, or wishes for, one
// before it.
func actorMod(t *testing.T, n, version int) mods.Source {
	id := fmt.Sprintf("mod%d", n)
	text := fmt.Sprintf(actorManifest, id, version)
	switch n {
	case 2:
		text += "[dependencies]\nmod0 = \"^1.0.0\"\n"
	case 3:
		text += "[dependencies]\nmod2 = \"^1.0.0\"\n"
	case 4:
		text += "[optional_dependencies]\nmod1 = \"^1.0.0\"\n"
	}
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(text)}, "main.lua": {Data: []byte(actor)}}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return mods.Source{Bundle: b, Path: id}
}

// play lets bytes choose what five mods and an engine do, for some ticks, and checks
// what has to hold in every tick. It returns what can be seen of the run.
func play(t *testing.T, data []byte, workers int) (seen []mods.Status, printed string) {
	const (
		frame = 20_000
		ticks = 16
	)
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	left := map[string][]byte{} // what each mod is to do still
	for i := range 5 {
		n := next()
		n = min(n, len(data))
		left[fmt.Sprintf("mod%d", i)] = data[:n]
		data = data[n:]
	}
	var host *mods.Host
	inTick := false
	must := func(err error, may ...error) {
		t.Helper()
		for _, m := range may {
			if errors.Is(err, m) {
				return
			}
		}
		if err != nil {
			t.Fatalf("%T %v", err, err)
		}
	}
	probe := mods.Capability{Name: "probe", Doc: "The fuzz target.", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		id := g.ID()
		return []luasandbox.Member{
			luasandbox.Func("next", func() (op *int, n int) {
				if !inTick {
					t.Error("an engine's function is called outside of Tick")
				}
				todo := left[id]
				if len(todo) < 2 || todo[0] == 255 {
					left[id] = todo[min(len(todo), 1):]
					return nil, len(todo)
				}
				left[id] = todo[2:]
				what := int(todo[0])
				return &what, int(todo[1])
			}),
			luasandbox.Func("queue", func(fn *luasandbox.Function) { _ = g.Queue("queued", fn) }),
			luasandbox.Func("unload", func(n int) { _ = host.Unload(fmt.Sprintf("mod%d", n%5)) }),
		}, nil
	}}
	var out bytes.Buffer
	store := &storage.Memory{}
	var err error
	host, err = mods.Open(mods.Config{
		Frame: mods.Frame{Instructions: frame, Guard: limits.UnlimitedTime, Workers: workers}, Policy: mods.PolicyAll,
		Limits: limits.Limits{Time: limits.UnlimitedTime}, Output: &out, Capabilities: []mods.Capability{probe}, SaveEvery: 3,
		Health:    health.Config{Backoff: 200 * time.Millisecond, Probation: 300 * time.Millisecond},
		OpenStore: func(string) (storage.Store, error) { return store, nil },
		Events: []mods.Event{
			{Name: "a", Overflow: mods.DropOldest, Fallback: func(p any) any { return "fallback" }},
			{Name: "b", Overflow: mods.Coalesce, Key: "n"},
		},
	})
	must(err)
	replies := map[*mods.Reply]string{}
	reply := func(what string) func(*mods.Reply, error) {
		return func(r *mods.Reply, err error) {
			if err == nil {
				replies[r] = fmt.Sprintf("%s in tick %d", what, host.Status().Tick)
			}
		}
	}
	_, err = host.Load(actorMod(t, 0, 0), actorMod(t, 1, 0), actorMod(t, 2, 0), actorMod(t, 3, 0), actorMod(t, 4, 0))
	must(err)
	var saved bytes.Buffer
	inside := func(f func() error) error {
		inTick = true
		defer func() { inTick = false }()
		return f()
	}
	for range ticks {
		for range next() % 4 {
			op, n := next(), next()
			id := fmt.Sprintf("mod%d", n%5)
			switch op % 14 {
			case 0:
				must(host.Emit("a", n))
			case 1:
				must(host.Emit("b", map[string]any{"n": n % 3}))
			case 2:
				reply("Ask")(host.Ask("a", n))
			case 3, 4:
				reply("Call of " + id)(host.Call(id, "act", n))
			case 5:
				_ = host.Unload(id)
			case 6:
				_, _ = host.Load(actorMod(t, n%5, 0)) // it may be there, or miss another one
			case 7:
				reply("Reload of " + id)(host.Reload(id, actorMod(t, n%5, n%3)))
			case 8:
				must(host.Pause(id), mods.ErrNoMod)
			case 9, 10:
				must(host.Resume(id), mods.ErrNoMod)
			case 11:
				must(host.Disable(id, "fuzz"), mods.ErrNoMod)
			case 12:
				must(host.Enable(id), mods.ErrNoMod)
			case 13:
				if n%2 == 0 {
					saved.Reset()
					err := inside(func() error { return host.Save(context.Background(), &saved) })
					var save *mods.SaveError
					if err != nil && !errors.As(err, &save) {
						t.Fatalf("%T %v", err, err)
					}
				} else if saved.Len() > 0 {
					must(inside(func() error {
						_, err := host.Restore(context.Background(), bytes.NewReader(saved.Bytes()))
						return err
					}))
				}
			}
		}
		dt := time.Duration(next()%40) * 5 * time.Millisecond
		must(inside(func() error { return host.Tick(context.Background(), dt) }))
		s := host.Status()
		s.Wall = 0
		const charge = 60_000 // the most that a call may cost, in one piece
		if most := s.Configured + charge*int64(max(1, workers*5)); s.Used > most {
			t.Errorf("tick %d: %d instructions of %d", s.Tick, s.Used, s.Configured)
		}
		for i := range s.Mods {
			r := &s.Mods[i]
			r.WallMS = 0
			if r.Waiting > 256+256+64+256+256 || r.Parked > 64 || len(r.Violations) > 20 {
				t.Errorf("tick %d: %+v", s.Tick, *r)
			}
			for _, v := range r.Violations {
				if v.Kind == mods.InternalViolation {
					t.Errorf("tick %d: %+v", s.Tick, v)
				}
			}
		}
		seen = append(seen, s)
	}
	must(inside(func() error { return host.Stop(context.Background()) }))
	must(host.Close())
	for r, what := range replies {
		if _, err := r.Get(); errors.Is(err, mods.ErrPending) {
			t.Errorf("%s: no reply", what)
		}
	}
	return seen, out.String()
}

// FuzzHost: whatever mods and engine do, each frame keeps to its budget, queues are
// bounded, every question is answered, the engine's functions are called inside of
// Tick only; the same happens again, and with any number of workers.
func FuzzHost(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(generate.Bytes(seed, 300+int(seed*31)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			t.Skip()
		}
		if len(data)%2 == 0 {
			first, said := play(t, data, 0)
			again, saidAgain := play(t, data, 0)
			compareRuns(t, "again", first, again, said, saidAgain)
			return
		}
		one, said := play(t, data, 1)
		three, saidThree := play(t, data, 3)
		compareRuns(t, "with workers", one, three, said, saidThree)
	})
}

func compareRuns(t *testing.T, what string, a, b []mods.Status, saidA, saidB string) {
	t.Helper()
	if diff := cmp.Diff(a, b, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-first +second):\n%s", what, clipDiff(diff))
	}
	if saidA != saidB {
		t.Errorf("%s: what is printed differs", what)
	}
}

func clipDiff(diff string) string {
	lines := strings.SplitAfter(diff, "\n")
	return strings.Join(lines[:min(len(lines), 60)], "")
}
