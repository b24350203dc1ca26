package vm

import (
	"context"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

func benchScript(b *testing.B, src string) {
	m, _ := newTestMachine(b, limits.Limits{Instructions: limits.Unlimited, Time: limits.UnlimitedTime})
	p, err := Compile("bench.lua", src, m.Limits())
	if err != nil {
		b.Fatal(err)
	}
	cl, err := m.Load(p, m.Globals())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Call(context.Background(), cl.Value()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFib(b *testing.B) {
	benchScript(b, `local function fib(n) if n < 2 then return n end return fib(n-1)+fib(n-2) end return fib(27)`)
}

func BenchmarkLoop(b *testing.B) {
	benchScript(b, `local s = 0 for i = 1, 1000000 do s = s + i % 7 end return s`)
}

func BenchmarkFields(b *testing.B) {
	benchScript(b, `local t = {x=1,y=2,z=3} for i = 1, 1000000 do t.x = t.x + t.y t.z = t.x end return t.z`)
}

func BenchmarkArray(b *testing.B) {
	benchScript(b, `local t = {} for i = 1, 100000 do t[i] = i end local s = 0 for j = 1, 10 do for i = 1, #t do s = s + t[i] end end return s`)
}

// BenchmarkHostCall is the host calling a Lua function that does nothing.
func BenchmarkHostCall(b *testing.B) {
	m, _ := newTestMachine(b, limits.Limits{})
	p, err := Compile("bench.lua", `return function(a, b) return a end`, m.Limits())
	if err != nil {
		b.Fatal(err)
	}
	cl, err := m.Load(p, m.Globals())
	if err != nil {
		b.Fatal(err)
	}
	fn, err := m.Call(context.Background(), cl.Value())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Call(context.Background(), fn[0], Int(1), Int(2)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep is a run stepped with little fuel: the price of pausing.
func BenchmarkStep(b *testing.B) {
	m, _ := newTestMachine(b, limits.Limits{Instructions: limits.Unlimited, Time: limits.UnlimitedTime})
	p, err := Compile("bench.lua", `while true do end`, m.Limits())
	if err != nil {
		b.Fatal(err)
	}
	cl, err := m.Load(p, m.Globals())
	if err != nil {
		b.Fatal(err)
	}
	r, err := m.Start(context.Background(), cl.Value())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Step(10); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNativeCall(b *testing.B) {
	benchScript(b, `local f, t = type, {} for i = 1, 1000000 do f(t) end`)
}

func BenchmarkMethods(b *testing.B) {
	benchScript(b, `local C = {} C.__index = C function C:get() return self.v end
local o = setmetatable({v = 1}, C) local s = 0 for i = 1, 1000000 do s = s + o:get() end return s`)
}

func BenchmarkCoroutines(b *testing.B) {
	benchScript(b, `local y = coroutine.yield local co = coroutine.wrap(function() while true do y(1) end end) for i = 1, 100000 do co() end`)
}

func BenchmarkConcat(b *testing.B) {
	benchScript(b, `local t = {} for i = 1, 100000 do t[i] = "k" .. i end return #t`)
}

func BenchmarkClosures(b *testing.B) {
	benchScript(b, `local s = 0 for i = 1, 100000 do local f = function() return i end s = s + f() end return s`)
}
