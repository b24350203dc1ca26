package vm

import (
	"github.com/luasandbox/modrunner/limits"
)

// Next and INext are the iterators of pairs and ipairs.
var (
	Next  = NewNative("next", next)
	INext = NewNative("ipairs_next", inext)
)

// What a loop's iterator is compared with: see opTFor.
var (
	nextValue  = Next.Value()
	inextValue = INext.Value()
)

func next(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if err := c.m.keyWork(c.Arg(1)); err != nil {
		return err

	}
	key, val, skipped, err := t.Next(c.Arg(1))
	if err != nil {
		return err
	}
	if skipped > 0 {
		if err := c.Work(int64(skipped) / limits.TableSlotMove); err != nil {
			return err
		}
	}
	if key.IsNil() {
		return c.Return(Nil)
	}
	return c.Return(key, val)
}

func inext(c *Call) error {
	i, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	i++
	v := t.Get(Number(float64(i)))
	if v.IsNil() {
		return c.Return()
	}
	return c.Return(Number(float64(i)), v)
}
