package vm

import (
	"math"
	"sync/atomic"

	"github.com/luasandbox/modrunner/limits"
)

// This file has the parts of instructions that the loop does not do itself. Those
// that may call a metamethod report called: a frame was pushed, and the result
// reaches the instruction through finish.

// getHinted looks the constant string k up in t, first where an instruction found
// its key the last time. ok is false if a metamethod has to be asked.
func (t *Table) getHinted(k Value, hint *uint32) (v Value, ok bool) {
	if at := atomic.LoadUint32(hint); int(at) < len(t.ents) {
		if e := &t.ents[at]; e.key.p == k.p && e.val.p != nil {
			return e.val, true
		}
	}
	if len(t.ents) > 0 {
		if k.isLong() {
			return Value{}, false
		}
		if e := t.find(k, (*header)(k.p).id); e >= 0 && t.ents[e].val.p != nil {
			atomic.StoreUint32(hint, uint32(e))
			return t.ents[e].val, true
		}
	}
	return Value{}, t.meta == nil
}

// setHinted stores v at the constant string k if t has a value there already.
func (t *Table) setHinted(k, v Value, hint *uint32) bool {
	if t.flags&(flagReadOnly|flagBorrowed|flagShared) != 0 {
		return false
	}
	if at := atomic.LoadUint32(hint); int(at) < len(t.ents) {
		if e := &t.ents[at]; e.key.p == k.p && e.val.p != nil {
			e.val = v
			return true
		}
	}
	if len(t.ents) == 0 || k.isLong() {
		return false
	}
	if e := t.find(k, (*header)(k.p).id); e >= 0 && t.ents[e].val.p != nil {
		atomic.StoreUint32(hint, uint32(e))
		t.ents[e].val = v
		return true
	}
	return false
}

// positionHinted is position, trying first the place that the loop came to last.
func (t *Table) positionHinted(k Value, hint uint32) (int, error) {
	at := int(hint)
	n := len(t.arr)
	if at > n && at-n <= len(t.ents) {
		if e := &t.ents[at-n-1]; e.key == k {
			return at, nil
		}
	}
	return t.position(k)
}

// getSlow does R[to] = o[key].
func (m *Machine) getSlow(th *Thread, o, key Value, to int) (called bool, err error) {
	v, h, self, bad, err := m.index(o, key)
	if err != nil {
		return false, err
	}
	if bad && self != o {
		return false, messagef("attempt to index a %s value", self.Kind())
	}
	if bad {
		return false, m.indexError(th, o, key)
	}
	if h.p != nil {
		return true, m.pushMeta(th, h, self, key, Value{}, 2)
	}
	th.stack[to] = v
	return false, nil
}

// setSlow does o[key] = v.
func (m *Machine) setSlow(th *Thread, o, key, v Value) (called bool, err error) {
	if err := m.keyWork(key); err != nil {
		return false, err

	}
	first := o
	for range maxIndexChain {
		var h Value
		if t := o.AsTable(); t != nil {
			if t.meta == nil || t.Get(key).p != nil {
				return false, m.RawSet(t, key, v)
			}
			h = metamethod(t.meta, eventNewIndex)
			if h.p == nil {
				return false, m.RawSet(t, key, v)
			}
		} else {
			h = m.metaOf(o, eventNewIndex)
			if h.p == nil {
				if o != first {
					return false, messagef("attempt to index a %s value", o.Kind())
				}
				return false, m.indexError(th, o, key)
			}
		}
		if h.Kind() == KindFunction {
			return true, m.pushMeta(th, h, o, key, v, 3)
		}
		if err := m.work(1); err != nil {
			return false, err
		}
		o = h
	}
	return false, newMessage("loop in settable")
}

// arithSlow does R[to] = a op b where an operand is not a number.
func (m *Machine) arithSlow(th *Thread, op opcode, a, b Value, to int) (called bool, err error) {
	x, ok, err := m.toNumber(a)
	if err != nil {
		return false, err
	}
	if ok {
		y, ok, err := m.toNumber(b)
		if err != nil {
			return false, err
		}
		if ok {
			if op == opUnm {
				th.stack[to] = Number(-x)
			} else {
				th.stack[to] = Number(arith(op, x, y))
			}
			return false, nil
		}
	}
	e := eventAdd + event(op-opAdd)
	if op == opUnm {
		e = eventUnm
	}
	h := m.metaOf(a, e)
	if h.p == nil {
		h = m.metaOf(b, e)
	}
	if h.p == nil {
		return false, m.arithError(th, a, b)
	}
	return true, m.pushMeta(th, h, a, b, Value{}, 2)
}

// equal compares a and b as == does; a handler is returned if one must decide.
func (m *Machine) equal(a, b Value) (eq bool, handler Value, err error) {
	if a.p == b.p {
		return !a.isNumber() || math.Float64frombits(a.n) == math.Float64frombits(b.n), Value{}, nil
	}
	k := a.Kind()
	if k != b.Kind() {
		return false, Value{}, nil
	}
	switch k {
	case KindString:
		eq, err := m.rawEqual(a, b)
		return eq, Value{}, err
	case KindTable, KindUserdata:
		h, err := m.comparisonHandler(a, b, eventEq)
		return false, h, err
	}
	return false, Value{}, nil
}

func (m *Machine) lessSlow(th *Thread, a, b Value) (less, called bool, err error) {
	less, ok, err := m.less(a, b)
	if ok || err != nil {
		return less, false, err
	}
	if a.Kind() == b.Kind() {
		h, err := m.comparisonHandler(a, b, eventLt)
		if err != nil {
			return false, false, err
		}
		if h.p != nil {
			return false, true, m.pushMeta(th, h, a, b, Value{}, 2)
		}
	}
	return false, false, compareError(a, b)
}

func (m *Machine) lessEqualSlow(th *Thread, a, b Value) (less, called bool, err error) {
	less, ok, err := m.lessEqual(a, b)
	if ok || err != nil {
		return less, false, err
	}
	if a.Kind() == b.Kind() {
		h, err := m.comparisonHandler(a, b, eventLe)
		if err != nil {
			return false, false, err
		}
		if h.p != nil {
			return false, true, m.pushMeta(th, h, a, b, Value{}, 2)
		}
		// not (b < a)
		h, err = m.comparisonHandler(b, a, eventLt)
		if err != nil {
			return false, false, err
		}
		if h.p != nil {
			f := &th.frames[len(th.frames)-1]
			f.extra = ^f.extra
			if err := m.pushMeta(th, h, b, a, Value{}, 2); err != nil {
				th.frames[len(th.frames)-1].extra = ^th.frames[len(th.frames)-1].extra
				return false, false, err
			}
			return false, true, nil
		}
	}
	return false, false, compareError(a, b)
}

// concat joins the n values at stack index at, from the right, into R[to]. Runs
// of strings and numbers are joined at once; a metamethod joins two values.
func (m *Machine) concat(th *Thread, at, n, to int) (called bool, err error) {
	for n > 1 {
		// Find the run of strings and numbers that ends the list.
		k := 0
		for k < n {
			if v := th.stack[at+n-1-k]; v.str() == nil && !v.isNumber() {
				break
			}
			k++
		}
		if k >= 2 {
			first := at + n - k
			total, err := m.numbersToStrings(th.stack[first : at+n])
			if err != nil {
				return false, err
			}
			if err := m.reserveString(total); err != nil {
				return false, err
			}
			buf := make([]byte, 0, total)
			for _, v := range th.stack[first : at+n] {
				buf = append(buf, v.str().s...)
			}
			th.stack[first] = stringOf(buf)
			n = n - k + 1
			continue
		}
		a, b := th.stack[at+n-2], th.stack[at+n-1]
		h := m.metaOf(a, eventConcat)
		if h.p == nil {
			h = m.metaOf(b, eventConcat)
		}
		if h.p == nil {
			return false, m.concatError(th, a, b, n-2)
		}
		// The rest of the list stays where it is; the call goes above it.
		if err := m.growStack(th, at+n+3); err != nil {
			return false, err
		}
		th.stack[at+n], th.stack[at+n+1], th.stack[at+n+2] = h, a, b
		th.frames[len(th.frames)-1].pending = int32(at + n)
		return true, m.nestedCall(th, at+n, 2, 1)
	}
	th.stack[to] = th.stack[at]
	return false, nil
}

// numbersToStrings replaces the numbers among vs by strings, and returns the
// length of all of them.
func (m *Machine) numbersToStrings(vs []Value) (total int64, err error) {
	for i, v := range vs {
		if v.isNumber() {
			if err := m.work(limits.NumberToString); err != nil {
				return 0, err
			}
			if vs[i], err = m.NewString(FormatNumber(v.num())); err != nil {
				return 0, err
			}
		}
		total += int64(len(vs[i].str().s))
	}
	return total, nil
}

// concatGoOn goes on with a concatenation when a metamethod, called from stack
// index from, returned v.
func (m *Machine) concatGoOn(r *Run, th *Thread, f *frame, from int, v Value) error {
	base := int(f.base)
	at := base + f.cl.proto.maxStack
	i := f.cl.proto.code[f.pc-1]
	n := int(f.pending) - at
	th.stack[at+n-2] = v
	called, err := m.concat(th, at, n-1, base+i.a())
	if !called {
		th.top = at
	}
	return err
}

// setList stores the values from stack index from on at t[done+1] and up.
func (m *Machine) setList(th *Thread, t *Table, from, n, done int) error {
	if n == 0 {
		n = th.top - from
	}
	if n <= 0 {
		return nil
	}
	if err := m.work(int64(n) / limits.TableSlotMove); err != nil {
		return err
	}
	if done+n > len(t.arr) && done+n <= 1<<maxArrayBits {
		if err := m.growArray(t, done+n); err != nil {
			return err
		}
	}
	for i := range n {
		if done+i < len(t.arr) {
			t.arr[done+i] = th.stack[from+i]
		} else if err := m.SetInt(t, done+i+1, th.stack[from+i]); err != nil {
			return err
		}
	}
	return nil
}

// growArray makes t's array part hold n slots, for a constructor: t has no
// integer keys in its hash part that this would hide, except from `[n] = v`
// items, which move.
func (m *Machine) growArray(t *Table, n int) error {
	if err := m.alloc(int64(n) * limits.ValueBytes); err != nil {
		return err
	}
	if err := m.work(int64(len(t.arr)+len(t.ents)) / limits.TableSlotMove); err != nil {
		return err
	}
	old := len(t.arr)
	arr := make([]Value, n)
	copy(arr, t.arr)
	t.arr = arr
	if t.flags&flagIntKeys == 0 {
		return nil
	}
	for i := range t.ents {
		e := &t.ents[i]
		if j := t.arrayIndex(e.key); j >= old && e.val.p != nil {
			t.arr[j] = e.val
			e.val = Value{}
		}
	}
	return nil
}

// forPrep checks and prepares the numeric loop at R[a]: index, limit and step.
func (m *Machine) forPrep(R *[window]Value, a int) error {
	for i, what := range [...]string{"initial", "limit", "step"} {
		v := &R[a+i]
		x, ok, err := m.toNumber(*v)
		if err != nil {
			return err
		}
		if !ok {
			if what == "initial" {
				what = "initial value"
			}
			return messagef("'for' %s must be a number", what)
		}
		v.setNumber(x)
	}
	R[a].setNumber(R[a].num() - R[a+2].num())
	return nil
}

// closure creates a closure of p in the activation of cl at base.
func (m *Machine) closure(th *Thread, cl *Closure, p *proto, base int) (*Closure, error) {
	n := len(p.ups)
	if err := m.alloc(limits.ClosureHeader + int64(n)*8); err != nil {
		return nil, err
	}
	c := &Closure{header: header{kind: objClosure}, proto: p, env: cl.env}
	if n > 0 {
		if n > 8 {
			if err := m.work(int64(n) / limits.TableSlotMove); err != nil {
				return nil, err
			}
		}
		c.up = make([]*upvalue, n)
		for i, src := range p.ups {
			if !src.inRegister {
				c.up[i] = cl.up[src.index]
				continue
			}
			u, err := m.findUpvalue(th, base+int(src.index))
			if err != nil {
				return nil, err
			}
			c.up[i] = u
		}
	}
	return c, nil
}

// argTable makes the `arg` table of a vararg function: its n extra arguments, at
// stack index at, and their number in field n.
func (m *Machine) argTable(th *Thread, at, n int) (*Table, error) {
	t, err := m.NewTable(n, 1)
	if err != nil {
		return nil, err
	}
	copy(t.arr, th.stack[at:at+n])
	return t, m.set(t, argCount, Number(float64(n)))
}

var argCount = sharedString("n")
