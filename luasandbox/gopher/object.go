package gopher

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/luasandbox"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// ObjectPart is one thing that scripts may do with an object: made by [Field] and
// [Method]; or how it is done: [Guard].
type ObjectPart func(t *objectType)

// Access is what scripts may do with a field.
type Access uint8

// The ways to access a field.
const (
	Read Access = 1 << iota
	Write
)

// Field lets scripts read or write a field, by the name that luar has for it: the Go
// name, the Go name with a small first letter, or the one in a luar tag. It must be
// the struct's own, not one of an embedded struct. What is read is a copy (a table is
// read-only, so that h.M.x = 1 is an error), what is written is checked and copied: booleans, numbers, strings, slices, arrays, maps,
// structs with lua tags, as in package luasandbox; pointers to structs as handles.
// Channels and functions cannot be such fields. A field that holds a map needs a
// [Guard].
func Field(name string, access Access) ObjectPart {
	return func(t *objectType) { t.field(name, access) }
}

// Method lets scripts call a method, by the name that luar has for it: the Go name, or
// that with a small first letter. Parameters and results are checked and copied as
// those of luasandbox.Func; a parameter that is a Go function takes a Lua function;
// pointers to structs are handles. A method of type func(*luar.LState) int works as in
// luar, with any arguments. An error as the last result is an error in Lua, and not a
// second result as in luar.
func Method(name string, opts ...luasandbox.FuncOption) ObjectPart {
	return func(t *objectType) { t.method(name, opts) }
}

// Guard is a lock that is held while a field of the object is read or written, and
// while one of its methods runs and its results are copied: what makes it safe for
// other goroutines, other sandboxes included, to use the object at the same time. The
// methods must not take it themselves. [Unshared] says that no other goroutine uses
// the object.
func Guard(l sync.Locker) ObjectPart {
	return func(t *objectType) {
		if t.guard = l; l == nil {
			t.mistake("", errors.New("the guard is nil"))
		}
	}
}

// Unshared is the [Guard] of objects that no other goroutine uses.
var Unshared sync.Locker = unshared{}

type unshared struct{}

func (unshared) Lock()   {}
func (unshared) Unlock() {}

// Object is a live Go object, a pointer to a struct, under a name. Scripts hold an
// opaque handle to it, on which the parts exist and nothing else does. Without parts,
// the [Type] of it in the same grant says what there is.
func Object(name string, pointer any, parts ...ObjectPart) Part {
	return &objectPart{name: name, pointer: pointer, parts: parts}
}

type objectPart struct {
	name    string
	pointer any
	parts   []ObjectPart
	typ     *typePart
}

func (o *objectPart) declare(k *kit) {
	if !pointsToStruct(reflect.TypeOf(o.pointer)) || reflect.ValueOf(o.pointer).IsNil() {
		k.mistake(o.name, "want a pointer to a struct, got %T", o.pointer)
		o.pointer = nil
		return
	}
	if len(o.parts) > 0 {
		name := reflect.TypeOf(o.pointer).Elem().Name()
		if name == "" {
			name = o.name
		}
		o.typ = &typePart{name: name, sample: o.pointer, parts: o.parts}
		o.typ.declare(k)
	}
}

func (o *objectPart) build(k *kit) (members []luasandbox.Member) {
	if o.pointer == nil {
		return nil
	}
	if o.typ != nil {
		members = o.typ.build(k)
	}
	t := k.types[reflect.TypeOf(o.pointer)]
	if t == nil {
		k.mistake(o.name, "no parts are named, here or by a Type for %T in this grant", o.pointer)
		return members
	}
	return append(members, luasandbox.Value(o.name, t.handle.Handle(&object{k, o.pointer})))
}

// Type says what scripts may do with objects of the type of sample, a pointer to a
// struct, which may be nil: those that methods take and return, and those that Go code
// hands out as luar's userdata. name is what scripts see of the type.
func Type(name string, sample any, parts ...ObjectPart) Part {
	return &typePart{name: name, sample: sample, parts: parts}
}

type typePart struct {
	name   string
	sample any
	parts  []ObjectPart
	t      *objectType
}

func (p *typePart) declare(k *kit) {
	t := reflect.TypeOf(p.sample)
	switch {
	case !pointsToStruct(t):
		k.mistake(p.name, "want a pointer to a struct, got %T", p.sample)
		return
	case k.types[t] != nil:
		k.mistake(p.name, "%s is declared twice", t)
		return
	}
	p.t = &objectType{k: k, name: p.name, goType: t}
	for _, part := range p.parts {
		part(p.t)
	}
	var members []luasandbox.Member
	for _, build := range p.t.build {
		members = append(members, build())
	}
	p.t.handle = luasandbox.NewHandleType[object](p.name, "", members...)
	k.types[t] = p.t
}

func (p *typePart) build(*kit) []luasandbox.Member {
	if p.t == nil {
		return nil
	}
	return []luasandbox.Member{p.t.handle}
}

func pointsToStruct(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

// objectType is a type of Go objects.
type objectType struct {
	k      *kit
	name   string
	goType reflect.Type // a pointer to a struct
	guard  sync.Locker
	build  []func() luasandbox.Member // called when all parts have been heard
	handle *luasandbox.HandleType[object]
}

func (t *objectType) mistake(member string, err error) {
	if member != "" {
		member = "." + member
	}
	t.k.mistake(t.name+member, "%w", err)
}

var (
	contextType  = reflect.TypeFor[context.Context]()
	errorType    = reflect.TypeFor[error]()
	objectGoType = reflect.TypeFor[*object]()
	handleGoType = reflect.TypeFor[luasandbox.Handle]()
	functionType = reflect.TypeFor[*luasandbox.Function]()
	anyType      = reflect.TypeFor[any]()
	luarFuncType = reflect.TypeFor[func(*luar.LState) int]()
)

// field declares the field of a luar name.
func (t *objectType) field(name string, access Access) {
	f, ok := findField(t.goType.Elem(), name)
	switch {
	case !ok:
		t.mistake(name, errors.New("luar knows no such field of the struct's own"))
		return
	case access == 0 || access&^(Read|Write) != 0:
		t.mistake(name, errors.New("want Read, Write or both"))
		return
	case access == Write:
		t.mistake(name, errors.New("a field that can be written can be read: want Read|Write"))
		return
	}
	t.build = append(t.build, func() luasandbox.Member {
		if err := t.admits(f.Type); err != nil {
			t.mistake(name, err)
			return luasandbox.Members()
		}
		get := &binding{t: t, name: name, property: true, out: []reflect.Type{f.Type},
			call: func(self reflect.Value, _ []reflect.Value) []reflect.Value {
				return []reflect.Value{self.Elem().FieldByIndex(f.Index)}
			}}
		if access&Write == 0 {
			return luasandbox.Property(name, get.adapt(), nil)
		}
		set := &binding{t: t, name: name, property: true, in: []reflect.Type{f.Type},
			call: func(self reflect.Value, in []reflect.Value) []reflect.Value {
				self.Elem().FieldByIndex(f.Index).Set(in[0])
				return nil
			}}
		return luasandbox.Property(name, get.adapt(), set.adapt())
	})
}

// findField finds a field by a luar name, among the struct's own.
func findField(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Anonymous {
			continue
		}
		tag := f.Tag.Get("luar")
		if tag == name && tag != "-" || tag == "" && (f.Name == name || smallFirst(f.Name) == name) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func smallFirst(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

// method declares the method of a luar name.
func (t *objectType) method(name string, opts []luasandbox.FuncOption) {
	var m reflect.Method
	found := false
	for i := range t.goType.NumMethod() {
		if c := t.goType.Method(i); c.Name == name || !found && smallFirst(c.Name) == name {
			m, found = c, true
		}
	}
	if !found {
		t.mistake(name, errors.New("there is no such method"))
		return
	}
	// As a function without its receiver.
	mt := reflect.Zero(t.goType).Method(m.Index).Type()
	if mt == luarFuncType {
		t.build = append(t.build, func() luasandbox.Member {
			return luasandbox.Func(name, t.luarMethod(name, m), opts...)
		})
		return
	}
	t.build = append(t.build, func() luasandbox.Member {
		b := &binding{t: t, name: name, variadic: mt.IsVariadic()}
		for i := range mt.NumIn() {
			b.in = append(b.in, mt.In(i))
		}
		for i := range mt.NumOut() {
			b.out = append(b.out, mt.Out(i))
			if err := t.admits(mt.Out(i)); err != nil {
				t.mistake(name, fmt.Errorf("result %d: %w", i+1, err))
				return luasandbox.Members()
			}
		}
		b.call = func(self reflect.Value, in []reflect.Value) []reflect.Value {
			if b.variadic {
				return self.Method(m.Index).CallSlice(in)
			}
			return self.Method(m.Index).Call(in)
		}
		return luasandbox.Func(name, b.adapt(), opts...)
	})
}

// luarMethod is a method that reads its arguments from the state itself.
func (t *objectType) luarMethod(name string, m reflect.Method) any {
	return func(ctx context.Context, self *object, args ...any) (luasandbox.Results, error) {
		st, err := t.k.state(ctx)
		if err != nil {
			return nil, err
		}
		defer st.enter(ctx)()
		defer st.lock(t.guard)()
		fn := func(L *lua.LState) int {
			out := reflect.ValueOf(self.value).Method(m.Index).Call([]reflect.Value{reflect.ValueOf(&luar.LState{LState: L})})
			return int(out[0].Int())
		}
		return st.call(name, st.function(fn), nil, args)
	}
}

// lock takes the guard, unless the state has it already: a method may call a callback
// that calls another method.
func (st *state) lock(l sync.Locker) (unlock func()) {
	if l == nil || l == Unshared || st.locked[l] {
		return func() {}
	}
	l.Lock()
	st.locked[l] = true
	return func() {
		delete(st.locked, l)
		l.Unlock()
	}
}

// admits errs if values of type t must not be read without a lock and there is none:
// Go ends the process when a map is read while it is written.
func (t *objectType) admits(typ reflect.Type) error {
	if t.guard == nil && holdsMap(typ, nil) {
		return fmt.Errorf("%s holds a map, and reading it while another goroutine writes to it ends the process: name a Guard, or Guard(Unshared) if no other goroutine uses the object", typ)
	}
	return nil
}

// holdsMap reports whether a copy of a value of type t reads a map.
func holdsMap(t reflect.Type, seen []reflect.Type) bool {
	if slices.Contains(seen, t) {
		return false
	}
	seen = append(seen, t)
	switch t.Kind() {
	case reflect.Map:
		return true
	case reflect.Slice, reflect.Array:
		return holdsMap(t.Elem(), seen)
	case reflect.Interface:
		return t != errorType // anything may be in it
	case reflect.Pointer:
		return !pointsToStruct(t) && holdsMap(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if _, ok := t.Field(i).Tag.Lookup("lua"); ok && holdsMap(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
