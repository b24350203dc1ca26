package luasandbox_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// newSandbox returns a sandbox in which source has been loaded.
func newSandbox(t testing.TB, cfg luasandbox.Config, source string) *luasandbox.Sandbox {
	t.Helper()
	s, err := luasandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if source != "" {
		if _, err := s.Load(context.Background(), compile(t, source)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func compile(t testing.TB, source string) *luasandbox.Program {
	t.Helper()
	p, err := luasandbox.Compile("test.lua", source, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// writer is an io.Writer of a function.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// asLimit fails the test unless err is the limit of a kind.
func asLimit(t testing.TB, err error, kind limits.Kind) *limits.Error {
	t.Helper()
	var limit *limits.Error
	if !errors.As(err, &limit) || limit.Kind != kind {
		t.Fatalf("got %v, want a *limits.Error of kind %s", err, kind)
	}
	return limit
}

// The zero Config reaches nothing.
func TestZeroConfigReachesNothing(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `
		absent = {}
		for _, name in ipairs{"io", "package", "dofile", "loadfile", "newproxy", "require", "arg", "module"} do
			if _G[name] ~= nil then absent[#absent + 1] = name end
		end
		for _, name in ipairs{"execute", "exit", "getenv", "remove", "rename", "setlocale", "tmpname"} do
			if os[name] ~= nil then absent[#absent + 1] = "os." .. name end
		end
		for name in pairs(debug or {}) do
			if name ~= "traceback" then absent[#absent + 1] = "debug." .. name end
		end
		present = table.concat(absent, " ")
		now = os.time()
		print("into the void")
	`)
	for path, want := range map[string]any{"present": "", "now": 946684800.0} {
		if got, err := s.Global(path); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", path, got, err, want)
		}
	}
	if got := s.Usage().Output; got != int64(len("into the void\n")) {
		t.Errorf("dropped output was charged %d bytes", got)
	}
	// Nothing of an empty sandbox depends on anything but its input.
	r := newSandbox(t, luasandbox.Config{}, "").Report()
	if diff := cmp.Diff(limits.Defaults(), r.Limits); diff != "" {
		t.Error(diff)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, l := range []limits.Limits{{Instructions: -1}, {Memory: -5, Time: -time.Second}} {
		s, err := luasandbox.New(luasandbox.Config{Limits: l})
		var config *luasandbox.ConfigError
		var field *limits.FieldError
		if s != nil || !errors.As(err, &config) || config.Field != "Limits" || !errors.As(err, &field) {
			t.Errorf("%+v: %v, %v", l, s, err)
		}
	}
	if _, err := luasandbox.New(luasandbox.Config{Limits: limits.Limits{Memory: 1}}); !errors.Is(err, limits.ErrExceeded) {
		t.Errorf("a sandbox of one byte: %v", err)
	}
	var config *luasandbox.ConfigError
	if _, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{nil}}); !errors.As(err, &config) || config.Field != "Grants" {
		t.Errorf("a nil grant: %v", err)
	}
	if _, err := luasandbox.Compile("x", "", limits.Limits{Source: -1}); !errors.As(err, &config) {
		t.Errorf("Compile with bad limits: %v", err)
	}
}

func TestCompileErrors(t *testing.T) {
	for _, tt := range []struct {
		source string
		l      limits.Limits
		line   int
		limit  limits.Kind // or 0
	}{
		{"x = = 1", limits.Limits{}, 1, 0},
		{"x = 1\ny = 'abc\n", limits.Limits{}, 2, 0},
		{"\x1bLua\x51", limits.Limits{}, 1, 0},
		{"x = 1 -- comment", limits.Limits{Source: 5}, 1, limits.Source},
		{strings.Repeat("(", 300), limits.Limits{}, 1, limits.Nesting},
	} {
		p, err := luasandbox.Compile("bad.lua", tt.source, tt.l)
		var syntax *luasandbox.SyntaxError
		if p != nil || !errors.As(err, &syntax) {
			t.Errorf("%.20q: %v, %v", tt.source, p, err)
			continue
		}
		if syntax.Chunk != "bad.lua" || syntax.Line != tt.line {
			t.Errorf("%.20q: at %s:%d, want bad.lua:%d", tt.source, syntax.Chunk, syntax.Line, tt.line)
		}
		if tt.limit != 0 {
			asLimit(t, err, tt.limit)
		} else if errors.Is(err, limits.ErrExceeded) {
			t.Errorf("%.20q: %v matches ErrExceeded", tt.source, err)
		}
	}
	p := compile(t, "return 1")
	if p.Name() != "test.lua" {
		t.Errorf("Name() = %q", p.Name())
	}
}

// A limit that a call hits ends that call and not the sandbox.
func TestLimitsEndTheCall(t *testing.T) {
	const source = `
		function spin() while true do end end
		function hoard() local t = {} for i = 1, 1e9 do t[i] = {} end end
		function chatter() while true do print("x") end end
		function deep() return 1 + deep() end
		function crowd() local t = {} for i = 1, 1e9 do t[i] = coroutine.create(spin) end end
		function long() return ("x"):rep(1e6) end
		function catch(f) while true do pcall(_G[f]) end end
		function fine() return "fine" end
	`
	for _, tt := range []struct {
		function string
		l        limits.Limits
		kind     limits.Kind
		script   bool // the script can catch it: a ScriptError around the limit
	}{
		{"spin", limits.Limits{Instructions: 10_000}, limits.Instructions, false},
		{"hoard", limits.Limits{Memory: 1 << 20}, limits.Memory, false},
		{"chatter", limits.Limits{Output: 100}, limits.Output, false},
		{"crowd", limits.Limits{Coroutines: 10}, limits.Coroutines, false},
		{"deep", limits.Limits{Depth: 100}, limits.Depth, true},
		{"long", limits.Limits{String: 1 << 10}, limits.String, true},
	} {
		t.Run(tt.function, func(t *testing.T) {
			s := newSandbox(t, luasandbox.Config{Limits: tt.l}, source)
			_, err := s.Call(context.Background(), tt.function)
			limit := asLimit(t, err, tt.kind)
			if limit.Used > limit.Max || !errors.Is(err, limits.ErrExceeded) {
				t.Errorf("%+v", limit)
			}
			var script *luasandbox.ScriptError
			if errors.As(err, &script) != tt.script {
				t.Errorf("%T", err)
			}
			if !tt.script {
				_, err := s.Call(context.Background(), "catch", tt.function)
				asLimit(t, err, tt.kind)
			}
			if got, err := s.Call(context.Background(), "fine"); err != nil || !cmp.Equal(got, luasandbox.Results{"fine"}) {
				t.Errorf("the next call: %v, %v", got, err)
			}
		})
	}
	// The control: with the defaults those of bounded work succeed.
	s := newSandbox(t, luasandbox.Config{}, source)
	if _, err := s.Call(context.Background(), "long"); err != nil {
		t.Error(err)
	}
}

func TestScriptErrors(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `
		function text() error("broken") end
		function index() local x; return x.y end
		function value() error({code = 7}) end
		function number() error(42) end
		function none() error() end
		function method() error({f = print, name = "n"}) end
	`)
	for _, tt := range []struct {
		function, message string
		value             any
	}{
		{"text", "test.lua:2: broken", "test.lua:2: broken"},
		{"index", "test.lua:3: attempt to index local 'x' (a nil value)", "test.lua:3: attempt to index local 'x' (a nil value)"},
		{"number", "test.lua:5: 42", "test.lua:5: 42"},
		{"none", "nil", nil},
	} {
		_, err := s.Call(context.Background(), tt.function)
		var script *luasandbox.ScriptError
		if !errors.As(err, &script) {
			t.Fatalf("%s: %v", tt.function, err)
		}
		if script.Message != tt.message || !cmp.Equal(script.Value, tt.value) || err.Error() != tt.message {
			t.Errorf("%s: %q, %v; want %q, %v", tt.function, script.Message, script.Value, tt.message, tt.value)
		}
		if !strings.Contains(script.Traceback, "stack traceback:\n") || !strings.Contains(script.Traceback, "test.lua:") {
			t.Errorf("%s: traceback %q", tt.function, script.Traceback)
		}
		if errors.Unwrap(err) != nil {
			t.Errorf("%s has the cause %v", tt.function, errors.Unwrap(err))
		}
	}
}

func TestContexts(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function spin() while true do end end function one() return 1 end`)

	// Ended before the call: nothing runs, the error is the same as in the middle.
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the player left"))
	for _, f := range []string{"spin", "one"} {
		_, err := s.Call(cancelled, f)
		var stopped *limits.CancelledError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &stopped) || errors.Is(err, limits.ErrExceeded) {
			t.Errorf("%s with a cancelled context: %v", f, err)
		} else if stopped.Cause == nil || stopped.Cause.Error() != "the player left" {
			t.Errorf("the cause is lost: %v", stopped.Cause)
		}
	}

	// Ended while it runs, from another goroutine.
	started := make(chan struct{})
	noisy := newSandbox(t, luasandbox.Config{
		Limits: limits.Limits{Instructions: limits.Unlimited, Time: limits.UnlimitedTime},
		Output: writer(func(p []byte) (int, error) { close(started); return len(p), nil }),
	}, `function spin() print() while true do pcall(function() while true do end end) end end`)
	ctx, stop := context.WithCancel(context.Background())
	go func() { <-started; stop() }()
	if _, err := noisy.Call(ctx, "spin"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v", err)
	}

	// A deadline of the caller's is a limit of time.
	past, release := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer release()
	_, err := s.Call(past, "spin")
	asLimit(t, err, limits.Time)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not match context.DeadlineExceeded", err)
	}

	// No context is context.Background().
	//lint:ignore SA1012 it is what is tested
	if _, err := s.Call(nil, "one"); err != nil {
		t.Error(err)
	}
}

// Limits.Time is measured by Config.Wall: here a clock that a test moves.
func TestTimeLimit(t *testing.T) {
	now := time.Unix(0, 0)
	cfg := luasandbox.Config{
		Limits: limits.Limits{Instructions: limits.Unlimited, Time: time.Second},
		Wall:   func() time.Time { now = now.Add(time.Millisecond); return now },
	}
	s := newSandbox(t, cfg, `function spin() while true do end end`)
	_, err := s.Call(context.Background(), "spin")
	limit := asLimit(t, err, limits.Time)
	if !errors.Is(err, context.DeadlineExceeded) || limit.Max != int64(time.Second) || limit.Used > limit.Max {
		t.Errorf("%v, %+v", err, limit)
	}
	if got := s.LastCall().Wall; got < time.Second || got > 2*time.Second {
		t.Errorf("the call is said to have taken %v", got)
	}
}

func TestClose(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function f() end`)
	task, err := s.Start(context.Background(), "f")
	if err != nil {
		t.Fatal(err)
	}
	before := s.Usage()
	for range 3 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func() error{
		"Load":      func() error { _, err := s.Load(context.Background(), compile(t, "")); return err },
		"Call":      func() error { _, err := s.Call(context.Background(), "f"); return err },
		"Start":     func() error { _, err := s.Start(context.Background(), "f"); return err },
		"Step":      func() error { _, err := task.Step(1); return err },
		"Global":    func() error { _, err := s.Global("f"); return err },
		"SetGlobal": func() error { return s.SetGlobal("x", 1) },
		"Census":    func() error { _, err := s.Census(); return err },
	} {
		if err := f(); err != luasandbox.ErrClosed {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	task.Abandon()
	if got := s.Usage(); got.Instructions != before.Instructions || got.Calls != before.Calls {
		t.Errorf("usage changed from %+v to %+v", before, got)
	}
	if r := s.Report(); r.State != "closed" || r.Unfinished != 0 {
		t.Errorf("%+v", r)
	}
}

// Close gives back to a shared budget what the sandbox held.
func TestCloseReleasesBudget(t *testing.T) {
	budget := limits.NewMeter(limits.Limits{Memory: 8 << 20}, nil)
	s := newSandbox(t, luasandbox.Config{Budget: budget}, `t = {} for i = 1, 1000 do t[i] = {} end`)
	if _, err := s.Census(); err != nil {
		t.Fatal(err)
	}
	if held := budget.Memory().Current(); held < 1000*limits.TableHeader {
		t.Errorf("the budget holds %d bytes", held)
	}
	_ = s.Close()
	if held := budget.Memory().Current(); held != 0 {
		t.Errorf("after Close the budget holds %d bytes", held)
	}
}

// A budget that is refilled for each tick outlives many ticks' worth of work.
func TestBudgetPerTick(t *testing.T) {
	tick := limits.NewMeter(limits.Limits{Instructions: 50_000}, nil)
	const source = `function work(n) for i = 1, n do end return n end`
	a := newSandbox(t, luasandbox.Config{Budget: tick}, source)
	b := newSandbox(t, luasandbox.Config{Budget: tick}, source)
	for range 20 {
		tick.BeginCall()
		if _, err := a.Call(context.Background(), "work", 30_000); err != nil {
			t.Fatal(err)
		}
		_, err := b.Call(context.Background(), "work", 30_000)
		asLimit(t, err, limits.Instructions)
		if _, err := a.Call(context.Background(), "work", 100); err == nil {
			// b took what a had left over: nothing may be left for anyone.
			if left := tick.Instructions().Left(); left < 0 {
				t.Errorf("%d left", left)
			}
		}
	}
	if got := a.Usage().Instructions; got < 20*30_000 {
		t.Errorf("%d instructions in all", got)
	}
}

// While a call runs, everybody else gets ErrBusy, and exactly one of many callers
// at once gets through.
func TestBusy(t *testing.T) {
	inside, resume := make(chan struct{}), make(chan struct{})
	s := newSandbox(t, luasandbox.Config{
		Output: writer(func(p []byte) (int, error) { inside <- struct{}{}; <-resume; return len(p), nil }),
	}, `function hold() print("here") return "done" end function f() end`)
	task, err := s.Start(context.Background(), "f")
	if err != nil {
		t.Fatal(err)
	}
	const callers = 32
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, lost := 0, 0
	for range callers {
		wg.Go(func() {
			got, err := s.Call(context.Background(), "hold")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && cmp.Equal(got, luasandbox.Results{"done"}):
				won++
			case err == luasandbox.ErrBusy:
				lost++
			default:
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	<-inside
	for name, f := range map[string]func() error{
		"Load":      func() error { _, err := s.Load(context.Background(), compile(t, "")); return err },
		"Call":      func() error { _, err := s.Call(context.Background(), "f"); return err },
		"Start":     func() error { _, err := s.Start(context.Background(), "f"); return err },
		"Step":      func() error { _, err := task.Step(1); return err },
		"Global":    func() error { _, err := s.Global("f"); return err },
		"SetGlobal": func() error { return s.SetGlobal("x", 1) },
		"Census":    func() error { _, err := s.Census(); return err },
		"Close":     s.Close,
	} {
		if err := f(); err != luasandbox.ErrBusy {
			t.Errorf("%s while busy: %v", name, err)
		}
	}
	for range 8 {
		wg.Go(func() { // these never wait and never race
			_, _, _, _ = s.Usage(), s.LastCall(), s.Report(), task.Usage()
			task.Abandon()
		})
	}
	for lostSoFar := 0; lostSoFar < callers-1; { // let the others try while one is inside
		mu.Lock()
		lostSoFar = lost
		mu.Unlock()
		runtime.Gosched()
	}
	resume <- struct{}{}
	wg.Wait()
	if won != 1 || lost != callers-1 {
		t.Errorf("%d got through, %d got ErrBusy", won, lost)
	}
	if _, err := task.Step(1); err != luasandbox.ErrFinished {
		t.Errorf("the task abandoned while the sandbox was busy: %v", err)
	}
	if _, err := s.Call(context.Background(), "f"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Whatever many goroutines do with one sandbox at once, each thing happens as a whole
// or is refused with ErrBusy. The race detector watches.
func TestBusyHammer(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `n = 0 function inc() for i = 1, 20 do local was = n n = was + 1 end end`)
	var wg sync.WaitGroup
	var done atomic.Int64
	for g := range 16 {
		wg.Go(func() {
			var task *luasandbox.Task
			for i := range 100 {
				var err error
				switch (g + i) % 7 {
				case 0, 1:
					if _, err = s.Call(context.Background(), "inc"); err == nil {
						done.Add(1)
					}
				case 2:
					if task == nil {
						task, err = s.Start(context.Background(), "inc")
					}
				case 3:
					if task != nil {
						var status luasandbox.Status
						if status, err = task.Step(100_000); err == nil && status == luasandbox.Done {
							done.Add(1)
							task = nil
						}
					}
				case 4:
					if task != nil {
						task.Abandon() // it has not begun
						task = nil
					}
				case 5:
					_, _, _ = s.Usage(), s.Report(), s.LastCall()
					_, err = s.Global("n")
				case 6:
					_, err = s.Census()
				}
				if err != nil && err != luasandbox.ErrBusy {
					t.Error(err)
				}
			}
			if task != nil {
				task.Abandon()
			}
		})
	}
	wg.Wait()
	if n, err := s.Global("n"); n != float64(20*done.Load()) || err != nil || done.Load() == 0 {
		t.Errorf("n is %v after %d times 20, %v", n, done.Load(), err)
	}
	if got := s.Report().Unfinished; got != 0 {
		t.Errorf("%d tasks are left", got)
	}
}

// Many sandboxes run one program at once and do not notice one another.
func TestParallel(t *testing.T) {
	p := compile(t, `
		local n = 0
		function count(k)
			for i = 1, k do n = n + 1; _G["v" .. i % 10] = {n, tostring(n)} end
			string.extra = n -- the library is shared until a script writes to it
			return n, string.extra, ("x"):upper()
		end
	`)
	var wg sync.WaitGroup
	usage := make([]luasandbox.Usage, 8)
	for i := range usage {
		wg.Go(func() {
			s, err := luasandbox.New(luasandbox.Config{})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.Load(context.Background(), p); err != nil {
				t.Error(err)
			}
			for call := 1; call <= 5; call++ {
				got, err := s.Call(context.Background(), "count", 200)
				want := luasandbox.Results{float64(200 * call), float64(200 * call), "X"}
				if err != nil || !cmp.Equal(got, want) {
					t.Errorf("%v, %v; want %v", got, err, want)
				}
			}
			usage[i] = s.Usage()
			usage[i].Wall = 0
		})
	}
	wg.Wait()
	for _, u := range usage[1:] {
		if diff := cmp.Diff(usage[0], u); diff != "" {
			t.Errorf("two sandboxes differ: %s", diff)
		}
	}
}

// A sandbox may be handed from goroutine to goroutine between calls.
func TestHandedAround(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `n = 0 function inc() n = n + 1 return n end`)
	for i := range 50 {
		done := make(chan error)
		go func() {
			got, err := s.Call(context.Background(), "inc")
			if err == nil && got[0] != float64(i+1) {
				err = fmt.Errorf("got %v", got)
			}
			done <- err
		}()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
