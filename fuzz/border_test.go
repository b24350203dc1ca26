package fuzz

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/luasandbox"
)

// source makes values of bytes, for either side of the border.
type source struct {
	data  []byte
	nodes int
}

func (s *source) pick(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

func (s *source) number() float64 {
	var b [8]byte
	for i := range b {
		b[i] = byte(s.pick(256))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
}

func (s *source) text() string {
	n := min(s.pick(64), len(s.data))
	text := string(s.data[:n])
	s.data = s.data[n:]
	return text
}

type inner struct {
	A int8      `lua:"a"`
	B *inner    `lua:"b,optional"`
	C []any     `lua:"c,optional"`
	D [2]uint16 `lua:"d,optional"`
}

type ring struct {
	Next *ring `lua:"next"`
	Any  any   `lua:"any"`
}

// value returns a Go value, sound or not: too deep, too large, cyclic, of a type that
// does not cross.
func (s *source) value(depth int) any {
	s.nodes++
	n := 34
	if depth > 20 || s.nodes > 200 {
		n = 12
	}
	switch s.pick(n) {
	case 0:
		return nil
	case 1:
		return s.pick(2) == 1
	case 2:
		return s.number()
	case 3:
		return s.text()
	case 4:
		return []byte(s.text())
	case 5:
		return int64(math.Float64bits(s.number()))
	case 6:
		return math.Float64bits(s.number())
	case 7:
		return [...]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1 << 53, 5e-324}[s.pick(6)]
	case 8:
		return float32(s.number())
	case 9:
		return int8(s.pick(256))
	case 10:
		return strings.Repeat("x", 1<<s.pick(18))
	case 11:
		return []int(nil)
	case 12, 13, 14:
		list := make([]any, s.pick(6))
		for i := range list {
			list[i] = s.value(depth + 1)
		}
		return list
	case 15, 16:
		m := map[string]any{}
		for range s.pick(4) {
			m[s.text()] = s.value(depth + 1)
		}
		return m
	case 17:
		m := map[any]any{}
		for range s.pick(4) {
			m[s.number()] = s.value(depth + 1)
		}
		return m
	case 18:
		v := s.value(depth + 1)
		for range s.pick(256) {
			v = []any{v}
		}
		return v
	case 19:
		r := &ring{Any: s.value(depth + 1)}
		r.Next = r
		return r
	case 20:
		list := []any{1, nil}
		list[1] = list
		return list
	case 21:
		m := map[string]any{"x": s.value(depth + 1)}
		m["m"] = m
		return m
	case 22:
		return make([]bool, 1<<s.pick(20))
	case 23:
		return make(chan int)
	case 24:
		return func() {}
	case 25:
		return errors.New(s.text())
	case 26:
		return complex(s.number(), 1)
	case 27:
		v := s.value(depth + 1)
		return &v
	case 28:
		return (*inner)(nil)
	case 29:
		return inner{A: int8(s.pick(256)), B: &inner{C: []any{s.value(depth + 1)}}, D: [2]uint16{1, uint16(s.pick(256))}}
	case 30:
		return []inner{{}, {A: 1}}
	case 31:
		return map[[1]int]any{{1}: s.value(depth + 1)}
	case 32:
		return luasandbox.Results{s.value(depth + 1), s.value(depth + 1)}
	default:
		return map[float64]any{math.NaN(): 1, s.number(): s.value(depth + 1)}
	}
}

var (
	numerals = []string{"0", "1", "-1", "0.5", "-0", "1/0", "-1/0", "0/0", "1e308", "5e-324", "2^53", "2^53+1", "2^31", "2^63", "-2^63", "2^64", "127", "128", "255", "65536", "1e999"}
	texts    = []string{`""`, `"x"`, `"10"`, `"0x10"`, `" 5 "`, `"\0\255\1"`, `"nan"`, `("x"):rep(3000)`, `("x"):rep(60000)`}
)

// expr returns a Lua expression, whose value may be as unsound. v is the program's
// argument.
func (s *source) expr(depth int) string {
	s.nodes++
	n := 26
	if depth > 12 || s.nodes > 200 {
		n = 8
	}
	switch s.pick(n) {
	case 0:
		return "v"
	case 1:
		return "nil"
	case 2:
		return numerals[s.pick(len(numerals))]
	case 3:
		return texts[s.pick(len(texts))]
	case 4:
		return "cycle"
	case 5:
		return "deep(" + [...]string{"1", "98", "99", "100", "101", "5000"}[s.pick(6)] + ")"
	case 6:
		return "many(" + [...]string{"10", "1000", "20000", "300000"}[s.pick(4)] + ")"
	case 7:
		return "coroutine.create(function() end)"
	case 8, 9:
		return "{" + s.expr(depth+1) + ", " + s.expr(depth+1) + "}"
	case 10:
		return "{a = " + s.expr(depth+1) + ", b = " + s.expr(depth+1) + ", c = {" + s.expr(depth+1) + "}}"
	case 11:
		return "{[" + s.expr(depth+1) + " or 1] = " + s.expr(depth+1) + ", " + s.expr(depth+1) + "}"
	case 12:
		return "setmetatable({" + s.expr(depth+1) + "}, {__index = cycle, __tostring = error, __len = error})"
	case 13:
		return "function(...) return ..., " + s.expr(depth+1) + " end"
	case 14:
		return "function() error(" + s.expr(depth+1) + ") end"
	case 15:
		return "function() return host.call(function() return " + s.expr(depth+1) + " end) end"
	case 16:
		return "print"
	case 17:
		return "_G"
	case 18:
		return "unpack(many(" + [...]string{"5", "200", "5000"}[s.pick(3)] + "))"
	default:
		return "host." + functionNames[s.pick(len(functionNames))] + "(" + s.expr(depth+1) + ", " + s.expr(depth+1) + ")"
	}
}

var functionNames = []string{
	"any", "all", "i8", "u64", "f32", "text", "bytes", "list", "lists", "array", "map", "keys", "record", "records", "pointer", "rest", "call", "fail", "panics", "keep", "charge", "make", "results", "later", "object", "unit", "rename",
}

type unit struct{ name string }

// hostGrant has a function for every kind of parameter; make returns a value made of
// data.
func hostGrant(data []byte) *luasandbox.Grant {
	units := luasandbox.NewHandleType[unit]("Unit", "", luasandbox.Func("name", func(u *unit) string { return u.name }),
		luasandbox.Property("title", func(u *unit) string { return u.name }, func(u *unit, s string) { u.name = s }))
	one := &unit{"one"}
	return luasandbox.NewGrant("host", "", units,
		luasandbox.Func("any", func(v any) any { return v }),
		luasandbox.Func("all", func(v ...any) []any { return v }),
		luasandbox.Func("i8", func(v int8, w *int16) int8 { return v }),
		luasandbox.Func("u64", func(v uint64, rest ...any) uint64 { return v }),
		luasandbox.Func("f32", func(v float32, rest ...any) float32 { return v }, luasandbox.AllowNaN()),
		luasandbox.Func("text", func(v string, w any) string { return v }),
		luasandbox.Func("bytes", func(v []byte, w any) []byte { return v }),
		luasandbox.Func("list", func(v []any, w any) []any { return v }),
		luasandbox.Func("lists", func(v [][]float64, w any) [][]float64 { return v }),
		luasandbox.Func("array", func(v [2]any, w any) [2]any { return v }),
		luasandbox.Func("map", func(v map[string]any, w any) map[string]any { return v }),
		luasandbox.Func("keys", func(v map[any]any, w any) map[any]any { return v }),
		luasandbox.Func("record", func(v inner, w any) inner { return v }),
		luasandbox.Func("records", func(v []inner, w map[string]inner) map[string]inner { return w }),
		luasandbox.Func("pointer", func(v *inner, w *string) *inner { return v }),
		luasandbox.Func("rest", func(v ...*int8) []*int8 { return v }),
		luasandbox.Func("call", func(ctx context.Context, f *luasandbox.Function, arg any) (luasandbox.Results, error) {
			return f.Call(ctx, arg, arg)
		}, luasandbox.Optional("arg"), luasandbox.Params("f", "arg")),
		luasandbox.Func("fail", func(v any, w any) error { return errors.New("secret") }),
		luasandbox.Func("panics", func(v any, w any) { panic("secret") }),
		luasandbox.Func("keep", func(v any, f *luasandbox.Function) any { return []any{v, f, f} }),
		luasandbox.Func("charge", func(ctx context.Context, n, m uint32) error { return luasandbox.Charge(ctx, int64(n), int64(m)) }),
		luasandbox.Func("make", func(v, w any) any { return (&source{data: data}).value(0) }),
		luasandbox.Func("results", func(v, w any) luasandbox.Results {
			return luasandbox.Results{(&source{data: data}).value(0), v, w}
		}),
		luasandbox.Func("later", func(v, w any) *luasandbox.Pending {
			p := luasandbox.Later()
			p.Resolve((&source{data: data}).value(0))
			return p
		}),
		luasandbox.Func("object", func(v, w any) *unit { return one }),
		luasandbox.Func("unit", func(u *unit, w any) any { return u }),
		luasandbox.Func("rename", func(u luasandbox.Handle, name string) (string, error) {
			if o, ok := u.Object().(*unit); ok {
				return o.name + name, nil
			}
			return "", luasandbox.Errorf("no unit")
		}),
	)
}

const borderHelpers = `local v = ...
local cycle = {1} cycle.cycle = cycle
local function deep(n) local t = {} for i = 1, n do t = {t} end return t end
local function many(n) local t = {} for i = 1, n do t[i] = i end return t end
`

// FuzzBorder sends a value in, as an argument and from host functions, and lets a
// program send values to host functions and out again.
func FuzzBorder(f *testing.F) {
	f.Fuzz(func(t *testing.T, in, out []byte) {
		if len(in)+len(out) > 4000 {
			return
		}
		grant := hostGrant(in)
		if err := grant.Err(); err != nil {
			t.Fatal(err)
		}
		s := &source{data: out}
		var text strings.Builder
		text.WriteString(borderHelpers)
		for range 1 + s.pick(6) {
			text.WriteString("print(pcall(function() return " + s.expr(0) + " end))\n")
		}
		text.WriteString("return " + s.expr(0) + ", " + s.expr(0) + "\n")
		o := check(t, text.String(), []any{(&source{data: in}).value(0)}, grant)
		if o.refused {
			t.Errorf("does not compile: %s\n%s", o.Err, text.String())
		}
		for _, shown := range []string{o.Err, o.Output, o.Results} {
			if strings.Contains(shown, "secret") {
				t.Errorf("the host's error is shown: %s", shown)
			}
		}
	})
}

// TestBorderHolds: what the fuzzer looks for would be seen. The values are refused,
// each with the error of its kind.
func TestBorderHolds(t *testing.T) {
	grant := hostGrant(nil)
	for _, tt := range []struct {
		program string
		arg     any
		want    string // the error begins so
	}{
		{"return host.any(v)", map[string]any{"a": []any{1.0}}, ""},
		{"return cycle", nil, "*luasandbox.ResultError"},
		{"return deep(101)", nil, "*luasandbox.ResultError"},
		{"return many(30000)", nil, "*limits.Error"},
		{"return coroutine.create(function() end)", nil, "*luasandbox.ResultError"},
		{"return host.any(cycle)", nil, "*luasandbox.ScriptError"},
		{"return host.fail()", nil, "*luasandbox.ScriptError"},
		{"return host.panics()", nil, "*luasandbox.ScriptError"},
		{"return v", make(chan int), "*luasandbox.ArgumentError"},
		{"return v", make([]bool, 1<<19), "*luasandbox.ArgumentError"},
		{"return host.charge(1e9, 0)", nil, "*limits.Error"},
		{"while true do host.any() end", nil, "*limits.Error"},
	} {
		o := check(t, borderHelpers+tt.program, []any{tt.arg}, grant)
		if !strings.HasPrefix(o.Err, tt.want) || tt.want == "" && o.Err != "" {
			t.Errorf("%s: %q, want %s", tt.program, o.Err, tt.want)
		}
	}
}
