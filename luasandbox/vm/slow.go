package vm

import (
	"math"
	"sync/atomic"

	"github.com/luasandbox/modrunner/limits"
)

// slow does the whole of instruction i of f, th's top frame, in every case that
// interpret leaves to it. It may push a frame, for a metamethod; then the result
// reaches the instruction through finish.
func (m *Machine) slow(r *Run, th *Thread, f *frame, i instr) error {
	base := int(f.base)
	R := th.stack[base:]
	p := f.cl.proto
	switch op := i.op(); op {
	case opGetGlobal:
		return m.getField(th, f.cl.env.Value(), p.consts[i.d()], base+i.a(), p, f)
	case opGetField:
		return m.getField(th, R[i.b()], p.consts[i.d()], base+i.a(), p, f)
	case opSelf:
		return m.getSelf(th, R, i, p.consts[i.d()], base, p, f)
	case opGetInt:
		return m.get(th, R[i.b()], Number(float64(i.d())), base+i.a())
	case opGetIndex:
		if key := R[i.c()]; key.isString() && !key.isLong() {
			return m.getText(th, R[i.b()], key, base+i.a(), p, f)
		}
		return m.get(th, R[i.b()], R[i.c()], base+i.a())
	case opSetGlobal:
		return m.setField(th, f.cl.env.Value(), p.consts[i.d()], R[i.a()], p, f)
	case opSetField:
		return m.setField(th, R[i.a()], p.consts[i.d()], R[i.b()], p, f)
	case opSetInt:
		return m.put(th, R[i.a()], Number(float64(i.d())), R[i.b()])
	case opSetIndex:
		return m.put(th, R[i.a()], R[i.b()], R[i.c()])

	case opSetFieldK:
		return m.setField(th, R[i.a()], p.consts[i.d()], p.consts[i.b()], p, f)
	case opSetIntK:
		return m.put(th, R[i.a()], Number(float64(i.d())), p.consts[i.b()])
	case opSetIndexK:
		return m.put(th, R[i.a()], R[i.b()], p.consts[i.d()])

	case opLoadNil:
		n := i.b() - i.a() + 1
		if err := m.moves(n); err != nil {
			return err
		}
		clear(R[i.a() : i.a()+n])
		return nil
	case opSetList:
		err := m.setList(th, R[i.a()].AsTable(), base+i.a()+1, i.b(), i.d())
		if err == nil {
			th.top = base + p.maxStack
		}
		return err

	case opAdd, opSub, opMul, opDiv, opMod, opPow:
		return m.arithmetic(th, op, R[i.b()], R[i.c()], base+i.a())
	case opAddK, opSubK, opMulK, opDivK, opModK, opPowK:
		return m.arithmetic(th, op-opAddK+opAdd, R[i.b()], p.consts[i.d()], base+i.a())
	case opUnm:
		return m.arithmetic(th, opUnm, R[i.b()], R[i.b()], base+i.a())
	case opLen:
		return m.length(th, R[i.b()], i, base)
	case opConcat:
		at := base + p.maxStack
		n := i.c() - i.b() + 1
		if err := m.growStack(th, at+n); err != nil {
			return err
		}
		copy(th.stack[at:at+n], th.stack[base+i.b():])
		return m.concatAll(th, at, n, base+i.a())
	case opConcatList:
		at := base + p.maxStack
		n := i.d()
		if err := m.growStack(th, at+n); err != nil {
			return err
		}
		if err := m.work(int64(n) / limits.TableSlotMove); err != nil {
			return err
		}
		list := th.stack[base+i.b()].AsTable()
		for j := range n {
			th.stack[at+j] = list.GetInt(j + 1)
		}
		return m.concatAll(th, at, n, base+i.a())
	case opAppend:
		return m.SetInt(R[i.a()].AsTable(), i.d(), R[i.b()])

	case opJmp:
		th.closeUpvalues(base + i.a() - 1)
		f.pc += int32(i.d())
		return nil
	case opEq:
		a, b := R[i.a()], R[i.b()]
		eq, h, err := m.equal(a, b)
		if err == nil && h.p != nil {
			return m.pushMeta(th, h, a, b, Value{}, 2)
		}
		return f.jumpIf(eq, i, err)
	case opEqK:
		eq, err := m.rawEqual(R[i.a()], p.consts[i.b()])
		return f.jumpIf(eq, i, err)
	case opLt:
		return m.compare(th, f, i, R[i.a()], R[i.b()])
	case opLe:
		return m.compareEqual(th, f, i, R[i.a()], R[i.b()])
	case opLtK:
		return m.compare(th, f, i, R[i.a()], p.consts[i.b()])
	case opLeK:
		return m.compareEqual(th, f, i, R[i.a()], p.consts[i.b()])
	case opGtK:
		return m.compare(th, f, i, p.consts[i.b()], R[i.a()])
	case opGeK:
		return m.compareEqual(th, f, i, p.consts[i.b()], R[i.a()])

	case opTailCall:
		return m.tailCall(th, base+i.a(), th.arguments(base+i.a(), i))
	case opReturn, opReturn0, opReturn1:
		return m.returnFrom(r, th, f, base+i.a(), i.b()-1)
	case opForPrep:
		if err := m.forPrep(R, i.a()); err != nil {
			return err
		}
		f.pc += int32(i.d())
		return nil
	case opTFor:
		return m.iterate(th, f, R, i)
	case opClose:
		th.closeUpvalues(base + i.a())
		return nil
	case opVararg:
		return m.vararg(th, f, base+i.a(), i.b()-1)
	case opArgTable:
		t, err := m.argTable(th, base-int(f.extra), int(f.extra))
		if err == nil {
			R[i.a()] = t.Value()
		}
		return err
	}
	return &InternalError{Detail: "unknown instruction"}
}

// jumpIf ends a comparison whose result is truth.
func (f *frame) jumpIf(truth bool, i instr, err error) error {
	if err == nil && truth == (i.c() != 0) {
		f.pc += int32(i.d())
	}
	return err
}

// remember keeps where the instruction that f is at found its key: as a first guess
// for the next time, never more. For opSelf it may be the key's place in the table
// that is __index of the object's metatable, with that of __index in the metatable
// in the bits from hintBits on. If the key in the table is not the constant itself
// but an equal string, from another program perhaps, that is kept too. Programs are
// shared: see RATIONALE.md. A long key, whose use is charged, has noHint for ever.
func (p *proto) remember(f *frame, hint uint32, key Value, e *entry) {
	if at := &p.hints[f.pc-1]; atomic.LoadUint32(at) != hint {
		atomic.StoreUint32(at, hint)
	}
	if e.key.p != key.p && !p.names(int(f.pc), e.key) {
		p.found[f.pc-1].Store(e.key.str())
	}
}

// names reports whether key is what the instruction before pc last found in place of
// its constant.
func (p *proto) names(pc int, key Value) bool {
	return (*stringObject)(key.p) == p.found[pc-1].Load()
}

const (
	hintBits = 24
	noHint   = math.MaxUint32
)

// getField is get of a constant string.
func (m *Machine) getField(th *Thread, o, key Value, to int, p *proto, f *frame) error {
	if t := o.AsTable(); t != nil && !key.isLong() {
		if e := t.find(key, key.object().id); e >= 0 && t.ents[e].val.p != nil {
			p.remember(f, uint32(e), key, &t.ents[e])
			th.stack[to] = t.ents[e].val
			return nil
		}
		return m.inherit(th, t, key, to)
	}
	return m.get(th, o, key, to)
}

// getText is get of a short string that is no constant. Only the first place that it
// is found at is remembered: for where it is always the same one.
func (m *Machine) getText(th *Thread, o, key Value, to int, p *proto, f *frame) error {
	t := o.AsTable()
	if t == nil {
		return m.get(th, o, key, to)
	}
	e := t.find(key, key.str().hashed())
	if e < 0 || t.ents[e].val.p == nil {
		return m.inherit(th, t, key, to)
	}
	if hint := &p.hints[f.pc-1]; atomic.LoadUint32(hint) == 0 {
		atomic.StoreUint32(hint, uint32(e))
	}
	th.stack[to] = t.ents[e].val
	return nil
}

// getSelf does R[A+1] = R[B]; R[A] = R[B][key].
func (m *Machine) getSelf(th *Thread, R []Value, i instr, key Value, base int, p *proto, f *frame) error {
	o := R[i.b()]
	R[i.a()+1] = o
	t := o.AsTable()
	if o.isString() && m.strings != nil && !key.isLong() {
		if e := m.strings.find(key, key.object().id); e >= 0 {
			p.remember(f, uint32(e), key, &m.strings.ents[e])
		}
	}
	if t == nil || t.meta == nil || key.isLong() || !t.lacks(key.object().id) {
		return m.getField(th, o, key, base+i.a(), p, f)
	}
	// Remember the way through the class.
	if x := t.meta.find(indexKey, indexKey.object().id); x >= 0 && x < 1<<(32-hintBits) {
		if class := t.meta.ents[x].val.AsTable(); class != nil {
			if e := class.find(key, key.object().id); e >= 0 && e < 1<<hintBits {
				p.remember(f, uint32(x)<<hintBits|uint32(e), key, &class.ents[e])
			}
		}
	}
	return m.inherit(th, t, key, base+i.a())
}

// inherit is get of a short constant string that t has no value for, as long as
// one table is the __index of the other.
func (m *Machine) inherit(th *Thread, t *Table, key Value, to int) error {
	h := key.object().id
	for n := 1; ; n++ {
		class := t.meta
		if class == nil {
			th.stack[to] = Value{}
			return nil
		}
		index := metamethod(class, eventIndex)
		if index.p == nil {
			th.stack[to] = Value{}
			return nil
		}
		if !index.isTable() {
			return m.get(th, t.Value(), key, to)
		}
		if err := m.work(1); err != nil {
			return err
		}
		if n == maxIndexChain {
			return errIndexLoop
		}
		t = index.table()
		if e := t.find(key, h); e >= 0 && t.ents[e].val.p != nil {
			th.stack[to] = t.ents[e].val
			return nil
		}
	}
}

// get does R[to] = o[key].
func (m *Machine) get(th *Thread, o, key Value, to int) error {
	v, h, self, bad, err := m.index(o, key)
	switch {
	case err != nil:
		return err
	case bad && self != o:
		return messagef("attempt to index a %s value", self.Kind())
	case bad:
		return m.indexError(th, o, key)
	case h.p != nil:
		return m.pushMeta(th, h, self, key, Value{}, 2)
	}
	th.stack[to] = v
	return nil
}

// setField is put at a constant string.
func (m *Machine) setField(th *Thread, o, key, v Value, p *proto, f *frame) error {
	if t := o.AsTable(); t != nil && t.flags&flagsNoWrite == 0 && !key.isLong() {
		if e := t.find(key, key.object().id); e >= 0 {
			p.remember(f, uint32(e), key, &t.ents[e])
			if t.ents[e].val.p != nil || t.meta == nil {
				t.absent = 0
				t.setAt(e, v)
				return nil
			}
		}
	}
	return m.put(th, o, key, v)
}

// put does o[key] = v.
func (m *Machine) put(th *Thread, o, key, v Value) error {
	if err := m.keyWork(key); err != nil {
		return err
	}
	first := o
	for range maxIndexChain {
		var h Value
		if t := o.AsTable(); t != nil {
			if t.meta == nil || t.Get(key).p != nil {
				return m.RawSet(t, key, v)
			}
			h = metamethod(t.meta, eventNewIndex)
			if h.p == nil {
				return m.RawSet(t, key, v)
			}
		} else {
			h = m.metaOf(o, eventNewIndex)
			if h.p == nil {
				if o != first {
					return messagef("attempt to index a %s value", o.Kind())
				}
				return m.indexError(th, o, key)
			}
		}
		if h.Kind() == KindFunction {
			return m.pushMeta(th, h, o, key, v, 3)
		}
		if err := m.work(1); err != nil {
			return err
		}
		o = h
	}
	return newMessage("loop in settable")
}

// arithmetic does R[to] = a op b (manual, section 2.8).
func (m *Machine) arithmetic(th *Thread, op opcode, a, b Value, to int) error {
	x, ok, err := m.toNumber(a)
	if err != nil {
		return err
	}
	if ok {
		y, ok, err := m.toNumber(b)
		if err != nil {
			return err
		}
		if ok {
			if op == opPow && y != 2 {
				if err := m.work(limits.MathPower); err != nil {
					return err
				}
			}
			if op == opUnm {
				th.stack[to].setNumber(-x)
			} else {
				th.stack[to].setNumber(arith(op, x, y))
			}
			return nil
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
		return m.arithError(th, a, b)
	}
	return m.pushMeta(th, h, a, b, Value{}, 2)
}

// length does R[A] = #o.
func (m *Machine) length(th *Thread, o Value, i instr, base int) error {
	if t := o.AsTable(); t != nil {
		n, err := m.Len(t)
		if err == nil {
			th.stack[base+i.a()].setNumber(float64(n))
		}
		return err
	}
	if s := o.str(); s != nil {
		th.stack[base+i.a()].setNumber(float64(len(s.s)))
		return nil
	}
	h := m.metaOf(o, eventLen)
	if h.p == nil {
		return m.operandError(th, "get length of", o, i.b())
	}
	return m.pushMeta(th, h, o, Value{}, Value{}, 1)
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

// compare does instruction i, which jumps by a < b.
func (m *Machine) compare(th *Thread, f *frame, i instr, a, b Value) error {
	less, ok, err := m.less(a, b)
	if ok || err != nil {
		return f.jumpIf(less, i, err)
	}
	if a.Kind() == b.Kind() {
		h, err := m.comparisonHandler(a, b, eventLt)
		if err != nil {
			return err
		}
		if h.p != nil {
			return m.pushMeta(th, h, a, b, Value{}, 2)
		}
	}
	return compareError(a, b)
}

// compareEqual does instruction i, which jumps by a <= b.
func (m *Machine) compareEqual(th *Thread, f *frame, i instr, a, b Value) error {
	less, ok, err := m.lessEqual(a, b)
	if ok || err != nil {
		return f.jumpIf(less, i, err)
	}
	if a.Kind() == b.Kind() {
		h, err := m.comparisonHandler(a, b, eventLe)
		if err != nil {
			return err
		}
		if h.p != nil {
			return m.pushMeta(th, h, a, b, Value{}, 2)
		}
		// not (b < a)
		h, err = m.comparisonHandler(b, a, eventLt)
		if err != nil {
			return err
		}
		if h.p != nil {
			at := len(th.frames) - 1
			f.extra = ^f.extra
			err := m.pushMeta(th, h, b, a, Value{}, 2)
			if err != nil {
				th.frames[at].extra = ^th.frames[at].extra
			}
			return err
		}
	}
	return compareError(a, b)
}

// concatAll is concat, for operands above the frame's registers.
func (m *Machine) concatAll(th *Thread, at, n, to int) error {
	called, err := m.concat(th, at, n, to)
	if !called && err == nil {
		th.top = at
	}
	return err
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

// construct makes the table of a constructor, opNewTable.
func (m *Machine) construct(p *proto, i instr) (*Table, error) {
	hash := 0
	if b := i.b(); b > 0 {
		hash = 1 << (b - 1)
	}
	t, err := m.NewTable(i.d(), hash)
	if err == nil && i.c() > 0 {
		t.fill(p.records[i.c()-1])
	}
	return t, err
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
	t.leaveSlots()
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
func (m *Machine) forPrep(R []Value, a int) error {
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
	if err := m.moves(n); err != nil {
		return nil, err
	}
	c := newClosure(n)
	c.proto, c.env = p, cl.env
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
	return c, nil
}

// newClosure returns a function with n upvalues; if they are few, allocated
// together with them.
func newClosure(n int) (c *Closure) {
	switch n {
	case 0:
		c = &Closure{}
	case 1:
		o := &joinedClosure[[1]*upvalue]{}
		c, o.up = &o.Closure, o.list[:]
	case 2:
		o := &joinedClosure[[2]*upvalue]{}
		c, o.up = &o.Closure, o.list[:]
	case 3, 4:
		o := &joinedClosure[[4]*upvalue]{}
		c, o.up = &o.Closure, o.list[:n]
	default:
		c = &Closure{up: make([]*upvalue, n)}
	}
	c.kind = objClosure
	return c
}

type joinedClosure[T any] struct {
	Closure
	list T
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

// iterate does one turn of a generic for. The iterators of pairs and ipairs are
// not called: what they would do is done here, at the price of the instruction.
func (m *Machine) iterate(th *Thread, f *frame, R []Value, i instr) error {
	a := i.a()
	if t := R[a+1].AsTable(); t != nil {
		var key, val Value
		switch {
		case R[a].p == nextValue.p:
			at, err := t.positionHinted(R[a+2], int(R[a].n))
			if err != nil {
				return &Error{Value: String(err.Error()), own: true} // next's, which has no place
			}
			var next, skipped int
			key, val, next, skipped = t.after(at)
			if skipped > 0 {
				if err := m.work(int64(skipped) / limits.TableSlotMove); err != nil {
					return err
				}
			}
			R[a].n = uint64(next)
		case R[a].p == inextValue.p && R[a+2].isNumber() && R[a+2].num() == math.Trunc(R[a+2].num()):
			if val = t.Get(Number(R[a+2].num() + 1)); val.p != nil {
				key = Number(R[a+2].num() + 1)
			}
		default:
			return m.callIterator(th, R, i, a+int(f.base))
		}
		if key.p != nil {
			R[a+2], R[a+3] = key, key
			for c := i.c(); c > 1; c-- {
				R[a+2+c] = Value{}
			}
			if i.c() > 1 {
				R[a+4] = val
			}
			f.pc += int32(i.d())
		}
		return nil
	}
	return m.callIterator(th, R, i, a+int(f.base))
}

func (m *Machine) callIterator(th *Thread, R []Value, i instr, at int) error {
	a := i.a()
	R[a+3], R[a+4], R[a+5] = R[a], R[a+1], R[a+2]
	return m.nestedCall(th, at+3, 2, i.c())
}

// vararg copies want of f's variable arguments to stack index to, or all if want
// is negative.
func (m *Machine) vararg(th *Thread, f *frame, to, want int) error {
	base, n := int(f.base), int(f.extra)
	count := want
	if want < 0 {
		count = n
		if err := m.growStack(th, to+n); err != nil {
			return err
		}
	}
	if err := m.moves(count); err != nil {
		return err
	}
	src := base - n
	for j := range count {
		if j < n {
			th.stack[to+j] = th.stack[src+j]
		} else {
			th.stack[to+j] = Value{}
		}
	}
	if want < 0 {
		th.top = to + n
	}
	return nil
}
