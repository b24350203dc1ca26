package vm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// spending is how a call under a budget of instructions ended.
type spending struct {
	output string
	used   int64 // of the call
	whole  int64 // of the machine's life
	err    error
}

func (s spending) String() string {
	return fmt.Sprintf("%d spent, %d in all, %v\n%s", s.used, s.whole, s.err, s.output)
}

func spend(t testing.TB, chunk, text string, l limits.Limits, fuel int64) spending {
	t.Helper()
	var out strings.Builder
	m := newMachine(t, l, &out)
	r, err := m.Start(context.Background(), load(t, m, chunk, text))
	for status := vm.Paused; err == nil && status == vm.Paused; {
		status, err = r.Step(fuel)
	}
	noBug(t, err)
	return spending{out.String(), r.Use().Instructions.Current, m.Total().Snapshot().Instructions.Current, err}
}

// TestTripsExactly ends the oracle's scripts at many points of theirs by the
// budget of instructions: whole and in slices they end after the same
// instruction, having spent the budget to the last unit, and having printed the
// beginning of what they print.
func TestTripsExactly(t *testing.T) {
	for _, name := range scripts(t, oracleDir) {
		t.Run(name, func(t *testing.T) {
			skipLong(t, name)
			text := readFile(t, oracleDir, name)
			full := spend(t, name, text, generous, limits.Unlimited)
			budgets := []int64{1, 2, 3, full.used - 1, full.used, full.used + 1}
			steps := int64(12)
			if testing.Short() {
				steps = 2
			}
			for i := int64(1); i <= steps; i++ {
				budgets = append(budgets, full.used*i/13, 37*i*i)
			}
			for _, budget := range budgets {
				if budget > 400_000 && budget < full.used-1 || budget < 1 {
					continue
				}
				l := generous
				l.Instructions = budget
				whole := spend(t, name, text, l, limits.Unlimited)
				if budget >= full.used {
					if whole.err != nil || whole.output != full.output || whole.used != full.used {
						t.Errorf("%d of %d needed: %v after %d", budget, full.used, whole.err, whole.used)
					}
					continue
				}
				var e *limits.Error
				if !errors.As(whole.err, &e) || e.Kind != limits.Instructions || e.Used != budget || e.Max != budget || whole.used != budget {
					t.Errorf("budget %d: error %v (%+v) after %d", budget, whole.err, e, whole.used)
				}
				if !strings.HasPrefix(full.output, whole.output) {
					t.Errorf("budget %d: the output is not the beginning of the whole output", budget)
				}
				for _, fuel := range []int64{1, 7, 50, budget, budget + 1} {
					sliced := spend(t, name, text, l, fuel)
					if sliced.String() != whole.String() {
						t.Errorf("budget %d in slices of %d: %d spent, %d in all, %v;\nwhole: %d, %d, %v", budget, fuel,
							sliced.used, sliced.whole, sliced.err, whole.used, whole.whole, whole.err)
					}
				}
			}
		})
	}
}

// TestMemoryTripsExactly does the same with the limit of memory.
func TestMemoryTripsExactly(t *testing.T) {
	hungry := map[string]string{
		"tables":     `local t = {} for i = 1, 1e6 do t[i] = {i, x = i} if i % 100 == 0 then print(i) end end`,
		"strings":    `local t = {} for i = 1, 1e6 do t[i] = ("x"):rep(i) if i % 10 == 0 then print(i) end end`,
		"closures":   `local t = {} for i = 1, 1e6 do local j = i t[i] = function() j = j + 1 return j end if i % 100 == 0 then print(i) end end`,
		"coroutines": `local t = {} for i = 1, 1e6 do t[i] = coroutine.create(function() end) if i % 10 == 0 then print(i) end end`,
		"threads":    `local t = {} for i = 1, 1e6 do t[i] = coroutine.wrap(function(...) coroutine.yield(...) end) t[i](1, 2, 3) if i % 10 == 0 then print(i) end end`,
		"stack":      `local function f(n, ...) if n % 100 == 0 then print(n) end return f(n + 1, n, ...) end f(1)`,
		"frames":     `local function f(n) if n % 100 == 0 then print(n) end return 1 + f(n + 1) end f(1)`,
		"garbage":    `local t = {} for i = 1, 1e6 do t[i] = i local g = {{}, "a" .. i, function() return t end} if i % 100 == 0 then print(i) end end`,
		"programs":   `local t = {} for i = 1, 1e6 do t[i] = loadstring("local x = 'string " .. i .. "' return function() return x end") print(i) end`,
		"constants":  `local t = {} for i = 1, 1e6 do t[i] = loadstring("return '" .. ("c"):rep(1000) .. i .. "'")() print(i) end`,
	}
	for name, text := range hungry {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int64{60_000, 300_000, 1 << 20} {
				if testing.Short() && size > 100_000 {
					break
				}
				l := limits.Limits{Memory: size, Instructions: limits.Unlimited, Output: limits.Unlimited, Coroutines: 1 << 20, Time: limits.UnlimitedTime, Depth: 1 << 20}
				var out strings.Builder
				m := newMachine(t, l, &out)
				if m.Census() > size {
					t.Fatalf("the library alone takes %d bytes", m.Census())
				}
				whole := spend(t, name, text, l, limits.Unlimited)
				var e *limits.Error
				if !errors.As(whole.err, &e) || e.Kind != limits.Memory || e.Max != size || e.Used > e.Max {
					t.Fatalf("%d bytes: error %v (%+v)", size, whole.err, e)
				}
				var lua *vm.Error
				if errors.As(whole.err, &lua) {
					t.Errorf("%d bytes: a Lua error: %v", size, lua)
				}
				for _, fuel := range fuels {
					if whole.used/fuel > 300_000 {
						continue
					}
					if sliced := spend(t, name, text, l, fuel); sliced.String() != whole.String() {
						t.Errorf("%d bytes in slices of %d: %d spent, %v; whole: %d, %v", size, fuel, sliced.used, sliced.err, whole.used, whole.err)
					}
				}
			}
		})
	}
}

// TestTripWithMarks: soft marks on the way do not change where a hard limit trips.
func TestTripWithMarks(t *testing.T) {
	for _, text := range []string{`while true do end`, `local s = ("x"):rep(1e6)`, `for i = 1, 1e9 do local s = ("x"):rep(5000) end`} {
		for _, fuel := range []int64{3, 1000, limits.Unlimited} {
			m := newMachine(t, limits.Limits{Instructions: 30_000}, nil)
			f := load(t, m, "marks.lua", text)
			var reached []int64
			begin := m.Total().Instructions().Use().Current
			for _, at := range []int64{1, 100, 5000, 29_999, 30_000} {
				m.Total().Instructions().Mark(begin+at, func(u limits.Use) { reached = append(reached, u.Current-begin) })
			}
			r, err := m.Start(context.Background(), f)
			for status := vm.Paused; err == nil && status == vm.Paused; {
				status, err = r.Step(fuel)
			}
			var e *limits.Error
			if !errors.As(err, &e) || e.Kind != limits.Instructions || e.Used != 30_000 || r.Use().Instructions.Current != 30_000 {
				t.Errorf("%s in slices of %d: %v after %d", text, fuel, err, r.Use().Instructions.Current)
			}
			if len(reached) != 5 {
				t.Errorf("%s in slices of %d: marks reached at %v", text, fuel, reached)
			}
		}
	}
}
