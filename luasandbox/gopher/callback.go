package gopher

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/luasandbox/modrunner/luasandbox"
	lua "github.com/yuin/gopher-lua"
)

// errOver is the error of a callback that is called after the call it was given to.
var errOver = errors.New("the call that the function was given to is over: declare KeepCallbacks to call it later")

// callback is a Lua function in Go code's hands.
type callback struct {
	st   *state
	fn   *luasandbox.Function
	ctx  context.Context
	done atomic.Bool // the call is over
}

func (st *state) newCallback(fn *luasandbox.Function) *callback {
	if st.k.keep {
		_ = fn.Keep() // never released: the sandbox's end is its end
	}
	return &callback{st: st, fn: fn, ctx: st.ctx}
}

func (cb *callback) over() { cb.done.Store(true) }

// context returns the context to call the function with now.
func (cb *callback) context() (context.Context, error) {
	switch {
	case !cb.done.Load():
		return cb.ctx, nil
	case cb.st.k.keep:
		return context.Background(), nil
	}
	return nil, errOver
}

// call calls the function with the arguments of a gopher-lua function.
func (cb *callback) call(L *lua.LState) ([]lua.LValue, error) {
	ctx, err := cb.context()
	if err != nil {
		return nil, err
	}
	n := L.GetTop()
	if n > maxValues {
		return nil, errors.New("too many arguments for a callback")
	}
	values := make([]lua.LValue, n)
	for i := range values {
		values[i] = L.Get(i + 1)
	}
	args, err := cb.st.results(values)
	if err != nil {
		return nil, err
	}
	out, err := cb.fn.Call(ctx, args...)
	if err != nil {
		return nil, err
	}
	if len(out) > maxValues {
		return nil, errors.New("too many results of a callback")
	}
	if releaseFunctions([]any(out)) {
		return nil, luasandbox.Errorf("a callback of the game's returned a function")
	}
	results, _, err := cb.st.pushable(out)
	return results, err
}

// releaseFunctions lets go of the functions in v, which came out of a sandbox, and
// reports whether there were any.
func releaseFunctions(v any) (found bool) {
	switch v := v.(type) {
	case *luasandbox.Function:
		v.Release()
		return true
	case []any:
		for _, x := range v {
			found = releaseFunctions(x) || found
		}
	case map[string]any:
		for _, x := range v {
			found = releaseFunctions(x) || found
		}
	case map[any]any:
		for _, x := range v {
			found = releaseFunctions(x) || found
		}
	}
	return found
}

// unwinding is the value of the panic by which the failure of a callback leaves a Go
// function that has no error to return it in, as luar does.
type unwinding struct{ err error }

// goFunc returns the function as a Go function of type t.
func (cb *callback) goFunc(t reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		out := make([]reflect.Value, t.NumOut())
		for i := range out {
			out[i] = reflect.New(t.Out(i)).Elem()
		}
		n := len(out)
		fails := n > 0 && t.Out(n-1) == errorType
		if fails {
			n--
		}
		err := cb.callGo(t, in, out[:n])
		switch {
		case err == nil:
		case fails:
			out[n].Set(reflect.ValueOf(&err).Elem())
		case !cb.done.Load() && insideMethod():
			panic(unwinding{err})
		}
		// Elsewhere, on a goroutine of the host's own, a panic would be the end of the
		// process: the function returns zero values.
		return out
	})
}

// callGo calls the function with Go values.
func (cb *callback) callGo(t reflect.Type, in, out []reflect.Value) error {
	ctx, err := cb.context()
	if err != nil {
		return err
	}
	if t.IsVariadic() {
		last := in[len(in)-1]
		in = slices.Clone(in[:len(in)-1])
		for i := range last.Len() {
			in = append(in, last.Index(i))
		}
	}
	args := make([]any, len(in))
	for i, v := range in {
		args[i] = cb.st.k.give(v)
	}
	results, err := cb.fn.Call(ctx, args...)
	if err != nil {
		return err
	}
	if releaseFunctions([]any(results)) {
		return luasandbox.Errorf("a callback of the game's returned a function")
	}
	for i := range out {
		var v any
		if i < len(results) {
			v = results[i]
		}
		if o, ok := v.(*object); ok && reflect.TypeOf(o.value) == out[i].Type() {
			out[i].Set(reflect.ValueOf(o.value))
			continue
		}
		if err := (luasandbox.Results{v}).Scan(out[i].Addr().Interface()); err != nil {
			return luasandbox.Errorf("callback: %w", err)
		}
	}
	return nil
}

// insideMethod reports whether the running goroutine is in a method call of ours,
// which recovers from unwinding.
func insideMethod() bool {
	pcs := make([]uintptr, 1024)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "gopher.(*binding).recovering") {
			return true
		}
		if !more {
			return false
		}
	}
}
