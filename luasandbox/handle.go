package luasandbox

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// HandleType is a kind of opaque handle: what a script holds in place of a host
// object of Go type *T. A script can pass a handle around, compare it, use it as a
// key, and call the methods that the type names; nothing else of the object exists
// for it. For one object there is one handle in a sandbox.
//
// A function takes and returns handles by taking and returning *T, in grants that
// list the HandleType among their members. Two HandleTypes for one T are two kinds:
// a function never takes one for the other.
//
// If *T has a method HandleIdentity() any, objects whose identities are equal are one
// object: for wrappers of the same thing. An identity never changes, and can be
// compared with ==.
type HandleType[T any] struct{ t *handleType }

// NewHandleType declares a type of handle. name is what scripts see of it, in
// tostring and in messages. The members are methods, whose first parameter (after
// the context, if any) is the *T that the handle stands for, and properties.
func NewHandleType[T any](name, doc string, members ...Member) *HandleType[T] {
	return &HandleType[T]{&handleType{name: name, doc: doc, goType: reflect.TypeFor[*T](), members: members}}
}

func (h *HandleType[T]) declare(d *declarations) {
	if h == nil {
		d.fail("", errors.New("a HandleType is nil"))
		return
	}
	d.types = append(d.types, h.t)
}

// Handle is a handle of one certain type: what a function takes and returns that
// deals with several. As a parameter it admits every type that the grant lists.
// The zero Handle is nil in Lua.
type Handle struct {
	t      *handleType
	object any
}

// Handle returns object as a handle of type h; nil as no handle.
func (h *HandleType[T]) Handle(object *T) Handle {
	if object == nil {
		return Handle{}
	}
	return Handle{h.t, object}
}

// Is reports whether v is a handle of type h.
func (h *HandleType[T]) Is(v Handle) bool { return v.t == h.t }

// Object returns the host object, a *T, or nil.
func (h Handle) Object() any { return h.object }

// property is a field of a handle that functions read and write.
type property struct {
	name     string
	get, set *function
}

// Property declares a field of a handle. get is a func([context.Context,] *T) (V[,
// error]); set, which may be nil, a func([context.Context,] *T, V) [error]. Each
// access is a host call. A table that a script reads is a copy, and read-only, so that
// unit.pos.x = 5 is an error and not without effect.
func Property(name string, get, set any, opts ...FuncOption) Member {
	p := &property{name: name, get: newFunction(name, get, opts)}
	p.get.property = true
	if set != nil {
		p.set = newFunction(name, set, opts)
		if len(p.set.filters) > 0 {
			p.set.paramNames, p.get.filters = []string{"value"}, nil
		}
	}
	return p
}

func (p *property) declare(d *declarations) {
	d.name(p.name)
	get := *p.get // a member may be in several types, and each analyses its own
	c := &property{name: p.name, get: &get}
	if p.set != nil {
		set := *p.set
		c.set = &set
	}
	d.properties = append(d.properties, c)
}

// handleType is what there is to know of a HandleType, whatever its T.
type handleType struct {
	name, doc string
	goType    reflect.Type // *T
	members   []Member

	mu         sync.Mutex
	analysed   bool
	methods    []*function
	properties map[string]*property
	names      []string // of the properties, as declared
	errs       []*DeclarationError
}

// analyse looks at t's members, once: in the first grant that lists it. What they
// take and return are handles of that grant's types.
func (t *handleType) analyse(g *Grant, handles map[reflect.Type][]*handleType) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.analysed {
		return
	}
	t.analysed = true
	fail := func(member string, err error) {
		if member != "" {
			member = "." + member
		}
		t.errs = append(t.errs, &DeclarationError{Member: t.name + member, Err: err})
	}
	if !isName(t.name) {
		fail("", errors.New("the name of a type of handles is a Lua name"))
	}
	if t.goType.Elem().Size() == 0 {
		fail("", fmt.Errorf("%s has no size, so that its objects cannot be told apart", t.goType.Elem()))
	}
	d := declarations{names: map[string]bool{}, fail: fail}
	d.add(t.members)
	for _, k := range d.constants {
		fail(k.name, errors.New("a constant belongs to a grant"))
	}
	for _, o := range d.types {
		fail(o.name, errors.New("a type of handles belongs to a grant"))
	}
	t.methods = d.functions
	for _, f := range t.methods {
		f.grant, f.label = g, t.name+":"+f.name
		if err := f.analyse(handles, t); err != nil {
			fail(f.name, err)
		}
	}
	t.properties = map[string]*property{}
	for _, p := range d.properties {
		if err := p.analyse(g, handles, t); err != nil {
			fail(p.name, err)
		}
		t.properties[p.name] = p
		t.names = append(t.names, p.name)
	}
}

func (p *property) analyse(g *Grant, handles map[reflect.Type][]*handleType, t *handleType) error {
	p.get.grant, p.get.label = g, t.name+"."+p.name
	if err := p.get.analyse(handles, t); err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if len(p.get.params) != 0 || len(p.get.results) != 1 {
		return errors.New("get: want a func(*T) V")
	}
	if p.set == nil {
		return nil
	}
	p.set.grant, p.set.label = g, t.name+"."+p.name
	if err := p.set.analyse(handles, t); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	if len(p.set.params) != 1 || p.set.variadic || len(p.set.results) != 0 {
		return errors.New("set: want a func(*T, V)")
	}
	return nil
}

// handle is what a script's userdata holds.
type handle struct {
	t        *handleType
	object   any // *T; nil once it is revoked
	identity any // what makes object that one
	number   int // of all that the sandbox gave out
}

// handleBytes is what a handle counts as beside its userdata: itself, and its place
// in the sandbox's list.
const handleBytes = 160

// handleKey is an object, as handles of one type stand for it.
type handleKey struct {
	t        *handleType
	identity any
}

// identity is what makes an object that one and no other.
func identity(object any) any {
	if i, ok := object.(interface{ HandleIdentity() any }); ok {
		return i.HandleIdentity()
	}
	return object
}

// handle returns the handle of type t to object.
func (e *encoding) handle(t *handleType, object any) (vm.Value, error) {
	if object == nil || reflect.ValueOf(object).IsNil() {
		return vm.Nil, nil
	}
	v, err := e.s.host.handleTo(t, object)
	if err == nil {
		e.made(v)
	}
	return v, err
}

func (b *bindings) handleTo(t *handleType, object any) (vm.Value, error) {
	m := b.s.m
	key := handleKey{t, identity(object)}
	if n, ok := b.handles[key]; ok {
		if v := b.alive.GetInt(n); !v.IsNil() {
			return v, m.Work(limits.HashLookup)
		}
	}
	mt, err := b.metatable(t)
	if err != nil {
		return vm.Nil, err
	}
	if err := m.Work(2*limits.AllocObject + limits.TableRehash); err != nil {
		return vm.Nil, err
	}
	if b.handles == nil {
		if b.alive, err = weakValues(m); err != nil {
			return vm.Nil, err
		}
		b.handles = map[handleKey]int{}
	}
	u, err := m.NewUserdata(&handle{t, object, key.identity, b.lastHandle + 1}, mt, handleBytes)
	if err != nil {
		return vm.Nil, err
	}
	b.lastHandle++
	if err := m.SetInt(b.alive, b.lastHandle, u.Value()); err != nil {
		return vm.Nil, err
	}
	b.handles[key] = b.lastHandle
	return u.Value(), nil
}

// weakValues returns a table that does not keep alive what is in it.
func weakValues(m *vm.Machine) (*vm.Table, error) {
	t, err := m.NewTable(0, 0)
	if err != nil {
		return nil, err
	}
	mt, err := m.NewTable(0, 1)
	if err != nil {
		return nil, err
	}
	if err := m.RawSet(mt, vm.SharedString("__mode"), vm.SharedString("v")); err != nil {
		return nil, err
	}
	return t, m.SetMetatable(t, mt)
}

// metatable returns the metatable of handles of type t, made when it is first needed.
func (b *bindings) metatable(t *handleType) (*vm.Table, error) {
	if mt := b.metatables[t]; mt != nil {
		return mt, nil
	}
	b.know(t)
	m := b.s.m
	methods, err := m.NewTable(0, len(t.methods))
	if err != nil {
		return nil, err
	}
	for _, f := range t.methods {
		n, err := m.NewNative(f.label, f.native(b.s))
		if err != nil {
			return nil, err
		}
		if err := m.SetString(methods, f.name, n.Value()); err != nil {
			return nil, err
		}
	}
	methods.SetReadOnly()
	index := methods.Value()
	mt, err := m.NewTable(0, 5)
	if err != nil {
		return nil, err
	}
	if len(t.properties) > 0 {
		read, err := m.NewNative(t.name+".__index", t.index(b.s), methods.Value())
		if err != nil {
			return nil, err
		}
		write, err := m.NewNative(t.name+".__newindex", t.newIndex(b.s))
		if err != nil {
			return nil, err
		}
		index = read.Value()
		if err := m.RawSet(mt, vm.SharedString("__newindex"), write.Value()); err != nil {
			return nil, err
		}
	}
	name, err := m.NewString(t.name)
	if err != nil {
		return nil, err
	}
	for _, p := range []vm.Pair{
		{Name: "__index", Value: index},
		{Name: "__tostring", Value: handleToString.Value()},
		{Name: "__eq", Value: handleEqual.Value()},
		{Name: "__metatable", Value: name},
	} {
		if err := m.RawSet(mt, vm.SharedString(p.Name), p.Value); err != nil {
			return nil, err
		}
	}
	mt.SetReadOnly()
	if b.metatables == nil {
		b.metatables = map[*handleType]*vm.Table{}
	}
	b.metatables[t] = mt
	b.listed = append(b.listed, mt)
	return mt, nil
}

// know makes t's Go type one that a value of type any may be a handle of.
func (b *bindings) know(t *handleType) {
	for _, o := range b.types[t.goType] {
		if o == t {
			return
		}
	}
	if b.types == nil {
		b.types = map[reflect.Type][]*handleType{}
	}
	b.types[t.goType] = append(b.types[t.goType], t)
}

// typeOf returns the type of handle for a Go type, nil if there is none, or several.
func (b *bindings) typeOf(t reflect.Type) *handleType {
	if types := b.types[t]; len(types) == 1 {
		return types[0]
	}
	return nil
}

// asHandle returns what v holds if it is a handle of any type.
func asHandle(v vm.Value) *handle {
	if u := v.AsUserdata(); u != nil {
		h, _ := u.Payload().(*handle)
		return h
	}
	return nil
}

// self returns argument 0 of a metamethod of t's.
func (t *handleType) self(c *vm.Call) (vm.Value, error) {
	v := c.Arg(0)
	if h := asHandle(v); h == nil || h.t != t {
		return vm.Nil, c.TypeError(0, t.name)
	}
	return v, nil
}

// index is __index of a type with properties.
func (t *handleType) index(s *Sandbox) vm.Func {
	var body vm.Func
	body = func(c *vm.Call) error {
		self, err := t.self(c)
		if err != nil {
			return err
		}
		key, _ := c.Arg(1).AsString()
		if p := t.properties[key]; p != nil {
			return p.get.access(s, c, []vm.Value{self}, func(_ int, err error) error {
				return c.Errorf("cannot read '%s' of %s (%v)", key, t.name, err)
			}, body)
		}
		return c.Return(c.Up(0).AsTable().Get(c.Arg(1)))
	}
	return body
}

// newIndex is __newindex of a type with properties.
func (t *handleType) newIndex(s *Sandbox) vm.Func {
	var body vm.Func
	body = func(c *vm.Call) error {
		self, err := t.self(c)
		if err != nil {
			return err
		}
		key, _ := c.Arg(1).AsString()
		p := t.properties[key]
		switch {
		case p == nil:
			return c.Errorf("%s has no field %s", t.name, keyText(c.Arg(1)))
		case p.set == nil:
			return c.Errorf("field '%s' of %s is read-only", key, t.name)
		}
		return p.set.access(s, c, []vm.Value{self, c.Arg(2)}, func(_ int, err error) error {
			return c.Errorf("cannot set '%s' of %s (%v)", key, t.name, err)
		}, body)
	}
	return body
}

// handleToString is __tostring of all handles: the type and a small number, given
// out in order of first use.
var handleToString = vm.NewNative("tostring", func(c *vm.Call) error {
	h := asHandle(c.Arg(0))
	if h == nil {
		return c.TypeError(0, "handle")
	}
	if err := c.Work(limits.Format); err != nil {
		return err
	}
	if err := c.Reserve(2 * limits.StringHeader); err != nil {
		return err
	}
	v, err := c.NewString(h.t.name + strings.TrimPrefix(c.Machine().Identity(c.Arg(0)), "userdata"))
	if err != nil {
		return err
	}
	return c.Return(v)
})

// handleEqual is __eq of all handles: whether they stand for one object.
var handleEqual = vm.NewNative("eq", func(c *vm.Call) error {
	a, b := asHandle(c.Arg(0)), asHandle(c.Arg(1))
	return c.Return(vm.Bool(a != nil && b != nil && a.object != nil && b.object != nil && a.identity == b.identity))
})

// shapeHandle is for *T where t is the one type of handle for it.
func shapeHandle(sh *shape, t *handleType) {
	sh.kind, sh.want, sh.handle = kindHandle, t.name, t
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		h := asHandle(v)
		if h == nil || h.t != t {
			return d.expected(sh, v)
		}
		if h.object == nil {
			return &mismatch{want: "the " + t.name + " is gone"}
		}
		into.Set(reflect.ValueOf(h.object))
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		return e.handle(t, v.Interface())
	}
}

// shapeHandles is for Handle: any of the scope's types.
func (sc *scope) shapeHandles(sh *shape) {
	sh.kind, sh.want = kindHandle, "handle"
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		h := asHandle(v)
		listed := false
		if h != nil {
			for _, t := range sc.handles[h.t.goType] {
				listed = listed || t == h.t
			}
		}
		if !listed {
			return d.expected(sh, v)
		}
		if h.object == nil {
			return &mismatch{want: "the " + h.t.name + " is gone"}
		}
		into.Set(reflect.ValueOf(Handle{h.t, h.object}))
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		h := v.Interface().(Handle)
		return e.handle(h.t, h.object)
	}
}

// revoke closes the handles to object.
func (b *bindings) revoke(object any) {
	for _, t := range b.types[reflect.TypeOf(object)] {
		key := handleKey{t, identity(object)}
		n, ok := b.handles[key]
		if !ok {
			continue
		}
		if u := b.alive.GetInt(n).AsUserdata(); u != nil {
			h := u.Payload().(*handle)
			h.object, h.identity = nil, nil
		}
		delete(b.handles, key)
	}
}

// Revoke closes the handles to object, a *T: using one is an error of the script's
// from now on. Should the object be handed out again, that is a new handle. Without a
// handle to it, nothing happens.
//
// The errors: [ErrBusy], also from inside a host function, which calls the function
// [Revoke] instead; [ErrClosed]; [*InternalError].
func (s *Sandbox) Revoke(object any) error {
	return s.alone(func() error {
		s.host.revoke(object)
		return nil
	})
}

// Revoke is [Sandbox.Revoke] for a host function, with the context that it was given.
// With any other context it returns [ErrNotCalled].
func Revoke(ctx context.Context, object any) error {
	return inside(ctx, func(b *bindings) error {
		b.revoke(object)
		return nil
	})
}
