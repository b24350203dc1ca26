package luasandbox_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// bus is a host that keeps callbacks.
type bus struct{ handlers []*luasandbox.Function }

func (b *bus) grant() *luasandbox.Grant {
	return luasandbox.NewGrant("bus", "",
		luasandbox.Func("on", func(f *luasandbox.Function) { b.handlers = append(b.handlers, f) }),
		luasandbox.Func("off", func(f *luasandbox.Function) bool {
			defer f.Release()
			for i, h := range b.handlers {
				if h == f {
					h.Release()
					b.handlers = append(b.handlers[:i], b.handlers[i+1:]...)
					return true
				}
			}
			return false
		}),
		luasandbox.Func("each", func(ctx context.Context, list []int, f *luasandbox.Function) (luasandbox.Results, error) {
			defer f.Release()
			var out luasandbox.Results
			for _, n := range list {
				r, err := f.Call(ctx, n)
				if err != nil {
					return nil, err
				}
				out = append(out, r...)
			}
			return out, nil
		}),
		luasandbox.Func("swallow", func(ctx context.Context, f *luasandbox.Function) string {
			defer f.Release()
			_, err := f.Call(ctx)
			if err != nil {
				return "swallowed"
			}
			return "none"
		}),
		luasandbox.Func("hide", func(ctx context.Context, f *luasandbox.Function) error {
			defer f.Release()
			if _, err := f.Call(ctx); err != nil {
				return errors.New("dsn=secret")
			}
			return nil
		}),
		luasandbox.Func("loose", func(v any) bool {
			if m, ok := v.(map[string]any); ok && m["keep"] == true {
				f := m["f"].(*luasandbox.Function)
				_ = f.Keep()
				b.handlers = append(b.handlers, f)
			}
			return true
		}),
		luasandbox.Func("back", func(f *luasandbox.Function) *luasandbox.Function { return f }),
		luasandbox.Func("background", func(f *luasandbox.Function) error {
			defer f.Release()
			_, err := f.Call(context.Background())
			return luasandbox.Errorf("%w", err)
		}),
	)
}

func TestCallbacksNest(t *testing.T) {
	b := &bus{}
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 1_000_000}, Grants: []*luasandbox.Grant{b.grant()}}, "")
	for _, tt := range []struct {
		source string
		want   luasandbox.Results
	}{
		{`return bus.each({1,2,3}, function(n) return n * n end)`, luasandbox.Results{1.0, 4.0, 9.0}},
		{`local n = 0 bus.each({1,2,3}, function(i) n = n + i end) return n`, luasandbox.Results{6.0}},
		// Host functions in callbacks of host functions.
		{`return bus.each({1,2}, function(n) return bus.each({10, 20}, function(m) return n + m end) end)`, luasandbox.Results{11.0, 21.0, 12.0, 22.0}},
		// An error passes through the host as it is, a table as the same table.
		{`local e = {} local ok, got = pcall(bus.each, {1}, function() error(e) end) return ok, got == e`, luasandbox.Results{false, true}},
		{`return pcall(bus.each, {1}, function() error("boom") end)`, luasandbox.Results{false, "test.lua:1: boom"}},
		{`return pcall(bus.hide, function() error("boom") end)`, luasandbox.Results{false, "host error [1]"}},
		{`return bus.swallow(function() error("boom") end)`, luasandbox.Results{"swallowed"}},
		// A function comes back as it was.
		{`local f = function() end return bus.back(f) == f, bus.back(print) == print`, luasandbox.Results{true, true}},
		// Only with the context that it was given is a call part of the call.
		{`return pcall(bus.background, function() end)`, luasandbox.Results{false, "sandbox is busy: another call is running in it"}},
		// A yield cannot cross the host.
		{`local co = coroutine.wrap(function() return pcall(bus.each, {1}, function() coroutine.yield() end) end) return (co())`, luasandbox.Results{false}},
	} {
		got := eval(t, s, tt.source)
		for i, v := range got {
			if text, ok := v.(string); ok {
				got[i] = strings.TrimPrefix(text, "test.lua:1: ")
			}
		}
		for i, v := range tt.want {
			if text, ok := v.(string); ok {
				tt.want[i] = strings.TrimPrefix(text, "test.lua:1: ")
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.source, diff)
		}
	}
}

// What a callback spends, the call around it spends; a limit that it hits, no host
// function and no pcall can swallow.
func TestCallbacksAreCharged(t *testing.T) {
	b := &bus{}
	l := limits.Limits{Instructions: 2_000_000, Memory: 4 << 20, HostCalls: 1000, Depth: 200}
	s := newSandbox(t, luasandbox.Config{Limits: l, Grants: []*luasandbox.Grant{b.grant()}}, "")
	eval(t, s, `bus.each({1}, function() for i = 1, 100000 do end end)`)
	if got := s.LastCall().Instructions; got < 100_000 {
		t.Errorf("charged %d", got)
	}
	for _, tt := range []struct {
		source string
		kind   limits.Kind
	}{
		{`bus.each({1}, function() while true do end end)`, limits.Instructions},
		{`pcall(bus.each, {1}, function() while true do end end) return "ESCAPED"`, limits.Instructions},
		{`bus.swallow(function() while true do end end) return "ESCAPED"`, limits.Instructions},
		{`pcall(bus.hide, function() while true do end end) return "ESCAPED"`, limits.Instructions},
		{`bus.swallow(function() local t = {} while true do t[#t+1] = {} end end) return "ESCAPED"`, limits.Memory},
		{`pcall(bus.hide, function() while true do bus.loose(1) end end) return "ESCAPED"`, limits.HostCalls},
	} {
		r, err := s.Load(context.Background(), compile(t, tt.source))
		if err == nil {
			t.Errorf("%s: %v", tt.source, r)
			continue
		}
		asLimit(t, err, tt.kind)
	}
	// Host functions in callbacks in host functions … end before Go's stack does.
	r := eval(t, s, `local depth = 0 local function go() depth = depth + 1 return bus.each({1}, go) end
		local ok = pcall(go) return ok, depth < 100`)
	if diff := cmp.Diff(luasandbox.Results{false, true}, r); diff != "" {
		t.Error(diff)
	}
}

// A kept function is called later, in a call of its own.
func TestCallbacksAreKept(t *testing.T) {
	b := &bus{}
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 100_000, Memory: 1 << 20}, Grants: []*luasandbox.Grant{b.grant()}}, `
		total = 0
		local function add(n) total = total + n return total end
		bus.on(add)
		bus.on(function() while true do end end)
		function off() return bus.off(add), bus.off(add) end`)
	if len(b.handlers) != 2 {
		t.Fatal(len(b.handlers))
	}
	ctx := context.Background()
	for i := range 3 {
		r, err := b.handlers[0].Call(ctx, 5)
		if diff := cmp.Diff(luasandbox.Results{5.0 * float64(i+1)}, r); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	}
	_, err := b.handlers[1].Call(ctx)
	asLimit(t, err, limits.Instructions)
	// The next call has a budget of its own.
	if _, err := b.handlers[0].Call(ctx, 1); err != nil {
		t.Fatal(err)
	}
	add := b.handlers[0]
	r, err := s.Call(ctx, "off")
	if diff := cmp.Diff(luasandbox.Results{true, false}, r); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := add.Call(ctx); !errors.Is(err, luasandbox.ErrReleased) {
		t.Errorf("a released function: %v", err)
	}
	if err := add.Keep(); !errors.Is(err, luasandbox.ErrReleased) {
		t.Errorf("Keep of a released function: %v", err)
	}
	add.Release() // nothing
	task, err := s.StartFunction(ctx, b.handlers[0])
	if err != nil {
		t.Fatal(err)
	}
	if status, err := task.Step(1000); status != luasandbox.Paused || err != nil {
		t.Errorf("%v, %v", status, err)
	}
	_ = s.Close()
	if _, err := b.handlers[0].Call(ctx); !errors.Is(err, luasandbox.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	b.handlers[0].Release()
}

// What the host holds counts as the script's memory, what it let go of does not.
func TestHeldFunctionsAreCounted(t *testing.T) {
	b := &bus{}
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Memory: 2 << 20}, Grants: []*luasandbox.Grant{b.grant()}}, `
		function big() local t = {} for i = 1, 10000 do t[i] = i end bus.on(function() return t end) end
		function small() local f = function() end for i = 1, 10000 do bus.on(f) end end
		function many() for i = 1, 1e6 do bus.on(function() return i end) end end
		function loose(n) for i = 1, n do bus.loose{f = function() return i end} end end
		function keep() bus.loose{f = function() return 7 end, keep = true} end
		function bad() for i = 1, 20000 do pcall(bus.each, function() return i end) pcall(bus.each, {}, function() return i end, 1) end end`)
	live := func() int64 {
		if _, err := s.Census(); err != nil {
			t.Fatal(err)
		}
		c, err := s.Census()
		if err != nil {
			t.Fatal(err)
		}
		return c.Bytes
	}
	call := func(path string, args ...any) error {
		_, err := s.Call(context.Background(), path, args...)
		return err
	}
	empty := live()
	if err := call("big"); err != nil {
		t.Fatal(err)
	}
	if got := live(); got < empty+10_000*limits.ValueBytes {
		t.Errorf("a held function counts %d", got-empty)
	}
	b.handlers[0].Release()
	if got := live(); got > empty+1000 {
		t.Errorf("a released function counts %d", got-empty)
	}
	// One function is held once, however often it is given.
	if err := call("small"); err != nil {
		t.Fatal(err)
	}
	if got := live(); got > empty+1000 || b.handlers[1] != b.handlers[2] {
		t.Errorf("one function, held often, counts %d", got-empty)
	}
	// Functions that a host function did not ask for, and those in calls that failed,
	// are let go of.
	if err := call("loose", 30_000); err != nil {
		t.Fatal(err)
	}
	if err := call("bad"); err != nil {
		t.Fatal(err)
	}
	if got := live(); got > empty+1000 {
		t.Errorf("forgotten functions count %d", got-empty)
	}
	b.handlers = nil
	if err := call("keep"); err != nil {
		t.Fatal(err)
	}
	if r, err := b.handlers[0].Call(context.Background()); err != nil || r[0] != 7.0 {
		t.Errorf("%v, %v", r, err)
	}
	asLimit(t, call("many"), limits.Memory)
}

// A function does not work in another sandbox.
func TestFunctionOfAnotherSandbox(t *testing.T) {
	a := newSandbox(t, luasandbox.Config{}, `function f() return "a" end`)
	v, err := a.Global("f")
	if err != nil {
		t.Fatal(err)
	}
	f := v.(*luasandbox.Function)
	b := newSandbox(t, luasandbox.Config{}, `function call(f) return f() end`)
	var argument *luasandbox.ArgumentError
	if _, err := b.Call(context.Background(), "call", f); !errors.As(err, &argument) {
		t.Errorf("as an argument: %v", err)
	}
	if _, err := b.CallFunction(context.Background(), f); err == nil {
		t.Error("called in another sandbox")
	}
	if r, err := f.Call(context.Background()); err != nil || r[0] != "a" {
		t.Errorf("%v, %v", r, err)
	}
}
