package luasandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// turnScripts come to host functions in every way there is.
var turnScripts = []struct {
	name, source string
	anywhere     bool // no turn is taken
}{
	{name: "number", source: `local n = 0 for i = 1, 200 do n = n + host.add(i, 2) end return n`},
	{name: "reflected", source: `local n = 0 for i = 1, 50 do n = n + host.whole(i) end return n`},
	{name: "text", source: `for i = 1, 20 do host.text(("x"):rep(i * 100)) end`},
	{name: "table", source: `local t = {} for i = 1, 300 do t[i] = {id = i, name = "n" .. i} end return host.echo(t), host.echo({a = {b = {c = 1}}})`},
	{name: "tail call", source: `local function f(...) return host.echo(...) end return f({1, 2}), f("x")`},
	{name: "all results", source: `local t = {host.several(9)} return #t, host.several(3)`},
	{name: "no result wanted", source: `host.several(5) local a, b = host.several(1) return a, b`},
	{name: "many arguments", source: `local t = {} for i = 1, 200 do t[i] = i end return host.count(unpack(t))`},
	{name: "method", source: `local u = host.unit("a") for i = 1, 5 do u:damage(i) end return u.hp, u == host.unit("a"), tostring(u)`},
	{name: "property", source: `local u = host.unit("b") u.hp = 40 u.hp = u.hp / 2 return u.hp, u.pos.x, rawequal(u, host.unit("b"))`},
	{name: "no such property", source: `local u = host.unit("b") return pcall(function() u.nonsense = 1 end)`},
	{name: "bad property", source: `local u = host.unit("b") return pcall(function() u.hp = "many" end)`},
	{name: "read-only property", source: `local u = host.unit("b") return pcall(function() u.pos.x = 5 end)`},
	{name: "bad self", source: `return pcall(host.unit("a").damage, 5)`},
	{name: "bad argument", source: `return pcall(host.add, 1, "x")`},
	{name: "error with a text", source: `return pcall(host.refuse, "no such unit")`},
	{name: "opaque error", source: `return pcall(host.fail), pcall(host.fail)`},
	{name: "panic", source: `return pcall(host.panic)`},
	{name: "error of the script", source: `local x = 1
		host.refuse("out")`},
	{name: "error in a coroutine", source: `local co = coroutine.wrap(function() host.refuse("in co") end) return pcall(co)`},
	{name: "handler", source: `return xpcall(function() error("x", 0) end, host.echo)`},
	{name: "handler of a host error", source: `return xpcall(host.fail, function(e) return e .. host.add(1, 2) end)`},
	{name: "pcall", source: `return pcall(host.echo, 1), pcall(pcall, host.echo, 2), select("#", pcall(host.several, 4))`},
	{name: "coroutine", source: `local co = coroutine.create(function(a) for i = 1, 3 do a = a + coroutine.yield(host.add(a, i)) end return host.echo(a) end)
		local out = {} for i = 1, 5 do out[i] = {coroutine.resume(co, i)} end return out`},
	{name: "sort", source: `local t = {} for i = 1, 60 do t[i] = (i * 37) % 61 end table.sort(t, host.less) return t`},
	{name: "gsub", source: `return (("a-b-c"):gsub("%a", host.upper))`},
	{name: "gsub raises", source: `return pcall(string.gsub, "abc", "%a", host.refuse)`},
	{name: "iterator", source: `local n = 0 for i in host.next, 5, 0 do n = n + i end return n`},
	{name: "metamethods", source: `local mt = {__index = host.keyed, __add = function(a, b) return host.add(1, b) end, __call = host.echo, __lt = host.lessAny, __concat = host.join}
		local t = setmetatable({}, mt) return t.anything, t + 5, pcall(t, 1), t < t, t .. "x"`},
	{name: "callback", source: `return host.each(20, function(i) return host.add(i, 1) end)`},
	{name: "callback in a callback", source: `return host.each(3, function(i) return host.each(i, function(j) return host.unit("a").hp + host.add(i, j) end) end)`},
	{name: "callback raises", source: `return pcall(host.each, 3, function(i) if i == 2 then error({code = i}) end return i end)`},
	{name: "callback runs into a limit", source: `return pcall(host.each, 1e6, function(i) while true do end end)`},
	{name: "callback with a coroutine", source: `return host.each(3, function(i) local co = coroutine.wrap(function() return host.add(i, i) end) return co() end)`},
	{name: "later", source: `local n, u = 0 for i = 1, 5 do local m m, u = host.ask(i) n = n + m end return n, u.hp`},
	{name: "later fails", source: `return pcall(host.askUnknown)`},
	{name: "answered at once", source: `return host.known(), pcall(host.knownBad)`},
	{name: "later in a coroutine", source: `local co = coroutine.wrap(function() return host.ask(3) + host.add(1, 1) end) return co()`},
	{name: "later by a callback", source: `return pcall(host.each, 1, function() return host.ask(1) end)`},
	{name: "anywhere", source: `local n = 0 for i = 1, 100 do n = n + host.free(i) + host.freeReflected(i) end return n`, anywhere: true},
	{name: "anywhere by a callback", source: `return host.each(3, function(i) return host.free(i) end)`},
	{name: "anywhere calls back", source: `return pcall(host.freeEach, function() return 1 end)`, anywhere: true},
	{name: "anywhere answers later", source: `return (host.freeAsk(4))`, anywhere: true},
	{name: "instructions", source: `while true do host.add(1, 2) end`},
	{name: "host calls", source: `for i = 1, 1e9 do host.tick() end`},
	{name: "memory", source: `local t = {} for i = 1, 1e6 do t[i] = host.list() end`},
	{name: "garbage", source: `for i = 1, 3000 do local t = host.list() end return collectgarbage("count") > 0`},
	{name: "string too long", source: `return pcall(host.long)`},
	{name: "charged", source: `return pcall(host.charge, 1000), pcall(host.charge, 1e12)`},
	{name: "stack overflow", source: `local function f() return 1 + f(host.add(1, 1)) end return pcall(f)`},
	{name: "printed", source: `local u = host.unit("a") for i = 1, 5 do print(i, host.add(i, i), host.unit("a")) end`},
	{name: "handler prints", source: `return xpcall(host.fail, print)`},
}

// turnWorld is what the scripts have. Its own state is unguarded, and only functions
// that are not declared with Anywhere touch it.
type turnWorld struct {
	units    map[string]*turnUnit
	calls    int
	pendings []*luasandbox.Pending
	unknown  []*luasandbox.Pending // whose answer is an error
}

type turnUnit struct{ hp float64 }

func (w *turnWorld) grants() []*luasandbox.Grant {
	type pos struct {
		X int `lua:"x"`
	}
	w.units = map[string]*turnUnit{}
	unit := luasandbox.NewHandleType[turnUnit]("Unit", "",
		luasandbox.Func("damage", func(u *turnUnit, n float64) float64 { w.calls++; u.hp -= n; return u.hp }),
		luasandbox.Property("hp", func(u *turnUnit) float64 { w.calls++; return u.hp }, func(u *turnUnit, hp float64) { w.calls++; u.hp = hp }),
		luasandbox.Property("pos", func(u *turnUnit) pos { w.calls++; return pos{7} }, nil))
	ask := func() *luasandbox.Pending {
		p := luasandbox.Later()
		w.pendings = append(w.pendings, p)
		return p
	}
	now := func(x any, err error) *luasandbox.Pending {
		p := luasandbox.Later()
		if err != nil {
			p.Reject(err)
		}
		p.Resolve(x)
		return p
	}
	return []*luasandbox.Grant{luasandbox.NewGrant("host", "", unit,
		luasandbox.Func("add", func(a, b float64) float64 { w.calls++; return a + b }),
		luasandbox.Func("tick", func() { w.calls++ }),
		luasandbox.Func("whole", func(a int32) int64 { w.calls++; return int64(a) }),
		luasandbox.Func("text", func(s string) { w.calls += len(s) }),
		luasandbox.Func("echo", func(v any) any { w.calls++; return v }),
		luasandbox.Func("several", func(n int) luasandbox.Results { return make(luasandbox.Results, n) }),
		luasandbox.Func("count", func(v ...any) int { return len(v) }),
		luasandbox.Func("unit", func(name string) *turnUnit {
			if w.units[name] == nil {
				w.units[name] = &turnUnit{100}
			}
			return w.units[name]
		}),
		luasandbox.Func("refuse", func(text string) error { return luasandbox.Errorf("%s", text) }),
		luasandbox.Func("fail", func() error { return errors.New("dsn=secret") }),
		luasandbox.Func("panic", func() { panic("oh") }),
		luasandbox.Func("less", func(a, b float64) bool { return a < b }),
		luasandbox.Func("lessAny", func(a, b any) bool { return true }),
		luasandbox.Func("keyed", func(t any, key string) string { return "key " + key }),
		luasandbox.Func("join", func(a, b any) string { return "joined" }),
		luasandbox.Func("upper", func(s string) string { return strings.ToUpper(s) }),
		luasandbox.Func("next", func(n, i int) luasandbox.Results {
			if i >= n {
				return nil
			}
			return luasandbox.Results{i + 1}
		}),
		luasandbox.Func("each", func(ctx context.Context, n int, f *luasandbox.Function) (any, error) {
			defer f.Release()
			var last any
			for i := range n {
				r, err := f.Call(ctx, i+1)
				if err != nil {
					return nil, err
				}
				if last = nil; len(r) > 0 {
					last = r[0]
				}
			}
			return last, nil
		}),
		luasandbox.Func("list", func() []float64 { w.calls++; return make([]float64, 50) }),
		luasandbox.Func("long", func() string { return strings.Repeat("x", 2<<20) }),
		luasandbox.Func("charge", func(ctx context.Context, n float64) error { return luasandbox.Charge(ctx, int64(n), 100) }),
		luasandbox.Func("ask", func(n int) *luasandbox.Pending { w.calls++; return ask() }),
		luasandbox.Func("askUnknown", func() *luasandbox.Pending {
			p := luasandbox.Later()
			w.unknown = append(w.unknown, p)
			return p
		}),
		luasandbox.Func("known", func() *luasandbox.Pending { return now(5, nil) }),
		luasandbox.Func("knownBad", func() *luasandbox.Pending { return now(nil, luasandbox.Errorf("known bad")) }),
		luasandbox.Func("free", func(n float64) float64 { return n }, luasandbox.Anywhere()),
		luasandbox.Func("freeReflected", func(n int) int { return n }, luasandbox.Anywhere()),
		luasandbox.Func("freeAsk", func(n int) *luasandbox.Pending { return ask() }, luasandbox.Anywhere()),
		luasandbox.Func("freeEach", func(ctx context.Context, f *luasandbox.Function) error {
			defer f.Release()
			_, err := f.Call(ctx)
			return luasandbox.Errorf("%v", err)
		}, luasandbox.Anywhere()),
	)}
}

// answer answers what the script waits for.
func (w *turnWorld) answer() {
	for _, p := range w.pendings {
		p.Resolve(10, &turnUnit{hp: 1})
	}
	for _, p := range w.unknown {
		p.Reject(errors.New("dsn=secret"))
	}
	w.pendings, w.unknown = nil, nil
}

// turnRecord is all that can be known of a run but its time.
type turnRecord struct {
	Results luasandbox.Results
	Err     string
	Output  string
	Usage   luasandbox.Usage
	Total   luasandbox.Usage
	Calls   []string
	World   int
	Turns   int
}

var turnLimits = limits.Limits{Instructions: 3_000_000, HostCalls: 10_000, Memory: 4 << 20, String: 1 << 20}

// runTurns runs a script, stepped with the fuel that fuel gives; each, if not nil, is
// called after every step and turn.
func runTurns(t *testing.T, source string, turns bool, fuel func() int64, each func(*luasandbox.Sandbox)) turnRecord {
	t.Helper()
	w := &turnWorld{}
	var out bytes.Buffer
	var r turnRecord
	cfg := luasandbox.Config{Grants: w.grants(), Output: &out, Limits: turnLimits, Turns: turns}
	cfg.Observe = func(h luasandbox.HostCall) {
		chunk, line := h.Place()
		r.Calls = append(r.Calls, fmt.Sprintf("%s.%s %v later=%v answer=%v %d %d %s:%d %016x", h.Grant, h.Function, h.Err, h.Later, h.Answer, h.Instructions, h.Cost, chunk, line, h.Digest()))
	}
	s := newSandbox(t, cfg, "")
	task, err := s.StartProgram(context.Background(), compile(t, source))
	if err != nil {
		t.Fatal(err)
	}
	for steps := 0; ; steps++ {
		if steps > 1_000_000 {
			t.Fatal("the task does not end")
		}
		calls := w.calls
		status, err := task.Step(fuel())
		if each != nil {
			each(s)
		}
		if turns && w.calls != calls {
			t.Fatal("a step called a function of the host")
		}
		if status == luasandbox.Turn {
			r.Turns++
			if again, err := task.Step(1000); again != luasandbox.Turn || err != nil {
				t.Fatalf("a step in place of the turn: %v, %v", again, err)
			}
			status, err = task.TakeTurn()
			if err == nil && status != luasandbox.Paused && status != luasandbox.Waiting {
				t.Fatalf("a turn ended as %v", status)
			}
			if each != nil {
				each(s)
			}
		}
		if status == luasandbox.Waiting {
			w.answer()
		}
		if err != nil {
			r.Err = err.Error()
			var script *luasandbox.ScriptError
			if errors.As(err, &script) {
				r.Err += "\n" + script.Traceback
			} else {
				r.Err += "\n" + s.Traceback()
			}
			break
		}
		if status == luasandbox.Done {
			break
		}
	}
	r.Results, r.Output, r.World = task.Results(), out.String(), w.calls
	r.Usage, r.Total = task.Usage(), s.Usage()
	r.Usage.Wall, r.Total.Wall = 0, 0
	return r
}

// With turns everything is as it is without, but who calls the host's functions.
func TestTurnsChangeNothing(t *testing.T) {
	for _, tt := range turnScripts {
		t.Run(tt.name, func(t *testing.T) {
			all := func() int64 { return limits.Unlimited }
			want := runTurns(t, tt.source, false, all, nil)
			if want.Turns != 0 {
				t.Errorf("%d turns without Config.Turns", want.Turns)
			}
			random := rand.New(rand.NewPCG(1, 2))
			for name, fuel := range map[string]func() int64{
				"whole":  all,
				"pieces": func() int64 { return 1 + random.Int64N(400) },
			} {
				got := runTurns(t, tt.source, true, fuel, nil)
				if (got.Turns == 0) != tt.anywhere {
					t.Errorf("%s: %d turns", name, got.Turns)
				}
				got.Turns = 0
				if diff := cmp.Diff(want, got, cmp.Transformer("calls", func(calls []string) string { return strings.Join(calls, "\n") })); diff != "" {
					t.Errorf("%s (-without +with)\n%.3000s", name, diff)
				}
			}
		})
	}
}

// A census between a step and a turn, or after a turn, finds all that is in use.
func TestTurnsAndCensuses(t *testing.T) {
	for _, tt := range turnScripts {
		switch tt.name {
		case "instructions", "host calls", "memory", "stack overflow": // tens of thousands of censuses
			continue
		}
		all := func() int64 { return limits.Unlimited }
		census := func(s *luasandbox.Sandbox) {
			if _, err := s.Census(); err != nil {
				t.Fatal(err)
			}
		}
		want, got := runTurns(t, tt.source, false, all, nil), runTurns(t, tt.source, true, all, census)
		if diff := cmp.Diff([]any{want.Results, want.Err, want.Output, want.World}, []any{got.Results, got.Err, got.Output, got.World}); diff != "" {
			t.Errorf("%s (-without +with)\n%.3000s", tt.name, diff)
		}
	}
}

// Sandboxes are stepped on goroutines of their own while one goroutine takes all turns:
// the functions of the host, which guard nothing, do not race (the race detector says
// so), and those that may be called anywhere are not called in turns.
func TestTurnsInParallel(t *testing.T) {
	const sandboxes = 4
	total := map[string]int{} // unguarded
	var mu sync.Mutex
	free := 0
	grant := luasandbox.NewGrant("", "",
		luasandbox.Func("count", func(name string) { total[name]++ }),
		luasandbox.Func("free", func() { mu.Lock(); free++; mu.Unlock() }, luasandbox.Anywhere()))
	var tasks []*luasandbox.Task
	for i := range sandboxes {
		s := newSandbox(t, luasandbox.Config{Turns: true, Grants: []*luasandbox.Grant{grant}},
			`function run(name) for i = 1, 50 do free() count(name) end end`)
		tasks = append(tasks, start(t, s, "run", fmt.Sprint("s", i)))
	}
	for len(tasks) > 0 {
		statuses := make([]luasandbox.Status, len(tasks))
		errs := make([]error, len(tasks))
		var wg sync.WaitGroup
		for i, task := range tasks {
			wg.Go(func() { statuses[i], errs[i] = task.Step(300) })
		}
		wg.Wait()
		var left []*luasandbox.Task
		for i, task := range tasks {
			if statuses[i] == luasandbox.Turn {
				statuses[i], errs[i] = task.TakeTurn()
			}
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if statuses[i] != luasandbox.Done {
				left = append(left, task)
			}
		}
		tasks = left
	}
	want := map[string]int{"s0": 50, "s1": 50, "s2": 50, "s3": 50}
	if diff := cmp.Diff(want, total); diff != "" || free != 50*sandboxes {
		t.Errorf("free %d, %s", free, diff)
	}
}

// What a turn costs, later steps pay for.
func TestTurnIsPaidFor(t *testing.T) {
	grant := luasandbox.NewGrant("", "", luasandbox.Func("dear", func() {}, luasandbox.Cost(10_000)))
	s := newSandbox(t, luasandbox.Config{Turns: true, Grants: []*luasandbox.Grant{grant}}, `function run() dear() for i = 1, 1e9 do end end`)
	task := start(t, s, "run")
	if status, err := task.Step(1000); status != luasandbox.Turn || err != nil {
		t.Fatal(status, err)
	}
	if status, err := task.TakeTurn(); status != luasandbox.Paused || err != nil {
		t.Fatal(status, err)
	}
	after := task.Usage().Instructions
	steps := 0
	for ; task.Usage().Instructions == after; steps++ {
		if status, err := task.Step(1000); status != luasandbox.Paused || err != nil {
			t.Fatal(status, err)
		}
	}
	if steps < 10 || steps > 12 {
		t.Errorf("%d steps of 1000 paid for a turn of 10,064", steps-1)
	}
}

// A limit that the function hits ends the task in its turn.
func TestTurnHitsALimit(t *testing.T) {
	grant := luasandbox.NewGrant("", "", luasandbox.Func("dear", func() {}, luasandbox.Cost(10_000_000)))
	s := newSandbox(t, luasandbox.Config{Turns: true, Grants: []*luasandbox.Grant{grant}, Limits: limits.Limits{Instructions: 100_000}}, `function run() return pcall(dear) end`)
	task := start(t, s, "run")
	if status, err := task.Step(1000); status != luasandbox.Turn || err != nil {
		t.Fatal(status, err)
	}
	_, err := task.TakeTurn()
	asLimit(t, err, limits.Instructions)
	if _, err := task.Step(1000); err != luasandbox.ErrFinished {
		t.Error(err)
	}
}

func TestTakeTurnOutOfTurn(t *testing.T) {
	called := 0
	grant := luasandbox.NewGrant("", "", luasandbox.Func("count", func() { called++ }))
	s := newSandbox(t, luasandbox.Config{Turns: true, Grants: []*luasandbox.Grant{grant}}, `function run() count() return 5 end`)
	ctx, cancel := context.WithCancel(context.Background())
	task, err := s.Start(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := task.TakeTurn(); err != luasandbox.ErrNoTurn {
		t.Errorf("before the first step: %v", err)
	}
	if status, err := task.Step(limits.Unlimited); status != luasandbox.Turn || err != nil {
		t.Fatal(status, err)
	}
	// Another call goes in between, and takes its own turns.
	if r, err := s.Call(context.Background(), "run"); err != nil || !cmp.Equal(r, luasandbox.Results{5.0}) || called != 1 {
		t.Fatal(r, err, called)
	}
	if status, err := task.TakeTurn(); status != luasandbox.Paused || err != nil || called != 2 {
		t.Fatal(status, err, called)
	}
	if _, err := task.TakeTurn(); err != luasandbox.ErrNoTurn {
		t.Errorf("a second time: %v", err)
	}
	if status, err := task.Step(limits.Unlimited); status != luasandbox.Done || err != nil || !cmp.Equal(task.Results(), luasandbox.Results{5.0}) {
		t.Fatal(status, err, task.Results())
	}
	if _, err := task.TakeTurn(); err != luasandbox.ErrFinished {
		t.Errorf("after the end: %v", err)
	}
	// A task whose context is done, or that is abandoned, gets no turn.
	task, err = s.Start(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	abandoned := start(t, s, "run")
	for _, task := range []*luasandbox.Task{task, abandoned} {
		if status, err := task.Step(limits.Unlimited); status != luasandbox.Turn || err != nil {
			t.Fatal(status, err)
		}
	}
	cancel()
	abandoned.Abandon()
	if _, err := task.TakeTurn(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := abandoned.TakeTurn(); err != luasandbox.ErrFinished {
		t.Errorf("abandoned: %v", err)
	}
	if called != 2 {
		t.Errorf("%d calls", called)
	}
}
