package stdlib

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// byMachine are cases whose memory the machine charges for, and not the library:
// the compiler's, by limits.TokenBytes, and messages of errors. They are allowed
// this many times what is declared, in place of one and a half.
var byMachine = map[string]int64{"load": 3, "loadstring": 3, "argument errors": 4}

// chargeCases are calls whose cost grows with n. prepare runs first and is not
// measured; call is.
var chargeCases = []struct{ name, prepare, call string }{
	{"an empty loop, to compare", "", "for i = 1, 10 * n do end"},
	{"calls in Lua, to compare", "function f() end", "local f = f for i = 1, n do f() end"},
	{"calls of a function that does nothing", "f = function() end", "local f = rawequal for i = 1, n do f(1, 1) end"},
	{"assert", "s = ('x'):rep(n)", "pcall(assert, false, s)"},
	{"load", "parts, i = {}, 0 for j = 1, n do parts[j] = 'x = 1 ' end", "load(function() i = i + 1 return parts[i] end)"},
	{"load, few pieces", "s = ('-'):rep(n) i = 0", "load(function() i = i + 1 if i <= 8 then return s end end)"},
	{"loadstring", "s = ('x = 1 '):rep(n)", "loadstring(s)"},
	{"loadstring of a comment", "s = '--' .. ('x'):rep(n)", "loadstring(s)"},
	{"print", "t = {} for i = 1, 100 do t[i] = ('x'):rep(n / 100) end", "print(unpack(t))"},
	{"print of many", "t = {} for i = 1, 200 do t[i] = 'x' end", "for i = 1, n / 100 do print(unpack(t)) end"},
	{"rawset", "t = {}", "for i = 1, n do rawset(t, i, i) end"},
	{"rawset, hash", "t = {}", "for i = 1, n do rawset(t, -i, i) end"},
	{"select", "t = {} for i = 1, 7000 do t[i] = i end", "for i = 1, n / 1000 do select(2, unpack(t)) end"},
	{"tonumber", "s = ('1'):rep(n)", "tonumber(s) tonumber(s, 2)"},
	{"tostring of numbers", "", "for i = 1, n do tostring(i + 0.5) end"},
	{"tostring of tables", "t = {} for i = 1, n do t[i] = {} end", "for i = 1, n do tostring(t[i]) end"},
	{"unpack", "t = {}", "for i = 1, n / 1000 do unpack(t, 1, 7000) end"},
	{"table.concat", "t = {} for i = 1, n do t[i] = 'abc' end", "table.concat(t, ', ')"},
	{"table.concat of numbers", "t = {} for i = 1, n do t[i] = i / 8 end", "table.concat(t)"},
	{"table.concat of long strings", "t = {} for i = 1, 10 do t[i] = ('x'):rep(n) end", "table.concat(t)"},
	{"table.insert at the end", "t = {}", "for i = 1, n do table.insert(t, i) end"},
	{"table.insert at the front", "t = {} for i = 1, n do t[i] = i end", "table.insert(t, 1, 0)"},
	{"table.insert below", "t = {}", "table.insert(t, -n, 0)"},
	{"table.remove", "t = {} for i = 1, n do t[i] = i end", "table.remove(t, 1)"},
	{"table.sort", "t = {} for i = 1, n do t[i] = (i * 7919) % 10007 end", "table.sort(t)"},
	{"table.sort by order", "t = {} for i = 1, n do t[i] = (i * 7919) % 10007 end", "table.sort(t, function(a, b) return a > b end)"},
	{"table.maxn", "t = {} for i = 1, n do t[i] = i end", "table.maxn(t)"},
	{"table.foreach", "t = {} for i = 1, n do t[i] = i end", "table.foreach(t, function() end)"},
	{"table.foreachi", "t = {} for i = 1, n do t[i] = i end", "table.foreachi(t, function() end)"},
	{"math.random", "", "for i = 1, n do math.random(100) end"},
	{"math.sin", "", "for i = 1, n do math.sin(i) end"},
	{"math.pow", "", "for i = 1, n do math.pow(i, 1.5) end"},
	{"math.atan2", "", "for i = 1, n do math.atan2(i, 1.5) end"},
	{"math.fmod", "", "for i = 1, n do math.fmod(1e308, 3) end"},
	{"os.date", "s = ('%c'):rep(n / 4)", "for i = 1, 10 do os.date(s) end"},
	{"os.date of a table", "", "for i = 1, n / 10 do os.date('*t', i) end"},
	{"os.time", "t = {year = 2000, month = 1, day = 1}", "for i = 1, n / 10 do os.time(t) end"},
	{"os.clock", "", "for i = 1, n / 10 do os.clock() end"},
	{"bit32.bxor", "", "for i = 1, n do bit32.bxor(i, 77) end"},
	{"coroutine.wrap", "", "for i = 1, n / 10 do coroutine.wrap(function() end)() end"},
	{"setmetatable", "", "for i = 1, n do setmetatable({}, {}) end"},
	{"errors", "", "for i = 1, n do pcall(table.concat, {{}}) end"},
	{"argument errors", "", "for i = 1, n do pcall(math.floor, {}) end"},
}

// chargedCall returns a machine on which a case is prepared, and its call.
func chargedCall(t testing.TB, prepare, call string, n int) (*vm.Machine, vm.Value) {
	t.Helper()
	m := newMachine(t, limits.Limits{Memory: 1 << 30, String: 1 << 28, Source: 1 << 26},
		Options{Print: func(*vm.Call, string) error { return nil }})
	if _, err := evaluate(t, m, fmt.Sprintf("n = %d %s", n, prepare)); err != nil {
		t.Fatal(err)
	}
	return m, loadText(t, m, "test.lua", call)
}

// TestAllocationIsDeclared compares what Go allocates for a call with what the
// machine was charged for, at growing sizes: the difference between n and 4n, in
// which the fixed cost of a call is gone.
func TestAllocationIsDeclared(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates for itself")
	}
	for _, tt := range chargeCases {
		t.Run(tt.name, func(t *testing.T) {
			measure := func(n int) (measured, declared int64) {
				m, f := chargedCall(t, tt.prepare, tt.call, n)
				var before, after runtime.MemStats
				charged := m.Allocated()
				runtime.ReadMemStats(&before)
				if _, err := m.Call(context.Background(), f); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return int64(after.TotalAlloc - before.TotalAlloc), m.Allocated() - charged
			}
			const n = 2000
			measure(n)
			lessMeasured, lessDeclared := measure(n)
			moreMeasured, moreDeclared := measure(4 * n)
			measured, declared := moreMeasured-lessMeasured, moreDeclared-lessDeclared
			t.Logf("measured %d, declared %d", measured, declared)
			limit := declared * 3 / 2
			if factor := byMachine[tt.name]; factor > 0 {
				limit = declared * factor
			}
			if limit += 16384; measured > limit {
				t.Errorf("Go allocated %d bytes more for %d more, %d were declared", measured, 3*n, declared)
			}
		})
	}
}

// BenchmarkPrices tells how long the work took that one instruction paid for, in
// instructions (2.5 ns, as limits/prices.go has it): 1 is a fair price.
func BenchmarkPrices(b *testing.B) {
	for _, tt := range chargeCases {
		b.Run(tt.name, func(b *testing.B) {
			var spent int64
			for range b.N {
				b.StopTimer()
				m, f := chargedCall(b, tt.prepare, tt.call, 20000)
				r, err := m.Start(context.Background(), f)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if _, err := r.Step(limits.Unlimited); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				spent += r.Use().Instructions.Current
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/2.5/float64(spent), "instr/charged")
		})
	}
}
