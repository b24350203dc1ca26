package luasandbox

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Results are what a Lua function returned, as Go values: nil, bool, float64, string;
// a table as []any if its keys are 1 to n, n > 0, as map[string]any if they are
// strings, or if it is empty, and else as map[any]any; a function as [*Function],
// which the host releases; a handle as the host's object. Metatables are not
// consulted. A table that contains itself or is nested deeper than 100, a coroutine,
// and more than 262,144 elements in all results together are errors ([*ResultError]).
type Results []any

// Scan stores the results where ptrs point, in order: a bool; an integer or float
// of any size, if the number has no fraction that the type cannot hold and is in
// its range; a string or []byte; a slice, an array of the same length, a map, or a
// struct with `lua:"name"` tags, element by element; *Function and objects of
// handles; any. A pointer to a pointer is set to nil for nil; other targets of a nil
// are set to their zero value if they are slices, maps or any, and an error
// otherwise. Results beyond ptrs are ignored; a result that is missing counts as
// nil; a nil ptr skips one.
//
// The only error is a [*ResultError]. What was stored before it stays.
func (r Results) Scan(ptrs ...any) error {
	for i, p := range ptrs {
		if p == nil {
			continue
		}
		dst := reflect.ValueOf(p)
		if dst.Kind() != reflect.Pointer || dst.IsNil() {
			return &ResultError{Index: i + 1, Err: fmt.Errorf("cannot store into %T: want a pointer", p)}
		}
		var v any
		if i < len(r) {
			v = r[i]
		}
		if err := assign(dst.Elem(), v, 0); err != nil {
			return &ResultError{Index: i + 1, Err: err}
		}
	}
	return nil
}

// entry is the function that every call from the host runs: it calls its first
// argument with the others, and copies the results out within the call's limits.
type entry struct {
	s       *Sandbox
	results Results
	err     error
}

func (e *entry) native(m *vm.Machine) (*vm.Native, error) {
	return m.NewNative("", func(c *vm.Call) error { return c.Call(e, c.Arg(0), c.Args()[1:]...) })
}

// Resume takes the results.
func (e *entry) Resume(c *vm.Call) error {
	e.results, e.err = e.s.results(c.Args())
	if isFatal(e.err) {
		return e.err
	}
	return c.Return()
}

// Trace has nothing to show: the results are copies.
func (e *entry) Trace(*vm.Walk) {}

// take returns the results of the call that has just ended.
func (s *Sandbox) take() (Results, error) {
	r, err := s.ended.results, s.ended.err
	s.ended.results, s.ended.err = nil, nil
	return r, err
}

// results copies values out: together they are one crossing of the border, with its
// bounds. The error is a *ResultError, or ends the call.
func (s *Sandbox) results(values []vm.Value) (Results, error) {
	if len(values) == 0 {
		return Results{}, nil
	}
	d := decoding{s: s, m: s.m, left: maxElements}
	if err := d.take(len(values), limits.CopyElement, anyBytes, sliceBytes); err != nil {
		return nil, resultError(1, err)
	}
	out := make(Results, len(values))
	for i, v := range values {
		var err error
		if out[i], err = d.any(v); err != nil {
			d.release(d.borrowed)
			return nil, resultError(i+1, err)
		}
	}
	return out, nil // the functions in it are the caller's to release
}

func resultError(index int, err error) error {
	if isFatal(err) {
		return err
	}
	return &ResultError{Index: index, Err: err}
}

// plain returns an error object as a Go value without running or walking anything:
// the fields of a table that are plain values, if it is small.
func plain(v vm.Value) any {
	const most = 100
	switch v.Kind() {
	case vm.KindBoolean:
		b, _ := v.AsBool()
		return b
	case vm.KindNumber:
		f, _ := v.AsNumber()
		return f
	case vm.KindString:
		s, _ := v.AsString()
		return s
	case vm.KindTable:
		t := v.AsTable()
		if array, hash := t.Size(); array+hash > most {
			return nil
		}
		fields := map[string]any{}
		for key, field, _, err := t.Next(vm.Nil); err == nil && !key.IsNil(); key, field, _, err = t.Next(key) {
			if name, ok := key.AsString(); ok && field.AsTable() == nil {
				if p := plain(field); p != nil {
					fields[name] = p
				}
			}
		}
		return fields
	}
	return nil
}

// maxScanDepth bounds the nesting of what Scan stores.
const maxScanDepth = 100

// assign stores v, a result or a part of one, in dst.
func assign(dst reflect.Value, v any, depth int) error {
	if depth > maxScanDepth {
		return fmt.Errorf("nested deeper than %d levels", maxScanDepth)
	}
	t := dst.Type()
	if v == nil {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			dst.SetZero()
			return nil
		}
		return unfit(t, v)
	}
	src := reflect.ValueOf(v)
	if src.Type().AssignableTo(t) {
		dst.Set(src)
		return nil
	}
	switch v := v.(type) {
	case bool:
		if t.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case float64:
		if ok, err := assignNumber(dst, v); ok || err != nil {
			return err
		}
	case string:
		switch {
		case t.Kind() == reflect.String:
			dst.SetString(v)
			return nil
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
			dst.SetBytes([]byte(v))
			return nil
		}
	case []any:
		if done, err := assignList(dst, v, depth); done || err != nil {
			return err
		}
	case map[string]any:
		switch t.Kind() {
		case reflect.Struct:
			return assignStruct(dst, v, depth)
		case reflect.Map:
			return assignMap(dst, src, depth)
		case reflect.Slice, reflect.Array:
			if len(v) == 0 { // an empty table can be either
				done, err := assignList(dst, nil, depth)
				if done || err != nil {
					return err
				}
			}
		}
	case map[any]any:
		if t.Kind() == reflect.Map {
			return assignMap(dst, src, depth)
		}
	}
	if t.Kind() == reflect.Pointer {
		p := reflect.New(t.Elem())
		if err := assign(p.Elem(), v, depth+1); err != nil {
			return err
		}
		dst.Set(p)
		return nil
	}
	return unfit(t, v)
}

func unfit(t reflect.Type, v any) error { return fmt.Errorf("want %s, got %s", t, luaType(v)) }

// luaType names the Lua type that v came from.
func luaType(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any, map[string]any, map[any]any:
		return "table"
	case *Function:
		return "function"
	}
	return "userdata"
}

// assignNumber stores f if dst is of a number type, and refuses what it cannot hold.
func assignNumber(dst reflect.Value, f float64) (done bool, err error) {
	t := dst.Type()
	fits := false
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		// 1<<63 is a float64, MaxInt64 is not.
		if fits = f >= -(1<<63) && f < 1<<63 && f == math.Trunc(f) && !dst.OverflowInt(int64(f)); fits {
			dst.SetInt(int64(f))
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if fits = f >= 0 && f < 1<<64 && f == math.Trunc(f) && !dst.OverflowUint(uint64(f)); fits {
			dst.SetUint(uint64(f))
		}
	case reflect.Float32, reflect.Float64:
		if fits = !dst.OverflowFloat(f); fits {
			dst.SetFloat(f)
		}
	default:
		return false, nil
	}
	if !fits {
		return false, fmt.Errorf("want %s, got the number %v", t, f)
	}
	return true, nil
}

func assignList(dst reflect.Value, list []any, depth int) (done bool, err error) {
	switch dst.Kind() {
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
	case reflect.Array:
		if dst.Len() != len(list) {
			return false, fmt.Errorf("want %s, got a table of %d elements", dst.Type(), len(list))
		}
	default:
		return false, nil
	}
	for i, v := range list {
		if err := assign(dst.Index(i), v, depth+1); err != nil {
			return false, fmt.Errorf("[%d]: %w", i+1, err)
		}
	}
	return true, nil
}

func assignMap(dst, src reflect.Value, depth int) error {
	t := dst.Type()
	out := reflect.MakeMapWithSize(t, src.Len())
	for it := src.MapRange(); it.Next(); {
		key, val := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := assign(key, it.Key().Interface(), depth+1); err != nil {
			return fmt.Errorf("key: %w", err)
		}
		if err := assign(val, it.Value().Interface(), depth+1); err != nil {
			return fmt.Errorf("[%v]: %w", it.Key(), err)
		}
		if !key.Comparable() {
			return fmt.Errorf("key: a %s cannot be a key", luaType(it.Key().Interface()))
		}
		out.SetMapIndex(key, val)
	}
	dst.Set(out)
	return nil
}

// assignStruct stores the fields that have a lua tag.
func assignStruct(dst reflect.Value, fields map[string]any, depth int) error {
	t := dst.Type()
	tagged := false
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("lua"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		tagged = true
		v := fields[name]
		if v == nil && options == "optional" {
			dst.Field(i).SetZero()
			continue
		}
		if err := assign(dst.Field(i), v, depth+1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if !tagged {
		return fmt.Errorf("%s has no field with a lua tag", t)
	}
	return nil
}
