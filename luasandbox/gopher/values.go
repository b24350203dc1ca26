package gopher

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/luasandbox/modrunner/luasandbox"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// The bounds of what comes out of a state. What goes in was bounded by the sandbox.
const (
	maxDepth    = 100
	maxElements = 1 << 18
)

// What values take in a gopher-lua state, in bytes (Go 1.26; TestSizes compares), and
// how many of those bytes are made for one instruction's worth of time
// (BenchmarkCopyIn: 0.9 for a table of a hundred names, 0.5 for lists and for small
// tables).
const (
	valueBytes = 32  // a list element with a boxed number
	pairBytes  = 240 // in the two maps and the list of keys that a table has
	tableBytes = 640
	unitBytes  = 2
)

// What an element of a table that comes out takes, in bytes and instructions: it is
// put into a map that grows, and into a list if the map turns out to be one. They are
// charged for outBatch elements at a time.
const (
	outBytes = 208
	outWork  = 60
	outBatch = 64
)

// pushable copies arguments into the state. release is to be called when the call is
// over, whatever the error.
func (st *state) pushable(args []any) (values []lua.LValue, release func(), err error) {
	c := &copyIn{st: st}
	release = func() {
		for _, over := range c.callbacks {
			over()
		}
	}
	if st.ctx != nil { // else the host runs the state, outside of any call
		size := int64(0)
		for _, a := range args {
			size += sizeOf(a)
		}
		if err := luasandbox.Charge(st.ctx, size/unitBytes, size); err != nil {
			return nil, release, err
		}
	}
	values = make([]lua.LValue, len(args))
	for i, a := range args {
		if values[i], err = c.value(a); err != nil {
			return nil, release, err
		}
	}
	return values, release, nil
}

// sizeOf returns what v, which came out of a sandbox, takes in a state.
func sizeOf(v any) int64 {
	size := int64(valueBytes)
	switch v := v.(type) {
	case []any:
		size += tableBytes
		for _, x := range v {
			size += sizeOf(x)
		}
	case map[string]any:
		size += tableBytes
		for _, x := range v {
			size += pairBytes + sizeOf(x)
		}
	case map[any]any:
		size += tableBytes
		for _, x := range v {
			size += pairBytes + sizeOf(x)
		}
	case *luasandbox.Function:
		size += tableBytes
	}
	return size
}

// copyIn is one crossing into a state.
type copyIn struct {
	st        *state
	callbacks []func() // to be called when the call is over
}

func (c *copyIn) value(v any) (lua.LValue, error) {
	switch v := v.(type) {
	case nil:
		return lua.LNil, nil
	case bool:
		return lua.LBool(v), nil
	case float64:
		return lua.LNumber(v), nil
	case string:
		return lua.LString(v), nil
	case *luasandbox.Function:
		fn, over := c.st.callback(v)
		c.callbacks = append(c.callbacks, over)
		return fn, nil
	case *object:
		if v.k != c.st.k {
			return nil, luasandbox.Errorf("bad argument (a userdata of another kind)")
		}
		if u, ok := v.value.(*lua.LUserData); ok {
			return u, nil
		}
		return luar.New(c.st.L, v.value), nil
	case []any:
		t := c.st.L.CreateTable(len(v), 0)
		for i, x := range v {
			lv, err := c.value(x)
			if err != nil {
				return nil, err
			}
			t.RawSetInt(i+1, lv)
		}
		return t, nil
	case map[string]any:
		t := c.st.L.CreateTable(0, len(v))
		for _, k := range sorted(v) {
			lv, err := c.value(v[k])
			if err != nil {
				return nil, err
			}
			t.RawSetString(k, lv)
		}
		return t, nil
	case map[any]any:
		return c.mixed(v)
	}
	return nil, luasandbox.Errorf("bad argument (a handle of another kind)")
}

// mixed copies a table with keys of several kinds. An integer key makes gopher-lua fill
// a list up to it, so those must be as dense as a list is.
func (c *copyIn) mixed(m map[any]any) (lua.LValue, error) {
	t := c.st.L.CreateTable(0, len(m))
	strings := map[string]any{}
	var numbers []float64
	for k, x := range m {
		switch k := k.(type) {
		case string:
			strings[k] = x
		case float64:
			numbers = append(numbers, k)
		case bool:
			lv, err := c.value(x)
			if err != nil {
				return nil, err
			}
			t.RawSetH(lua.LBool(k), lv)
		}
	}
	for _, k := range sortedNumbers(numbers) {
		lv, err := c.value(m[k])
		if err != nil {
			return nil, err
		}
		switch {
		case k < 1 || k != math.Trunc(k) || k > float64(lua.MaxArrayIndex):
			t.RawSetH(lua.LNumber(k), lv)
		case k > float64(4*len(m)+64):
			return nil, luasandbox.Errorf("bad argument (a table with gaps: %d elements, and one at %v)", len(m), k)
		default:
			t.RawSetInt(int(k), lv)
		}
	}
	for _, k := range sorted(strings) {
		lv, err := c.value(strings[k])
		if err != nil {
			return nil, err
		}
		t.RawSetString(k, lv)
	}
	return t, nil
}

// results copies values out of the state.
func (st *state) results(values []lua.LValue) (luasandbox.Results, error) {
	c := &copyOut{st: st, left: maxElements}
	out := make(luasandbox.Results, len(values))
	for i, v := range values {
		var err error
		if out[i], err = c.value(v, 0); err != nil {
			return nil, fmt.Errorf("result %d: %w", i+1, err)
		}
	}
	return out, nil
}

// copyOut is one crossing out of a state.
type copyOut struct {
	st   *state
	left int
}

func (c *copyOut) value(v lua.LValue, depth int) (any, error) {
	switch v := v.(type) {
	case nil, *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LNumber:
		return float64(v), nil
	case lua.LString:
		return string(v), nil
	case *lua.LUserData:
		return c.st.handle(v), nil
	case *lua.LTable:
		return c.table(v, depth+1)
	}
	return nil, fmt.Errorf("a %s cannot leave gopher-lua", v.Type())
}

func (c *copyOut) table(t *lua.LTable, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a table is nested deeper than %d, or contains itself", maxDepth)
	}
	out := map[any]any{}
	names := 0
	var failed error
	t.ForEach(func(k, v lua.LValue) {
		if failed != nil {
			return
		}
		if c.left--; c.left < 0 {
			failed = fmt.Errorf("more than %d elements", maxElements)
			return
		}
		if c.left%outBatch == 0 && c.st.ctx != nil {
			if failed = luasandbox.Charge(c.st.ctx, outBatch*outWork, outBatch*outBytes); failed != nil {
				return
			}
		}
		var key any
		switch k := k.(type) {
		case lua.LString:
			key = string(k)
			names++
		case lua.LNumber:
			key = float64(k)
		case lua.LBool:
			key = bool(k)
		default:
			failed = fmt.Errorf("a %s is the key of a table", k.Type())
			return
		}
		out[key], failed = c.value(v, depth)
	})
	if failed != nil {
		return nil, failed
	}
	list := make([]any, 0, len(out))
	for i := 1; i <= len(out); i++ {
		v, ok := out[float64(i)]
		if !ok {
			return out, nil
		}
		list = append(list, v)
	}
	if len(list) == 0 {
		return map[string]any{}, nil
	}
	return list, nil
}

// handle returns what a script gets for a userdata.
func (st *state) handle(u *lua.LUserData) luasandbox.Handle {
	k := st.k
	for _, t := range k.userdata {
		if mt, ok := u.Metatable.(*lua.LTable); ok && st.L.GetTypeMetatable(t.name) == mt {
			return t.handle.Handle(&object{k, u})
		}
	}
	if t := k.types[reflect.TypeOf(u.Value)]; t != nil && !reflect.ValueOf(u.Value).IsNil() {
		return t.handle.Handle(&object{k, u.Value})
	}
	return k.opaque.Handle(&object{k, u})
}

// callback returns fn as a function of the state. over says that the call is over in
// which it was given.
func (st *state) callback(fn *luasandbox.Function) (v lua.LValue, over func()) {
	cb := st.newCallback(fn)
	return st.L.NewFunction(func(L *lua.LState) int {
		out, err := cb.call(L)
		if err != nil {
			text := "the script's function failed"
			var script *luasandbox.ScriptError
			if errors.As(err, &script) {
				text = script.Message
			}
			st.failure = callbackFailure{err, text}
			L.Error(lua.LString(text), 0)
		}
		for _, v := range out {
			L.Push(v)
		}
		return len(out)
	}), cb.over
}

// sorted returns m's keys in order, so that gopher-lua's tables, which iterate in the
// order of insertion, do not depend on the run.
func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func sortedNumbers(n []float64) []float64 {
	slices.Sort(n)
	return n
}
