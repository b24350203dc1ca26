package gopher

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/luasandbox/modrunner/luasandbox"
	lua "github.com/yuin/gopher-lua"
)

// Part is one thing in a grant: made by [Func], [Exports], [Loader], [Userdata],
// [Object], [Type], [Typed] or [KeepCallbacks].
type Part interface {
	// declare tells k what types there are, before any function is looked at.
	declare(k *kit)
	// build returns the part's members.
	build(k *kit) []luasandbox.Member
}

// NewGrant returns a grant made of parts, which share one gopher-lua state in each
// sandbox. Name and doc are those of luasandbox.NewGrant, and so is the way in which
// mistakes are reported.
func NewGrant(name, doc string, parts ...Part) *luasandbox.Grant {
	k := &kit{userdata: map[string]*userdataType{}, types: map[reflect.Type]*objectType{}}
	k.opaque = luasandbox.NewHandleType[object]("userdata", "Something of the game's that has no methods.")
	for _, p := range parts {
		p.declare(k)
	}
	members := []luasandbox.Member{k.opaque}
	for _, p := range parts {
		members = append(members, p.build(k)...)
	}
	return luasandbox.NewGrant(name, doc, append(members, k.mistakes...)...)
}

// kit is what the parts of one grant know of each other. It is immutable once the
// grant is made.
type kit struct {
	userdata map[string]*userdataType // by the name of the metatable
	types    map[reflect.Type]*objectType
	opaque   *luasandbox.HandleType[object] // of everything that no type is declared for
	loaders  []*loader
	keep     bool // callbacks outlive the call that they are given to
	mistakes []luasandbox.Member
}

func (k *kit) mistake(name string, format string, args ...any) {
	k.mistakes = append(k.mistakes, luasandbox.Mistake(name, fmt.Errorf(format, args...)))
}

// object is what a handle stands for: a userdata of a gopher-lua state, or a Go
// pointer.
type object struct {
	k     *kit
	value any // *lua.LUserData, or a pointer to a struct
}

// HandleIdentity makes handles to one thing equal.
func (o *object) HandleIdentity() any { return o.value }

// Typed puts members of package luasandbox into the grant, beside the old ones: the
// way to replace them one by one.
func Typed(members ...luasandbox.Member) Part { return typed(members) }

type typed []luasandbox.Member

func (typed) declare(*kit)                     {}
func (t typed) build(*kit) []luasandbox.Member { return t }

// KeepCallbacks lets the grant's Go code call the Lua functions it is given after the
// call that it got them in. They are held, and count as the script's memory, until the
// sandbox is closed. Otherwise calling one later is an error.
func KeepCallbacks() Part { return keepCallbacks{} }

type keepCallbacks struct{}

func (keepCallbacks) declare(k *kit)                 { k.keep = true }
func (keepCallbacks) build(*kit) []luasandbox.Member { return nil }

// Func is a function written for gopher-lua. It takes any arguments, at most 200, and
// checks them itself. Of the options, Cost, Doc, Returns and Blocking are of use.
func Func(name string, fn lua.LGFunction, opts ...luasandbox.FuncOption) Part {
	return &exports{functions: map[string]lua.LGFunction{name: fn}, names: []string{name}, opts: opts}
}

// Exports are the named ones of a module's functions, as given to L.SetFuncs.
func Exports(functions map[string]lua.LGFunction, names ...string) Part {
	return &exports{functions: functions, names: names}
}

type exports struct {
	functions map[string]lua.LGFunction
	names     []string
	opts      []luasandbox.FuncOption
}

func (*exports) declare(*kit) {}

func (e *exports) build(k *kit) (members []luasandbox.Member) {
	for _, name := range e.names {
		fn := e.functions[name]
		switch {
		case fn == nil:
			k.mistake(name, "the module has no function of this name")
		case madeByLuar(fn):
			k.mistake(name, "the function was made by luar, which converts what it is given unchecked: declare the Go function with Typed(luasandbox.Func(…))")
		default:
			members = append(members, luasandbox.Func(name, k.caller(name, func(st *state) (lua.LValue, error) {
				return st.function(fn), nil
			}), e.opts...))
		}
	}
	return members
}

// Loader is a module as L.PreloadModule takes it: a function that returns a table. The
// named entries are granted: functions, and numbers, strings and booleans as constants.
// load runs once when the grant is declared, to see what there is, and once in each
// sandbox that calls one of the functions; always without libraries.
func Loader(load lua.LGFunction, names ...string) Part { return &loader{load: load, names: names} }

type loader struct {
	load  lua.LGFunction
	names []string
}

func (l *loader) declare(k *kit) {
	if l.load != nil {
		k.loaders = append(k.loaders, l)
	}
}

func (l *loader) build(k *kit) (members []luasandbox.Member) {
	if l.load == nil {
		k.mistake("", "a loader is nil")
		return nil
	}
	trial := newState(k)
	defer trial.L.Close()
	defer trial.enter(context.Background())()
	module, err := trial.module(l)
	if err != nil {
		k.mistake(strings.Join(l.names, " "), "the loader failed: %w", err)
		return nil
	}
	for _, name := range l.names {
		switch v := module.RawGetString(name).(type) {
		case *lua.LFunction:
			switch {
			case !v.IsG:
				k.mistake(name, "the function is written in Lua: load it into a sandbox")
			case madeByLuar(v.GFunction):
				k.mistake(name, "the function was made by luar, which converts what it is given unchecked: declare the Go function with Typed(luasandbox.Func(…))")
			default:
				members = append(members, luasandbox.Func(name, k.caller(name, func(st *state) (lua.LValue, error) {
					module, err := st.module(l)
					if err != nil {
						return nil, err
					}
					return module.RawGetString(name), nil
				})))
			}
		case lua.LNumber:
			members = append(members, luasandbox.Value(name, float64(v)))
		case lua.LString:
			members = append(members, luasandbox.Value(name, string(v)))
		case lua.LBool:
			members = append(members, luasandbox.Value(name, bool(v)))
		case *lua.LNilType:
			k.mistake(name, "the module has nothing of this name")
		default:
			k.mistake(name, "the module has a %s of this name: want a function, number, string or boolean", v.Type())
		}
	}
	return members
}

// madeByLuar reports whether fn is what luar makes of a Go function.
func madeByLuar(fn lua.LGFunction) bool {
	f := runtime.FuncForPC(reflect.ValueOf(fn).Pointer())
	return f != nil && strings.HasPrefix(f.Name(), "layeh.com/gopher-luar.")
}

// Userdata names the methods of a type of userdata, which the Go code registers with
// L.NewTypeMetatable(name) and fills the __index of. They are looked up when they are
// called. Scripts see name in tostring and in messages.
func Userdata(name string, methods ...string) Part {
	return &userdataType{name: name, methods: methods}
}

type userdataType struct {
	name    string
	methods []string
	handle  *luasandbox.HandleType[object]
}

func (u *userdataType) declare(k *kit) {
	if k.userdata[u.name] != nil {
		k.mistake(u.name, "two types of userdata have this name")
	}
	k.userdata[u.name] = u
	var members []luasandbox.Member
	for _, method := range u.methods {
		members = append(members, luasandbox.Func(method, k.methodCaller(method)))
	}
	u.handle = luasandbox.NewHandleType[object](u.name, "", members...)
}

func (u *userdataType) build(*kit) []luasandbox.Member { return []luasandbox.Member{u.handle} }
