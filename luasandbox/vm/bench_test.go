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
