package gopher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/luasandbox"
	lua "github.com/yuin/gopher-lua"
)

const (
	// maxValues is how many arguments and results one call has.
	maxValues = 200
	// registrySize and maxRegistrySize bound the stack of a state, in values;
	// callStack its frames. Calls nest a few frames for each call that goes through a
	// sandbox, of which there are a few.
	registrySize    = 1 << 10
	maxRegistrySize = 1 << 16
	callStack       = 200
	// stateBytes is what a new state takes, callBytes a call of a function in it.
	stateBytes = 48 << 10
	callBytes  = 512
)

// errBroken is the error of a state that a panic went through.
var errBroken = errors.New("gopher-lua panicked through a protected call: its state is lost")

// state is the gopher-lua state of one grant in one sandbox. It belongs to whoever the
// sandbox belongs to.
type state struct {
	k       *kit
	L       *lua.LState
	ctx     context.Context // of the host function in progress
	modules map[*loader]*lua.LTable
	locked  map[sync.Locker]bool // guards that the goroutine holds
	failure callbackFailure      // the last one in the call in progress
	broken  bool
}

// callbackFailure is how a Lua function, called by Go code, failed: the error that the
// sandbox returned, and the text that stands for it in the gopher-lua state.
type callbackFailure struct {
	err  error
	text string
}

func newState(k *kit) *state {
	return &state{
		k: k,
		L: lua.NewState(lua.Options{
			SkipOpenLibs: true, CallStackSize: callStack,
			RegistrySize: registrySize, RegistryMaxSize: maxRegistrySize, RegistryGrowStep: registrySize,
		}),
		modules: map[*loader]*lua.LTable{},
		locked:  map[sync.Locker]bool{},
	}
}

type stateKey struct{}

// state returns the state of the kit's grant in the sandbox that ctx belongs to.
func (k *kit) state(ctx context.Context) (*state, error) {
	made := false
	st, err := luasandbox.Local(ctx, stateKey{}, func() *state { made = true; return newState(k) })
	if err != nil {
		return nil, err
	}
	bytes := int64(callBytes)
	if made {
		bytes += stateBytes
	}
	return st, luasandbox.Charge(ctx, 0, bytes)
}

// caller returns a host function that calls what find finds.
func (k *kit) caller(name string, find func(st *state) (lua.LValue, error)) func(context.Context, ...any) (luasandbox.Results, error) {
	return func(ctx context.Context, args ...any) (luasandbox.Results, error) {
		st, err := k.state(ctx)
		if err != nil {
			return nil, err
		}
		defer st.enter(ctx)()
		fn, err := find(st)
		if err != nil {
			return nil, err
		}
		return st.call(name, fn, nil, args)
	}
}

// methodCaller returns a host function that calls a method of a userdata.
func (k *kit) methodCaller(method string) func(context.Context, *object, ...any) (luasandbox.Results, error) {
	return func(ctx context.Context, self *object, args ...any) (luasandbox.Results, error) {
		st, err := k.state(ctx)
		if err != nil {
			return nil, err
		}
		defer st.enter(ctx)()
		u, ok := self.value.(*lua.LUserData)
		if !ok {
			return nil, fmt.Errorf("a %T has no methods of a userdata", self.value)
		}
		// Through a function of the state's, since __index may be one that fails.
		found, err := st.invoke(st.function(func(L *lua.LState) int {
			L.Push(L.GetField(u, method))
			return 1
		}), nil)
		if err != nil {
			return nil, err
		}
		return st.call(method, found[0], u, args)
	}
}

// enter makes ctx the context that Go code asks the state for, until leave is called.
func (st *state) enter(ctx context.Context) (leave func()) {
	before := st.ctx
	st.ctx = ctx
	st.L.SetContext(ctx)
	return func() {
		st.ctx = before
		if before == nil {
			st.L.RemoveContext()
		} else {
			st.L.SetContext(before)
		}
	}
}

// function returns fn as a value of the state.
func (st *state) function(fn lua.LGFunction) lua.LValue { return st.L.NewFunction(fn) }

// module returns what a loader made in this state.
func (st *state) module(l *loader) (*lua.LTable, error) {
	if t := st.modules[l]; t != nil {
		return t, nil
	}
	var t *lua.LTable
	results, err := st.invoke(st.function(l.load), nil)
	if err == nil && len(results) > 0 {
		t, _ = results[0].(*lua.LTable)
	}
	if err == nil && t == nil {
		err = errors.New("the loader returned no table")
	}
	if err != nil {
		return nil, err
	}
	st.modules[l] = t
	return t, nil
}

// call calls fn, which the script knows as name, with self in front of the arguments if
// it is not nil, and copies both ways.
func (st *state) call(name string, fn, self lua.LValue, args []any) (luasandbox.Results, error) {
	if fn, ok := fn.(*lua.LFunction); !ok || !fn.IsG || madeByLuar(fn.GFunction) {
		return nil, errors.New("there is no function, or one that is not written in Go for gopher-lua")
	}
	if len(args) >= maxValues {
		return nil, luasandbox.Errorf("too many arguments (%d at most)", maxValues-1)
	}
	in, release, err := st.pushable(args)
	defer release()
	if err != nil {
		return nil, err
	}
	if self != nil {
		in = append([]lua.LValue{self}, in...)
	}
	out, err := st.invoke(fn, in)
	if err != nil {
		var message *raised
		if errors.As(err, &message) {
			message.function = name
		}
		return nil, err
	}
	return st.results(out)
}

// invoke calls fn in the state.
func (st *state) invoke(fn lua.LValue, args []lua.LValue) (results []lua.LValue, err error) {
	before := st.failure
	st.failure = callbackFailure{}
	defer func() { st.failure = before }()
	failed := st.protect(func(L *lua.LState) {
		top := L.GetTop()
		L.Push(fn)
		for _, a := range args {
			L.Push(a)
		}
		if err = L.PCall(len(args), lua.MultRet, nil); err != nil {
			return
		}
		n := L.GetTop() - top
		if n > maxValues {
			err = fmt.Errorf("%d results, of which there may be %d", n, maxValues)
		} else {
			for i := range n {
				results = append(results, L.Get(top+1+i))
			}
		}
		L.SetTop(top)
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, st.explain(err)
	}
	return results, nil
}

// protect calls f, which calls the state. Everything that can fail there is inside a
// protected call; should a panic come through all the same, nobody knows what the
// state's stacks look like, and it is not used any more.
func (st *state) protect(f func(L *lua.LState)) (err error) {
	if st.broken {
		return errBroken
	}
	defer func() {
		if p := recover(); p != nil {
			st.broken = true
			err = fmt.Errorf("%w: %v", errBroken, p)
		}
	}()
	f(st.L)
	return nil
}

// explain makes of an error of the state's one for the sandbox: a message that Go code
// raised is for the script, a panic is not, and the error of a callback is that.
func (st *state) explain(err error) error {
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return err
	}
	if api.Type != lua.ApiErrorRun {
		return fmt.Errorf("gopher-lua: %v", api.Object)
	}
	text, ok := api.Object.(lua.LString)
	if !ok {
		return &raised{text: fmt.Sprintf("(error object is a %s value)", api.Object.Type())}
	}
	if st.failure.err != nil && string(text) == st.failure.text {
		return st.failure.err
	}
	return &raised{text: strings.TrimSpace(string(text))}
}

// raised is an error that Go code raised in the state.
type raised struct {
	text     string
	function string // as the script knows it, if it is known
}

func (e *raised) Error() string { return e.LuaMessage() }

// LuaMessage is the text, with the name of the function where gopher-lua, which was not
// called by Lua code, knows of none.
func (e *raised) LuaMessage() string {
	const bad = "bad argument #"
	if e.function != "" && strings.HasPrefix(e.text, bad) {
		number, rest, ok := strings.Cut(e.text[len(bad):], " to ")
		if _, detail, found := strings.Cut(rest, " ("); ok && found {
			return bad + number + " to '" + e.function + "' (" + detail
		}
	}
	return e.text
}
