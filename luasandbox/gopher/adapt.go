package gopher

import (
	"context"
	"fmt"
	"reflect"

	"github.com/luasandbox/modrunner/luasandbox"
)

// binding is a Go function of an object, made into one that luasandbox.Func takes:
// func(context.Context, *object, parameters…) (results…, error). Package luasandbox
// checks and copies what it can by type; the binding itself sees to handles, callbacks
// and the guard.
type binding struct {
	t        *objectType
	name     string // of the method or property
	property bool
	in, out  []reflect.Type // of the Go function, without receiver
	variadic bool
	fails    bool // the Go function's last result is an error, not in out
	call     func(self reflect.Value, in []reflect.Value) []reflect.Value
}

// adapt makes the function that luasandbox.Func takes.
func (b *binding) adapt() any {
	in, out, variadic := b.in, b.out, b.variadic
	if n := len(out); n > 0 && out[n-1] == errorType {
		b.out, b.fails = out[:n-1], true
	}
	params := []reflect.Type{contextType, objectGoType}
	for i, p := range in {
		switch {
		case i == 0 && p == contextType:
			// The Go method's own context parameter is ours.
		case variadic && i == len(in)-1:
			params = append(params, reflect.SliceOf(asParameter(p.Elem())))
		default:
			params = append(params, asParameter(p))
		}
	}
	var results []reflect.Type
	for _, r := range b.out {
		results = append(results, asResult(r))
	}
	ft := reflect.FuncOf(params, append(results, errorType), variadic)
	return reflect.MakeFunc(ft, b.invoke).Interface()
}

// asParameter is the type that package luasandbox sees in place of a Go parameter's.
func asParameter(t reflect.Type) reflect.Type {
	switch {
	case t == functionType:
		return t
	case t.Kind() == reflect.Func:
		return functionType
	case pointsToStruct(t):
		return handleGoType
	}
	return t
}

// asResult is the type that package luasandbox sees in place of a result's.
func asResult(t reflect.Type) reflect.Type {
	switch {
	case pointsToStruct(t):
		return handleGoType
	case t.Kind() == reflect.Slice && pointsToStruct(t.Elem()):
		return reflect.SliceOf(handleGoType)
	case t.Kind() == reflect.Interface:
		return anyType
	}
	return t
}

// invoke is the body of the function.
func (b *binding) invoke(args []reflect.Value) []reflect.Value {
	out := make([]reflect.Value, len(b.out)+1)
	for i, t := range b.out {
		out[i] = reflect.Zero(asResult(t))
	}
	results, err := b.do(args[0].Interface().(context.Context), args[1].Interface().(*object), args[2:])
	if err == nil {
		copy(out, results)
	}
	out[len(b.out)] = reflect.Zero(errorType)
	if err != nil {
		out[len(b.out)] = reflect.ValueOf(&err).Elem()
	}
	return out
}

// do calls the Go function.
func (b *binding) do(ctx context.Context, self *object, args []reflect.Value) ([]reflect.Value, error) {
	st, err := b.t.k.state(ctx)
	if err != nil {
		return nil, err
	}
	defer st.enter(ctx)()
	in := make([]reflect.Value, 0, len(b.in))
	var over []func()
	defer func() {
		for _, f := range over {
			f()
		}
	}()
	next := 0
	for i, t := range b.in {
		if i == 0 && t == contextType {
			in = append(in, reflect.ValueOf(&ctx).Elem())
			continue
		}
		v := args[next]
		next++
		if b.variadic && i == len(b.in)-1 {
			list := reflect.MakeSlice(t, v.Len(), v.Len())
			for j := range v.Len() {
				x, done, err := b.argument(st, t.Elem(), v.Index(j), next+j)
				if err != nil {
					return nil, err
				}
				over = append(over, done...)
				list.Index(j).Set(x)
			}
			in = append(in, list)
			continue
		}
		x, done, err := b.argument(st, t, v, next)
		if err != nil {
			return nil, err
		}
		over = append(over, done...)
		in = append(in, x)
	}
	defer st.lock(b.t.guard)()
	out, err := b.recovering(func() []reflect.Value { return b.call(reflect.ValueOf(self.value), in) })
	if err != nil {
		return nil, err
	}
	if b.fails {
		if err, _ := out[len(b.out)].Interface().(error); err != nil {
			return nil, err
		}
	}
	results := make([]reflect.Value, len(b.out))
	for i := range results {
		if results[i], err = b.result(out[i]); err != nil {
			return nil, fmt.Errorf("result %d: %w", i+1, err)
		}
	}
	return results, nil
}

// recovering calls f and catches the failure of a callback on its way out. Its name is
// what insideMethod looks for.
func (b *binding) recovering(f func() []reflect.Value) (out []reflect.Value, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case unwinding:
			err = p.err
		default:
			panic(p)
		}
	}()
	return f(), nil
}

// argument makes argument n, from 1, as the Go function wants it. Package luasandbox
// has checked everything but the types of objects.
func (b *binding) argument(st *state, t reflect.Type, v reflect.Value, n int) (arg reflect.Value, over []func(), err error) {
	switch v := v.Interface().(type) {
	case *luasandbox.Function:
		switch {
		case t == functionType:
			return reflect.ValueOf(v), nil, nil
		case v == nil:
			return reflect.Zero(t), nil, nil // optional, and absent
		}
		cb := st.newCallback(v)
		return cb.goFunc(t), []func(){cb.over, v.Release}, nil
	case luasandbox.Handle:
		if v.Object() == nil {
			return reflect.Zero(t), nil, nil // optional, and absent
		}
		o, _ := v.Object().(*object)
		if o == nil || reflect.TypeOf(o.value) != t {
			if b.property {
				return arg, nil, luasandbox.Errorf("cannot set '%s' of %s (%s expected)", b.name, b.t.name, b.t.k.nameOf(t))
			}
			return arg, nil, luasandbox.Errorf("bad argument #%d to '%s' (%s expected)", n, b.name, b.t.k.nameOf(t))
		}
		return reflect.ValueOf(o.value), nil, nil
	}
	return v, nil, nil
}

// nameOf is what scripts know a type of objects by.
func (k *kit) nameOf(t reflect.Type) string {
	if o := k.types[t]; o != nil {
		return o.name
	}
	return "another handle"
}

// result makes of a Go result what the script gets: handles of pointers, and, where
// there is a guard, a copy, since package luasandbox reads it when the lock is given
// back.
func (b *binding) result(v reflect.Value) (reflect.Value, error) {
	t := v.Type()
	switch {
	case pointsToStruct(t):
		return reflect.ValueOf(b.t.k.wrap(v)), nil
	case t.Kind() == reflect.Slice && pointsToStruct(t.Elem()):
		list := make([]luasandbox.Handle, v.Len())
		for i := range list {
			list[i] = b.t.k.wrap(v.Index(i))
		}
		return reflect.ValueOf(list), nil
	case t.Kind() == reflect.Interface:
		if v.IsNil() {
			return reflect.Zero(anyType), nil
		}
		if pointsToStruct(v.Elem().Type()) {
			return reflect.ValueOf(b.t.k.wrap(v.Elem())), nil
		}
	}
	if b.t.guard == nil || b.t.guard == Unshared {
		return v, nil
	}
	c := cloning{left: maxElements}
	return c.value(v, 0)
}

// give is v as an argument for a Lua function.
func (k *kit) give(v reflect.Value) any {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	if pointsToStruct(v.Type()) {
		return k.wrap(v)
	}
	return v.Interface()
}

// wrap returns the handle of a pointer to a struct.
func (k *kit) wrap(v reflect.Value) luasandbox.Handle {
	if v.IsNil() {
		return luasandbox.Handle{}
	}
	o := &object{k, v.Interface()}
	if t := k.types[v.Type()]; t != nil {
		return t.handle.Handle(o)
	}
	return k.opaque.Handle(o)
}

// cloning copies a Go value, as deep as scripts can see into it.
type cloning struct{ left int }

func (c *cloning) value(v reflect.Value, depth int) (reflect.Value, error) {
	if depth > maxDepth {
		return v, fmt.Errorf("nested deeper than %d, or contains itself", maxDepth)
	}
	t := v.Type()
	out := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice {
			if v.IsNil() {
				return out, nil
			}
			if c.left -= v.Len(); c.left < 0 {
				return v, fmt.Errorf("more than %d elements", maxElements)
			}
			out.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
		}
		for i := range v.Len() {
			x, err := c.value(v.Index(i), depth+1)
			if err != nil {
				return v, err
			}
			out.Index(i).Set(x)
		}
	case reflect.Map:
		if v.IsNil() {
			return out, nil
		}
		if c.left -= v.Len(); c.left < 0 {
			return v, fmt.Errorf("more than %d elements", maxElements)
		}
		out.Set(reflect.MakeMapWithSize(t, v.Len()))
		for it := v.MapRange(); it.Next(); {
			x, err := c.value(it.Value(), depth+1)
			if err != nil {
				return v, err
			}
			out.SetMapIndex(it.Key(), x)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			// Scripts see fields with a lua tag and no others: not even a copy of a lock
			// is made.
			if _, ok := t.Field(i).Tag.Lookup("lua"); !ok || !t.Field(i).IsExported() {
				continue
			}
			x, err := c.value(v.Field(i), depth+1)
			if err != nil {
				return v, err
			}
			out.Field(i).Set(x)
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return out, nil
		}
		x, err := c.value(v.Elem(), depth+1)
		if err != nil {
			return v, err
		}
		if t.Kind() == reflect.Interface {
			out.Set(x)
			break
		}
		out.Set(reflect.New(t.Elem()))
		out.Elem().Set(x)
	default:
		out.Set(v)
	}
	return out, nil
}
