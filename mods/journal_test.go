package mods_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/recording"
	"github.com/luasandbox/modrunner/mods/storage"
)

// recorded is a host whose run is recorded, or repeated, in a game that does the same
// in both.
type recorded struct {
	*mods.Host
	t       testing.TB
	log     journal
	out     *bytes.Buffer
	file    *bytes.Buffer // nil in a replay
	sources []mods.Source
	mu      sync.Mutex
	lookups []*luasandbox.Pending // of oracle.ask, which only a test answers
	works   chan struct{}         // one for each work of oracle.later that may end
	ran     int                   // how many began
	last    mods.Status           // when it was stopped
	said    []string              // until then,
	printed string                // and what mods printed
	noise   float64               // what oracle.sense returns is moved by
}

// oracle is a capability with all ways in which an engine can answer.
func (r *recorded) oracle() mods.Capability {
	return mods.Capability{Name: "oracle", Risk: mods.RiskLow, Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return []luasandbox.Member{
			luasandbox.Func("later", func(text string) (*luasandbox.Pending, error) {
				return g.Later(func(ctx context.Context) ([]any, error) {
					r.mu.Lock()
					r.ran++
					r.mu.Unlock()
					select {
					case <-r.works:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
					switch text {
					case "fail":
						return nil, luasandbox.Errorf("no answer to %q", text)
					case "break":
						return nil, errors.New("internal")
					}
					return []any{text + "!", map[string]any{"n": 1, "list": []any{true, nil, 2.5}}}, nil
				})
			}),
			luasandbox.Func("ask", func() *luasandbox.Pending {
				p := luasandbox.Later()
				r.mu.Lock()
				defer r.mu.Unlock()
				r.lookups = append(r.lookups, p)
				return p
			}),
			luasandbox.Func("sense", func() float64 { return g.Now().Seconds() + r.noise }),
		}, nil
	}}
}

// play returns a host that records, or, given a recording, repeats it. change may alter
// the configuration.
func play(t testing.TB, replay *mods.Replay, change func(*mods.Config)) (*recorded, error) {
	t.Helper()
	r := &recorded{t: t, log: newJournal(), out: &bytes.Buffer{}, works: make(chan struct{}, 1000)}
	cfg := mods.Config{
		Policy: mods.PolicyAll, Output: r.out, Logger: slog.New(r.log), Replay: replay, Seed: 7,
		Events:       []mods.Event{{Name: "a"}, {Name: "b"}, {Name: "chat", Overflow: mods.DropOldest, Fallback: func(any) any { return "nobody" }}},
		Capabilities: []mods.Capability{r.oracle()},
		Frame:        mods.Frame{Guard: limits.UnlimitedTime, Instructions: 300_000},
		Limits:       limits.Limits{Instructions: 1_000_000, Memory: 4 << 20},
		SaveEvery:    5,
	}
	if replay == nil {
		r.file = &bytes.Buffer{}
		cfg.Record = r.file
		clock := rand.New(rand.NewPCG(rand.Uint64(), 1)) // another one each time
		cfg.Now = func() time.Time { return time.Unix(1e9+clock.Int64N(1e9), clock.Int64N(1e9)) }
	}
	if change != nil {
		change(&cfg)
	}
	h, err := mods.Open(cfg)
	if err != nil {
		return nil, err
	}
	r.Host = h
	t.Cleanup(func() { _ = h.Close() })
	return r, nil
}

func mustPlay(t testing.TB, replay *mods.Replay, change func(*mods.Config)) *recorded {
	t.Helper()
	r, err := play(t, replay, change)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tick gives the host ticks.
func (r *recorded) tick(dts ...time.Duration) {
	r.t.Helper()
	for _, dt := range dts {
		if err := r.Tick(context.Background(), dt); err != nil {
			r.t.Fatal(err)
		}
	}
}

// add loads mods, and keeps their bundles for the replay.
func (r *recorded) add(sources ...mods.Source) {
	r.t.Helper()
	r.sources = append(r.sources, sources...)
	if _, err := r.Load(sources...); err != nil {
		r.t.Fatal(err)
	}
}

// finish ends a run that is recorded, and returns the recording.
func (r *recorded) finish() []byte {
	r.t.Helper()
	if err := r.Stop(context.Background()); err != nil {
		var full *storage.Error // the store's fault, and part of the run
		if !errors.As(err, &full) {
			r.t.Fatal(err)
		}
	}
	r.stopped()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	return r.file.Bytes()
}

// stopped keeps what is compared with a replay.
func (r *recorded) stopped() {
	r.last, r.said, r.printed = r.status(), r.log.lines(), r.out.String()
}

// repeat lets a replay run to its end, and stops it. The error is the first of Tick or
// Stop but for ErrReplayed.
func (r *recorded) repeat() error {
	r.t.Helper()
	for {
		err := r.Tick(context.Background(), time.Minute) // the recording knows better
		if errors.Is(err, mods.ErrReplayed) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := r.Stop(context.Background()); errors.As(err, new(*mods.DivergenceError)) {
		return err
	}
	return nil
}

// status is what has to be the same, of all mods and the host.
func (r *recorded) status() mods.Status {
	s := r.Status()
	s.Closed, s.Wall, s.Works = false, 0, 0
	for i := range s.Mods {
		s.Mods[i].WallMS = 0
		s.Mods[i].Source = ""
	}
	return s
}

// wantSame repeats a recording, and compares all that can be seen with the run that it
// was made of.
func (r *recorded) wantSame(file []byte, change func(*mods.Config)) *recorded {
	r.t.Helper()
	again := mustPlay(r.t, &mods.Replay{Recording: bytes.NewReader(file), Sources: r.sources}, change)
	if err := again.repeat(); err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(r.last, again.status()); diff != "" {
		r.t.Errorf("status, recorded and repeated:\n%s", diff)
	}
	if diff := cmp.Diff(r.printed, again.out.String()); diff != "" {
		r.t.Errorf("output, recorded and repeated:\n%s", diff)
	}
	if diff := cmp.Diff(r.said, again.log.lines()); diff != "" {
		r.t.Errorf("log, recorded and repeated:\n%s", diff)
	}
	done := again.Replayed()
	if want := (mods.Replayed{Ticks: r.last.Tick, Calls: r.calls(), Over: true}); done != want {
		r.t.Errorf("replayed %+v; want %+v", done, want)
	}
	if again.ran > 0 {
		r.t.Errorf("%d works were run in the replay", again.ran)
	}
	return again
}

// calls returns how many calls the recording has.
func (r *recorded) calls() (n int64) {
	r.t.Helper()
	for _, f := range frames(r.t, r.file.Bytes()) {
		for _, m := range f.Mods {
			n += int64(len(m.Calls)) + m.More
		}
	}
	return n
}

func frames(t testing.TB, file []byte) []*recording.Frame {
	t.Helper()
	in, err := recording.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var all []*recording.Frame
	for {
		f, err := in.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
}

const askOracle = everything + "\n[permissions.oracle]\nreason = \"test\"\n[permissions.services]\nreason = \"test\"\nuse = [\"one/double\"]\nexport = [\"double\"]\n[permissions.config]\nreason = \"test\"\n[settings.level]\ntype = \"integer\"\ndefault = 1\nmin = 0\nmax = 100\ndescription = \"test\"\n"

// busy uses all that the host has.
const busy = `
local n = (storage.get("n") or 0) + 1
storage.set("n", n)
print("session " .. n, clock.now())
local heard = 0
events.on("chat", function(p) heard = heard + 1 log.info("heard", {text = p.text, n = heard}) return "I did" end)
events.on("a", function(p) print("a", json.encode(p)) events.emit("b", {n = heard}) end)
events.on("b", function(p) storage.set("b", p.n) end)
local function wait(text)
  local ok, answer, t = pcall(oracle.later, text)
  print("later", clock.tick(), clock.elapsed(), ok, answer, t and t.n, t and #t.list)
end
config.on_change(function(name, value) print(name, value) end)
return {
  start = function()
    for _, text in ipairs{"x", "fail", "break"} do task.spawn(wait, text) end
    task.spawn(function() print("asked", pcall(oracle.ask)) end)
    task.spawn(function() print("waited", task.wait("chat", 3)) end)
    timer.every(0.3, function() print("beat", random.integer(1, 1000), math.random(), os.time()) end)
    timer.after(0.5, "named")
  end,
  tick = function(n, dt)
    if n % 3 == 0 then log.debug("tick " .. n, {dt = dt}) end
    if n % 7 == 0 then task.sleep(0.2) print("slept", clock.elapsed()) end
    local t = {}
    for i = 1, 200 * (n % 5) do t[i] = {i, tostring(i)} end
    if services.available("one", "double") then print("double", pcall(services.call, "one", "double", n)) end
  end,
  on_timer = function(name) print(name) end,
  on_save = function() return {heard = heard} end,
  on_load = function(state) heard = state.heard print("load", heard) end,
  double = function(n) storage.set("doubled", n) return n * 2 end,
  twice = function(text, t) return text .. text, t end,
  stop = function() print("stop", heard) storage.set("heard", heard) end,
}`

// misbehaving mods are stopped, again and again.
var misbehaving = map[string]string{
	"loop":    `return {tick = function(n) if n % 4 == 0 then while true do end end end}`,
	"balloon": `return {tick = function(n) local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end}`,
	"flood":   `return {tick = function(n) for i = 1, 1000 do pcall(events.emit, "b", {n = i}) end end}`,
	"errs":    `return {tick = function(n) error({n = n}) end}`,
	"deep":    `local function f() return 1 + f() end return {tick = function(n) if n == 5 then f() end end}`,
	"chatty":  `return {tick = function() for i = 1, 500 do log.info("x" .. i) print(i) end end}`,
	"caller":  `return {start = function() for i = 1, 20 do task.spawn(function() while true do oracle.later("x" .. i) end end) end end}`,
}

// session is a game with every kind of input, in an order and at times that random
// decides.
func (r *recorded) session(seed uint64, ticks int) {
	t := r.t
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	one := source(t, "one", askOracle, busy)
	r.add(one, source(t, "two", askOracle, busy))
	for _, id := range slices.Sorted(maps.Keys(misbehaving)) {
		r.add(source(t, id, askOracle, misbehaving[id]))
	}
	said := func(err error) {
		if err != nil && !errors.Is(err, mods.ErrNoMod) {
			t.Helper()
			t.Fatal(err)
		}
	}
	var saved []byte
	for tick := range ticks {
		for range random.IntN(4) {
			switch random.IntN(16) {
			case 0, 1:
				said(r.Emit("chat", map[string]any{"text": fmt.Sprint("hello ", tick)}))
			case 2:
				_, err := r.Ask("chat", map[string]any{"text": "?"})
				said(err)
			case 3:
				said(r.Emit("a", []any{1, "x", map[string]any{"y": []any{}}}))
			case 4:
				_, err := r.Call("one", "twice", "abc", map[string]any{"n": tick})
				var call *mods.CallError
				if !errors.As(err, &call) {
					said(err)
				}
			case 5, 6, 7:
				r.works <- struct{}{}
				time.Sleep(time.Millisecond) // it may come before the next tick, or not
			case 8:
				r.mu.Lock()
				for i, p := range r.lookups {
					if i%2 == 0 {
						p.Resolve("found", tick)
					} else {
						p.Reject(luasandbox.Errorf("lost in tick %d", tick))
					}
				}
				r.lookups = nil
				r.mu.Unlock()
			case 9:
				id := []string{"two", "loop", "errs"}[random.IntN(3)]
				said([]func() error{
					func() error { return r.Pause(id) }, func() error { return r.Resume(id) },
					func() error { return r.Disable(id, "test") }, func() error { return r.Enable(id) },
				}[random.IntN(4)]())
			case 10:
				v := source(t, "one", askOracle, fmt.Sprintf("print('edition %d')\n%s", tick, busy))
				r.sources = append(r.sources, v)
				_, err := r.Reload("one", v)
				var reload *mods.ReloadError
				if !errors.As(err, &reload) {
					said(err)
				}
			case 11:
				if r.Mod("two") != nil {
					said(r.Unload("two"))
				} else {
					r.add(source(t, "two", askOracle, fmt.Sprintf("-- %d\n%s", tick, busy)))
				}
			case 12:
				var file bytes.Buffer
				_ = r.Save(context.Background(), &file) // of mods that fail
				saved = file.Bytes()
			case 13:
				said(r.Set("one", "level", random.IntN(10)))
			case 14:
				said(r.SetLanguage([]string{"en", "de", "pt-BR"}[random.IntN(3)]))
			case 15:
				if saved != nil {
					_, err := r.Restore(context.Background(), bytes.NewReader(saved))
					said(err)
				}
			}
		}
		r.tick(time.Duration(random.IntN(200)) * time.Millisecond)
	}
}

// kept is a store with values of earlier sessions, of which some saves fail.
func kept(fails int) *failingStore {
	s := &failingStore{fails: fails}
	_ = s.Memory.Save([]storage.Change{{Mod: "one", Key: "n", Value: "41"}, {Mod: "one", Key: "text", Value: `"x\u0001"`}})
	return s
}

type failingStore struct {
	storage.Memory
	fails, saves int
}

func (s *failingStore) Save(changes []storage.Change) error {
	if s.saves++; s.fails > 0 && s.saves%s.fails == 0 {
		return &storage.Error{Op: "save", Err: errors.New("the disk is full")}
	}
	return s.Memory.Save(changes)
}

func withStore(s storage.Store) func(*mods.Config) {
	return func(c *mods.Config) {
		c.OpenStore = func(string) (storage.Store, error) { return s, nil }
	}
}

func TestReplayIsTheSame(t *testing.T) {
	seeds := 3
	if n, err := strconv.Atoi(os.Getenv("REPLAY_SEEDS")); err == nil {
		seeds = n
	}
	for _, workers := range []int{0, 3} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%d workers, seed %d", workers, seed), func(t *testing.T) {
				config := func(c *mods.Config) {
					withStore(kept(3))(c)
					c.Frame.Workers = workers
				}
				r := mustPlay(t, nil, config)
				r.session(uint64(seed), 60)
				file := r.finish()
				closed := kept(0)
				r.wantSame(file, func(c *mods.Config) {
					withStore(closed)(c)
					c.Frame.Workers = min(workers, 1) // any number from 1 on
				})
				if closed.saves > 0 {
					t.Error("the replay wrote to the store")
				}
			})
		}
	}
}

// kinds returns which kinds of inputs and frames a recording has.
func kinds(t *testing.T, file []byte) map[string]int {
	n := map[string]int{}
	for _, f := range frames(t, file) {
		n[f.Kind.String()]++
		for _, in := range f.Inputs {
			n[fmt.Sprint("input ", in.Kind)]++
			if in.HasValue {
				n["awake with value"]++
			}
		}
		for _, s := range f.Store {
			if s.Error != "" {
				n["store error"]++
			}
		}
	}
	return n
}

// TestSessionHasEverything makes sure that the sessions of TestReplayIsTheSame have all
// kinds of inputs, and of trips.
func TestSessionHasEverything(t *testing.T) {
	have := map[string]int{}
	for seed := range uint64(3) {
		r := mustPlay(t, nil, withStore(kept(3)))
		r.session(seed, 60)
		for kind, n := range kinds(t, r.finish()) {
			have[kind] += n
		}
		for _, m := range r.Status().Mods {
			for _, v := range m.Violations {
				have["violation "+string(v.Kind)+" "+v.Limit]++
			}
		}
	}
	want := []string{"open", "tick", "stop", "save", "restore", "close", "awake with value", "store error",
		"violation limit instructions", "violation limit memory", "violation error ", "violation flood "}
	for kind := recording.Load; kind <= recording.Awake; kind++ {
		want = append(want, fmt.Sprint("input ", kind))
	}
	for _, kind := range want {
		if have[kind] == 0 {
			t.Errorf("there is no %s", kind)
		}
	}
	if t.Failed() {
		t.Log(have)
	}
}
