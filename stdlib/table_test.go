package stdlib

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

func TestInsertFarBeyondTheEnd(t *testing.T) {
	runEvalTests(t, limits.Limits{}, Options{}, []evalTest{
		{"near enough", "local t = {1} table.insert(t, 1000002, 'x') return t[1000002], #t", []string{"x", "1"}},
		{"too far", "local t = {1} return pcall(function() table.insert(t, 1000003, 'x') end)", []string{"false", "test.lua:1: bad argument #2 to 'insert' (position out of bounds)"}},
		{"the largest", "return (pcall(table.insert, {}, 2^31 - 1, 1))", []string{"false"}},
	})
}

// TestMovesAreChargedBefore: what table.insert and table.remove move is paid for
// even where nothing in the way of an error or a limit is in sight.
func TestMovesAreChargedBefore(t *testing.T) {
	tests := []struct {
		name, setup, text string
		least             int64 // instructions for 100,000 elements
	}{
		{"insert at the front", "t = {} for i = 1, 100000 do t[i] = i end", "table.insert(t, 1, 0)", 100_000},
		{"remove from the front", "t = {} for i = 1, 100000 do t[i] = i end", "table.remove(t, 1)", 99_999},
		{"insert below zero", "t = {}", "table.insert(t, -99999, 0)", 100_000 * limits.ListMoveFar},
		{"concat", "t = {} for i = 1, 100000 do t[i] = 'x' end", "table.concat(t)", 200_000},
		{"concat of numbers", "t = {} for i = 1, 100000 do t[i] = i end", "table.concat(t)", 100_000 * 2 * limits.NumberToString},
		{"sort", "t = {} for i = 1, 100000 do t[i] = -i end", "table.sort(t)", 100_000 * 10 * limits.SortCompare},
		{"maxn", "t = {} for i = 1, 100000 do t[i] = i end", "table.maxn(t)", 100_000},
		{"maxn over deleted keys", "t = {} for i = 1, 100000 do t['k' .. i] = i end for i = 1, 100000 do t['k' .. i] = nil end", "table.maxn(t)", 100_000},
		{"unpack", "t = {}", "unpack(t, 1, 7000)", 7000 / 2},
		{"sort of long strings", "local s = ('x'):rep(64000) t = {} for i = 1, 20 do t[i] = s .. i end", "table.sort(t)", 30 * 64000 / limits.BytesPerUnit},
		{"rawequal of long strings", "a, b = ('x'):rep(640000), ('x'):rep(639999) .. 'y'", "rawequal(a, b)", 10_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{}, Options{})
			if _, err := evaluate(t, m, tt.setup); err != nil {
				t.Fatal(err)
			}
			r, err := m.Start(context.Background(), loadText(t, m, "test.lua", tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Step(limits.Unlimited); err != nil {
				t.Fatal(err)
			}
			used := r.Use().Instructions.Current
			if used < tt.least || used > 4*tt.least+2000 {
				t.Errorf("charged %d instructions, want %d to %d", used, tt.least, 4*tt.least+2000)
			}
		})
	}
}

// TestBudgetEndsLibraryLoops: a loop in the library ends where the budget does,
// whatever catches errors around it.
func TestBudgetEndsLibraryLoops(t *testing.T) {
	tests := map[string]string{
		"insert at the front":     "while true do table.insert(t, 1, 0) end",
		"insert far below":        "table.insert({}, -2^31, 0)",
		"remove from the front":   "while true do table.remove(t, 1) t[#t + 1] = 1 end",
		"concat over and over":    "while true do table.concat(t) end",
		"sort without an order":   "while true do pcall(table.sort, t, function() return true end) end",
		"maxn":                    "while true do table.maxn(t) end",
		"foreach":                 "while true do table.foreach(t, function() end) end",
		"foreachi":                "while true do table.foreachi(t, function() end) end",
		"unpack":                  "while true do unpack(t, 1, 7000) end",
		"select":                  "local function f(...) while true do select(2, ...) end end f(unpack(t, 1, 7000))",
		"print":                   "while true do print(unpack(t, 1, 7000)) end",
		"tostring":                "while true do tostring(1.5) end",
		"tonumber":                "local s = ('1'):rep(1e6) while true do tonumber(s, 2) end",
		"tonumber, decimal":       "local s = ('1'):rep(1e6) while true do tonumber(s) end",
		"load":                    "while true do load(function() return '-- ' end) end",
		"loadstring":              "while true do loadstring('return 1') end",
		"date":                    "local f = ('%c'):rep(30000) while true do os.date(f) end",
		"time":                    "while true do os.time{year = 2000, month = 1, day = 1} end",
		"clock":                   "while true do os.clock() end",
		"fmod":                    "while true do math.fmod(1e308, 2^-1074) end",
		"random":                  "while true do math.random() end",
		"max":                     "local function f(...) while true do math.max(...) end end f(unpack(t, 1, 7000))",
		"band":                    "local function f(...) while true do bit32.band(...) end end f(unpack(t, 1, 7000))",
		"collectgarbage":          "while true do collectgarbage() end",
		"rawset":                  "while true do rawset({}, 1, 1) end",
		"rawget with a long key":  "local s = ('x'):rep(1e6) while true do rawget(t, s) end",
		"a __tostring that loops": "while true do tostring(setmetatable({}, {__tostring = function() return '' end})) end",
		"traceback":               "while true do debug.traceback('x') end",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{Instructions: 3_000_000}, Options{})
			_, err := evaluate(t, m, "local t = {} for i = 1, 10000 do t[i] = i end\n"+
				"pcall(function() "+text+" end) return pcall(coroutine.wrap(function() "+text+" end))")
			wantLimit(t, err, limits.Instructions)
		})
	}
}

// TestPausesDoNotShow runs the oracle's scripts a few instructions at a time:
// the same lines must come out, for the same number of instructions.
func TestPausesDoNotShow(t *testing.T) {
	for _, name := range oracleScripts {
		t.Run(name, func(t *testing.T) {
			text := oracleText(t, name)
			whole, wholeCost := runCosting(t, text, limits.Unlimited)
			for _, fuel := range []int64{1, 100, 7777} {
				if fuel == 1 && wholeCost > 1_000_000 {
					fuel = 23 // it would take too long
				}
				got, cost := runCosting(t, text, fuel)
				if diff := cmp.Diff(whole, got); diff != "" {
					t.Errorf("in slices of %d (-whole +slices):\n%s", fuel, diff)
				}
				if cost != wholeCost {
					t.Errorf("in slices of %d: %d instructions, %d without", fuel, cost, wholeCost)
				}
			}
		})
	}
}

func runCosting(t *testing.T, text string, fuel int64) (printed string, instructions int64) {
	t.Helper()
	var out strings.Builder
	m := newMachine(t, limits.Limits{}, Options{Print: func(_ *vm.Call, line string) error {
		out.WriteString(line + "\n")
		return nil
	}})
	r, err := m.Start(context.Background(), loadText(t, m, "stdin", text))
	for status := vm.Paused; err == nil && status == vm.Paused; {
		status, err = r.Step(fuel)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), r.Use().Instructions.Current
}

// TestLongCallsPause: a call that walks a large table is cut by slices of fuel.
func TestLongCallsPause(t *testing.T) {
	for name, text := range map[string]string{
		"sort":          "table.sort(t)",
		"sort by order": "table.sort(t, function(a, b) return a > b end)",
		"concat":        "table.concat(t)",
		"maxn":          "table.maxn(t)",
		"insert":        "table.insert(t, 1, 1)",
		"remove":        "table.remove(t, 1)",
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{}, Options{})
			if _, err := evaluate(t, m, "t = {} for i = 1, 50000 do t[i] = (i * 7919) % 50021 end"); err != nil {
				t.Fatal(err)
			}
			r, err := m.Start(context.Background(), loadText(t, m, "test.lua", text))
			if err != nil {
				t.Fatal(err)
			}
			steps := 0
			var most int64
			for status := vm.Paused; status == vm.Paused; steps++ {
				before := r.Use().Instructions.Current
				if status, err = r.Step(5000); err != nil {
					t.Fatal(err)
				}
				most = max(most, r.Use().Instructions.Current-before)
			}
			if used := r.Use().Instructions.Current; int64(steps) < used/40_000 || steps < 8 {
				t.Errorf("%d steps for %d instructions", steps, used)
			}
			if most > 5000+stride*2*limits.NumberToString {
				t.Errorf("one step of 5000 took %d instructions", most)
			}
		})
	}
}
