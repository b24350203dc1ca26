package luasandbox

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// The bounds of one crossing of the border, in either direction: of all arguments
// of a call together, or of all results.
const (
	maxDepth    = 100     // tables within tables
	maxElements = 1 << 18 // list elements, map pairs and record fields
)

// Sizes of what a copy takes on the host's side, in bytes.
const (
	anyBytes   = 24 // an interface and what it points to
	sliceBytes = 40 // a list beside its elements, and its place among those being copied
	mapBytes   = 64 // beside its pairs
)

// mapSize is what a map of n pairs takes that are slot bytes each: the size of one
// pair, with what half-full groups of slots leave free and the boxes of what is in
// them, and of the map beside them.
func mapSize(n int, slot int64) (size, base int64) {
	if n == 0 {
		return 0, mapBytes
	}
	return 2*slot + slot, mapBytes + 8*slot
}

// mismatch is a value that cannot cross the border.
type mismatch struct {
	path string // where in the value: ".pos.x[3]"; "" for all of it
	want string // what would be right; if got is "", all of the message
	got  string
}

// Error names the place, what would be right and what is there.
func (e *mismatch) Error() string {
	text := e.want
	if e.got != "" {
		text += " expected, got " + e.got
	}
	if e.path != "" {
		text = "at " + strings.TrimPrefix(e.path, ".") + ": " + text
	}
	return text
}

// within puts a step in front of the path of err, if it is a mismatch. Of a long path
// the end is kept: a script chooses how long it is, and does not pay for it.
func within(step string, err error) error {
	const most = 200
	if e, ok := err.(*mismatch); ok {
		switch {
		case len(e.path) <= most:
			e.path = step + e.path
		case !strings.HasPrefix(e.path, "…"):
			e.path = "…" + e.path
		}
	}
	return err
}

func atIndex(i int) string { return "[" + strconv.Itoa(i) + "]" }

func atKey(k vm.Value) string {
	if s, ok := k.AsString(); ok {
		return atName(s)
	}
	if f, ok := k.AsNumber(); ok {
		return "[" + vm.FormatNumber(f) + "]"
	}
	return "[" + k.Kind().String() + "]"
}

func atName(s string) string {
	if isName(s) && len(s) <= 40 {
		return "." + s
	}
	return "[" + shown(s) + "]"
}

// shown quotes s for a message, shortened.
func shown(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// describe tells what v is, for a message.
func (s *Sandbox) describe(v vm.Value) string {
	switch v.Kind() {
	case vm.KindNumber:
		f, _ := v.AsNumber()
		return vm.FormatNumber(f)
	case vm.KindUserdata:
		if h, ok := v.AsUserdata().Payload().(*handle); ok {
			return h.t.name
		}
	}
	return v.Kind().String()
}

// decoding is one crossing from Lua to Go, whose results [Results] describes. Work and
// memory are charged before they are spent. The errors: *mismatch, and what ends the
// call. The functions that were met are held: whoever gets them releases them.
type decoding struct {
	s        *Sandbox
	m        *vm.Machine
	left     int         // elements that may still be copied
	open     []*vm.Table // being copied, outermost first
	held     []*Function // asked for by type: the host's to release
	borrowed []*Function // met in values of type any: held until the host function returns
}

// release lets go of functions that the crossing took hold of.
func (d *decoding) release(fs []*Function) {
	for _, f := range fs {
		f.Release()
	}
}

// enter begins to copy t; leave ends it.
func (d *decoding) enter(t *vm.Table) error {
	if len(d.open) >= maxDepth {
		return &mismatch{want: "table is nested deeper than " + strconv.Itoa(maxDepth)}
	}
	if slices.Contains(d.open, t) {
		return &mismatch{want: "table contains itself"}
	}
	d.open = append(d.open, t)
	array, hash := t.Size()
	return d.m.Work(limits.AllocObject + limits.MulAdd(int64(array)+int64(hash), limits.HashLookup, 0))
}

func (d *decoding) leave() { d.open = d.open[:len(d.open)-1] }

// take charges for n elements of the given work and size each.
func (d *decoding) take(n int, work, size, base int64) error {
	if d.left -= n; d.left < 0 {
		return &mismatch{want: "more than " + strconv.Itoa(maxElements) + " elements"}
	}
	if err := d.m.Work(int64(n) * work); err != nil {
		return err
	}
	return d.m.Reserve(limits.MulAdd(int64(n), size, base))
}

// list returns how many elements t has if it is a list: its keys are 1 to n. The
// walk is paid for by enter.
func (d *decoding) list(t *vm.Table) (int, error) {
	n, most := 0, 0.0
	for k := vm.Nil; ; n++ {
		key, _, _, err := t.Next(k)
		if err != nil {
			return 0, err
		}
		if key.IsNil() {
			break
		}
		f, ok := key.AsNumber()
		if !ok || f < 1 || f != math.Trunc(f) {
			return 0, &mismatch{want: "list expected, got a table with the key " + keyText(key)}
		}
		most = max(most, f)
		k = key
	}
	if most != float64(n) {
		return 0, &mismatch{want: "list without gaps expected: it has " + strconv.Itoa(n) +
			" elements, and one at " + vm.FormatNumber(most)}
	}
	return n, nil
}

func keyText(k vm.Value) string {
	if s, ok := k.AsString(); ok {
		return shown(s)
	}
	if f, ok := k.AsNumber(); ok {
		return vm.FormatNumber(f)
	}
	return "of type " + k.Kind().String()
}

// any copies v without knowing what is wanted.
func (d *decoding) any(v vm.Value) (any, error) {
	switch v.Kind() {
	case vm.KindNil:
		return nil, nil
	case vm.KindBoolean:
		b, _ := v.AsBool()
		return b, nil
	case vm.KindNumber:
		f, _ := v.AsNumber()
		return f, nil
	case vm.KindString:
		s, _ := v.AsString()
		return s, d.m.Work(limits.Units(int64(len(s)), limits.BytesPerUnit))
	case vm.KindTable:
		return d.table(v.AsTable())
	case vm.KindFunction:
		f, err := d.s.hold(v)
		if err != nil {
			return nil, err
		}
		d.borrowed = append(d.borrowed, f)
		return f, nil
	case vm.KindUserdata:
		if h, ok := v.AsUserdata().Payload().(*handle); ok {
			if h.object == nil {
				return nil, &mismatch{want: "open handle", got: "closed " + h.t.name}
			}
			return h.object, nil
		}
	}
	return nil, &mismatch{want: "value that can be copied", got: v.Kind().String()}
}

// table copies a table whose form nobody has declared.
func (d *decoding) table(t *vm.Table) (any, error) {
	if err := d.enter(t); err != nil {
		return nil, err
	}
	defer d.leave()
	n, strs, list := 0, 0, true
	for k := vm.Nil; ; n++ {
		key, _, _, err := t.Next(k)
		if err != nil {
			return nil, err
		}
		if key.IsNil() {
			break
		}
		if key.Kind() == vm.KindString {
			strs++
		}
		k = key
	}
	for i := 1; i <= n && list; i++ {
		list = !t.GetInt(i).IsNil()
	}
	if list && n > 0 {
		if err := d.take(n, limits.CopyElement, anyBytes, sliceBytes); err != nil {
			return nil, err
		}
		out := make([]any, n)
		for i := range out {
			v, err := d.any(t.GetInt(i + 1))
			if err != nil {
				return nil, within(atIndex(i+1), err)
			}
			out[i] = v
		}
		return out, nil
	}
	size, base := mapSize(n, 32)
	if err := d.take(n, limits.CopyPair, size, base); err != nil {
		return nil, err
	}
	if strs == n {
		out := make(map[string]any, n)
		err := d.pairs(t, func(key, v vm.Value) error {
			s, _ := key.AsString()
			var err error
			out[s], err = d.any(v)
			return err
		})
		return out, err
	}
	out := make(map[any]any, n)
	err := d.pairs(t, func(key, v vm.Value) error {
		switch key.Kind() {
		case vm.KindBoolean, vm.KindNumber, vm.KindString:
		default:
			return &mismatch{want: "string, number or boolean as key", got: key.Kind().String()}
		}
		k, err := d.any(key)
		if err != nil {
			return err
		}
		out[k], err = d.any(v)
		return err
	})
	return out, err
}

// pairs calls f with each pair of t, in t's order.
func (d *decoding) pairs(t *vm.Table, f func(key, v vm.Value) error) error {
	for k := vm.Nil; ; {
		key, v, _, err := t.Next(k)
		if err != nil || key.IsNil() {
			return err
		}
		if err := f(key, v); err != nil {
			return within(atKey(key), err)
		}
		k = key
	}
}

// encoding is one crossing from Go to Lua: of what, the package's documentation says
// under Values. Memory is charged before it is taken. The errors: *mismatch;
// [ErrReleased]; *limits.Error; a Lua error for a string beyond Limits.String.
// What it has made so far is among the
// sandbox's roots (bindings.building), so that a census counts it.
type encoding struct {
	s        *Sandbox
	m        *vm.Machine
	left     int
	depth    int
	readOnly bool // make tables read-only
}

// end takes what was made from the roots again: it is the caller's now.
func (e *encoding) end(mark int) {
	b := &e.s.host
	clear(b.building[mark:])
	b.building = b.building[:mark]
}

// made keeps v among the roots until end.
func (e *encoding) made(v vm.Value) { e.s.host.building = append(e.s.host.building, v) }

// enter begins a table with n pairs or list elements; leave ends it. The table is
// reachable for the census as long as what it is to be put in is.
func (e *encoding) enter(array, pairs int) (*vm.Table, error) {
	if e.depth++; e.depth > maxDepth {
		return nil, &mismatch{want: "value is nested deeper than " + strconv.Itoa(maxDepth) + ", or contains itself"}
	}
	n := array + pairs
	if e.left -= n; e.left < 0 {
		return nil, &mismatch{want: "more than " + strconv.Itoa(maxElements) + " elements"}
	}
	if err := e.m.Work(limits.AllocObject + int64(array)*limits.CopyElement + int64(pairs)*limits.CopyPair); err != nil {
		return nil, err
	}
	t, err := e.m.NewTable(array, pairs)
	if err != nil {
		return nil, err
	}
	e.made(t.Value())
	return t, nil
}

// leave ends the table that enter began. mark is len(building) before enter. The
// caller puts a table that is part of another one there before it allocates again.
func (e *encoding) leave(t *vm.Table, mark int) vm.Value {
	e.depth--
	if e.readOnly {
		t.SetReadOnly()
	}
	if e.depth > 0 {
		e.end(mark)
	}
	return t.Value()
}

var (
	bytesType = reflect.TypeFor[[]byte]()
	anyType   = reflect.TypeFor[any]()
)

// any copies v into Lua by its dynamic type.
func (e *encoding) any(v any) (vm.Value, error) {
	switch v := v.(type) {
	case nil:
		return vm.Nil, nil
	case bool:
		return vm.Bool(v), nil
	case float64:
		return vm.Number(v), nil
	case int:
		return encodeInt(int64(v))
	case string:
		return e.m.CopyString(v)
	case []byte:
		return e.bytes(v)
	case *Function:
		return e.function(v)
	case Handle:
		return e.handle(v.t, v.object)
	case []any:
		mark := len(e.s.host.building)
		t, err := e.enter(len(v), 0)
		if err != nil {
			return vm.Nil, err
		}
		for i, x := range v {
			if err := e.put(t, i+1, x); err != nil {
				return vm.Nil, err
			}
		}
		return e.leave(t, mark), nil
	}
	t := reflect.TypeOf(v)
	if h := e.s.host.typeOf(t); h != nil {
		return e.handle(h, v)
	}
	sh, err := dynamicShape(t)
	if err != nil {
		return vm.Nil, &mismatch{want: err.Error()}
	}
	return sh.encode(e, reflect.ValueOf(v))
}

func (e *encoding) put(t *vm.Table, i int, x any) error {
	v, err := e.any(x)
	if err != nil {
		return within(atIndex(i), err)
	}
	return e.m.SetInt(t, i, v)
}

// bytes makes a string of b.
func (e *encoding) bytes(b []byte) (vm.Value, error) {
	if err := e.reserveString(len(b)); err != nil {
		return vm.Nil, err
	}
	return vm.String(string(b)), nil
}

// reserveString charges for a string before it exists, as vm.Call.ReserveString does.
func (e *encoding) reserveString(n int) error {
	if err := e.m.Limits().Check(limits.String, int64(n)); err != nil {
		return &vm.Error{Value: vm.String("resulting string too large"), Err: err}
	}
	if err := e.m.Work(limits.Units(int64(n), limits.BytesPerUnit)); err != nil {
		return err
	}
	return e.m.Reserve(limits.MulAdd(1, int64(n), limits.StringHeader))
}

func (e *encoding) function(f *Function) (vm.Value, error) {
	if f == nil {
		return vm.Nil, nil
	}
	if f.s != e.s {
		return vm.Nil, &mismatch{want: "function of another sandbox"}
	}
	return f.value()
}

// encodeInt returns i as a Lua number, which has 53 bits.
func encodeInt(i int64) (vm.Value, error) {
	f := float64(i)
	if f >= 1<<63 || int64(f) != i {
		return vm.Nil, &mismatch{want: "integer that a Lua number can hold", got: strconv.FormatInt(i, 10)}
	}
	return vm.Number(f), nil
}

func encodeUint(u uint64) (vm.Value, error) {
	f := float64(u)
	if f >= 1<<64 || uint64(f) != u {
		return vm.Nil, &mismatch{want: "integer that a Lua number can hold", got: strconv.FormatUint(u, 10)}
	}
	return vm.Number(f), nil
}

// dynamicShapes holds the shapes of types that were met at run time: as many as
// the host's program has.
var dynamicShapes sync.Map // reflect.Type -> *shape or error

func dynamicShape(t reflect.Type) (*shape, error) {
	v, ok := dynamicShapes.Load(t)
	if !ok {
		sh, err := newScope(nil).shapeOf(t)
		if err != nil {
			v, _ = dynamicShapes.LoadOrStore(t, err)
		} else {
			v, _ = dynamicShapes.LoadOrStore(t, sh)
		}
	}
	if err, ok := v.(error); ok {
		return nil, err
	}
	return v.(*shape), nil
}

// isFatal reports whether err ends the call whatever the script does about it.
func isFatal(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := err.(*vm.Error); ok {
		return false
	}
	var limit *limits.Error
	var cancelled *limits.CancelledError
	var machine *vm.InternalError
	var internal *InternalError
	return errors.As(err, &limit) || errors.As(err, &cancelled) || errors.As(err, &machine) || errors.As(err, &internal)
}
