package luasandbox

import (
	"context"
	"errors"
	"reflect"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// ErrNotCalled is the error of [Charge], [Local] and [Revoke] with a context that is
// not that of a host function which is being executed.
var ErrNotCalled = errors.New("context is not that of a host function that is being executed")

// bindings is what one sandbox keeps for its host functions.
type bindings struct {
	s        *Sandbox
	contexts []hostedContext // of the calls in progress, the innermost last
	running  *function       // being executed, nil if it is Lua that runs
	nested   nestedError     // of calls that running made into the sandbox
	waiting  *Pending        // what the run that stopped last waits for
	turn     bool            // functions of the host may be called where the machine runs now
	watched  observation     // of the call that Config.Observe is told of
	passed   []vm.Value      // the arguments of the calls in progress that it will be told of
	cause    error           // what a function of the host failed of, as the host knows it

	held       *heldFunctions
	metatables map[*handleType]*vm.Table
	listed     []*vm.Table                    // the same, in order of their making
	types      map[reflect.Type][]*handleType // by pointer type
	handles    map[handleKey]int              // object -> key in alive
	alive      *vm.Table                      // weak: key -> handle
	lastHandle int
	building   []vm.Value // made by conversions in progress
	locals     map[localKey]any
}

// hostedContext is the context of a call, and the same with the sandbox in it.
type hostedContext struct {
	outer context.Context
	inner context.Context // made when it is first asked for
}

type sandboxKey struct{}

type localKey struct {
	grant *Grant
	key   any
}

// nestedError is how the last nested call of a host function failed.
type nestedError struct {
	fatal  error        // ends the outer call as well
	raised *vm.Error    // the script's error,
	shown  *ScriptError // as the host saw it
}

// open begins. The machine must exist. Most sandboxes have no handle and hold no
// function: what is kept for those is made when it is first needed.
func (b *bindings) open(s *Sandbox) {
	*b = bindings{s: s}
	s.m.AddRoot(b)
}

// Trace counts what is not reachable from the script.
func (b *bindings) Trace(w *vm.Walk) {
	// The last walk took handles out of alive that nobody had any more.
	for key, n := range b.handles {
		if b.alive.GetInt(n).IsNil() {
			delete(b.handles, key)
		}
	}
	if b.alive != nil {
		w.Value(b.alive.Value())
	}
	w.Values(b.building)
	for _, mt := range b.listed {
		w.Value(mt.Value())
	}
	if b.nested.raised != nil {
		w.Value(b.nested.raised.Value)
	}
	if b.held != nil {
		b.held.Trace(w)
	}
}

// begin says that the machine is about to run for a call with context ctx; end that
// it has stopped.
func (b *bindings) begin(ctx context.Context) {
	b.contexts = append(b.contexts, hostedContext{outer: ctx})
	b.waiting = nil
}

func (b *bindings) end() {
	n := len(b.contexts) - 1
	b.contexts[n] = hostedContext{}
	b.contexts = b.contexts[:n]
}

// context returns the context of the innermost call, with the sandbox in it.
func (b *bindings) context() context.Context {
	if len(b.contexts) == 0 {
		return context.Background()
	}
	h := &b.contexts[len(b.contexts)-1]
	if h.inner == nil {
		h.inner = context.WithValue(h.outer, sandboxKey{}, b.s)
	}
	return h.inner
}

// execute says that f is about to be executed. What it returns is to be called when
// f has returned, and tells how the last nested call failed.
func (b *bindings) execute(f *function) (leave func() nestedError) {
	running, nested := b.running, b.nested
	b.running, b.nested = f, nestedError{}
	return func() nestedError {
		result := b.nested
		b.running, b.nested = running, nested
		return result
	}
}

// nestedFailed notes the error of a nested call, raw as the machine gave it and
// public as the host gets it, and returns the latter.
func (b *bindings) nestedFailed(raw, public error) error {
	b.nested.raised, b.nested.shown = nil, nil
	if isFatal(raw) {
		b.nested.fatal = raw
		return public
	}
	if e, ok := raw.(*vm.Error); ok {
		b.nested.raised = e
		b.nested.shown, _ = public.(*ScriptError)
	}
	return public
}

// takeWaiting returns what the run waits for that stopped as Waiting.
func (b *bindings) takeWaiting() *Pending {
	p := b.waiting
	b.waiting = nil
	return p
}

// inside calls f with the bindings of the sandbox that is executing the host
// function whose context ctx is.
func inside(ctx context.Context, f func(b *bindings) error) error {
	if ctx == nil {
		return ErrNotCalled
	}
	s, _ := ctx.Value(sandboxKey{}).(*Sandbox)
	if s == nil {
		return ErrNotCalled
	}
	h := s.hostCallOf(ctx)
	if h == nil || !h.mu.TryLock() {
		return ErrNotCalled
	}
	defer h.mu.Unlock()
	if h.over {
		return ErrNotCalled
	}
	return f(&s.host)
}

// Charge charges the running call, before the work is done, for work whose size a
// host function finds out only as it goes: in instructions, and in bytes of memory
// that are garbage when it returns; neither may be negative. A host function that gets a [*limits.Error]
// stops and returns it: the call is over. With a context that is not a running host
// function's Charge returns [ErrNotCalled].
func Charge(ctx context.Context, instructions, bytes int64) error {
	return inside(ctx, func(b *bindings) error {
		if instructions < 0 || bytes < 0 {
			instructions = limits.Unlimited // a mistake can stop a script, but not free it
		}
		err := b.s.m.Work(instructions)
		if err == nil && bytes != 0 {
			err = b.s.m.Reserve(bytes)
		}
		if err == nil {
			return nil
		}
		b.nested.fatal = err
		return b.s.public(err)
	})
}

// Local returns what the host functions of a grant keep under key for the sandbox
// whose call ctx belongs to, made by make when it is first asked for. It is dropped
// when the sandbox is closed. With a context that is not a running host function's
// it returns [ErrNotCalled].
func Local[T any](ctx context.Context, key any, make func() T) (T, error) {
	var v T
	err := inside(ctx, func(b *bindings) error {
		k := localKey{b.running.grant, key}
		if kept, ok := b.locals[k].(T); ok {
			v = kept
			return nil
		}
		v = make()
		b.keep(k, v)
		return nil
	})
	return v, err
}

func (b *bindings) keep(k localKey, v any) {
	if b.locals == nil {
		b.locals = map[localKey]any{}
	}
	b.locals[k] = v
}
