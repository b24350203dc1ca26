package luasandbox

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Load runs a program's main chunk to its end, with the sandbox's globals. args
// are its "..."; without any, Config.Args are. Programs loaded one after the other
// share the globals.
//
// The errors are those of [Sandbox.Call], but for *PathError.
func (s *Sandbox) Load(ctx context.Context, p *Program, args ...any) (Results, error) {
	return s.call(ctx, target{kind: main, program: p}, args)
}

// LoadText is [Sandbox.Load] for people: it returns the results as tostring shows
// them, their __tostring metamethods included. The text is the script's: escape it
// before showing it.
func (s *Sandbox) LoadText(ctx context.Context, p *Program, args ...any) ([]string, error) {
	results, err := s.call(ctx, target{kind: text, program: p}, args)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(results))
	for i, r := range results {
		out[i], _ = r.(string)
	}
	return out, nil
}

// LoadFields is [Sandbox.Load] for a program that returns a table of functions,
// such as a mod's hooks: a table that is its first result comes back as a
// map[string]any of its fields with string keys, a function as a *[Function] and
// anything else as the name of its type. What lies deeper is not looked at, so the
// table may be large, or refer to itself as a class does. Of more than 1,000
// fields, the first in the table's order count. A table without any field that has
// a name comes back as the string "table". Further results are dropped.
func (s *Sandbox) LoadFields(ctx context.Context, p *Program, args ...any) (Results, error) {
	return s.call(ctx, target{kind: fieldsOf, program: p}, args)
}

// Call calls the global function at path and runs it to its end. A path such as
// "hooks.tick" goes through tables; no metamethod is consulted on the way. What is
// there must be a function or have a __call metamethod. args become Lua values, the
// results Go values.
//
// Where a host function answers later, Call waits for it, no longer than ctx and
// Limits.Time allow; a [Task] would not block.
//
// From inside a host function, with the context that it was given, Call is part of
// the call that is running: it is charged to it, and is not recorded as a call of
// its own. With any other context it gets [ErrBusy].
//
// The errors: [*PathError] and [*ArgumentError], where nothing was run;
// [*ScriptError]; [*ResultError] for a result that cannot be a Go value;
// [*limits.Error], which matches context.DeadlineExceeded if the
// time, or ctx's deadline, was over; [*limits.CancelledError], which matches
// context.Canceled; [ErrBusy]; [ErrClosed]; [ErrWaits]; [*InternalError].
func (s *Sandbox) Call(ctx context.Context, path string, args ...any) (Results, error) {
	return s.call(ctx, target{kind: global, path: path}, args)
}

// CallFunction is [Sandbox.Call] for a function that the host was given.
func (s *Sandbox) CallFunction(ctx context.Context, fn *Function, args ...any) (Results, error) {
	return s.call(ctx, target{kind: kept, function: fn}, args)
}

func (s *Sandbox) call(ctx context.Context, at target, args []any) (results Results, err error) {
	if h := s.hostCallOf(ctx); h != nil {
		if !h.mu.TryLock() {
			return nil, ErrBusy
		}
		defer h.mu.Unlock()
		if !h.over {
			return s.callNested(ctx, at, args)
		}
	}
	err = s.alone(func() error {
		t, err := s.prepare(ctx, at, args)
		if err == nil {
			results, err = t.toEnd()
			*t = Task{}
			s.rested = t
		}
		return err
	})
	return results, err
}

// callNested is a call from inside a host function.
func (s *Sandbox) callNested(ctx context.Context, at target, args []any) (Results, error) {
	if f := s.host.running; f != nil && f.anywhere {
		return nil, errCallsBack
	}
	e := encoding{s: s, m: s.m, left: maxElements}
	defer e.end(len(s.host.building))
	err := s.m.Reserve(limits.CallbackBytes)
	var values []vm.Value
	if err == nil {
		values, err = s.callee(&e, at, args)
	}
	if err != nil {
		return nil, s.host.nestedFailed(err, s.public(err))
	}
	s.host.begin(ctx)
	defer s.host.end()
	_, err = s.m.Call(ctx, s.entry.Value(), values...)
	s.putRoom(values)
	if err != nil {
		return nil, s.host.nestedFailed(err, s.public(err))
	}
	return s.take()
}

// maxRoom is how many values there is room kept for.
const maxRoom = 16

// takeRoom returns room for n values, which putRoom gives back when they are copied.
func (s *Sandbox) takeRoom(n int) []vm.Value {
	room := s.room
	if s.room = nil; cap(room) < n {
		room = make([]vm.Value, 0, n)
	}
	return room[:0]
}

func (s *Sandbox) putRoom(values []vm.Value) {
	if cap(values) <= maxRoom {
		clear(values)
		s.room = values
	}
}

// hostCall is one execution of a host function that was given a context: while it
// lasts, and no longer, calls with that context are part of the running call.
type hostCall struct {
	mu   sync.Mutex // held by a nested call
	over bool
}

type hostCallKey struct{ s *Sandbox }

// hostContext returns the context, derived from the running call's ctx, for a host
// function that is about to be called; and a function to be called when it has
// returned, before anything else is done with the machine: should the host function
// have left a goroutine behind that is calling into the sandbox, that waits for it.
func (s *Sandbox) hostContext(ctx context.Context) (inner context.Context, returned func()) {
	s.m.Total() // gives borrowed instructions back to a shared budget
	s.m.Share() // and tells it of the memory
	h := &hostCall{}
	return context.WithValue(ctx, hostCallKey{s}, h), func() {
		h.mu.Lock()
		h.over = true
		h.mu.Unlock()
		s.m.Share()
	}
}

func (s *Sandbox) hostCallOf(ctx context.Context) *hostCall {
	if ctx == nil {
		return nil
	}
	h, _ := ctx.Value(hostCallKey{s}).(*hostCall)
	return h
}

// target is what a call calls.
type target struct {
	kind     targetKind
	path     string
	function *Function
	program  *Program
}

type targetKind uint8

const (
	global   targetKind = iota // the function at path
	kept                       // function
	main                       // the main chunk of program
	text                       // the same, its results as tostring shows them
	fieldsOf                   // the same, its first result as a table of functions
)

// name is how the call is called in the report.
func (t target) name() string {
	switch {
	case t.program != nil:
		return t.program.name
	case t.kind == global:
		return t.path
	}
	return "(function)"
}

// callee finds what to call and converts the arguments: what is returned are the
// arguments of the entry function. They are among the roots until e ends.
func (s *Sandbox) callee(e *encoding, at target, args []any) (values []vm.Value, err error) {
	var fn vm.Value
	switch at.kind {
	case global:
		fn, err = s.find(at.path)
	case kept:
		switch {
		case at.function == nil:
			err = errNoFunction
		case at.function.s != s:
			err = errOtherFunction
		default:
			fn, err = at.function.value()
		}
	default:
		if at.program == nil {
			return nil, errNoProgram
		}
		if fn, err = s.load(at.program); err == nil && len(args) == 0 && s.cfg.Args != nil {
			args, err = s.programArgs(at.program)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(args) > maxElements {
		return nil, &ArgumentError{Function: at.name(), Index: maxElements + 1, Err: errors.New("too many arguments")}
	}
	e.made(fn)
	values = s.takeRoom(3 + len(args))
	switch at.kind {
	case text:
		values = append(values, asText.Value(), fn, s.tostring.Value())
	case fieldsOf:
		values = append(values, asFields.Value(), fn)
	default:
		values = append(values, fn)
	}
	for i, a := range args {
		v, err := e.any(a)
		if err != nil {
			var limit *limits.Error
			if errors.As(err, &limit) {
				return nil, limit
			}
			return nil, &ArgumentError{Function: at.name(), Index: i + 1, Err: err}
		}
		e.made(v)
		values = append(values, v)
	}
	return values, nil
}

var (
	errNoFunction    = &ArgumentError{Function: "CallFunction", Index: 2, Err: errors.New("the *Function is nil")}
	errOtherFunction = &ArgumentError{Function: "CallFunction", Index: 2, Err: errors.New("the function is another sandbox's")}
	errNoProgram     = &ArgumentError{Function: "Load", Index: 2, Err: errors.New("the *Program is nil")}
)

func (s *Sandbox) load(p *Program) (vm.Value, error) {
	cl, err := s.m.Load(p.code, s.m.Globals())
	if err != nil {
		return vm.Nil, err
	}
	return cl.Value(), nil
}

// programArgs makes the global table arg of Config.Args and returns them.
func (s *Sandbox) programArgs(p *Program) ([]any, error) {
	m := s.m
	arg, err := m.NewTable(len(s.cfg.Args), 1)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(s.cfg.Args))
	for i, a := range append([]string{p.name}, s.cfg.Args...) {
		v, err := m.NewString(a)
		if err != nil {
			return nil, err
		}
		if err := m.SetInt(arg, i, v); err != nil {
			return nil, err
		}
		if i > 0 {
			out[i-1] = a
		}
	}
	return out, m.SetString(m.Globals(), "arg", arg.Value())
}

// find returns the callable value at a path of globals.
func (s *Sandbox) find(path string) (vm.Value, error) {
	const want = "a function"
	v, err := s.look(path)
	if err != nil {
		return vm.Nil, err
	}
	if v.Kind() != vm.KindFunction {
		if mt := s.m.Metatable(v); mt == nil || mt.GetString("__call").IsNil() {
			return vm.Nil, &PathError{Path: path, At: path, Found: v.Kind().String(), Want: want}
		}
	}
	return v, nil
}

// look returns the value at a path of globals, nil if nothing is there.
func (s *Sandbox) look(path string) (vm.Value, error) {
	at := s.m.Globals()
	for rest, from := path, 0; ; {
		name, more, dotted := strings.Cut(rest, ".")
		if name == "" {
			return vm.Nil, &PathError{Path: path, Want: "names joined by dots"}
		}
		v := at.GetString(name)
		if !dotted {
			return v, nil
		}
		from += len(name)
		if at = v.AsTable(); at == nil {
			if v.IsNil() {
				return vm.Nil, nil
			}
			return vm.Nil, &PathError{Path: path, At: path[:from], Found: v.Kind().String(), Want: "a table"}
		}
		from++
		rest = more
	}
}

// Global returns the value at a path of globals, which goes through tables as in
// [Sandbox.Call]; nil for what is not there. Copying it is charged and limited like a
// call.
//
// The errors: [*PathError] if the path is malformed or leads through a value that
// is not a table; [*ResultError] if the value cannot be a Go value; [*limits.Error]; [ErrBusy], also from inside a host function; [ErrClosed];
// [*InternalError].
func (s *Sandbox) Global(path string) (v any, err error) {
	err = s.alone(func() error {
		lv, err := s.look(path)
		if err != nil {
			return err
		}
		if _, err := s.m.Call(context.Background(), s.entry.Value(), asIs.Value(), lv); err != nil {
			return s.public(err)
		}
		out, err := s.take()
		if err == nil {
			v = out[0]
		}
		return err
	})
	return v, err
}

// asIs returns its arguments.
var asIs = vm.NewNative("", func(c *vm.Call) error { return c.Return(c.Args()...) })

// SetGlobal gives the global variable name, which may contain any bytes, the value
// v; nil removes it.
//
// The errors: [*ArgumentError] if v cannot be a Lua value; [*limits.Error];
// [ErrBusy], also from inside a host function; [ErrClosed]; [*InternalError].
func (s *Sandbox) SetGlobal(name string, v any) error {
	return s.alone(func() error {
		e := encoding{s: s, m: s.m, left: maxElements}
		defer e.end(len(s.host.building))
		lv, err := e.any(v)
		if err == nil {
			e.made(lv)
			err = s.m.SetString(s.m.Globals(), name, lv)
		}
		var limit *limits.Error
		if err == nil || errors.As(err, &limit) {
			return s.public(err)
		}
		return &ArgumentError{Function: "SetGlobal", Index: 2, Err: err}
	})
}
