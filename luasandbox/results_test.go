package luasandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

type point struct {
	X, Y   int
	Label  string   `lua:"label,optional"`
	Weight float64  `lua:"weight"`
	Tags   []string `lua:"tags,optional"`
}

// scan stores v in a new T.
func scan[T any](v any) (T, error) {
	var out T
	err := luasandbox.Results{v}.Scan(&out)
	return out, err
}

func check[T any](t *testing.T, v any, want T, ok bool) {
	t.Helper()
	got, err := scan[T](v)
	var result *luasandbox.ResultError
	switch {
	case ok && err != nil:
		t.Errorf("%#v into %T: %v", v, want, err)
	case !ok && (!errors.As(err, &result) || result.Index != 1):
		t.Errorf("%#v into %T: %v, %v; want a *ResultError", v, want, got, err)
	case ok && !cmp.Equal(got, want):
		t.Errorf("%#v into %T: got %v, want %v", v, want, got, want)
	}
}

func TestScan(t *testing.T) {
	check(t, true, true, true)
	check(t, 1.0, true, false)
	check(t, nil, true, false)
	check(t, "text", "text", true)
	check(t, 5.0, "", false)
	check(t, "a\xff", []byte("a\xff"), true)
	check[any](t, nil, nil, true)
	check[any](t, 2.5, 2.5, true)

	check(t, 5.0, 5, true)
	check(t, 5.5, 0, false)
	check(t, "5", 0, false)
	check(t, math.NaN(), 0, false)
	check(t, math.Inf(1), int64(0), false)
	check(t, 127.0, int8(127), true)
	check(t, 128.0, int8(0), false)
	check(t, -1.0, uint8(0), false)
	check(t, 255.0, uint8(255), true)
	check(t, 256.0, uint8(0), false)
	check(t, -9223372036854775808.0, int64(math.MinInt64), true)
	check(t, 9223372036854775808.0, int64(0), false)
	check(t, 18446744073709551616.0, uint64(0), false)
	check(t, 0.5, float32(0.5), true)
	check(t, 1e300, float32(0), false)
	check(t, math.Inf(-1), float32(math.Inf(-1)), true)

	check(t, []any{1.0, 2.0}, []int{1, 2}, true)
	check(t, []any{1.0, "x"}, []int{}, false)
	check(t, []any{1.0, 2.0}, [2]int{1, 2}, true)
	check(t, []any{1.0, 2.0}, [3]int{}, false)
	check(t, []any{[]any{"a"}, []any{}}, [][]string{{"a"}, {}}, true)
	check(t, map[string]any{}, []int{}, true)
	check(t, map[string]any{"a": 1.0}, []int{}, false)
	check(t, map[string]any{"a": 1.0}, map[string]int{"a": 1}, true)
	check(t, map[string]any{"a": 1.5}, map[string]int{}, false)
	check(t, map[any]any{1.0: "one", 2.0: "two"}, map[int]string{1: "one", 2: "two"}, true)
	check(t, map[any]any{1.0: "one", "2": "two"}, map[int]string{}, false)
	check(t, nil, map[string]int(nil), true)
	check(t, nil, []int(nil), true)

	check(t, map[string]any{"weight": 2.0, "label": "l", "other": true}, point{Weight: 2, Label: "l"}, true)
	check(t, map[string]any{"weight": 2.0, "tags": []any{"a"}}, point{Weight: 2, Tags: []string{"a"}}, true)
	check(t, map[string]any{"label": "no weight"}, point{}, false)
	check(t, map[string]any{"weight": "2"}, point{}, false)
	check(t, nil, point{}, false)

	check(t, map[string]any{}, struct{ A int }{}, false)

	seven := 7
	check(t, 7.0, &seven, true)
	check[*int](t, nil, nil, true)
	check[*int](t, "x", nil, false)
	check[chan int](t, 1.0, nil, false)
}

func TestScanPositions(t *testing.T) {
	r := luasandbox.Results{1.0, "two", 3.0}
	var a int
	var c uint8
	if err := r.Scan(&a, nil, &c); err != nil || a != 1 || c != 3 {
		t.Errorf("%v %v %v", a, c, err)
	}
	if err := r.Scan(&a); err != nil {
		t.Errorf("fewer pointers than results: %v", err)
	}
	var extra *int
	if err := r.Scan(nil, nil, nil, &extra); err != nil || extra != nil {
		t.Errorf("a missing result: %v, %v", extra, err)
	}
	var result *luasandbox.ResultError
	for i, ptrs := range [][]any{{&a, &a}, {a}, {(*int)(nil)}, {nil, nil, nil, &a}} {
		if err := r.Scan(ptrs...); !errors.As(err, &result) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := r.Scan(nil, &a); result == nil || !errors.As(err, &result) || result.Index != 2 {
		t.Errorf("%v", err)
	}
}

// What comes out of a script can be nested as deep as it likes.
func TestScanDepth(t *testing.T) {
	type list []list
	v := []any{}
	for range 1000 {
		v = []any{v}
	}
	var out list
	var result *luasandbox.ResultError
	if err := (luasandbox.Results{v}).Scan(&out); !errors.As(err, &result) {
		t.Errorf("%v", err)
	}
}

// Copying results out is part of the call: a script cannot make the host work
// without end by returning much.
func TestResultsAreLimited(t *testing.T) {
	const source = `
		local hollow = {} -- a million places, nothing in them
		for i = 1, 1e6 do hollow[i] = i end
		for i = 1, 1e6 do hollow[i] = nil end
		local many = {} for i = 1, 2e5 do many[i] = hollow end
		local full = {} for i = 1, 2e5 do full[i] = i end
		function walk() return many end
		function wide() return full, full, full, full end
		function deep() local t = {} for i = 1, 1e4 do t = {t} end return t end
		function cycle() local t = {} t.t = t return t end
		function co() return 1, coroutine.create(function() end) end
		function fine() return full end
	`
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 30_000_000}}, source)
	_, err := s.Call(context.Background(), "walk")
	asLimit(t, err, limits.Instructions)
	for name, index := range map[string]int{"wide": 2, "deep": 1, "cycle": 1, "co": 2} {
		_, err := s.Call(context.Background(), name)
		var result *luasandbox.ResultError
		if !errors.As(err, &result) || result.Index != index {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := s.Call(context.Background(), "fine")
	if err != nil || len(got[0].([]any)) != 200_000 {
		t.Errorf("%v", err)
	}
	before := s.LastCall().Instructions
	if before < 200_000 {
		t.Errorf("copying 200,000 elements cost %d instructions", before)
	}
	// The same for a global, and for an error object, which is not walked at all.
	if _, err := s.Load(context.Background(), compile(t, `many = walk()
		function fail() error(many) end
		function small() error({code = 7, text = "t", list = {1}, [1] = 2, f = print}) end`)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Global("many")
	asLimit(t, err, limits.Instructions)
	for name, want := range map[string]any{"fail": nil, "small": map[string]any{"code": 7.0, "text": "t"}} {
		_, err = s.Call(context.Background(), name)
		var script *luasandbox.ScriptError
		if !errors.As(err, &script) || !cmp.Equal(script.Value, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzScan stores arbitrary plain values in targets of many types: the only failure
// is a *ResultError.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`null`, `1.5`, `-1`, `1e300`, `"text"`, `[1,[2],"3",null]`, `{"weight":1,"label":"x","tags":["a"]}`, `{"a":{"b":[{}]}}`, `{}`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if json.Unmarshal(data, &v) != nil {
			return
		}
		for _, target := range []any{
			new(bool), new(int), new(uint8), new(float32), new(string), new([]byte), new(any), new([]any), new([]int), new([3]string),
			new(map[string]any), new(map[string][]int), new(map[int]bool), new(map[any]any), new(point), new(*point), new([]*point),
			new(**int), new(*luasandbox.Function), new(chan int), new(func()), new(error), new(complex128), new(struct{}),
		} {
			var result *luasandbox.ResultError
			if err := (luasandbox.Results{v}).Scan(target); err != nil && !errors.As(err, &result) {
				t.Errorf("%s into %T: %v", data, target, err)
			}
		}
	})
}
