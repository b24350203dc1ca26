package vm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// addNative gives m's scripts a global function.
func addNative(t testing.TB, m *vm.Machine, name string, fn vm.Func) {
	t.Helper()
	if err := m.SetString(m.Globals(), name, vm.NewNative(name, fn).Value()); err != nil {
		t.Fatal(err)
	}
}

// call runs text to its end and returns what it returned, as text.
func call(t testing.TB, m *vm.Machine, text string, args ...vm.Value) (string, error) {
	t.Helper()
	vs, err := m.Call(context.Background(), load(t, m, "test.lua", text), args...)
	noBug(t, err)
	return show(vs), err
}

func show(vs []vm.Value) string {
	var out []string
	for _, v := range vs {
		if s, ok := v.AsString(); ok {
			out = append(out, s)
		} else if f, ok := v.AsNumber(); ok {
			out = append(out, vm.FormatNumber(f))
		} else if b, ok := v.AsBool(); ok {
			out = append(out, fmt.Sprint(b))
		} else {
			out = append(out, v.Kind().String())
		}
	}
	return strings.Join(out, " ")
}

// works fails unless m does a bit of everything, coroutines and errors included.
func works(t *testing.T, m *vm.Machine) {
	t.Helper()
	got, err := call(t, m, `
		local log = {}
		local function f(n) if n == 0 then error("bottom", 0) end return f(n - 1) + 1 end
		local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
		log[1] = tostring(select(2, pcall(f, 50)))
		log[2] = co() + co() + co()
		log[3] = table.concat({1, 2, 3}, "-")
		log[4] = select(2, xpcall(function() local x = nil; return x.y end, function(e) return "handled" end))
		local t = setmetatable({}, {__index = function(t, k) return k .. "!" end})
		log[5] = t.index
		return unpack(log)`)
	if want := "bottom 6 1-2-3 handled index!"; err != nil || got != want {
		t.Errorf("the machine does not work: %q, %v", got, err)
	}
}

// TestAbandonAnywhere drops runs of the oracle's scripts after any number of
// instructions: the machine goes on, and nothing of the run is left in it.
func TestAbandonAnywhere(t *testing.T) {
	for _, name := range []string{"coroutines.lua", "xpcall.lua", "metamethods.lua", "closures.lua", "concat.lua", "traceback.lua"} {
		t.Run(name, func(t *testing.T) {
			text := readFile(t, oracleDir, name)
			total := spend(t, name, text, generous, limits.Unlimited).used
			for i := int64(1); i <= 40; i++ {
				m := newMachine(t, generous, nil)
				f := load(t, m, name, text)
				r, err := m.Start(context.Background(), f)
				if err != nil {
					t.Fatal(err)
				}
				if status, err := r.Step(min(total, 20_000) * i / 41); status != vm.Paused || err != nil {
					t.Fatal(status, err)
				}
				r.Abandon()
				if !r.Finished() || !errors.Is(r.Err(), vm.ErrFinished) {
					t.Errorf("finished %v, error %v", r.Finished(), r.Err())
				}
				if _, err := r.Step(10); !errors.Is(err, vm.ErrFinished) {
					t.Errorf("a step of an abandoned run: %v", err)
				}
				r.Abandon() // nothing happens
				works(t, m)
				m.Census()
				if n := m.Total().Coroutines().Current(); n > 1 { // closures.lua and such keep none; coroutines.lua's main variables are gone
					t.Errorf("%d coroutines are left", n)
				}
			}
		})
	}
}

// TestAbandonHolds: closures that outlive an abandoned run keep their variables.
func TestAbandonHolds(t *testing.T) {
	m := newMachine(t, generous, nil)
	r, err := m.Start(context.Background(), load(t, m, "test.lua", `
		local n = 10
		function get() n = n + 1 return n end
		local co = coroutine.wrap(function() local v = 100 function getv() v = v + 1 return v end while true do end end)
		co()`))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if status, err := r.Step(2000); status != vm.Paused || err != nil {
			t.Fatal(status, err)
		}
	}
	m.Census()
	r.Abandon()
	m.Census()
	if got, err := call(t, m, `return get(), get(), getv(), getv()`); got != "11 12 101 102" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRunsTakeTurns interleaves several unfinished runs of one machine.
func TestRunsTakeTurns(t *testing.T) {
	var out strings.Builder
	m := newMachine(t, generous, &out)
	f := load(t, m, "test.lua", `local name = ... for i = 1, 3 do for j = 1, 50 do local t = {j} end print(name .. i) end return name`)
	var runs []*vm.Run
	for _, name := range []string{"a", "b", "c"} {
		r, err := m.Start(context.Background(), f, vm.String(name))
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	for left := 3; left > 0; {
		for _, r := range runs {
			if r.Finished() {
				continue
			}
			m.Census()
			status, err := r.Step(400)
			if err != nil {
				t.Fatal(err)
			}
			if status == vm.Done {
				left--
			}
		}
	}
	lines := strings.Fields(out.String())
	if len(lines) != 9 || strings.Join(lines, "") == "a1a2a3b1b2b3c1c2c3" {
		t.Errorf("printed %v: not in turns", lines)
	}
	for i, r := range runs {
		if got := show(r.Results()); got != string("abc"[i]) {
			t.Errorf("run %d returned %q", i, got)
		}
	}
}

// TestAwait: a native function waits for its answer, from Lua code directly, from
// a tail call, under pcall, in a metamethod and in a coroutine.
func TestAwait(t *testing.T) {
	for name, text := range map[string]string{
		"direct":     `local a, b = await("q") return a, b`,
		"argument":   `return select(1, await("q"))`,
		"tail call":  `return await("q")`,
		"pcall":      `return select(2, pcall(await, "q"))`,
		"metamethod": `local t = setmetatable({}, {__index = function() local a, b = await("q") return function() return a, b end end}) return t.x()`,
		"coroutine":  `local co = coroutine.wrap(function() local a, b = await("q") coroutine.yield(a, b) end) return co()`,
		"iterator":   `for a, b in await, "q" do return a, b end`,
		"sort":       `local a, b table.sort({2, 1}, function(x, y) if not a then a, b = await("q") end return x < y end) return a, b`,
		"loop":       `local a, b for i = 1, 3 do a, b = await("q") end return a, b`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, fuel := range []int64{1, 5, limits.Unlimited} {
				m := newMachine(t, generous, nil)
				asked := 0
				addNative(t, m, "await", func(c *vm.Call) error {
					if s, _ := c.Arg(0).AsString(); s != "q" {
						return c.Errorf("asked %q", s)
					}
					asked++
					return c.Await(nil)
				})
				r, err := m.Start(context.Background(), load(t, m, "test.lua", text))
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Answer(vm.Int(1)); !errors.Is(err, vm.ErrNotWaiting) {
					t.Errorf("an answer before a question: %v", err)
				}
				answered := 0
				for {
					status, err := r.Step(fuel)
					if err != nil {
						t.Fatal(err)
					}
					if status == vm.Done {
						break
					}
					if status != vm.Waiting {
						continue
					}
					if again, err := r.Step(fuel); again != vm.Waiting || err != nil {
						t.Fatalf("a step without an answer: %v, %v", again, err)
					}
					m.Census()
					answered++
					if err := r.Answer(vm.Int(answered), vm.String("b")); err != nil {
						t.Fatal(err)
					}
				}
				if got := show(r.Results()); got != fmt.Sprintf("%d b", answered) || answered != asked || answered == 0 {
					t.Errorf("fuel %d: %q after %d answers to %d questions", fuel, got, answered, asked)
				}
			}
		})
	}
}

// TestFail: the answer is an error, raised where the script waits.
func TestFail(t *testing.T) {
	m := newMachine(t, generous, nil)
	addNative(t, m, "await", func(c *vm.Call) error { return c.Await(nil) })
	wait := func(text string) *vm.Run {
		t.Helper()
		r, err := m.Start(context.Background(), load(t, m, "test.lua", text))
		if err != nil {
			t.Fatal(err)
		}
		if status, err := r.Step(limits.Unlimited); status != vm.Waiting || err != nil {
			t.Fatal(status, err)
		}
		return r
	}
	r := wait(`return pcall(await)`)
	if err := r.Fail(&vm.Error{Value: vm.String("no answer")}); err != nil {
		t.Fatal(err)
	}
	if status, err := r.Step(limits.Unlimited); status != vm.Done || err != nil || show(r.Results()) != "false no answer" {
		t.Errorf("%v, %v, %q", status, err, show(r.Results()))
	}
	cause := errors.New("the host's own")
	r = wait(`await()`)
	if err := r.Fail(cause); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Step(limits.Unlimited); !errors.Is(err, cause) {
		t.Errorf("error %v, want one that wraps %v", err, cause)
	}
	r = wait(`pcall(await) return "caught"`)
	if err := r.Fail(&limits.Error{Kind: limits.HostCalls}); err != nil {
		t.Fatal(err)
	}
	var limit *limits.Error
	if _, err := r.Step(limits.Unlimited); !errors.As(err, &limit) || limit.Kind != limits.HostCalls {
		t.Errorf("a limit that passed pcall: %v", err)
	}
	r = wait(`await()`)
	r.Abandon()
	if err := r.Answer(); !errors.Is(err, vm.ErrNotWaiting) {
		t.Errorf("an answer for an abandoned run: %v", err)
	}
	works(t, m)
}

// TestNestedCall: native functions that call Lua through Machine.Call.
func TestNestedCall(t *testing.T) {
	m := newMachine(t, generous, nil)
	ctx := context.Background()
	addNative(t, m, "nested", func(c *vm.Call) error {
		vs, err := m.Call(ctx, c.Arg(0), c.Args()[1:]...)
		if err != nil {
			return err
		}
		return c.Return(vs...)
	})
	addNative(t, m, "await", func(c *vm.Call) error { return c.Await(nil) })
	for _, tt := range []struct{ text, want, err string }{
		{`return nested(function(a, b) return a + b, "x" end, 1, 2)`, "3 x", ""},
		{`return pcall(nested, function() error("inner", 0) end)`, "false inner", ""},
		{`nested(function() error("inner", 0) end)`, "", "inner"},
		{`return nested(nested, nested, nested, function() return "deep" end)`, "deep", ""},
		{`local co = coroutine.wrap(function() return nested(function() return pcall(coroutine.yield, 1) end) end) return co()`,
			"false attempt to yield across metamethod/C-call boundary", ""},
		{`return nested(function() local co = coroutine.wrap(function() coroutine.yield(1) return 2 end) return co(), co() end)`, "1 2", ""},
		{`local n = 0 local function f() n = n + 1 return nested(f) end local ok, e = pcall(f) return ok, e, n > 10, n < 30`, "false C stack overflow true true", ""},
		{`return pcall(nested, function() await() end)`, "false " + vm.ErrWaits.Error(), ""},
		{`return pcall(nested, nil)`, "false attempt to call a nil value", ""},
		{`return pcall(nested, 5)`, "false attempt to call a number value", ""},
		{`local t = {} nested(function() for i = 1, 1000 do t[i] = {i} end end) return #t`, "1000", ""},
		{`local x = 1 nested(function() x = x + 1 nested(function() x = x * 10 end) end) return x`, "20", ""},
	} {
		got, err := call(t, m, tt.text)
		if got != tt.want || tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%s\n got %q, %v\nwant %q, %s", tt.text, got, err, tt.want, tt.err)
		}
	}
	// A nested call spends the outer call's budget, and no pcall stops its end.
	for _, fuel := range []int64{100, limits.Unlimited} {
		m := newMachine(t, limits.Limits{Instructions: 20_000}, nil)
		addNative(t, m, "nested", func(c *vm.Call) error {
			_, err := m.Call(ctx, c.Arg(0))
			return err
		})
		r, err := m.Start(ctx, load(t, m, "test.lua", `pcall(nested, function() pcall(nested, function() while true do end end) end)`))
		steps := 0
		for status := vm.Paused; err == nil && status == vm.Paused; steps++ {
			status, err = r.Step(fuel)
		}
		var limit *limits.Error
		if !errors.As(err, &limit) || limit.Kind != limits.Instructions || r.Use().Instructions.Current != 20_000 {
			t.Errorf("fuel %d: %v after %d", fuel, err, r.Use().Instructions.Current)
		}
	}
}

// TestNestedSlice: what a nested call spends is owed by the slice that it ran in.
func TestNestedSlice(t *testing.T) {
	m := newMachine(t, generous, nil)
	ctx := context.Background()
	step := int64(limits.Unlimited)
	addNative(t, m, "nested", func(c *vm.Call) error {
		r, err := m.Start(ctx, c.Arg(0))
		for status := vm.Paused; err == nil && status == vm.Paused; {
			status, err = r.Step(step)
		}
		return err
	})
	for _, step = range []int64{10, 1000, limits.Unlimited} {
		r, err := m.Start(ctx, load(t, m, "test.lua", `nested(function() for i = 1, 10000 do local x = i end end) return "done"`))
		steps := 0
		for status := vm.Paused; err == nil && status == vm.Paused; steps++ {
			status, err = r.Step(100)
		}
		if err != nil || show(r.Results()) != "done" {
			t.Fatal(err, show(r.Results()))
		}
		if steps < 150 || steps > 400 {
			t.Errorf("nested steps of %d: %d outer steps of 100 for about 20,000 instructions", step, steps)
		}
	}
}

// TestBusy: one run is executed at a time, whoever asks.
func TestBusy(t *testing.T) {
	m := newMachine(t, generous, nil)
	other, err := m.Start(context.Background(), load(t, m, "test.lua", `return 1`))
	if err != nil {
		t.Fatal(err)
	}
	var self *vm.Run
	var errs []error
	addNative(t, m, "reenter", func(c *vm.Call) error {
		_, err := other.Step(10)
		errs = append(errs, err)
		_, err = self.Step(10)
		errs = append(errs, err)
		self.Abandon() // it is being executed: nothing happens
		_, err = m.Call(context.Background(), c.Arg(0))
		return err
	})
	addNative(t, m, "abandonOuter", func(c *vm.Call) error { self.Abandon(); return nil })
	self, err = m.Start(context.Background(), load(t, m, "test.lua", `reenter(abandonOuter) return "fine"`))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := self.Step(limits.Unlimited); status != vm.Done || err != nil || show(self.Results()) != "fine" {
		t.Errorf("%v, %v, %q", status, err, show(self.Results()))
	}
	if len(errs) != 2 || !errors.Is(errs[0], vm.ErrBusy) || !errors.Is(errs[1], vm.ErrBusy) {
		t.Errorf("errors %v, want ErrBusy twice", errs)
	}
	if status, err := other.Step(limits.Unlimited); status != vm.Done || err != nil {
		t.Errorf("the other run: %v, %v", status, err)
	}
	if _, err := other.Step(100); !errors.Is(err, vm.ErrFinished) {
		t.Errorf("a step of a finished run: %v", err)
	}
}

// TestContext: a cancelled context, and one with a deadline, end a call that
// catches all errors.
func TestContext(t *testing.T) {
	forever := `while true do pcall(function() while true do end end) end`
	m := newMachine(t, generous, nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	n := 0
	addNative(t, m, "cancel", func(c *vm.Call) error { n++; cancel(errors.New("enough")); return nil })
	_, err := m.Call(ctx, load(t, m, "test.lua", `cancel() `+forever))
	var cancelled *limits.CancelledError
	if !errors.As(err, &cancelled) || !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("error %v", err)
	}
	if _, err := m.Call(ctx, load(t, m, "test.lua", `cancel()`)); !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("a call under a cancelled context: %v", err)
	}
	works(t, m)
}

// clock is a wall clock that goes on by itself, a step at each look.
type clock struct {
	now  time.Time
	step time.Duration
}

func (c *clock) look() time.Time {
	c.now = c.now.Add(c.step)
	return c.now
}

// TestWallTime: the limit of wall time, by an injected clock.
func TestWallTime(t *testing.T) {
	forever := `while true do pcall(function() while true do end end) end`
	for _, fuel := range []int64{1000, limits.Unlimited} {
		c := &clock{now: time.Unix(1e9, 0), step: time.Millisecond}
		m := vm.New(vm.Config{Limits: limits.Limits{Time: 50 * time.Millisecond, Instructions: limits.Unlimited}, Now: c.look})
		if err := m.SetString(m.Globals(), "pcall", vm.PCall.Value()); err != nil {
			t.Fatal(err)
		}
		r, err := m.Start(context.Background(), load(t, m, "test.lua", forever))
		steps := 0
		for status := vm.Paused; err == nil && status == vm.Paused; steps++ {
			status, err = r.Step(fuel)
			c.now = c.now.Add(time.Hour) // between steps time does not count
		}
		var e *limits.Error
		if !errors.As(err, &e) || e.Kind != limits.Time || e.Max != int64(50*time.Millisecond) || e.Used > e.Max || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("fuel %d: error %v (%+v)", fuel, err, e)
		}
		if used := m.Total().Snapshot().Instructions.Current; used > 50*8192*2 {
			t.Errorf("fuel %d: %d instructions before the clock was seen", fuel, used)
		}
		if fuel != limits.Unlimited && steps < 5 {
			t.Errorf("fuel %d: ended after %d steps: time between steps was counted", fuel, steps)
		}
		// A call of its own has its own time.
		if _, err := m.Call(context.Background(), load(t, m, "test.lua", `for i = 1, 10 do end`)); err != nil {
			t.Error(err)
		}
	}
	// A clock that stands still never trips.
	stopped := time.Unix(1e9, 0)
	m := vm.New(vm.Config{Limits: limits.Limits{Time: 1, Instructions: 100_000}, Now: func() time.Time { return stopped }})
	_, err := m.Call(context.Background(), load(t, m, "test.lua", `while true do end`))
	var e *limits.Error
	if !errors.As(err, &e) || e.Kind != limits.Instructions {
		t.Errorf("error %v, want the limit of instructions", err)
	}
}

// TestPanicKillsTheMachine: a Go panic in a native function ends the machine, not
// the process, and says nothing to the script.
func TestPanicKillsTheMachine(t *testing.T) {
	m := newMachine(t, generous, nil)
	addNative(t, m, "boom", func(c *vm.Call) error { panic("secret detail") })
	_, err := m.Call(context.Background(), load(t, m, "test.lua", `pcall(boom) return "caught"`))
	var bug *vm.InternalError
	if !errors.As(err, &bug) || !strings.Contains(bug.Detail, "secret detail") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v (%+v)", err, bug)
	}
	if !errors.Is(m.Dead(), err) {
		t.Errorf("dead of %v", m.Dead())
	}
	if _, err := m.Start(context.Background(), vm.Nil); !errors.As(err, &bug) {
		t.Errorf("a call of a dead machine: %v", err)
	}
}

// TestStartAnything: the host may ask for a call of any value.
func TestStartAnything(t *testing.T) {
	m := newMachine(t, generous, nil)
	callable, err := call(t, m, `callable = setmetatable({}, {__call = function(self, ...) return ... end}) broken = setmetatable({}, {__call = 1}) return "ok"`)
	if callable != "ok" || err != nil {
		t.Fatal(callable, err)
	}
	for _, tt := range []struct {
		fn   vm.Value
		want string
		err  string
	}{
		{vm.Nil, "", "attempt to call a nil value"},
		{vm.True, "", "attempt to call a boolean value"},
		{vm.Int(1), "", "attempt to call a number value"},
		{vm.String("x"), "", "attempt to call a string value"},
		{m.Globals().Value(), "", "attempt to call a table value"},
		{m.Globals().GetString("callable"), "1 x", ""},
		{m.Globals().GetString("broken"), "", "attempt to call a table value"},
		{m.Globals().GetString("select"), "x", ""},
		{m.Globals().GetString("pcall"), "false attempt to call a number value", ""},
	} {
		vs, err := m.Call(context.Background(), tt.fn, vm.Int(1), vm.String("x"))
		noBug(t, err)
		msg := ""
		if err != nil {
			msg = err.Error()
		}
		if diff := cmp.Diff([]string{tt.want, tt.err}, []string{show(vs), msg}); diff != "" {
			t.Errorf("%v: %s", tt.fn.Kind(), diff)
		}
	}
	works(t, m)
}
