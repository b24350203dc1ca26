package luasandbox_test

import (
	"context"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s, err := luasandbox.New(luasandbox.Config{})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}

func BenchmarkCall(b *testing.B) {
	s := newSandbox(b, luasandbox.Config{}, `function add(a, b) return a + b end`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Call(context.Background(), "add", 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	s := newSandbox(b, luasandbox.Config{Limits: limits.Limits{Instructions: limits.Unlimited, Time: limits.UnlimitedTime}}, `function spin() while true do end end`)
	task := start(b, s, "spin")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := task.Step(100); err != nil {
			b.Fatal(err)
		}
	}
}
