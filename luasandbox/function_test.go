package luasandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// grantOf returns a sandbox with one grant of globals.
func grantOf(t testing.TB, members ...luasandbox.Member) *luasandbox.Sandbox {
	t.Helper()
	return newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{luasandbox.NewGrant("", "", members...)}}, "")
}

// eval runs a chunk and returns its results.
func eval(t testing.TB, s *luasandbox.Sandbox, source string) luasandbox.Results {
	t.Helper()
	r, err := s.Load(context.Background(), compile(t, source))
	if err != nil {
		t.Fatalf("%s\n%v", source, err)
	}
	return r
}

// evalError runs a chunk that must fail and returns its error.
func evalError(t testing.TB, s *luasandbox.Sandbox, source string) error {
	t.Helper()
	r, err := s.Load(context.Background(), compile(t, source))
	if err == nil {
		t.Fatalf("%s\nreturned %v, want an error", source, r)
	}
	return err
}

type position struct {
	X, Y   float64 `lua:"-"`
	Left   int16   `lua:"left"`
	Top    int16   `lua:"top,optional"`
	Secret string
	hidden string
}

type order struct {
	Name  string         `lua:"name"`
	At    position       `lua:"at"`
	Tags  []string       `lua:"tags,optional"`
	Count map[string]int `lua:"count,optional"`
	Next  *order         `lua:"next"`
}

// Every type crosses the border in both directions, and comes back as it was.
func TestArgumentsAndResults(t *testing.T) {
	var got []any
	take := func(v any) { got = append(got, v) }
	s := grantOf(t,
		luasandbox.Func("f64", func(a float64) float64 { take(a); return a }),
		luasandbox.Func("f32", func(a float32) float32 { take(a); return a }),
		luasandbox.Func("int", func(a int) int { take(a); return a }),
		luasandbox.Func("i8", func(a int8) int8 { take(a); return a }),
		luasandbox.Func("i64", func(a int64) int64 { take(a); return a }),
		luasandbox.Func("u8", func(a uint8) uint8 { take(a); return a }),
		luasandbox.Func("u64", func(a uint64) uint64 { take(a); return a }),
		luasandbox.Func("bool", func(a bool) bool { take(a); return a }),
		luasandbox.Func("str", func(a string) string { take(a); return a }),
		luasandbox.Func("bytes", func(a []byte) []byte { take(a); return a }),
		luasandbox.Func("list", func(a []int) []int { take(a); return a }),
		luasandbox.Func("array", func(a [3]int) [3]int { take(a); return a }),
		luasandbox.Func("nested", func(a [][]string) [][]string { take(a); return a }),
		luasandbox.Func("map", func(a map[string]int) map[string]int { take(a); return a }),
		luasandbox.Func("ids", func(a map[int32]bool) map[int32]bool { take(a); return a }),
		luasandbox.Func("order", func(a order) order { take(a); return a }),
		luasandbox.Func("maybe", func(a *int) *int { take(a); return a }),
		luasandbox.Func("any", func(a any) any { take(a); return a }),
		luasandbox.Func("many", func(a string, more ...int) (string, []int, int) { take(more); return a, more, len(more) }),
		luasandbox.Func("spread", func(n int) luasandbox.Results { return luasandbox.Results{1, "two", nil, []any{true}}[:n] }),
		luasandbox.Func("named", func(a celsius) celsius { take(a); return a }),
		luasandbox.Func("opt", func(a string, b int) int { take(b); return len(a) + b }, luasandbox.Params("a", "b"), luasandbox.Optional("b")),
	)
	seven := 7
	for _, tt := range []struct {
		source string
		got    any // what the Go function got
		want   luasandbox.Results
	}{
		{`return f64(0.1)`, 0.1, luasandbox.Results{0.1}},
		{`return f64(math.huge)`, math.Inf(1), luasandbox.Results{math.Inf(1)}},
		{`return f32(0.5)`, float32(0.5), luasandbox.Results{0.5}},
		{`return int(-3)`, -3, luasandbox.Results{-3.0}},
		{`return i8(-128)`, int8(-128), luasandbox.Results{-128.0}},
		{`return i64(-2^63)`, int64(math.MinInt64), luasandbox.Results{-math.Pow(2, 63)}},
		{`return u8(255)`, uint8(255), luasandbox.Results{255.0}},
		{`return u64(2^63)`, uint64(1 << 63), luasandbox.Results{math.Pow(2, 63)}},
		{`return bool(true)`, true, luasandbox.Results{true}},
		{`return str("a\0b")`, "a\x00b", luasandbox.Results{"a\x00b"}},
		{`return bytes("\255")`, []byte{255}, luasandbox.Results{"\xff"}},
		{`return list{3,1,2}`, []int{3, 1, 2}, luasandbox.Results{[]any{3.0, 1.0, 2.0}}},
		{`return list{}`, []int{}, luasandbox.Results{map[string]any{}}},
		{`return array{1,2,3}`, [3]int{1, 2, 3}, luasandbox.Results{[]any{1.0, 2.0, 3.0}}},
		{`return nested{{"a"},{},{"b","c"}}`, [][]string{{"a"}, {}, {"b", "c"}}, luasandbox.Results{[]any{[]any{"a"}, map[string]any{}, []any{"b", "c"}}}},
		{`return map{b=2,a=1}`, map[string]int{"a": 1, "b": 2}, luasandbox.Results{map[string]any{"a": 1.0, "b": 2.0}}},
		{`return ids{[5]=true,[-1]=false}`, map[int32]bool{5: true, -1: false}, luasandbox.Results{map[any]any{5.0: true, -1.0: false}}},
		{`return order{name="x", at={left=1}, tags={"t"}, count={n=1}, next={name="y", at={left=2,top=3}}}`,
			order{Name: "x", At: position{Left: 1, hidden: ""}, Tags: []string{"t"}, Count: map[string]int{"n": 1}, Next: &order{Name: "y", At: position{Left: 2, Top: 3}}},
			luasandbox.Results{map[string]any{"name": "x", "at": map[string]any{"left": 1.0, "top": 0.0}, "tags": []any{"t"}, "count": map[string]any{"n": 1.0},
				"next": map[string]any{"name": "y", "at": map[string]any{"left": 2.0, "top": 3.0}, "tags": map[string]any{}, "count": map[string]any{}}}}},
		{`return maybe(7)`, &seven, luasandbox.Results{7.0}},
		{`return maybe(nil)`, (*int)(nil), luasandbox.Results{nil}},
		{`return maybe()`, (*int)(nil), luasandbox.Results{nil}},
		{`return any(nil)`, nil, luasandbox.Results{nil}},
		{`return any{1,"x",false}`, []any{1.0, "x", false}, luasandbox.Results{[]any{1.0, "x", false}}},
		{`return any{a={b={}}}`, map[string]any{"a": map[string]any{"b": map[string]any{}}}, luasandbox.Results{map[string]any{"a": map[string]any{"b": map[string]any{}}}}},
		{`return any{[1]="a",x=true,[0.5]=0}`, map[any]any{1.0: "a", "x": true, 0.5: 0.0}, luasandbox.Results{map[any]any{1.0: "a", "x": true, 0.5: 0.0}}},
		{`return many("a")`, []int{}, luasandbox.Results{"a", map[string]any{}, 0.0}},
		{`return many("a", 1, 2)`, []int{1, 2}, luasandbox.Results{"a", []any{1.0, 2.0}, 2.0}},
		{`return named(21.5)`, celsius(21.5), luasandbox.Results{21.5}},
		{`return opt("abc")`, 0, luasandbox.Results{3.0}},
		{`return opt("abc", 4)`, 4, luasandbox.Results{7.0}},
		{`return str("x", "ignored", {})`, "x", luasandbox.Results{"x"}},
	} {
		got = nil
		results := eval(t, s, tt.source)
		if diff := cmp.Diff([]any{tt.got}, got, cmp.AllowUnexported(position{})); diff != "" {
			t.Errorf("%s: the function got (-want +got)\n%s", tt.source, diff)
		}
		if diff := cmp.Diff(tt.want, results); diff != "" {
			t.Errorf("%s: the script got (-want +got)\n%s", tt.source, diff)
		}
	}
	if diff := cmp.Diff(luasandbox.Results{4.0, 1.0, "two", nil, []any{true}}, eval(t, s, `return select("#", spread(4)), spread(4)`)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(luasandbox.Results{0.0}, eval(t, s, `return select("#", spread(0))`)); diff != "" {
		t.Error(diff)
	}
}

type celsius float64

// A bad argument names the argument, what would be right and what was there; the
// function is not called.
func TestBadArguments(t *testing.T) {
	called := false
	never := func() { called = true }
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{luasandbox.NewGrant("host", "",
		luasandbox.Func("u8", func(string, uint8) { never() }),
		luasandbox.Func("i32", func(int32) { never() }),
		luasandbox.Func("i64", func(int64) { never() }),
		luasandbox.Func("u64", func(uint64) { never() }),
		luasandbox.Func("f64", func(float64) { never() }),
		luasandbox.Func("f32", func(float32) { never() }),
		luasandbox.Func("str", func(string) { never() }),
		luasandbox.Func("bytes", func([]byte) { never() }),
		luasandbox.Func("bool", func(bool) { never() }),
		luasandbox.Func("list", func([]uint8) { never() }), // []byte is a string
		luasandbox.Func("ints", func([]int) { never() }),
		luasandbox.Func("pair", func([2]int) { never() }),
		luasandbox.Func("map", func(map[string]int8) { never() }),
		luasandbox.Func("ids", func(map[uint8]string) { never() }),
		luasandbox.Func("order", func(order) { never() }),
		luasandbox.Func("maybe", func(*uint8) { never() }),
		luasandbox.Func("rest", func(...uint8) { never() }),
		luasandbox.Func("any", func(any) { never() }),
		luasandbox.Func("callback", func(*luasandbox.Function) { never() }),
	)}}, "")
	for _, tt := range []struct{ source, want string }{
		{`host.u8("a", 300)`, "bad argument #2 to 'u8' (integer in 0..255 expected, got 300)"},
		{`host.u8("a", -1)`, "bad argument #2 to 'u8' (integer in 0..255 expected, got -1)"},
		{`host.u8("a", 1.5)`, "bad argument #2 to 'u8' (integer in 0..255 expected, got 1.5)"},
		{`host.u8("a", 0/0)`, "bad argument #2 to 'u8' (integer in 0..255 expected, got -nan)"},
		{`host.u8("a", 1e300)`, "bad argument #2 to 'u8' (integer in 0..255 expected, got 1e+300)"},
		{`host.u8("a", "7")`, "bad argument #2 to 'u8' (integer in 0..255 expected, got string)"},
		{`host.u8("a")`, "bad argument #2 to 'u8' (integer in 0..255 expected, got no value)"},
		{`host.u8("a", nil)`, "bad argument #2 to 'u8' (integer in 0..255 expected, got nil)"},
		{`host.i32(2^31)`, "bad argument #1 to 'i32' (integer in -2147483648..2147483647 expected, got 2147483648)"},
		{`host.i64(2^63)`, "bad argument #1 to 'i64' (integer in -9223372036854775808..9223372036854775807 expected, got 9.2233720368548e+18)"},
		{`host.i64(-math.huge)`, "bad argument #1 to 'i64' (integer in -9223372036854775808..9223372036854775807 expected, got -inf)"},
		{`host.u64(2^64)`, "bad argument #1 to 'u64' (integer in 0..18446744073709551615 expected, got 1.844674407371e+19)"},
		{`host.f64("1")`, "bad argument #1 to 'f64' (number expected, got string)"},
		{`host.f64(-(0/0))`, "bad argument #1 to 'f64' (number expected, got nan)"},
		{`host.f32(1e39)`, "bad argument #1 to 'f32' (number of 32 bits expected, got 1e+39)"},
		{`host.str(5)`, "bad argument #1 to 'str' (string expected, got 5)"},
		{`host.bytes({})`, "bad argument #1 to 'bytes' (string expected, got table)"},
		{`host.bool(0)`, "bad argument #1 to 'bool' (boolean expected, got 0)"},
		{`host.ints(nil)`, "bad argument #1 to 'ints' (table expected, got nil)"},
		{`host.ints{1,nil,3}`, "bad argument #1 to 'ints' (list without gaps expected: it has 2 elements, and one at 3)"},
		{`host.ints{1,2,x=3}`, `bad argument #1 to 'ints' (list expected, got a table with the key "x")`},
		{`host.ints{[0]=1}`, "bad argument #1 to 'ints' (list expected, got a table with the key 0)"},
		{`host.ints{1,"2"}`, "bad argument #1 to 'ints' (at [2]: integer in -9223372036854775808..9223372036854775807 expected, got string)"},
		{`host.pair{1}`, "bad argument #1 to 'pair' (list of 2 elements expected, got 1)"},
		{`host.map{a=1,b=128}`, "bad argument #1 to 'map' (at b: integer in -128..127 expected, got 128)"},
		{`host.map{1}`, "bad argument #1 to 'map' (at [1]: string as key expected, got 1)"},
		{`host.ids{[256]="x"}`, "bad argument #1 to 'ids' (at [256]: integer in 0..255 as key expected, got 256)"},
		{`host.ids{[{}]="x"}`, "bad argument #1 to 'ids' (at [table]: string, number or boolean as key expected, got table)"},
		{`host.order{}`, "bad argument #1 to 'order' (at name: string expected, got nil)"},
		{`host.order{name="x", at={left=1, tpo=2}}`, `bad argument #1 to 'order' (at at: unknown key "tpo": did you mean "top"?)`},
		{`host.order{name="x", at={left=1, Secret="s"}}`, `bad argument #1 to 'order' (at at: unknown key "Secret")`},
		{`host.order{name="x", at={left=1, hidden="s"}}`, `bad argument #1 to 'order' (at at: unknown key "hidden")`},
		{`host.order{name="x", at={left=1, X=1}}`, `bad argument #1 to 'order' (at at: unknown key "X")`},
		{`host.order{name="x", at={left=1}, [1]=2}`, `bad argument #1 to 'order' (unknown key 1)`},
		{`host.order{name="x", at={left=1}, next={name="y", at={left=99999}}}`, `bad argument #1 to 'order' (at next.at.left: integer in -32768..32767 expected, got 99999)`},
		{`host.order{name="x", at={left=1}, tags={"a", {}}}`, `bad argument #1 to 'order' (at tags[2]: string expected, got table)`},
		{`host.order{[("k"):rep(1000)]=1}`, `bad argument #1 to 'order' (unknown key "` + strings.Repeat("k", 40) + `"…)`},
		{`host.maybe("x")`, "bad argument #1 to 'maybe' (integer in 0..255 expected, got string)"},
		{`host.rest(1, 2, 300)`, "bad argument #3 to 'rest' (integer in 0..255 expected, got 300)"},
		{`host.any(coroutine.create(function() end))`, "bad argument #1 to 'any' (value that can be copied expected, got thread)"},
		{`local t = {} t.t = {t} host.any(t)`, "bad argument #1 to 'any' (at t[1]: table contains itself)"},
		{`host.any{[{}]=1}`, "bad argument #1 to 'any' (at [table]: string, number or boolean as key expected, got table)"},
		{`host.callback({})`, "bad argument #1 to 'callback' (function expected, got table)"},
		{`host.callback()`, "bad argument #1 to 'callback' (function expected, got no value)"},
	} {
		err := evalError(t, s, tt.source)
		var script *luasandbox.ScriptError
		if !errors.As(err, &script) {
			t.Errorf("%s: %v is not a *ScriptError", tt.source, err)
			continue
		}
		if diff := cmp.Diff("test.lua:1: "+tt.want, script.Message); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.source, diff)
		}
		if called {
			t.Fatalf("%s: the function was called", tt.source)
		}
	}
}

// Depth and size are bounded in both directions, whatever the limits are.
func TestBounds(t *testing.T) {
	calls := 0
	deep := func(n int) any {
		var v any
		for range n {
			v = []any{v}
		}
		return v
	}
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	type node struct {
		Next *node `lua:"next"`
	}
	ring := &node{}
	ring.Next = ring
	s := newSandbox(t, luasandbox.Config{Limits: limits.None(), Grants: []*luasandbox.Grant{luasandbox.NewGrant("", "",
		luasandbox.Func("any", func(any) { calls++ }),
		luasandbox.Func("list", func([]int) { calls++ }),
		luasandbox.Func("rest", func(...any) { calls++ }),
		luasandbox.Func("node", func(node) { calls++ }),
		luasandbox.Func("deep", func(n int) any { return deep(n) }),
		luasandbox.Func("wide", func(n int) []bool { return make([]bool, n) }),
		luasandbox.Func("cyclic", func() any { return cyclic }),
		luasandbox.Func("ring", func() *node { return ring }),
		luasandbox.Func("large", func() int64 { return 1<<53 + 1 }),
		luasandbox.Func("ularge", func() uint64 { return math.MaxUint64 }),
		luasandbox.Func("channel", func() any { return make(chan int) }),
		luasandbox.Func("plain", func() any { return struct{ A int }{} }),
	)}}, `function nest(n) local t = {} for i = 2, n do t = {t} end return t end
		function chain(n) local t = {} for i = 2, n do t = {next=t} end return t end
		function fill(n) local t = {} for i = 1, n do t[i] = i end return t end
		function laughs(n) local t = {1} for i = 1, n do t = {t, t} end return t end`)
	for _, tt := range []struct {
		source string
		ok     bool
	}{
		{`any(nest(100))`, true},
		{`any(nest(101))`, false},
		{`any(nest(200000))`, false},
		{`node(chain(100))`, true},
		{`node(chain(101))`, false},
		{`any(fill(262144))`, true},
		{`any(fill(262145))`, false},
		{`list(fill(262144))`, true},
		{`list(fill(262145))`, false},
		{`any(laughs(16))`, true},
		{`any(laughs(90))`, false},
		{`rest(unpack(fill(2000)))`, true},
		{`deep(100)`, true},
		{`deep(101)`, false},
		{`wide(262144)`, true},
		{`wide(262145)`, false},
		{`cyclic()`, false},
		{`ring()`, false},
		{`large()`, false},
		{`ularge()`, false},
		{`channel()`, false},
		{`plain()`, false},
	} {
		_, err := s.Load(context.Background(), compile(t, tt.source))
		var script *luasandbox.ScriptError
		if (err == nil) != tt.ok || err != nil && !errors.As(err, &script) {
			t.Errorf("%s: %v", tt.source, err)
		}
	}
	if calls != 6 {
		t.Errorf("%d calls reached the host, want the 6 that are right", calls)
	}
}

// Copying is charged before it is done, in instructions and in memory.
func TestCopyingIsCharged(t *testing.T) {
	calls := 0
	grant := luasandbox.NewGrant("", "",
		luasandbox.Func("any", func(any) { calls++ }),
		luasandbox.Func("bytes", func([]byte) { calls++ }),
		luasandbox.Func("map", func(map[string]float64) { calls++ }),
		luasandbox.Func("list", func([]float64) { calls++ }),
		luasandbox.Func("costly", func(string, []int) { calls++ }, luasandbox.Params("text", "list"),
			luasandbox.Cost(1000), luasandbox.CostPer("text", 50), luasandbox.CostPer("list", 7)),
		luasandbox.Func("wide", func() []float64 { calls++; return make([]float64, 200_000) }),
		luasandbox.Func("text", func() string { calls++; return strings.Repeat("x", 1<<20) }),
	)
	const prepare = `t, m, s = {}, {}, ("x"):rep(100000) for i = 1, 1000 do t[i] = i m["k"..i] = i end`
	cost := func(source string) int64 {
		s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}}, prepare)
		eval(t, s, source)
		return s.LastCall().Instructions
	}
	base := cost(`local f, x = any`)
	for _, tt := range []struct {
		source string
		least  int64
	}{
		{`any(nil)`, limits.HostCall},
		{`any(t)`, limits.HostCall + 1000*8},
		{`map(m)`, limits.HostCall + 1000*24},
		{`list(t)`, limits.HostCall + 1000*8},
		{`bytes(s)`, limits.HostCall + 100000/limits.BytesPerUnit + 100000/limits.AllocBytesPerUnit},
		{`any(s)`, limits.HostCall + 100000/limits.BytesPerUnit},
		{`costly("", {})`, limits.HostCall + 1000},
		{`costly(s, {})`, limits.HostCall + 1000 + 50*(100000/64)},
		{`costly("", t)`, limits.HostCall + 1000 + 7*1000},
		{`wide()`, limits.HostCall + 200_000*8},
		{`text()`, limits.HostCall + 1<<20/limits.BytesPerUnit},
	} {
		if got := cost(tt.source) - base; got < tt.least || got > 4*tt.least+100 {
			t.Errorf("%s costs %d, want at least %d and not much more", tt.source, got, tt.least)
		}
	}

	// What does not fit is not done: the host function is not called.
	small := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 100_000}, Grants: []*luasandbox.Grant{grant}}, prepare)
	calls = 0
	for _, source := range []string{
		`for i = 1, 20 do any(t) end`, `for i = 1, 3 do pcall(costly, s, {}) end`, `for i = 1, 20 do pcall(map, m) end`,
	} {
		_, err := small.Load(context.Background(), compile(t, source))
		asLimit(t, err, limits.Instructions)
	}
	if calls < 3 || calls > 15 {
		t.Errorf("%d calls within the limit", calls)
	}
	tight := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Memory: 2 << 20}, Grants: []*luasandbox.Grant{grant}}, "")
	_, err := tight.Load(context.Background(), compile(t, `return wide()`))
	asLimit(t, err, limits.Memory)
	// Garbage of the host's side does not trip the limit, for ever so long.
	eval(t, tight, `local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 2000 do list(t) end`)
}

// Host calls are counted against their limit.
func TestHostCallsLimit(t *testing.T) {
	calls := 0
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{HostCalls: 10}, Grants: []*luasandbox.Grant{
		luasandbox.NewGrant("", "", luasandbox.Func("tick", func() { calls++ })),
	}}, `function ten() for i = 1, 10 do tick() end end
		function eleven() for i = 1, 11 do pcall(tick) end return "ESCAPED" end`)
	if _, err := s.Call(context.Background(), "ten"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Call(context.Background(), "eleven")
	asLimit(t, err, limits.HostCalls)
	if calls != 20 {
		t.Errorf("%d calls, want 20", calls)
	}
}

type shownError struct{ code int }

func (e shownError) Error() string      { return fmt.Sprintf("code %d with dsn=secret", e.code) }
func (e shownError) LuaMessage() string { return fmt.Sprintf("code %d", e.code) }

type rudeError struct{}

func (rudeError) Error() string      { panic("dsn=secret in Error") }
func (rudeError) LuaMessage() string { panic("dsn=secret in LuaMessage") }

// Of the host's failures a script learns what the host says it may.
func TestHostErrors(t *testing.T) {
	var nilMap map[string]int
	grant := luasandbox.NewGrant("host", "",
		luasandbox.Func("plain", func() error { return errors.New("dsn=secret") }),
		luasandbox.Func("path", func() (int, error) {
			return 1, &fs.PathError{Op: "open", Path: "/dsn=secret", Err: fs.ErrNotExist}
		}),
		luasandbox.Func("shown", func() error { return luasandbox.Errorf("no gold: %d needed", 5) }),
		luasandbox.Func("wrapped", func() error { return fmt.Errorf("dsn=secret: %w", shownError{7}) }),
		luasandbox.Func("long", func() error { return luasandbox.Errorf("%s", strings.Repeat("x", 1<<20)) }),
		luasandbox.Func("panics", func() { panic("dsn=secret") }),
		luasandbox.Func("panicError", func() { panic(errors.New("dsn=secret")) }),
		luasandbox.Func("nilmap", func() { nilMap["dsn=secret"] = 1 }),
		luasandbox.Func("index", func(i int) int { return []int{1}[i] }),
		luasandbox.Func("rude", func() error { return rudeError{} }),
		luasandbox.Func("badResult", func() any { return make(chan int) }),
		luasandbox.Func("fine", func() (int, error) { return 1, nil }),
	)
	var log bytes.Buffer
	s := newSandbox(t, luasandbox.Config{
		Name: "mod", Grants: []*luasandbox.Grant{grant},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}, "")
	for _, tt := range []struct {
		call, want string
		logged     string
	}{
		{`host.plain()`, "test.lua:1: host error [1]", "dsn=secret"},
		{`host.path()`, "test.lua:1: host error [2]", "/dsn=secret"},
		{`host.shown()`, "test.lua:1: no gold: 5 needed", ""},
		{`host.wrapped()`, "test.lua:1: code 7", ""},
		{`host.long()`, "test.lua:1: " + strings.Repeat("x", 4096), ""},
		{`host.panics()`, "test.lua:1: host error [3]", "dsn=secret"},
		{`host.panicError()`, "test.lua:1: host error [4]", "dsn=secret"},
		{`host.nilmap()`, "test.lua:1: host error [5]", "assignment to entry in nil map"},
		{`host.index(5)`, "test.lua:1: host error [6]", "index out of range"},
		{`host.rude()`, "test.lua:1: host error [7]", "host.rude"},
		{`host.badResult()`, "test.lua:1: host error [8]", "chan int"},
	} {
		log.Reset()
		r := eval(t, s, `local ok, e = pcall(function() `+tt.call+` end) return e`)
		if diff := cmp.Diff(luasandbox.Results{tt.want}, r); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.call, diff)
		}
		if tt.logged != "" && !strings.Contains(log.String(), tt.logged) || tt.logged == "" && log.Len() > 0 {
			t.Errorf("%s: logged %q, want %q in it", tt.call, log.String(), tt.logged)
		}
		if strings.HasPrefix(tt.call, "host.panic") && !strings.Contains(log.String(), "function_test.go") {
			t.Errorf("%s: no stack in the log: %s", tt.call, log.String())
		}
	}
	// What is not caught says so with types, and the sandbox goes on.
	err := evalError(t, s, `host.plain()`)
	var host *luasandbox.HostError
	if !errors.As(err, &host) || host.ID != "9" || host.Function != "host.plain" || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %#v", err)
	}
	var shown shownError
	if err := evalError(t, s, `host.wrapped()`); !errors.As(err, &shown) || shown.code != 7 {
		t.Errorf("got %#v", err)
	}
	if diff := cmp.Diff(luasandbox.Results{1.0}, eval(t, s, `return host.fine()`)); diff != "" {
		t.Error(diff)
	}
}

// Without a guard of ours, a panic in a function called by reflection leaves the
// call: the control for TestHostErrors.
func TestPanicWithoutSandbox(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic did not arrive")
		}
	}()
	func() { panic("dsn=secret") }()
}

//lint:ignore ST1008 the order is the mistake that is to be found
func errorFirst() (error, int) { return nil, 1 }

func TestDeclarationErrors(t *testing.T) {
	type untagged struct{ A int }
	type badTag struct {
		A int `lua:"a,maybe"`
	}
	type twice struct {
		A int `lua:"a"`
		B int `lua:"a"`
	}
	type unexported struct {
		a int `lua:"a"` //lint:ignore U1000 the tag is the mistake
	}
	type embeds struct {
		position `lua:"position"`
	}
	type unit struct{ HP int }
	type empty struct{}
	units := luasandbox.NewHandleType[unit]("Unit", "")
	fine := func() {}
	for _, tt := range []struct {
		name    string
		grant   string
		members []luasandbox.Member
		want    string // in the message; "" for none
	}{
		{"nothing", "g", nil, ""},
		{"fine", "g", []luasandbox.Member{luasandbox.Func("f", fine), luasandbox.Value("v", 1)}, ""},
		{"grant name", "a.b", nil, "a grant's name is a Lua name"},
		{"keyword", "end", nil, "a grant's name is a Lua name"},
		{"member name", "g", []luasandbox.Member{luasandbox.Func("1f", fine)}, `"1f"`},
		{"empty member name", "g", []luasandbox.Member{luasandbox.Func("", fine)}, `""`},
		{"twice", "g", []luasandbox.Member{luasandbox.Func("f", fine), luasandbox.Value("f", 1)}, "f: two members"},
		{"nil member", "g", []luasandbox.Member{nil}, "a member is nil"},
		{"no function", "g", []luasandbox.Member{luasandbox.Func("f", 5)}, "f: want a function"},
		{"nil", "g", []luasandbox.Member{luasandbox.Func("f", nil)}, "f: want a function"},
		{"nil function", "g", []luasandbox.Member{luasandbox.Func("f", (func())(nil))}, "f: want a function"},
		{"channel", "g", []luasandbox.Member{luasandbox.Func("f", func(int, chan int) {})}, "parameter 2: values of type chan int"},
		{"channel result", "g", []luasandbox.Member{luasandbox.Func("f", func() (int, <-chan int) { return 0, nil })}, "result 2: values of type <-chan int"},
		{"func", "g", []luasandbox.Member{luasandbox.Func("f", func(func()) {})}, "parameter 1: values of type func()"},
		{"interface", "g", []luasandbox.Member{luasandbox.Func("f", func(fmt.Stringer) {})}, "fmt.Stringer"},
		{"error parameter", "g", []luasandbox.Member{luasandbox.Func("f", func(error) {})}, "values of type error"},
		{"error in the middle", "g", []luasandbox.Member{luasandbox.Func("f", errorFirst)}, "result 1: values of type error"},
		{"complex", "g", []luasandbox.Member{luasandbox.Func("f", func(complex128) {})}, "complex128"},
		{"uintptr", "g", []luasandbox.Member{luasandbox.Func("f", func(uintptr) {})}, "uintptr"},
		{"pointer to pointer", "g", []luasandbox.Member{luasandbox.Func("f", func(**int) {})}, "**int"},
		{"context second", "g", []luasandbox.Member{luasandbox.Func("f", func(int, context.Context) {})}, "parameter 2: values of type context.Context"},
		{"map of slices", "g", []luasandbox.Member{luasandbox.Func("f", func(map[[2]int]int) {})}, "a key must be"},
		{"inside", "g", []luasandbox.Member{luasandbox.Func("f", func(map[string][]chan int) {})}, "chan int"},
		{"untagged", "g", []luasandbox.Member{luasandbox.Func("f", func(untagged) {})}, "has no field with a tag"},
		{"bad tag", "g", []luasandbox.Member{luasandbox.Func("f", func(badTag) {})}, `tag "a,maybe"`},
		{"two fields", "g", []luasandbox.Member{luasandbox.Func("f", func(twice) {})}, `two fields are called "a"`},
		{"unexported", "g", []luasandbox.Member{luasandbox.Func("f", func(unexported) {})}, "a is not exported"},
		{"embedded", "g", []luasandbox.Member{luasandbox.Func("f", func(embeds) {})}, "position is embedded"},
		{"unknown handle", "g", []luasandbox.Member{luasandbox.Func("f", func(*unit) {})}, "is no type of handle here"},
		{"huge array", "g", []luasandbox.Member{luasandbox.Func("f", func([1 << 20]int8) {})}, "more than 262144 elements"},
		{"params", "g", []luasandbox.Member{luasandbox.Func("f", func(int) {}, luasandbox.Params("a", "b"))}, "Params names 2 parameters, there are 1"},
		{"params twice", "g", []luasandbox.Member{luasandbox.Func("f", func(int, int) {}, luasandbox.Params("a", "a"))}, `two parameters are called "a"`},
		{"param name", "g", []luasandbox.Member{luasandbox.Func("f", func(int) {}, luasandbox.Params("a b"))}, `"a b" is no Lua name`},
		{"returns", "g", []luasandbox.Member{luasandbox.Func("f", func() (int, error) { return 0, nil }, luasandbox.Returns("a", "b"))}, "Returns names 2 results, there are 1"},
		{"optional", "g", []luasandbox.Member{luasandbox.Func("f", func(int) {}, luasandbox.Optional("b"))}, `Optional names "b"`},
		{"cost", "g", []luasandbox.Member{luasandbox.Func("f", fine, luasandbox.Cost(-1))}, "cost -1 is negative"},
		{"cost per", "g", []luasandbox.Member{luasandbox.Func("f", func(string) {}, luasandbox.CostPer("text", 1))}, `CostPer names "text"`},
		{"cost per negative", "g", []luasandbox.Member{luasandbox.Func("f", func(string) {}, luasandbox.CostPer("arg1", -1))}, "is negative"},
		{"value nil", "g", []luasandbox.Member{luasandbox.Value("v", nil)}, "a constant is not nil"},
		{"value channel", "g", []luasandbox.Member{luasandbox.Value("v", make(chan int))}, "v: values of type chan int"},
		{"property", "g", []luasandbox.Member{luasandbox.Property("p", fine, nil)}, "a property belongs to a type of handles"},
		{"receiver", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", "", luasandbox.Func("f", fine))}, "U.f: want a first parameter of type *luasandbox_test.unit"},
		{"value receiver", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", "", luasandbox.Func("f", func(unit) {}))}, "want a first parameter"},
		{"value in handle", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", "", luasandbox.Value("v", 1))}, "a constant belongs to a grant"},
		{"handle in handle", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", "", units)}, "a type of handles belongs to a grant"},
		{"get", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", "", luasandbox.Property("hp", func(*unit, int) int { return 0 }, nil))}, "U.hp: get: want a func(*T) V"},
		{"set", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", "", luasandbox.Property("hp", func(*unit) int { return 0 }, func(*unit) {}))}, "U.hp: set: want a func(*T, V)"},
		{"empty object", "g", []luasandbox.Member{luasandbox.NewHandleType[empty]("E", "")}, "has no size"},
		{"handle name", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("a b", "")}, "the name of a type of handles is a Lua name"},
		{"two names", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", ""), luasandbox.NewHandleType[order]("U", "")}, "two types of handles have this name"},
		{"ambiguous", "g", []luasandbox.Member{luasandbox.NewHandleType[unit]("U", ""), luasandbox.NewHandleType[unit]("V", ""), luasandbox.Func("f", func(*unit) {})}, "several types of handles"},
		{"two grants' mistakes", "g", []luasandbox.Member{luasandbox.Func("f", 5), luasandbox.Func("g", 6)}, "g: want a function"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := luasandbox.NewGrant(tt.grant, "", tt.members...)
			s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{g}})
			if tt.want == "" {
				if g.Err() != nil || err != nil {
					t.Fatalf("%v, %v", g.Err(), err)
				}
				_ = s.Close()
				return
			}
			var declared *luasandbox.DeclarationError
			if !errors.As(g.Err(), &declared) || declared.Grant != tt.grant || !strings.Contains(g.Err().Error(), tt.want) {
				t.Errorf("got %v, want %q", g.Err(), tt.want)
			}
			var config *luasandbox.ConfigError
			if !errors.As(err, &config) || config.Field != "Grants" || !errors.As(err, &declared) {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestMemberInSeveralGrants(t *testing.T) {
	// A member is a description: grants that have it in common do not share it.
	count := luasandbox.Func("count", func(ctx context.Context) (int, int, error) {
		n, err := luasandbox.Local(ctx, "n", func() *int { return new(int) })
		if err != nil {
			return 0, 0, err
		}
		*n++
		return *n, 7, nil
	})
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{luasandbox.NewGrant("a", "", count), luasandbox.NewGrant("b", "", count)}}, "")
	got := eval(t, s, `a.count() return select("#", a.count()), (a.count()), (b.count())`)
	if diff := cmp.Diff(luasandbox.Results{2.0, 3.0, 1.0}, got); diff != "" {
		t.Error(diff)
	}
}

// A grant does not take a name that exists.
func TestGrantNames(t *testing.T) {
	f := luasandbox.Func("f", func() {})
	for _, tt := range []struct {
		name   string
		grants []*luasandbox.Grant
	}{
		{"library", []*luasandbox.Grant{luasandbox.NewGrant("string", "")}},
		{"library function", []*luasandbox.Grant{luasandbox.NewGrant("", "", luasandbox.Func("print", func() {}))}},
		{"constant", []*luasandbox.Grant{luasandbox.NewGrant("", "", luasandbox.Value("print", 1))}},
		{"two grants", []*luasandbox.Grant{luasandbox.NewGrant("g", "", f), luasandbox.NewGrant("g", "", f)}},
		{"two globals", []*luasandbox.Grant{luasandbox.NewGrant("", "", f), luasandbox.NewGrant("f", "")}},
	} {
		_, err := luasandbox.New(luasandbox.Config{Grants: tt.grants})
		var declared *luasandbox.DeclarationError
		if !errors.As(err, &declared) || !strings.Contains(err.Error(), "already") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{luasandbox.NewGrant("a", "", f), luasandbox.NewGrant("b", "", f), luasandbox.NewGrant("", "", f)}}, "")
	eval(t, s, `a.f() b.f() f()`)
}

// What is granted cannot be changed by the script.
func TestGrantsAreReadOnly(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{luasandbox.NewGrant("host", "",
		luasandbox.Func("f", func() int { return 1 }),
		luasandbox.Value("version", "1.2"),
		luasandbox.Value("colors", map[string][]int{"red": {255, 0, 0}}),
		luasandbox.Value("origin", position{Left: 1}),
	)}}, "")
	want := luasandbox.Results{1.0, "1.2", map[string]any{"red": []any{255.0, 0.0, 0.0}}, map[string]any{"left": 1.0, "top": 0.0}}
	if diff := cmp.Diff(want, eval(t, s, `return host.f(), host.version, host.colors, host.origin`)); diff != "" {
		t.Error(diff)
	}
	for _, source := range []string{
		`host.f = nil`, `host.g = 1`, `host.colors.red = 1`, `host.colors.red[1] = 0`, `host.origin.left = 0`,
		`rawset(host, "f", nil)`, `table.insert(host.colors.red, 1)`, `setmetatable(host, {})`, `table.sort(host.colors.red)`,
	} {
		var script *luasandbox.ScriptError
		if err := evalError(t, s, source); !errors.As(err, &script) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if diff := cmp.Diff(want, eval(t, s, `return host.f(), host.version, host.colors, host.origin`)); diff != "" {
		t.Error(diff)
	}
	// The name is a global of the script's, which may do without.
	eval(t, s, `host = nil`)
}

// Maps are copied in the order of their keys, whatever Go's order is.
func TestMapsAreOrdered(t *testing.T) {
	s := grantOf(t,
		luasandbox.Func("strings", func() map[string]int {
			m := map[string]int{}
			for i := range 50 {
				m[fmt.Sprintf("k%02d", i)] = i
			}
			return m
		}),
		luasandbox.Func("mixed", func() map[any]any { return map[any]any{"b": 1, "a": 2, 3: 3, 1.5: 4, true: 5, uint8(2): 6} }),
	)
	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("k%02d", i))
	}
	for range 5 {
		got := eval(t, s, `local t = {} for k in pairs(strings()) do t[#t+1] = k end return table.concat(t, " ")`)
		if diff := cmp.Diff(luasandbox.Results{strings.Join(keys, " ")}, got); diff != "" {
			t.Fatal(diff)
		}
		got = eval(t, s, `local t = {} for k in pairs(mixed()) do t[#t+1] = tostring(k) end return table.concat(t, " ")`)
		if diff := cmp.Diff(luasandbox.Results{"true 1.5 2 3 a b"}, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

// A host function's context is that of the call.
func TestContext(t *testing.T) {
	type key struct{}
	var kept context.Context
	s := grantOf(t,
		luasandbox.Func("value", func(ctx context.Context) any { kept = ctx; return ctx.Value(key{}) }),
		luasandbox.Func("wait", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, luasandbox.Blocking()),
	)
	ctx := context.WithValue(context.Background(), key{}, "v")
	r, err := s.Load(ctx, compile(t, `return value()`))
	if diff := cmp.Diff(luasandbox.Results{"v"}, r); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Load(ctx, compile(t, `pcall(wait) while true do end`))
	var cancelled *limits.CancelledError
	if !errors.As(err, &cancelled) {
		t.Errorf("got %v", err)
	}
	// Outside of the call the context means nothing.
	if err := luasandbox.Charge(kept, 1, 1); !errors.Is(err, luasandbox.ErrNotCalled) {
		t.Errorf("Charge after the call: %v", err)
	}
	if _, err := luasandbox.Local(kept, 1, func() int { return 1 }); !errors.Is(err, luasandbox.ErrNotCalled) {
		t.Errorf("Local after the call: %v", err)
	}
	if err := luasandbox.Revoke(context.Background(), &kept); !errors.Is(err, luasandbox.ErrNotCalled) {
		t.Errorf("Revoke without a call: %v", err)
	}
}

func TestCharge(t *testing.T) {
	stopped := 0
	grant := luasandbox.NewGrant("", "",
		luasandbox.Func("work", func(ctx context.Context, n, bytes int64) error {
			err := luasandbox.Charge(ctx, n, bytes)
			if err != nil {
				stopped++
			}
			return nil // even if the host forgets
		}))
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 1_000_000, Memory: 1 << 20}, Grants: []*luasandbox.Grant{grant}}, "")
	eval(t, s, `work(500000, 0)`)
	if got := s.LastCall().Instructions; got < 500_000 || got > 501_000 {
		t.Errorf("charged %d", got)
	}
	_, err := s.Load(context.Background(), compile(t, `pcall(work, 2000000, 0) return "ESCAPED"`))
	asLimit(t, err, limits.Instructions)
	_, err = s.Load(context.Background(), compile(t, `pcall(work, 0, 2^21) return "ESCAPED"`))
	asLimit(t, err, limits.Memory)
	_, err = s.Load(context.Background(), compile(t, `pcall(work, -5, 0) return "ESCAPED"`))
	if err == nil {
		t.Error("a negative charge is admitted")
	}
	if stopped != 3 {
		t.Errorf("%d charges refused, want 3", stopped)
	}
}

// Local keeps one value for each sandbox, grant and key.
func TestLocal(t *testing.T) {
	made := 0
	count := luasandbox.Func("count", func(ctx context.Context, key string) (int, error) {
		n, err := luasandbox.Local(ctx, key, func() *int { made++; return new(int) })
		if err != nil {
			return 0, err
		}
		*n++
		return *n, nil
	})
	a, b := luasandbox.NewGrant("a", "", count), luasandbox.NewGrant("b", "", luasandbox.Func("count", func(ctx context.Context, key string) (int, error) {
		n, err := luasandbox.Local(ctx, key, func() *int { made++; return new(int) })
		*n += 10
		return *n, err
	}))
	grants := []*luasandbox.Grant{a, b}
	for range 2 {
		s := newSandbox(t, luasandbox.Config{Grants: grants}, "")
		want := luasandbox.Results{1.0, 2.0, 1.0, 10.0, 20.0}
		if diff := cmp.Diff(want, eval(t, s, `return a.count("x"), a.count("x"), a.count("y"), b.count("x"), b.count("x")`)); diff != "" {
			t.Error(diff)
		}
	}
	if made != 6 {
		t.Errorf("made %d values, want 6", made)
	}
}
