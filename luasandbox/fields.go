package luasandbox

import (
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// asFields calls its first argument with the others, and returns of its first
// result what LoadFields promises.
var asFields = vm.NewNative("", func(c *vm.Call) error {
	return c.Call(fields{}, c.Arg(0), c.Args()[1:]...)
})

// fields is asFields at work. It holds nothing between calls.
type fields struct{}

// maxFields is how many keys of a table LoadFields looks at.
const maxFields = 1000

// Resume takes the program's results.
func (fields) Resume(c *vm.Call) error {
	t := c.Arg(0).AsTable()
	if t == nil {
		return c.Return(c.Arg(0))
	}
	out, err := c.NewTable(0, 8)
	if err != nil {
		return err
	}
	var k, v vm.Value
	named, others := 0, 0
	for range maxFields {
		var skipped int
		if k, v, skipped, err = t.Next(k); err != nil {
			return err
		}
		if err := c.Work(limits.HashLookup + int64(skipped)); err != nil {
			return err
		}
		if k.IsNil() {
			break
		}
		if k.Kind() != vm.KindString {
			others++
			continue
		}
		named++
		if v.Kind() != vm.KindFunction {
			v = kinds[v.Kind()]
		}
		if err := c.Machine().RawSet(out, k, v); err != nil {
			return err
		}
	}
	if named == 0 && others > 0 {
		return c.Return(kinds[vm.KindTable])
	}
	return c.Return(out.Value())
}

// Trace has nothing to show.
func (fields) Trace(*vm.Walk) {}

// kinds are the names of the Lua types, as type() has them.
var kinds = [...]vm.Value{
	vm.KindNil:      vm.SharedString(vm.KindNil.String()),
	vm.KindBoolean:  vm.SharedString(vm.KindBoolean.String()),
	vm.KindNumber:   vm.SharedString(vm.KindNumber.String()),
	vm.KindString:   vm.SharedString(vm.KindString.String()),
	vm.KindTable:    vm.SharedString(vm.KindTable.String()),
	vm.KindFunction: vm.SharedString(vm.KindFunction.String()),
	vm.KindUserdata: vm.SharedString(vm.KindUserdata.String()),
	vm.KindThread:   vm.SharedString(vm.KindThread.String()),
}
