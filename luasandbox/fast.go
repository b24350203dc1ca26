package luasandbox

import (
	"runtime/debug"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// fastCall executes a function of one certain Go type without reflection. It
// reports that it has not, and has done nothing, if the arguments are not what the
// function takes: then the general way finds the right error. It charges what the
// general way does.
type fastCall func(s *Sandbox, c *vm.Call) (done bool, err error)

// fastCallOf returns the fast way to call f, nil if there is none: it is for the
// signatures that bindings of numbers and strings are full of.
func fastCallOf(f *function) fastCall {
	if f.self != nil || len(f.optional) > 0 || len(f.per) > 0 || len(f.filters) > 0 {
		return nil
	}
	number := func(c *vm.Call, i int) (float64, bool) {
		n, ok := c.Arg(i).AsNumber()
		return n, ok && (n == n || f.nan)
	}
	switch fn := f.fn.Interface().(type) {
	case func():
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			return fast(f, s, c, 0, func() vm.Value { fn(); return vm.Nil }, 0)
		}
	case func() float64:
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			return fast(f, s, c, 0, func() vm.Value { return vm.Number(fn()) }, 1)
		}
	case func(float64):
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			a, ok := number(c, 0)
			if !ok {
				return false, nil
			}
			return fast(f, s, c, 0, func() vm.Value { fn(a); return vm.Nil }, 0)
		}
	case func(float64) float64:
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			a, ok := number(c, 0)
			if !ok {
				return false, nil
			}
			return fast(f, s, c, 0, func() vm.Value { return vm.Number(fn(a)) }, 1)
		}
	case func(float64, float64) float64:
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			a, ok := number(c, 0)
			b, ok2 := number(c, 1)
			if !ok || !ok2 {
				return false, nil
			}
			return fast(f, s, c, 0, func() vm.Value { return vm.Number(fn(a, b)) }, 1)
		}
	case func(string):
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			a, ok := c.Arg(0).AsString()
			if !ok {
				return false, nil
			}
			return fast(f, s, c, len(a), func() vm.Value { fn(a); return vm.Nil }, 0)
		}
	case func(string) float64:
		return func(s *Sandbox, c *vm.Call) (bool, error) {
			a, ok := c.Arg(0).AsString()
			if !ok {
				return false, nil
			}
			return fast(f, s, c, len(a), func() vm.Value { return vm.Number(fn(a)) }, 1)
		}
	}
	return nil
}

// fast makes a call whose arguments are right, n bytes of them in strings.
func fast(f *function, s *Sandbox, c *vm.Call, n int, call func() vm.Value, results int) (bool, error) {
	if err := f.charge(s, c); err != nil {
		return true, err
	}
	if n > 0 {
		if err := c.Work(limits.Units(int64(n), limits.BytesPerUnit)); err != nil {
			return true, err
		}
	}
	v, stack, failure := guarded(call)
	switch {
	case failure != nil:
		return true, f.opaque(s, c, failure, stack)
	case results == 0:
		return true, c.Return()
	}
	return true, c.Return(v)
}

// guarded calls f and turns its panic into an error.
func guarded(f func() vm.Value) (v vm.Value, stack []byte, failure error) {
	defer func() {
		if p := recover(); p != nil {
			stack, failure = debug.Stack(), panicked{p}
		}
	}()
	return f(), nil, nil
}
