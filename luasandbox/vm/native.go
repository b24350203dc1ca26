package vm

import (
	"fmt"
	"math"

	"github.com/luasandbox/modrunner/limits"
)

// Func is the body of a function written in Go. It reads its arguments from c,
// leaves its results with c.Return or c.Results, and returns nil; or it hands
// control to the machine with exactly one of c.Call, c.TailCall, c.Suspend and
// c.Await (or c.Turn, c.Pause) and returns what that returned; or it returns an error, which the
// script can catch unless it is a *limits.Error or *limits.CancelledError.
//
// A Func must not keep c, must not call Lua except through c, must charge for
// work (c.Work) and memory (c.Reserve) in proportion before doing it, and must
// not recurse to a depth that a script chooses.
type Func func(c *Call) error

// Native is a Lua function written in Go.
type Native struct {
	header
	name string
	fn   Func
	up   []Value
}

// NewNative returns a function that machines may share: it has no state. name
// is what tracebacks and tostring call it.
func NewNative(name string, fn Func) *Native {
	return &Native{header: header{kind: objNative, flags: flagShared, id: nextSharedID()}, name: name, fn: fn}
}

// NewNative returns a function with state of its own: the values up, which
// Call.Up reads. It belongs to m and is charged to it. Whatever Lua values fn
// needs must be in up, where the census sees them, and not captured by fn.
func (m *Machine) NewNative(name string, fn Func, up ...Value) (*Native, error) {
	if err := m.alloc(limits.ClosureHeader + int64(len(up))*limits.ValueBytes); err != nil {
		return nil, err
	}
	return &Native{header: header{kind: objNative}, name: name, fn: fn, up: append([]Value(nil), up...)}, nil
}

// Name returns the function's name.
func (f *Native) Name() string { return f.name }

// Continuation is the rest of a native function that called Lua, or that paused.
type Continuation interface {
	// Resume goes on. The callee's results are c's arguments.
	Resume(c *Call) error
	// Trace shows w every value that the continuation holds, and the bytes it
	// holds besides (Walk.Bytes), so that the census counts them.
	Trace(w *Walk)
}

// Call is a native function's view of its own activation.
type Call struct {
	m      *Machine
	th     *Thread
	native *Native
	base   int // index in th.stack of the first argument
	n      int // number of arguments
	nret   int // results left at th.stack[base-1:]
	action action
	cont   Continuation
	target Value // action call: the function; action resume: the coroutine
	wrap   bool  // action resume: by a wrap function
	nargs  int   // action call: arguments left at th.stack[base+n+1:]
}

type action uint8

const (
	actReturn action = iota
	actCall
	actSuspend
	actAwait
	actTurn
	actPause
	actYield
	actResume
	actProtect
)

// Machine returns the machine that c runs on.
func (c *Call) Machine() *Machine { return c.m }

// Thread returns the coroutine that c runs in.
func (c *Call) Thread() *Thread { return c.th }

// NArgs returns the number of arguments.
func (c *Call) NArgs() int { return c.n }

// Arg returns argument i, counted from 0; nil beyond the last.
func (c *Call) Arg(i int) Value {
	if uint(i) < uint(c.n) {
		return c.th.stack[c.base+i]
	}
	return Value{}
}

// Args returns the arguments. The slice is the machine's own stack: it is valid
// until c next allocates results, calls or returns.
func (c *Call) Args() []Value { return c.th.stack[c.base : c.base+c.n : c.base+c.n] }

// Up returns value i of the function's own state.
func (c *Call) Up(i int) Value { return c.native.up[i] }

// SetUp replaces value i of the function's own state.
func (c *Call) SetUp(i int, v Value) { c.native.up[i] = v }

// Return leaves vs as the results.
func (c *Call) Return(vs ...Value) error {
	if end := c.base - 1 + len(vs); end > c.th.top {
		if err := c.m.growStack(c.th, end); err != nil {
			return err
		}
	}
	copy(c.th.stack[c.base-1:], vs)
	c.nret = len(vs)
	return nil
}

// Results makes room for n results and returns it to be filled; the slots hold
// leftovers. The room overlaps the arguments. It errs if n passes the machine's
// stack (*Error, "stack overflow") or its memory.
func (c *Call) Results(n int) ([]Value, error) {
	if err := c.m.growStack(c.th, c.base-1+n); err != nil {
		return nil, err
	}
	c.nret = n
	return c.th.stack[c.base-1 : c.base-1+n], nil
}

// Call makes the machine call fn with args and then go on with k, whose Resume
// sees the results as its arguments. fn may be any value: __call applies.
// A yield inside fn, a pause, or an error that passes by, all work.
func (c *Call) Call(k Continuation, fn Value, args ...Value) error {
	at := c.base + c.n
	if err := c.m.growStack(c.th, at+1+len(args)); err != nil {
		return err
	}
	c.th.stack[at] = fn
	copy(c.th.stack[at+1:], args)
	c.nargs = len(args)
	c.cont = k
	c.action = actCall
	return nil
}

// TailCall makes fn's results the results of c.
func (c *Call) TailCall(fn Value, args ...Value) error { return c.Call(passOn{}, fn, args...) }

// passOn returns a callee's results as its own.
type passOn struct{}

func (passOn) Resume(c *Call) error { return c.returnArgs(0) }
func (passOn) Trace(*Walk)          {}

// returnArgs returns the arguments from number i on as results.
func (c *Call) returnArgs(i int) error {
	n := max(c.n-i, 0)
	copy(c.th.stack[c.base-1:], c.th.stack[c.base+i:c.base+i+n])
	c.nret = n
	return nil
}

// Suspend pauses the run here, if a slice of fuel is spent; k goes on, without
// arguments, when the run is stepped again (or at once, if nothing is to be waited for).
// A long loop in Go calls it where ShouldSuspend says so.
func (c *Call) Suspend(k Continuation) error {
	c.cont = k
	c.action = actSuspend
	return nil
}

// ShouldSuspend reports whether the slice of fuel that the run was stepped with
// is spent, so that a long piece of work should Suspend.
func (c *Call) ShouldSuspend() bool { return c.m.spent() }

// Await stops the run until its owner answers with Run.Answer or Run.Fail. The
// answer's values are the arguments of k.Resume; a nil k returns them as results.
func (c *Call) Await(k Continuation) error {
	if k == nil {
		k = passOn{}
	}
	c.cont = k
	c.action = actAwait
	return nil
}

// Turn stops the run here, whatever fuel is left, with the status Turn: k goes on,
// with the function's own arguments, when the run is stepped again.
func (c *Call) Turn(k Continuation) error {
	c.cont = k
	c.action = actTurn
	return nil
}

// Pause stops the run here, whatever fuel is left, as Paused. When the run is stepped
// again the function returns the results that it has left, or err if that is not nil.
// After Await it does nothing, since the run stops for that, nor with an error that ends
// the run, which it returns.
func (c *Call) Pause(err error) error {
	if c.action == actAwait || fatal(err) {
		return err
	}
	c.cont = returned(c.nret)
	if err != nil {
		c.cont = failing{err}
	}
	c.action = actPause
	return nil
}

// returned ends a function that has left so many results.
type returned int

func (n returned) Resume(c *Call) error { c.nret = int(n); return nil }
func (returned) Trace(*Walk)            {}

// Awaits reports whether c has called Await.
func (c *Call) Awaits() bool { return c.action == actAwait }

// Left returns the results that the function has left. The slice is the machine's own
// stack, as that of Args.
func (c *Call) Left() []Value { return c.th.stack[c.base-1 : c.base-1+c.nret] }

// Site returns the chunk and the line of the innermost Lua function, "" and 0 if the
// stack holds none.
func (c *Call) Site() (chunk string, line int) { return c.th.site() }

// Work charges n units of work, in instructions, before it is done.
func (c *Call) Work(n int64) error { return c.m.work(n) }

// Reserve charges n bytes of memory before they are allocated.
func (c *Call) Reserve(n int64) error { return c.m.alloc(n) }

// ReserveString charges memory and work for a new string of n bytes, before it
// is built. It errs if n is beyond Limits.String.
func (c *Call) ReserveString(n int) error { return c.m.reserveString(int64(n)) }

// NewString is ReserveString and String in one, for strings that exist already.
func (c *Call) NewString(s string) (Value, error) { return c.m.NewString(s) }

// NewTable returns an empty table with room for array slots and hash entries.
func (c *Call) NewTable(array, hash int) (*Table, error) { return c.m.NewTable(array, hash) }

// Len returns a border of t as # does without metamethods, charged.
func (c *Call) Len(t *Table) (int, error) { return c.m.Len(t) }

// Errorf returns an error whose message begins with the place in the script from
// which the function was called, as luaL_error's does. The message is charged; if
// that trips a limit, the limit's error is returned instead.
func (c *Call) Errorf(format string, args ...any) error {
	v, err := c.m.join(c.m.where(c.th, 1), fmt.Sprintf(format, args...))
	if err != nil {
		return err
	}
	return &Error{Value: v, own: true}
}

// ErrorValue returns an error with v as its error object.
func (c *Call) ErrorValue(v Value) error { return &Error{Value: v, own: true} }

// ArgError returns C Lua's "bad argument" error for argument i (from 0), naming
// the function as its caller does.
func (c *Call) ArgError(i int, format string, args ...any) error {
	name, method := c.m.calledAs(c.th)
	msg := fmt.Sprintf(format, args...)
	if method {
		if i == 0 {
			return c.Errorf("calling '%s' on bad self (%s)", name, msg)
		}
		i--
	}
	return c.Errorf("bad argument #%d to '%s' (%s)", i+1, name, msg)
}

// TypeError is ArgError for an argument of the wrong type: want is a type's name.
func (c *Call) TypeError(i int, want string) error {
	got := "no value"
	if i < c.n {
		got = c.Arg(i).Kind().String()
	}
	return c.ArgError(i, "%s expected, got %s", want, got)
}

// CheckAny errs unless argument i was given.
func (c *Call) CheckAny(i int) error {
	if i >= c.n {
		return c.ArgError(i, "value expected")
	}
	return nil
}

// CheckNumber returns argument i as a number; strings that read as numbers count.
func (c *Call) CheckNumber(i int) (float64, error) {
	v := c.Arg(i)
	if f, ok := v.AsNumber(); ok {
		return f, nil
	}
	if s := v.str(); s != nil {
		f, ok, err := c.m.readNumber(s.s)
		if ok || err != nil {
			return f, err
		}
	}
	return 0, c.TypeError(i, "number")
}

// CheckInt returns argument i as an integer, its fraction cut off. A number
// outside int64, or NaN, becomes math.MinInt64, as C Lua on x86-64 has it; Go
// leaves that to the processor.
func (c *Call) CheckInt(i int) (int64, error) {
	f, err := c.CheckNumber(i)
	if err != nil {
		return 0, err
	}
	return ToInt64(f), nil
}

// OptInt is CheckInt with a default for an argument that is absent or nil.
func (c *Call) OptInt(i int, otherwise int64) (int64, error) {
	if c.Arg(i).IsNil() {
		return otherwise, nil
	}
	return c.CheckInt(i)
}

// OptNumber is CheckNumber with a default for an argument that is absent or nil.
func (c *Call) OptNumber(i int, otherwise float64) (float64, error) {
	if c.Arg(i).IsNil() {
		return otherwise, nil
	}
	return c.CheckNumber(i)
}

// ToInt64 cuts off f's fraction; what does not fit, and NaN, is math.MinInt64.
func ToInt64(f float64) int64 {
	if f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}

// CheckString returns argument i as a string; numbers are converted.
func (c *Call) CheckString(i int) (string, error) {
	v := c.Arg(i)
	if s := v.str(); s != nil {
		return s.s, nil
	}
	if f, ok := v.AsNumber(); ok {
		if err := c.Work(limits.NumberToString); err != nil {
			return "", err
		}
		if err := c.Reserve(limits.StringHeader); err != nil {
			return "", err
		}
		return FormatNumber(f), nil
	}
	return "", c.TypeError(i, "string")
}

// OptString is CheckString with a default for an argument that is absent or nil.
func (c *Call) OptString(i int, otherwise string) (string, error) {
	if c.Arg(i).IsNil() {
		return otherwise, nil
	}
	return c.CheckString(i)
}

// CheckTable returns argument i, which must be a table.
func (c *Call) CheckTable(i int) (*Table, error) {
	if t := c.Arg(i).AsTable(); t != nil {
		return t, nil
	}
	return nil, c.TypeError(i, "table")
}

// CheckFunction returns argument i, which must be a function.
func (c *Call) CheckFunction(i int) (Value, error) {
	if v := c.Arg(i); v.Kind() == KindFunction {
		return v, nil
	}
	return Value{}, c.TypeError(i, "function")
}
