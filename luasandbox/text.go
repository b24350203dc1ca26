package luasandbox

import (
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// asText calls its first argument with those from the third on, and returns what
// the second, tostring, makes of each result.
var asText = vm.NewNative("", func(c *vm.Call) error {
	return c.Call(&texts{tostring: c.Arg(1)}, c.Arg(0), c.Args()[2:]...)
})

// texts is asText at work: done results are text already.
type texts struct {
	tostring vm.Value
	values   []vm.Value
	called   bool
	done     int
}

// Resume takes the results, and then each one's text.
func (t *texts) Resume(c *vm.Call) error {
	if !t.called {
		t.called = true
		if err := c.Reserve(int64(c.NArgs()) * limits.ValueBytes); err != nil {
			return err
		}
		t.values = append(t.values, c.Args()...)
	} else {
		text, err := c.CheckString(0)
		if err != nil {
			return c.Errorf("'tostring' must return a string to the host")
		}
		if t.values[t.done], err = c.NewString(text); err != nil {
			return err
		}
		t.done++
	}
	if t.done == len(t.values) {
		return c.Return(t.values...)
	}
	return c.Call(t, t.tostring, t.values[t.done])
}

// Trace shows the values that are held.
func (t *texts) Trace(w *vm.Walk) {
	w.Value(t.tostring)
	w.Values(t.values)
	w.Bytes(int64(cap(t.values)) * limits.ValueBytes)
}
