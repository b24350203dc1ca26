package luasandbox

import (
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// shape is how values of one Go type cross the border. It is made once for each
// type, when a grant is declared, and is immutable afterwards.
type shape struct {
	typ      reflect.Type
	kind     string // as Schema has it
	want     string // what an argument must be, for messages
	min, max string // integers: the range
	elem     *shape // list, map: of the values; optional: of what is pointed to
	key      *shape // map
	length   int    // list: how many elements, -1 for any number
	fields   []field
	handle   *handleType
	optional bool // nil will do, and leaves the zero value

	decode func(d *decoding, v vm.Value, into reflect.Value) error
	encode func(e *encoding, v reflect.Value) (vm.Value, error)
}

// The kinds of shapes, as Schema has them.
const (
	kindAny      = "any"
	kindBoolean  = "boolean"
	kindInteger  = "integer"
	kindNumber   = "number"
	kindString   = "string"
	kindBytes    = "bytes"
	kindList     = "list"
	kindMap      = "map"
	kindRecord   = "record"
	kindFunction = "function"
	kindHandle   = "handle"
	kindOptional = "optional" // a pointer: Schema shows what it points to
)

var (
	functionType = reflect.TypeFor[*Function]()
	handleGoType = reflect.TypeFor[Handle]()
)

// scope is where types are given shapes: a grant, with the types of handles that
// it lists, or, with handles nil, wherever a value met at run time comes from.
type scope struct {
	handles map[reflect.Type][]*handleType // by pointer type
	shapes  map[reflect.Type]*shape
	nan     bool // numbers may be NaN
}

func newScope(handles map[reflect.Type][]*handleType) *scope {
	return &scope{handles: handles, shapes: map[reflect.Type]*shape{}}
}

// shapeOf returns t's shape. The error says why t cannot cross the border.
func (sc *scope) shapeOf(t reflect.Type) (*shape, error) {
	if sh, ok := sc.shapes[t]; ok {
		return sh, nil // perhaps not complete yet: a type that contains itself
	}
	sh := &shape{typ: t, length: -1}
	sc.shapes[t] = sh
	if err := sc.build(sh, t); err != nil {
		delete(sc.shapes, t)
		return nil, err
	}
	return sh, nil
}

func (sc *scope) build(sh *shape, t reflect.Type) error {
	switch t {
	case bytesType:
		shapeBytes(sh)
		return nil
	case anyType:
		shapeAny(sh)
		return nil
	case functionType:
		shapeFunction(sh)
		return nil
	case handleGoType:
		sc.shapeHandles(sh)
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		shapeBool(sh)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		shapeInt(sh, t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		shapeUint(sh, t.Bits())
	case reflect.Float32, reflect.Float64:
		shapeFloat(sh, t.Bits(), sc.nan)
	case reflect.String:
		shapeString(sh)
	case reflect.Slice, reflect.Array:
		return sc.shapeList(sh, t)
	case reflect.Map:
		return sc.shapeMap(sh, t)
	case reflect.Struct:
		return sc.shapeRecord(sh, t)
	case reflect.Pointer:
		return sc.shapePointer(sh, t)
	default:
		return fmt.Errorf("values of type %s do not cross the border", t)
	}
	return nil
}

// expected is the mismatch of v with sh.
func (d *decoding) expected(sh *shape, v vm.Value) error {
	return &mismatch{want: sh.want, got: d.s.describe(v)}
}

func shapeBool(sh *shape) {
	sh.kind, sh.want = kindBoolean, "boolean"
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		b, ok := v.AsBool()
		if !ok {
			return d.expected(sh, v)
		}
		into.SetBool(b)
		return nil
	}
	sh.encode = func(_ *encoding, v reflect.Value) (vm.Value, error) { return vm.Bool(v.Bool()), nil }
}

func shapeInt(sh *shape, bits int) {
	least, most := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	sh.min, sh.max = strconv.FormatInt(least, 10), strconv.FormatInt(most, 10)
	// The least is a power of two and so is the first number beyond the most.
	low, beyond := float64(least), -float64(least)
	shapeInteger(sh, low, beyond, func(into reflect.Value, f float64) { into.SetInt(int64(f)) })
	sh.encode = func(_ *encoding, v reflect.Value) (vm.Value, error) { return encodeInt(v.Int()) }
}

func shapeUint(sh *shape, bits int) {
	sh.min, sh.max = "0", strconv.FormatUint(math.MaxUint64>>(64-bits), 10)
	shapeInteger(sh, 0, math.Ldexp(1, bits), func(into reflect.Value, f float64) { into.SetUint(uint64(f)) })
	sh.encode = func(_ *encoding, v reflect.Value) (vm.Value, error) { return encodeUint(v.Uint()) }
}

// shapeInteger is for the whole numbers from low up to, and without, beyond.
func shapeInteger(sh *shape, low, beyond float64, set func(reflect.Value, float64)) {
	sh.kind = kindInteger
	sh.want = "integer in " + sh.min + ".." + sh.max
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		f, ok := v.AsNumber()
		if !ok || !(f >= low && f < beyond) || f != math.Trunc(f) {
			return d.expected(sh, v)
		}
		set(into, f)
		return nil
	}
}

func shapeFloat(sh *shape, bits int, nan bool) {
	sh.kind, sh.want = kindNumber, "number"
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		f, ok := v.AsNumber()
		if !ok || f != f && !nan {
			return d.expected(sh, v)
		}
		if bits == 32 && math.Abs(f) > math.MaxFloat32 && !math.IsInf(f, 0) {
			return &mismatch{want: "number of 32 bits", got: vm.FormatNumber(f)}
		}
		into.SetFloat(f)
		return nil
	}
	sh.encode = func(_ *encoding, v reflect.Value) (vm.Value, error) { return vm.Number(v.Float()), nil }
}

func shapeString(sh *shape) {
	sh.kind, sh.want = kindString, "string"
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		s, ok := v.AsString()
		if !ok {
			return d.expected(sh, v)
		}
		if err := d.m.Work(limits.Units(int64(len(s)), limits.BytesPerUnit)); err != nil {
			return err
		}
		into.SetString(s)
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) { return e.m.CopyString(v.String()) }
}

func shapeBytes(sh *shape) {
	sh.kind, sh.want = kindBytes, "string"
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		s, ok := v.AsString()
		if !ok {
			return d.expected(sh, v)
		}
		if err := d.m.Work(limits.Units(int64(len(s)), limits.BytesPerUnit)); err != nil {
			return err
		}
		if err := d.m.Reserve(limits.MulAdd(1, int64(len(s)), sliceBytes)); err != nil {
			return err
		}
		into.SetBytes([]byte(s))
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) { return e.bytes(v.Bytes()) }
}

func shapeAny(sh *shape) {
	sh.kind, sh.want, sh.optional = kindAny, "value", true
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		x, err := d.any(v)
		if err == nil && x != nil {
			into.Set(reflect.ValueOf(x))
		}
		return err
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		if v.IsNil() {
			return vm.Nil, nil
		}
		return e.any(v.Interface())
	}
}

func shapeFunction(sh *shape) {
	sh.kind, sh.want = kindFunction, "function"
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		if v.Kind() != vm.KindFunction {
			return d.expected(sh, v)
		}
		f, err := d.s.hold(v)
		if err != nil {
			return err
		}
		d.held = append(d.held, f)
		into.Set(reflect.ValueOf(f))
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		return e.function(v.Interface().(*Function))
	}
}

func (sc *scope) shapeList(sh *shape, t reflect.Type) error {
	elem, err := sc.shapeOf(t.Elem())
	if err != nil {
		return err
	}
	sh.kind, sh.want, sh.elem = kindList, "table", elem
	size := int64(t.Elem().Size())
	array := t.Kind() == reflect.Array
	if array {
		sh.length = t.Len()
		if sh.length > maxElements {
			return fmt.Errorf("%s has more than %d elements", t, maxElements)
		}
	}
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		from := v.AsTable()
		if from == nil {
			return d.expected(sh, v)
		}
		if err := d.enter(from); err != nil {
			return err
		}
		defer d.leave()
		n, err := d.list(from)
		if err != nil {
			return err
		}
		if array && n != sh.length {
			return &mismatch{want: fmt.Sprintf("list of %d elements", sh.length), got: strconv.Itoa(n)}
		}
		if err := d.take(n, limits.CopyElement, size, sliceBytes); err != nil {
			return err
		}
		if !array {
			into.Set(reflect.MakeSlice(t, n, n))
		}
		for i := range n {
			if err := elem.decode(d, from.GetInt(i+1), into.Index(i)); err != nil {
				return within(atIndex(i+1), err)
			}
		}
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		mark := len(e.s.host.building)
		to, err := e.enter(v.Len(), 0)
		if err != nil {
			return vm.Nil, err
		}
		for i := range v.Len() {
			x, err := elem.encode(e, v.Index(i))
			if err == nil {
				err = e.m.SetInt(to, i+1, x)
			}
			if err != nil {
				return vm.Nil, within(atIndex(i+1), err)
			}
		}
		return e.leave(to, mark), nil
	}
	return nil
}

func (sc *scope) shapeMap(sh *shape, t reflect.Type) error {
	key, err := sc.shapeOf(t.Key())
	if err != nil {
		return err
	}
	switch key.kind {
	case kindBoolean, kindInteger, kindNumber, kindString, kindAny:
	default:
		return fmt.Errorf("%s: a key must be a string, number or boolean", t)
	}
	elem, err := sc.shapeOf(t.Elem())
	if err != nil {
		return err
	}
	sh.kind, sh.want, sh.key, sh.elem = kindMap, "table", key, elem
	slot := int64(t.Key().Size() + t.Elem().Size())
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		from := v.AsTable()
		if from == nil {
			return d.expected(sh, v)
		}
		if err := d.enter(from); err != nil {
			return err
		}
		defer d.leave()
		n := 0
		if err := d.pairs(from, func(_, _ vm.Value) error { n++; return nil }); err != nil {
			return err
		}
		size, base := mapSize(n, slot)
		if err := d.take(n, limits.CopyPair+limits.CopyTypedPair, size+2*slot, base); err != nil {
			return err
		}
		out := reflect.MakeMapWithSize(t, n)
		err := d.pairs(from, func(k, v vm.Value) error {
			switch k.Kind() {
			case vm.KindBoolean, vm.KindNumber, vm.KindString:
			default:
				return &mismatch{want: "string, number or boolean as key", got: d.s.describe(k)}
			}
			goKey, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			if err := key.decode(d, k, goKey); err != nil {
				if e, ok := err.(*mismatch); ok {
					e.want += " as key"
				}
				return err
			}
			if err := elem.decode(d, v, value); err != nil {
				return err
			}
			out.SetMapIndex(goKey, value)
			return nil
		})
		if err == nil {
			into.Set(out)
		}
		return err
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		mark := len(e.s.host.building)
		to, err := e.enter(0, v.Len())
		if err != nil {
			return vm.Nil, err
		}
		if err := e.m.Work(int64(v.Len()) * limits.CopyTypedPair); err != nil {
			return vm.Nil, err
		}
		pairs, err := sortedPairs(e, v)
		if err != nil {
			return vm.Nil, err
		}
		for _, p := range pairs {
			k, err := key.encode(e, p.key)
			if err != nil {
				return vm.Nil, err
			}
			x, err := elem.encode(e, p.value)
			if err == nil {
				err = e.m.RawSet(to, k, x)
			}
			if err != nil {
				return vm.Nil, within(atKey(k), err)
			}
		}
		return e.leave(to, mark), nil
	}
	return nil
}

// mapPair is a pair of a Go map, with its place in the order: by rank, then by
// number, then by text.
type mapPair struct {
	key, value reflect.Value
	rank       int
	number     float64
	text       string
}

// mapPairBytes is a mapPair, with what reflection takes for its key and value.
const mapPairBytes = 144

// sortedPairs returns v's pairs in an order that does not depend on the run:
// booleans, then numbers, then strings as keys, each ascending. The pairs are paid
// for, their order is not.
func sortedPairs(e *encoding, v reflect.Value) ([]mapPair, error) {
	if err := e.m.Reserve(limits.MulAdd(int64(v.Len()), mapPairBytes, 0)); err != nil {
		return nil, err
	}
	order := make([]mapPair, 0, v.Len())
	bytes := int64(0)
	for it := v.MapRange(); it.Next(); {
		o := mapPair{key: it.Key(), value: it.Value()}
		x := o.key
		if x.Kind() == reflect.Interface {
			x = x.Elem()
		}
		switch x.Kind() {
		case reflect.Bool:
			if x.Bool() {
				o.number = 1
			}
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			o.rank, o.number = 1, float64(x.Int())
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			o.rank, o.number = 1, float64(x.Uint())
		case reflect.Float32, reflect.Float64:
			o.rank, o.number = 1, x.Float()
			if o.number != o.number {
				return nil, &mismatch{want: "number as key of a map", got: "nan"}
			}
		case reflect.String:
			o.rank, o.text = 2, x.String()
			bytes += int64(min(len(o.text), 64))
		default:
			return nil, &mismatch{want: "string, number or boolean as key of a map"}
		}
		order = append(order, o)
	}
	compares := int64(len(order)) * int64(bits.Len(uint(len(order))))
	if err := e.m.Work(compares*limits.SortCompare + bytes); err != nil {
		return nil, err
	}
	slices.SortFunc(order, func(a, b mapPair) int {
		switch {
		case a.rank != b.rank:
			return a.rank - b.rank
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		}
		return strings.Compare(a.text, b.text)
	})
	return order, nil
}

func (sc *scope) shapePointer(sh *shape, t reflect.Type) error {
	types := sc.handles[t]
	switch {
	case len(types) == 1:
		shapeHandle(sh, types[0])
		return nil
	case len(types) > 1:
		return fmt.Errorf("%s has several types of handles here: take and return luasandbox.Handle", t)
	case t.Elem().Kind() == reflect.Pointer:
		return fmt.Errorf("values of type %s do not cross the border", t)
	}
	elem, err := sc.shapeOf(t.Elem())
	if err != nil {
		if t.Elem().Kind() == reflect.Struct {
			return fmt.Errorf("%s is no type of handle here (list the HandleType among the grant's members), and %w", t, err)
		}
		return err
	}
	sh.kind, sh.elem, sh.optional = kindOptional, elem, true
	size := int64(t.Elem().Size())
	sh.decode = func(d *decoding, v vm.Value, into reflect.Value) error {
		if v.IsNil() {
			return nil
		}
		if err := d.m.Reserve(size); err != nil {
			return err
		}
		p := reflect.New(t.Elem())
		if err := elem.decode(d, v, p.Elem()); err != nil {
			return err
		}
		into.Set(p)
		return nil
	}
	sh.encode = func(e *encoding, v reflect.Value) (vm.Value, error) {
		if v.IsNil() {
			return vm.Nil, nil
		}
		if e.depth++; e.depth > maxDepth {
			return vm.Nil, &mismatch{want: "value is nested deeper than " + strconv.Itoa(maxDepth) + ", or contains itself"}
		}
		x, err := elem.encode(e, v.Elem())
		e.depth--
		return x, err
	}
	return nil
}
