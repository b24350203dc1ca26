package luasandbox_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// Values of the host's that have no place in Lua are refused, and so are those that
// Lua could not hold as they are.
func TestHostValues(t *testing.T) {
	type record struct {
		A int  `lua:"a"`
		B *int `lua:"b"`
		C int
	}
	type link struct {
		Next *link `lua:"next"`
	}
	five := 5
	ring := &link{}
	ring.Next = ring
	var none *record
	s := newSandbox(t, luasandbox.Config{}, `function id(...) return ... end`)
	for _, tt := range []struct {
		name string
		in   any
		want any // nil with bad: an error
		bad  bool
	}{
		{"nil", nil, nil, false},
		{"int", int32(7), 7.0, false},
		{"largest exact", int64(1 << 53), math.Pow(2, 53), false},
		{"exact beyond", uint64(1 << 63), math.Pow(2, 63), false},
		{"inexact", int64(1<<53 + 1), nil, true},
		{"largest int", int64(math.MaxInt64), nil, true},
		{"smallest int", int64(math.MinInt64), -math.Pow(2, 63), false},
		{"largest uint", uint64(math.MaxUint64), nil, true},
		{"float32", float32(0.5), 0.5, false},
		{"bytes", []byte("x\x00"), "x\x00", false},
		{"nil bytes", []byte(nil), "", false},
		{"nil slice", []int(nil), map[string]any{}, false},
		{"nil map", map[string]int(nil), map[string]any{}, false},
		{"slice of any", []any{1, "a", nil}, map[any]any{}, false}, // see below
		{"struct", record{A: 1, B: &five, C: 9}, map[string]any{"a": 1.0, "b": 5.0}, false},
		{"pointer to struct", &record{A: 1}, map[string]any{"a": 1.0}, false},
		{"nil pointer", none, nil, false},
		{"map of structs", map[int8]record{3: {A: 1}}, map[any]any{3.0: map[string]any{"a": 1.0}}, false},
		{"untagged", struct{ A int }{1}, nil, true},
		{"channel", make(chan int), nil, true},
		{"function", func() {}, nil, true},
		{"channel inside", []any{map[string]any{"c": make(chan int)}}, nil, true},
		{"complex", 1i, nil, true},
		{"ring", ring, nil, true},
		{"error", errors.New("x"), nil, true},
		{"context", context.Background(), nil, true},
		{"key", map[any]any{[1]int{1}: 1}, nil, true},
		{"NaN key", map[float64]int{math.NaN(): 1}, nil, true},
		{"results", luasandbox.Results{1, 2}, []any{1.0, 2.0}, false},
	} {
		got, err := s.Call(context.Background(), "id", tt.in)
		if tt.bad {
			var argument *luasandbox.ArgumentError
			if !errors.As(err, &argument) || argument.Index != 1 {
				t.Errorf("%s: %v, %v", tt.name, got, err)
			}
			continue
		}
		if tt.name == "slice of any" {
			// nil has no place in a table: the list ends before it.
			tt.want = []any{1.0, "a"}
		}
		if diff := cmp.Diff(luasandbox.Results{tt.want}, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", tt.name, err, diff)
		}
	}
}

// values builds a Go value as it can come out of a sandbox from bytes.
type values struct {
	data  []byte
	nodes int
}

func (v *values) byte() byte {
	if len(v.data) == 0 {
		return 0
	}
	b := v.data[0]
	v.data = v.data[1:]
	return b
}

func (v *values) number() float64 {
	var b [8]byte
	for i := range b {
		b[i] = v.byte()
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
}

func (v *values) text() string {
	n := min(int(v.byte()), len(v.data))
	s := string(v.data[:n])
	v.data = v.data[n:]
	return s
}

func (v *values) any(depth int) any {
	v.nodes++
	kind := v.byte() % 8
	if depth > 90 || v.nodes > 1000 {
		kind %= 4
	}
	switch kind {
	case 0:
		return float64(int8(v.byte()))
	case 1:
		return v.number()
	case 2:
		return v.text()
	case 3:
		return v.byte()%2 == 0
	case 4:
		list := make([]any, 1+v.byte()%5)
		for i := range list {
			list[i] = v.any(depth + 1)
		}
		return list
	case 5:
		m := map[string]any{}
		for range v.byte() % 5 {
			m[v.text()] = v.any(depth + 1)
		}
		return m
	default:
		// A deep one, and then a table with mixed keys.
		lists := max(min(int(v.byte()%64), 88-depth), 0)
		depth += lists
		var out any = map[any]any{0.5: v.any(depth + 1), v.text(): v.any(depth + 1)}
		for range lists {
			out = []any{out}
		}
		return out
	}
}

// FuzzConvert sends values into a sandbox and back, and to functions of every kind of
// parameter: what comes back is what was sent, and what is refused is refused with an
// error of the script's or a limit.
func FuzzConvert(f *testing.F) {
	for _, seed := range []string{"", "\x04\x03\x00\x01\x02\x05hello\x03\x01", "\x05\x03\x01a\x00\x05\x01b\x04\x02", "\x06\xff\xff", "\x01\x00\x00\x00\x00\x00\x00\xf8\x7f", "\x07\x3f\x07\x3f\x07\x3f"} {
		f.Add([]byte(seed))
	}
	type record struct {
		A int8           `lua:"a,optional"`
		B []string       `lua:"b,optional"`
		C map[string]any `lua:"c,optional"`
		D *record        `lua:"d"`
	}
	identity := func(v any) any { return v }
	s, err := luasandbox.New(luasandbox.Config{Limits: limits.Limits{Instructions: 10_000_000}, Grants: []*luasandbox.Grant{luasandbox.NewGrant("host", "",
		luasandbox.Func("any", identity),
		luasandbox.Func("i8", func(v int8) int8 { return v }),
		luasandbox.Func("u64", func(v uint64) uint64 { return v }),
		luasandbox.Func("f32", func(v float32) float32 { return v }),
		luasandbox.Func("text", func(v string) string { return v }),
		luasandbox.Func("list", func(v []any) []any { return v }),
		luasandbox.Func("lists", func(v [][]float64) [][]float64 { return v }),
		luasandbox.Func("array", func(v [2]any) [2]any { return v }),
		luasandbox.Func("map", func(v map[string]any) map[string]any { return v }),
		luasandbox.Func("ids", func(v map[int16]bool) map[int16]bool { return v }),
		luasandbox.Func("anyMap", func(v map[any]any) map[any]any { return v }),
		luasandbox.Func("record", func(v record) record { return v }),
		luasandbox.Func("rest", func(v ...*int8) []*int8 { return v }),
	)}})
	if err != nil {
		f.Fatal(err)
	}
	ctx := context.Background()
	if _, err := s.Load(ctx, compile(f, `function id(v) return host.any(v) end
		function all(v)
			local ok = 0
			for _, f in pairs(host) do
				local good, r = pcall(f, v)
				if good then pcall(f, r) ok = ok + 1 end
			end
			return ok
		end`)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := (&values{data: data}).any(0)
		r, err := s.Call(ctx, "id", v)
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
		if !same(v, r[0]) {
			t.Errorf("sent %#v, %#v came back", v, r[0])
		}
		if r, err := s.Call(ctx, "all", v); err != nil || r[0].(float64) < 1 {
			t.Fatalf("%v: %v, %v", v, r, err)
		}
	})
}

// same compares values as they come out of a sandbox; cmp would take exponential time
// for deep ones.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || a != a && b != b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if !same(a[k], b[k]) {
				return false
			}
		}
		return true
	case map[any]any:
		b, ok := b.(map[any]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if !same(a[k], b[k]) {
				return false
			}
		}
		return true
	}
	return a == b
}
