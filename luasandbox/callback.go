package luasandbox

import (
	"context"
	"errors"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// ErrReleased is the error of using a [Function] that was released.
var ErrReleased = errors.New("function was released")

// Function is a Lua function in the host's hands: an argument of a host function, a
// result of a call, or part of one. For one Lua function there is one *Function in a
// sandbox, as long as the host holds it.
//
// It is held, and counts as the script's memory, until it is released as often as
// the host was given it. A function that was given to a host function inside a value
// of type any is released when that returns, unless it calls Keep.
//
// Its methods may be called from any goroutine.
type Function struct {
	s     *Sandbox
	v     vm.Value
	held  *heldFunctions
	at    int // in held.list
	count int // guarded by held.mu; 0: released
}

// heldBytes is what a held function counts as beside the Lua function itself.
const heldBytes = 128

// heldGarbage is what the lists that it stands in leave behind as they grow.
const heldGarbage = 96

// heldFunctions are the functions of one sandbox that the host holds.
type heldFunctions struct {
	mu   sync.Mutex
	m    map[vm.Value]*Function
	list []*Function // the same, in an order that is the same on every run
}

func (h *heldFunctions) Trace(w *vm.Walk) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.list {
		w.Value(f.v)
	}
	w.Bytes(int64(len(h.m)) * heldBytes)
}

// hold returns the *Function of v, a function, held once more.
func (s *Sandbox) hold(v vm.Value) (*Function, error) {
	if err := s.m.Work(limits.HashLookup); err != nil {
		return nil, err
	}
	h := s.host.held
	if h == nil {
		h = &heldFunctions{m: map[vm.Value]*Function{}}
		s.host.held = h
	}
	h.mu.Lock()
	f := h.m[v]
	if f != nil {
		f.count++
	}
	h.mu.Unlock()
	if f != nil {
		return f, nil
	}
	// Not under the lock: this may take a census. Only the sandbox's owner adds
	// functions, so none is added meanwhile.
	if err := s.m.Work(limits.AllocObject + limits.TableRehash); err != nil {
		return nil, err
	}
	if err := s.m.Reserve(heldBytes + heldGarbage); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f = &Function{s: s, v: v, held: h, at: len(h.list), count: 1}
	h.m[v] = f
	h.list = append(h.list, f)
	return f, nil
}

// Call calls the function and runs it to its end, as [Sandbox.CallFunction] does:
// within the limits of one call, or, inside a host function and with the context
// that it was given, as part of the call that is running. The errors are those of
// [Sandbox.Call], and [ErrReleased].
func (f *Function) Call(ctx context.Context, args ...any) (Results, error) {
	return f.s.CallFunction(ctx, f, args...)
}

// Keep holds the function once more.
func (f *Function) Keep() error {
	f.held.mu.Lock()
	defer f.held.mu.Unlock()
	if f.count == 0 {
		return ErrReleased
	}
	f.count++
	return nil
}

// Release undoes one holding. After the last the function cannot be called any more.
func (f *Function) Release() {
	f.held.mu.Lock()
	defer f.held.mu.Unlock()
	if f.count == 0 {
		return
	}
	if f.count--; f.count == 0 {
		h := f.held
		delete(h.m, f.v)
		last := len(h.list) - 1
		h.list[f.at] = h.list[last]
		h.list[f.at].at = f.at
		h.list[last] = nil
		h.list = h.list[:last]
		f.v = vm.Nil
	}
}

// value returns the Lua function.
func (f *Function) value() (vm.Value, error) {
	if f == nil {
		return vm.Nil, ErrReleased
	}
	f.held.mu.Lock()
	defer f.held.mu.Unlock()
	if f.count == 0 {
		return vm.Nil, ErrReleased
	}
	return f.v, nil
}
