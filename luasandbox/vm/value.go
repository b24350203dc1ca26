package vm

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/luasandbox/modrunner/limits"
)

// This file is the only one in the project that imports unsafe: it packs a Lua
// value into 16 bytes with numbers unboxed. RATIONALE.md has the measurement.

// Kind is the Lua type of a value, as type() names it.
type Kind uint8

// The Lua types. KindNil is the kind of the zero Value.
const (
	KindNil Kind = iota
	KindBoolean
	KindNumber
	KindString
	KindTable
	KindFunction
	KindUserdata
	KindThread
)

var kindNames = [...]string{"nil", "boolean", "number", "string", "table", "function", "userdata", "thread"}

// String returns the name that Lua's type() gives the kind.
func (k Kind) String() string { return kindNames[k] }

// Object kinds, the first byte of everything a Value points to.
const (
	objFalse uint8 = iota
	objTrue
	objNumber
	objString
	objTable
	objClosure
	objNative
	objUserdata
	objThread
)

var objectKinds = [...]Kind{
	objFalse: KindBoolean, objTrue: KindBoolean, objNumber: KindNumber, objString: KindString,
	objTable: KindTable, objClosure: KindFunction, objNative: KindFunction,
	objUserdata: KindUserdata, objThread: KindThread,
}

// header begins every object.
type header struct {
	kind   uint8
	flags  uint8
	absent uint8  // tables: metamethods known to be missing, one bit per event
	mark   uint8  // number of the last census that reached the object
	id     uint32 // strings: hash; other objects: identity; 0 while not yet given
}

// Object flags.
const (
	flagShared        uint8 = 1 << iota // used by several machines: never written, not counted
	flagReadOnly                        // tables: a script's write is an error
	flagBorrowed                        // tables: the entries belong to a shared table, copy before writing
	flagIntKeys                         // tables: the hash part may hold number keys
	flagJoinedSlots                     // tables: the array part was allocated together with the table
	flagJoinedEntries                   // tables: so were the entries
)

// flagsNoWrite are those of tables whose entries are not simply written to.
const flagsNoWrite = flagShared | flagReadOnly | flagBorrowed

var (
	falseTag  = header{kind: objFalse}
	trueTag   = header{kind: objTrue}
	numberTag = header{kind: objNumber}
	buriedTag = header{kind: objFalse}
)

// Value is one Lua value: 16 bytes, copied freely. The zero Value is nil.
//
// p is nil for nil, the address of a tag for booleans and numbers, and of the
// object otherwise; n holds a number's bits and is zero for all other kinds.
type Value struct {
	p unsafe.Pointer
	n uint64
}

// The values that need no argument.
var (
	Nil   = Value{}
	True  = Value{p: unsafe.Pointer(&trueTag)}
	False = Value{p: unsafe.Pointer(&falseTag)}
)

// buriedKey is the key of a deleted entry of a table whose own key nobody has any
// more. It equals no value of a script's, so that next() never comes from it.
var buriedKey = Value{p: unsafe.Pointer(&buriedTag)}

// Bool returns the Lua boolean b.
func Bool(b bool) Value {
	if b {
		return Value{p: unsafe.Pointer(&trueTag)}
	}
	return Value{p: unsafe.Pointer(&falseTag)}
}

// Number returns the Lua number f.
func Number(f float64) Value {
	return Value{p: unsafe.Pointer(&numberTag), n: math.Float64bits(f)}
}

// Int returns the Lua number nearest to i.
func Int(i int) Value { return Number(float64(i)) }

// String returns a Lua string holding s, without charging for it: whoever calls
// it on a script's behalf has reserved the bytes first (Call.ReserveString).
func String(s string) Value {
	return Value{p: unsafe.Pointer(&stringObject{header: header{kind: objString}, s: s})}
}

// Kind returns v's Lua type.
func (v Value) Kind() Kind {
	if v.p == nil {
		return KindNil
	}
	return objectKinds[(*header)(v.p).kind]
}

// IsNil reports whether v is nil.
func (v Value) IsNil() bool { return v.p == nil }

// Truthy reports whether v counts as true: everything but nil and false.
func (v Value) Truthy() bool { return v.p != nil && v.p != unsafe.Pointer(&falseTag) }

// AsBool returns v as a boolean; ok is false if it is of another kind.
func (v Value) AsBool() (b, ok bool) {
	return v.p == unsafe.Pointer(&trueTag), v.p == unsafe.Pointer(&trueTag) || v.p == unsafe.Pointer(&falseTag)
}

// AsNumber returns v as a number; ok is false if it is of another kind. Strings
// are not converted: see ToNumber.
func (v Value) AsNumber() (f float64, ok bool) {
	return math.Float64frombits(v.n), v.p == unsafe.Pointer(&numberTag)
}

// AsString returns v's bytes if v is a string. Numbers are not converted.
func (v Value) AsString() (s string, ok bool) {
	if o := v.str(); o != nil {
		return o.s, true
	}
	return "", false
}

// AsTable returns v as a table, or nil if it is of another kind.
func (v Value) AsTable() *Table {
	if v.p != nil && (*header)(v.p).kind == objTable {
		return (*Table)(v.p)
	}
	return nil
}

// AsNative returns v as a function written in Go, or nil.
func (v Value) AsNative() *Native {
	if v.p != nil && (*header)(v.p).kind == objNative {
		return (*Native)(v.p)
	}
	return nil
}

// AsClosure returns v as a function written in Lua, or nil.
func (v Value) AsClosure() *Closure {
	if v.p != nil && (*header)(v.p).kind == objClosure {
		return (*Closure)(v.p)
	}
	return nil
}

// AsUserdata returns v as an opaque host object, or nil.
func (v Value) AsUserdata() *Userdata {
	if v.p != nil && (*header)(v.p).kind == objUserdata {
		return (*Userdata)(v.p)
	}
	return nil
}

// AsThread returns v as a coroutine, or nil.
func (v Value) AsThread() *Thread {
	if v.p != nil && (*header)(v.p).kind == objThread {
		return (*Thread)(v.p)
	}
	return nil
}

func (v Value) str() *stringObject {
	if v.p != nil && (*header)(v.p).kind == objString {
		return (*stringObject)(v.p)
	}
	return nil
}

// stringOf returns a string of b's bytes, which nobody writes any more.
func stringOf(b []byte) Value { return String(unsafe.String(unsafe.SliceData(b), len(b))) }

func (v Value) isTable() bool     { return v.p != nil && (*header)(v.p).kind == objTable }
func (v Value) table() *Table     { return (*Table)(v.p) }
func (v Value) isString() bool    { return v.p != nil && (*header)(v.p).kind == objString }
func (v Value) text() string      { return (*stringObject)(v.p).s }
func (v Value) isClosure() bool   { return v.p != nil && (*header)(v.p).kind == objClosure }
func (v Value) closure() *Closure { return (*Closure)(v.p) }

func (v Value) isNumber() bool { return v.p == unsafe.Pointer(&numberTag) }
func (v Value) num() float64   { return math.Float64frombits(v.n) }

// isLong reports whether the string v is one whose comparison is charged.
func (v Value) isLong() bool { return len((*stringObject)(v.p).s) > int(limits.HashFreeBytes) }

// object returns the header of what v points to; v is not nil.
func (v Value) object() *header { return (*header)(v.p) }

// registers returns the registers of the frame whose base is at stack index base.
// There are only as many as its function's maxStack, and no instruction names
// another: verify sees to that. The type says more so that naming one in the loop
// takes no check.
//
//go:nocheckptr
func registers(stack []Value, base int) *[window]Value {
	return (*[window]Value)(unsafe.Pointer(&stack[base]))
}

// setNumber stores f where v is. Storing over a number writes no pointer, which
// spares the collector's write barrier in the machine's busiest instructions.
func (v *Value) setNumber(f float64) {
	v.n = math.Float64bits(f)
	if v.p != unsafe.Pointer(&numberTag) {
		v.p = unsafe.Pointer(&numberTag)
	}
}

// Value returns t as a value.
func (t *Table) Value() Value { return Value{p: unsafe.Pointer(t)} }

// Value returns f as a value.
func (f *Native) Value() Value { return Value{p: unsafe.Pointer(f)} }

// Value returns f as a value.
func (f *Closure) Value() Value { return Value{p: unsafe.Pointer(f)} }

// Value returns u as a value.
func (u *Userdata) Value() Value { return Value{p: unsafe.Pointer(u)} }

// Value returns th as a value.
func (th *Thread) Value() Value { return Value{p: unsafe.Pointer(th)} }

func (s *stringObject) value() Value { return Value{p: unsafe.Pointer(s)} }

// RawEqual reports whether a and b are equal without consulting metamethods.
// Comparing two distinct strings of one length reads their bytes; a caller with
// strings of a script's choosing charges for that first.
func RawEqual(a, b Value) bool {
	if a.p == b.p {
		return a.p != unsafe.Pointer(&numberTag) || math.Float64frombits(a.n) == math.Float64frombits(b.n)
	}
	if a.p == nil || b.p == nil {
		return false
	}
	if (*header)(a.p).kind != objString || (*header)(b.p).kind != objString {
		return false
	}
	return (*stringObject)(a.p).equal((*stringObject)(b.p))
}

// equalWork is the number of bytes that RawEqual would compare.
func equalWork(a, b Value) int64 {
	if a.p == b.p || a.p == nil || b.p == nil ||
		(*header)(a.p).kind != objString || (*header)(b.p).kind != objString {
		return 0
	}
	x, y := (*stringObject)(a.p), (*stringObject)(b.p)
	if len(x.s) != len(y.s) || x.id != 0 && y.id != 0 && x.id != y.id {
		return 0
	}
	return int64(len(x.s))
}

// FormatNumber returns f as Lua prints it: C's "%.14g", with inf, -inf, nan and
// -nan spelt as the GNU C library spells them.
func FormatNumber(f float64) string {
	if i := int64(f); float64(i) == f && i > -1e14 && i < 1e14 && (i != 0 || !math.Signbit(f)) {
		return strconv.FormatInt(i, 10)
	}
	return formatG(f, 14)
}

// formatG is C's "%.<prec>g".
func formatG(f float64, prec int) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		if math.Signbit(f) {
			return "-nan"
		}
		return "nan"
	}
	b := strconv.AppendFloat(make([]byte, 0, 32), f, 'e', prec-1, 64)
	e := len(b) - 1
	for b[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(b[e+1:]))
	if exp >= -4 && exp < prec {
		b = strconv.AppendFloat(b[:0], f, 'f', prec-1-exp, 64)
		return string(trimZeros(b))
	}
	mantissa := trimZeros(b[:e:e])
	sign := byte('+')
	if exp < 0 {
		sign, exp = '-', -exp
	}
	out := append(mantissa, 'e', sign)
	if exp < 10 {
		out = append(out, '0')
	}
	return string(strconv.AppendInt(out, int64(exp), 10))
}

// trimZeros drops the zeros that end a decimal fraction, and the point with them.
func trimZeros(b []byte) []byte {
	point := false
	for _, c := range b {
		point = point || c == '.'
	}
	if !point {
		return b
	}
	n := len(b)
	for b[n-1] == '0' {
		n--
	}
	if b[n-1] == '.' {
		n--
	}
	return b[:n]
}
