package stdlib

import (
	"context"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

func TestZZ(t *testing.T) {
	m := newMachine(t, limits.Limits{}, Options{})
	o := runStrings(t, m, `next = (("a"):rep(5000) .. "1b2"):gmatch("%a-(%d)")`, 0)
	t.Log(o)
	first, _ := m.Start(context.Background(), loadText(t, m, "test", `return next()`))
	s, err := first.Step(500)
	t.Log(s, err, first.Use().Instructions.Current)
	g := m.Globals().GetString("next").AsNative()
	_ = g
	f2 := loadText(t, m, "test", `return next()`)
	r, err := m.Call(context.Background(), f2)
	x, _ := r[0].AsString()
	t.Log(x, err)
	s, err = first.Step(limits.Unlimited)
	t.Log(s, err, first.Use().Instructions.Current, s == vm.Done)
	x, _ = first.Results()[0].AsString()
	t.Log(x)
}
