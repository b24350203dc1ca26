package fuzz

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The comparators that FuzzSort chooses from. relation is arbitrary, true where the
// bytes say so: no order at all, as a rule.
var comparators = []string{
	"nil",
	"function(x, y) calls = calls + 1 return x < y end",
	"function(x, y) calls = calls + 1 return x > y end",
	"function(x, y) calls = calls + 1 coroutine.yield(x) return x < y end",
	"function(x, y) calls = calls + 1 return x % 7 < y % 7 end",
	// From here on they are no order, or do worse.
	"function(x, y) calls = calls + 1 return relation[((x or 0) * 7 + (y or 0)) % #relation + 1] end",
	"function(x, y) calls = calls + 1 return relation[calls % #relation + 1] end",
	"function(x, y) calls = calls + 1 if calls == trouble then error({}) end return x < y end",
	"function(x, y) calls = calls + 1 return true end",
	"function(x, y) calls = calls + 1 return not (x and y and x < y) end",
}

const orders = 5

const sortProgram = `
local list, relation, trouble = ...
local calls, n = 0, #list
local co = coroutine.create(function() table.sort(list, %s) return 'sorted' end)
local ok, result
repeat ok, result = coroutine.resume(co) until coroutine.status(co) == 'dead'
local left = {}
for i = 1, n + 1 do left[#left + 1] = list[i] and tostring(list[i]) end
return {tostring(ok), type(result) == 'string' and result or type(result), table.concat(left, ' ')}
`

// FuzzSort sorts with every kind of comparator. With one that is an order the list
// is sorted afterwards; with any, the elements are those that were there before,
// though one may have changed places with what was behind the end, as in C Lua.
func FuzzSort(f *testing.F) {
	for i := range comparators {
		f.Add([]byte{3, 1, 2}, []byte{1, 0, 0, 1, 1}, uint8(i), uint8(3))
		f.Add([]byte("the quick brown fox jumps over the lazy dog"), []byte{0, 1, 1}, uint8(i), uint8(1))
		f.Add(slices.Repeat([]byte{7}, 40), []byte{1, 1, 1, 0}, uint8(i), uint8(50))
	}
	f.Fuzz(func(t *testing.T, data, relation []byte, which, fuel uint8) {
		if len(data) > 150 || len(relation) > 60 || len(relation) == 0 || len(data) == 0 {
			return
		}
		i := int(which) % len(comparators)
		list, answers := make([]float64, len(data)), make([]bool, len(relation))
		for k, b := range data {
			list[k] = float64(b)
		}
		for k, b := range relation {
			answers[k] = b%2 == 1
		}
		c := usual
		c.fuels = []int64{max(int64(fuel), 1)}
		source := fmt.Sprintf(sortProgram, comparators[i])
		o := examine(t, source, c, []any{list, answers, float64(fuel)})
		if o.limit != 0 {
			if i < orders {
				t.Errorf("%d elements with %s: %s", len(list), comparators[i], o.Err)
			}
			return
		}
		var ok, result, left string
		if _, err := fmt.Sscanf(strings.Trim(o.Results, "[] "), "%q %q %q", &ok, &result, &left); err != nil {
			t.Fatalf("%s: %v, %s", o.Results, err, o.Err)
		}
		got := make([]float64, 0, len(list))
		for _, word := range strings.Fields(left) {
			var n float64
			if _, err := fmt.Sscan(word, &n); err != nil {
				t.Fatal(err)
			}
			got = append(got, n)
		}
		key := func(n float64) float64 { return n }
		switch i {
		case 2:
			key = func(n float64) float64 { return -n }
		case 4:
			key = func(n float64) float64 { return float64(int(n) % 7) }
		}
		switch {
		case i < orders && (ok != "true" || result != "sorted"):
			t.Errorf("with %s: %s %s", comparators[i], ok, result)
		case i < orders && !slices.IsSortedFunc(got, func(a, b float64) int { return int(key(a) - key(b)) }):
			t.Errorf("with %s it is not sorted: %v", comparators[i], got)
		case ok == "false" && !strings.HasSuffix(result, "invalid order function for sorting") && !strings.Contains(result, "attempt to") && result != "table":
			t.Errorf("with %s: %s", comparators[i], result)
		}
		slices.Sort(got)
		slices.Sort(list)
		if !slices.Equal(got, list) {
			t.Errorf("with %s (%s, %s) the list had %v, and has %v", comparators[i], ok, result, list, got)
		}
	})
}
