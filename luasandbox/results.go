package luasandbox

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Results are what a Lua function returned, as Go values: nil, bool, float64,
// string; a table as []any, map[string]any or map[any]any; a function as
// [*Function]; a handle as the host's object.
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

// results converts what a Lua function returned.
func (s *Sandbox) results(values []vm.Value) (Results, error) {
	out := make(Results, len(values))
	for i, v := range values {
		var err error
		if out[i], err = s.fromLua(v); err != nil {
			var limit *limits.Error
			if errors.As(err, &limit) {
				return nil, limit
			}
			return nil, &ResultError{Index: i + 1, Err: err}
		}
	}
	return out, nil
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
	case reflect.Map:
		if len(list) > 0 {
			return false, nil
		}
		dst.Set(reflect.MakeMap(dst.Type()))
	case reflect.Struct:
		if len(list) > 0 {
			return false, nil
		}
		return true, assignStruct(dst, nil, depth)
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
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("lua"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		v := fields[name]
		if v == nil && options == "optional" {
			dst.Field(i).SetZero()
			continue
		}
		if err := assign(dst.Field(i), v, depth+1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
