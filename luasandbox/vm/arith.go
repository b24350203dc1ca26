package vm

import (
	"math"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm/libm"
)

// arith is the arithmetic of opAdd..opPow on numbers (manual, section 2.5.1).
func arith(op opcode, a, b float64) float64 {
	switch op {
	case opAdd:
		return a + b
	case opSub:
		return a - b
	case opMul:
		return a * b
	case opDiv:
		return a / b
	case opMod:
		return mod(a, b)
	}
	return pow(a, b)
}

// mod is a % b as C Lua 5.1 defines it.
func mod(a, b float64) float64 {
	// The conversion keeps the compiler from fusing, which some processors can.
	return a - float64(math.Floor(a/b)*b)
}

// floorSmall is math.Floor of a number well inside the range of int64, but for -0.
func floorSmall(q float64) float64 {
	f := float64(int64(q))
	if f > q {
		f--
	}
	return f
}

func pow(a, b float64) float64 {
	if b == 2 {
		return a * a
	}
	return libm.Pow(a, b)
}

// event is a metamethod's name.
type event uint8

const (
	eventIndex event = iota
	eventNewIndex
	eventEq
	eventLen
	eventCall
	eventLt
	eventLe
	eventConcat
	// Those from here on are not cached in header.absent.
	eventAdd
	eventSub
	eventMul
	eventDiv
	eventMod
	eventPow
	eventUnm
	eventMetatable
	eventToString
	eventMode
	events
)

var eventNames = [events]*stringObject{}

// indexKey is the key of the commonest event.
var indexKey = SharedString("__index")

func init() {
	for i, name := range [events]string{
		"__index", "__newindex", "__eq", "__len", "__call", "__lt", "__le", "__concat",
		"__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__metatable", "__tostring", "__mode",
	} {
		eventNames[i] = SharedString(name).str()
	}
}

// metamethod returns mt's field for e, nil if mt is nil or has none.
func metamethod(mt *Table, e event) Value {
	if mt == nil {
		return Value{}
	}
	if e <= eventConcat {
		if mt.absent&(1<<e) != 0 {
			return Value{}
		}
		v := mt.getString(eventNames[e])
		if v.p == nil && mt.flags&flagShared == 0 {
			mt.absent |= 1 << e
		}
		return v
	}
	return mt.getString(eventNames[e])
}

// metaOf returns v's metamethod for e.
func (m *Machine) metaOf(v Value, e event) Value {
	if t := v.AsTable(); t != nil {
		return metamethod(t.meta, e)
	}
	return metamethod(m.Metatable(v), e)
}

// toNumber converts v as arithmetic does: strings that read as numbers count.
func (m *Machine) toNumber(v Value) (float64, bool, error) {
	if v.isNumber() {
		return v.num(), true, nil
	}
	if s := v.str(); s != nil {
		return m.readNumber(s.s)
	}
	return 0, false, nil
}

// readNumber is ParseNumber, charged.
func (m *Machine) readNumber(s string) (float64, bool, error) {
	if err := m.work(limits.StringToNumber + int64(len(s))*limits.NumberByte); err != nil {
		return 0, false, err
	}
	// Hexadecimal text, and text that is no number, are copied.
	if err := m.alloc(limits.MulAdd(2, int64(len(s)), limits.StringHeader)); err != nil {
		return 0, false, err
	}
	f, ok := ParseNumber(s)
	return f, ok, nil
}

// less compares a and b if no metamethod is needed.
func (m *Machine) less(a, b Value) (result, ok bool, err error) {
	if a.isNumber() && b.isNumber() {
		return a.num() < b.num(), true, nil
	}
	if x, y := a.str(), b.str(); x != nil && y != nil {
		if err := m.compareWork(x, y); err != nil {
			return false, false, err
		}
		return x.s < y.s, true, nil
	}
	return false, false, nil
}

func (m *Machine) lessEqual(a, b Value) (result, ok bool, err error) {
	if a.isNumber() && b.isNumber() {
		return a.num() <= b.num(), true, nil
	}
	if x, y := a.str(), b.str(); x != nil && y != nil {
		if err := m.compareWork(x, y); err != nil {
			return false, false, err
		}
		return x.s <= y.s, true, nil
	}
	return false, false, nil
}

func (m *Machine) compareWork(x, y *stringObject) error {
	if n := min(len(x.s), len(y.s)); n > int(limits.BytesPerUnit) {
		return m.work(int64(n) / limits.BytesPerUnit)
	}
	return nil
}

// comparisonHandler returns the metamethod for a < b (or <=, by e), which both
// operands must agree on (manual, section 2.8).
func (m *Machine) comparisonHandler(a, b Value, e event) (Value, error) {
	if h := m.metaOf(a, e); h.p != nil {
		same, err := m.rawEqual(h, m.metaOf(b, e))
		if err != nil {
			return Value{}, err
		}
		if same {
			return h, nil
		}
	}
	return Value{}, nil
}

// compareError is the error of an order that does not exist.
func compareError(a, b Value) error {
	x, y := a.Kind(), b.Kind()
	if x == y {
		return messagef("attempt to compare two %s values", x)
	}
	return messagef("attempt to compare %s with %s", x, y)
}

// rawEqual is RawEqual, charged.
func (m *Machine) rawEqual(a, b Value) (bool, error) {
	if n := equalWork(a, b); n > limits.BytesPerUnit {
		if err := m.work(n / limits.BytesPerUnit); err != nil {
			return false, err
		}
	}
	return RawEqual(a, b), nil
}

// LessThan compares a and b as Lua's < does. If that takes a metamethod, it
// returns it: call handler(a, b) and take the truth of its first result.
func (c *Call) LessThan(a, b Value) (less bool, handler Value, err error) {
	less, ok, err := c.m.less(a, b)
	if ok || err != nil {
		return less, Value{}, err
	}
	if a.Kind() == b.Kind() {
		if handler, err = c.m.comparisonHandler(a, b, eventLt); err != nil || handler.p != nil {
			return false, handler, err
		}
	}
	return false, Value{}, compareError(a, b)
}

// maxIndexChain bounds how many tables one index may pass through, as C Lua's
// MAXTAGLOOP.
const maxIndexChain = 100

// errIndexLoop is C Lua's error for a chain of __index that does not end.
var errIndexLoop = newMessage("loop in gettable")

// index looks key up in o, along __index as far as that needs no call. If a
// handler is returned, handler(self, key) has the answer. If self cannot be
// indexed, bad says so.
func (m *Machine) index(o, key Value) (v, handler, self Value, bad bool, err error) {
	if err := m.keyWork(key); err != nil {
		return Value{}, Value{}, Value{}, false, err

	}
	for range maxIndexChain {
		var h Value
		if t := o.AsTable(); t != nil {
			v := t.Get(key)
			if v.p != nil || t.meta == nil {
				return v, Value{}, Value{}, false, nil
			}
			h = metamethod(t.meta, eventIndex)
			if h.p == nil {
				return Value{}, Value{}, Value{}, false, nil
			}
		} else {
			if o.str() != nil && m.strings != nil {
				if v := m.strings.Get(key); v.p != nil {
					return v, Value{}, Value{}, false, nil
				}
			}
			h = m.metaOf(o, eventIndex)
			if h.p == nil {
				return Value{}, Value{}, o, true, nil
			}
		}
		if h.Kind() == KindFunction {
			return Value{}, h, o, false, nil
		}
		if err := m.work(1); err != nil {
			return Value{}, Value{}, Value{}, false, err
		}
		o = h
	}
	return Value{}, Value{}, Value{}, false, errIndexLoop
}

// Index looks key up in o as Lua's o[key] does. If that takes a call, handler is
// not nil: handler(self, key) has the answer.
func (c *Call) Index(o, key Value) (v, handler, self Value, err error) {
	v, handler, self, bad, err := c.m.index(o, key)
	if bad {
		err = messagef("attempt to index a %s value", self.Kind())
	}
	return v, handler, self, err
}
