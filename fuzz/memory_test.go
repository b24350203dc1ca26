package fuzz

import (
	"context"
	"errors"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// TestMemoryLimitHoldsForEver: neither censuses that the host takes while a task is
// paused, nor calls that hit the limit one after the other, make room beyond it.
func TestMemoryLimitHoldsForEver(t *testing.T) {
	l := small
	l.Memory = 100 << 10
	ctx := context.Background()
	open := func() *luasandbox.Sandbox {
		s, err := luasandbox.New(luasandbox.Config{Limits: l})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	full := func(s *luasandbox.Sandbox, err error) {
		t.Helper()
		var limit *limits.Error
		if !errors.As(err, &limit) || limit.Kind != limits.Memory {
			t.Errorf("ended with %v", err)
		}
		if peak := s.Usage().MemoryPeak; peak > l.Memory+l.Memory/4 {
			t.Errorf("%d bytes are live, limit %d", peak, l.Memory)
		}
	}
	t.Run("censuses", func(t *testing.T) {
		s := open()
		task, err := s.StartProgram(ctx, compiled(t, "local list while true do list = {list} end"))
		for err == nil {
			if _, err = task.Step(1000); err == nil {
				_, err = s.Census()
			}
		}
		full(s, err)
	})
	t.Run("calls", func(t *testing.T) {
		s := open()
		if _, err := s.Load(ctx, compiled(t, "function grow() while true do list = {list} end end")); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			_, err := s.Call(ctx, "grow")
			full(s, err)
		}
	})
}

// TestPausesInsideTheLibrary: neither where a call from inside a native function is
// put on the stack, nor what a census counts in the middle of one, depends on where it
// was paused.
func TestPausesInsideTheLibrary(t *testing.T) {
	for _, source := range []string{
		"local function x() return (string.gsub('x', 'x', x)) end pcall(x)",
		"local function x() return (string.gsub('x', 'x', x)) end x()",
		"local function x(a) return table.sort({3, 1, 2}, function() x(1) return true end) end x()",
	} {
		step := int64(4)
		if testing.Short() {
			step = 14
		}
		for memory := int64(24); memory < 64; memory += step {
			for _, fuel := range []int64{1, 2, 5, 50} {
				c := conditions{limits: small, fuels: []int64{fuel}}
				c.limits.Memory = memory << 10
				examine(t, source, c, nil)
			}
		}
	}
}
