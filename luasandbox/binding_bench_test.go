package luasandbox_test

import (
	"context"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// BenchmarkHostCall is one call of a host function from a Lua loop, the loop's own
// instructions included.
func BenchmarkHostCall(b *testing.B) {
	type point struct {
		X float64 `lua:"x"`
		Y float64 `lua:"y"`
	}
	type named float64
	grant := luasandbox.NewGrant("", "",
		luasandbox.Func("fast", func(a, b float64) float64 { return a + b }),
		luasandbox.Func("reflected", func(a, b named) named { return a + b }),
		luasandbox.Func("context", func(_ context.Context, a, b float64) float64 { return a + b }),
		luasandbox.Func("text", func(s string) {}),
		luasandbox.Func("any", func(any) {}),
		luasandbox.Func("point", func(p point) point { return p }),
		luasandbox.Func("list", func(l []float64) {}),
		luasandbox.Func("map", func(l map[string]float64) {}),
		luasandbox.Func("give", func() []float64 { return hundred }),
		luasandbox.Func("giveMap", func() map[string]float64 { return hundredNames }),
	)
	for _, bb := range []struct{ name, body string }{
		{"loop", ""},
		{"fast", "fast(i, 2)"},
		{"reflected", "reflected(i, 2)"},
		{"context", "context(i, 2)"},
		{"text", "text('hello')"},
		{"point", "point{x=1, y=2}"},
		{"any100", "any(t)"},
		{"anyMap100", "any(m)"},
		{"list100", "list(t)"},
		{"map100", "map(m)"},
		{"give100", "give()"},
		{"giveMap100", "giveMap()"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := newSandbox(b, luasandbox.Config{Limits: limits.None(), Grants: []*luasandbox.Grant{grant}},
				`t, m = {}, {} for i = 1, 100 do t[i] = i m["k"..i] = i end
				local fast, reflected, context, text, point, any, list, map, give, giveMap, t, m = fast, reflected, context, text, point, any, list, map, give, giveMap, t, m
				function run(n) for i = 1, n do `+bb.body+` end end`)
			b.ReportAllocs()
			b.ResetTimer()
			if _, err := s.Call(context.Background(), "run", b.N); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(s.LastCall().Instructions)/float64(b.N), "instructions/op")
		})
	}
}

var (
	hundred      = make([]float64, 100)
	hundredNames = func() map[string]float64 {
		m := map[string]float64{}
		for i := range 100 {
			m[string(rune('a'+i/10))+string(rune('a'+i%10))] = float64(i)
		}
		return m
	}()
)
