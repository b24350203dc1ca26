package vm

import (
	"math"
	"sync/atomic"
)

// execute runs the current thread, and those it resumes, until the run ends
// (Done or an error), pauses or waits. All state lives in the threads' stacks and
// frames: execute can return at any instruction and be called again.
func (m *Machine) execute(r *Run) (Status, error) {
	for {
		th := r.cur
		if len(th.frames) == 0 {
			done, err := m.threadDone(r, th)
			if err != nil {
				if err = m.raise(r, err); err != nil {
					return 0, err
				}
			} else if done {
				return Done, nil
			}
			continue
		}
		var err error
		var status Status
		if th.frames[len(th.frames)-1].kind == frameLua {
			status, err = m.interpret(r, th)
		} else {
			status, err = m.enterNative(r, th)
		}
		if err != nil {
			if err = m.raise(r, err); err != nil {
				return 0, err
			}
			continue
		}
		if status != Done {
			return status, nil
		}
	}
}

// interpret runs Lua frames of th until control must go elsewhere: to a native
// function that does more than return, to another thread, to the host. It
// returns Done when execute should look at the top frame again.
//
// The loop holds the quick case of each instruction, which calls nothing and
// writes nothing before it is sure of itself; everything else is in slow, which
// does the whole instruction and comes back through frames. That keeps the loop's
// variables in registers: a variable that is used after a call anywhere in the
// loop would be written to memory at every instruction. So the rule for changes
// here is: after a call, return or go to frames.
func (m *Machine) interpret(r *Run, th *Thread) (Status, error) {
	var (
		f    *frame
		cl   *Closure
		p    *proto
		code []instr
		k    []Value
		R    *[window]Value
		pc   int
		fuel int64 // m.fuel, while nobody else looks
		i    instr
	)

frames: // Something else may have run: look at the top frame.
	if r.cur != th || len(th.frames) == 0 {
		return Done, nil
	}
	f = &th.frames[len(th.frames)-1]
	if f.kind != frameLua {
		return Done, nil
	}
	fuel = m.fuel

enter: // Go on in f, the top frame.
	cl = f.cl
	p = cl.proto
	code = p.code
	k = p.consts
	R = registers(th.stack, int(f.base))
	pc = int(f.pc)

	for {
		i = code[pc]
		pc++
		fuel--
		if fuel < 0 {
			goto tick
		}
		switch i.op() {
		case opMove:
			R[uint8(i>>8)] = R[uint8(i>>16)]
		case opLoadK:
			R[uint8(i>>8)] = k[i.d()]
		case opLoadNil:
			if i.b()-i.a() >= freeMoves {
				goto slow
			}
			for a := i.a(); a <= i.b(); a++ {
				R[uint8(a)] = Value{}
			}
		case opLoadBool:
			R[uint8(i>>8)] = Bool(i.b() != 0)
			pc += i.c()
		case opGetUp:
			R[uint8(i>>8)] = *cl.up[i.b()].v
		case opSetUp:
			*cl.up[i.b()].v = R[uint8(i>>8)]

		case opGetGlobal:
			t := cl.env
			if at := atomic.LoadUint32(&p.hints[pc-1]); int(at) < len(t.ents) {
				if e := &t.ents[at]; (e.key.p == k[i.d()].p || p.names(pc, e.key)) && e.val.p != nil {
					R[uint8(i>>8)] = e.val
					continue
				}
			}
			goto slow
		case opSetGlobal:
			if t := cl.env; t.flags&flagsNoWrite == 0 {
				if at := atomic.LoadUint32(&p.hints[pc-1]); int(at) < len(t.ents) {
					if e := &t.ents[at]; (e.key.p == k[i.d()].p || p.names(pc, e.key)) && e.val.p != nil {
						e.val = R[uint8(i>>8)]
						continue
					}
				}
			}
			goto slow
		case opGetField:
			if o := R[uint8(i>>16)]; o.isTable() {
				t := o.table()
				at := atomic.LoadUint32(&p.hints[pc-1])
				if int(at) < len(t.ents) {
					if e := &t.ents[at]; (e.key.p == k[i.d()].p || p.names(pc, e.key)) && e.val.p != nil {
						R[uint8(i>>8)] = e.val
						continue
					}
				}
				if t.meta == nil && at != noHint && t.lacks(k[i.d()].object().id) {
					R[uint8(i>>8)] = Value{}
					continue
				}
			}
			goto slow
		case opSetField:
			if o := R[uint8(i>>8)]; o.isTable() {
				t := o.table()
				if at := atomic.LoadUint32(&p.hints[pc-1]); int(at) < len(t.ents) && t.flags&flagsNoWrite == 0 {
					if e := &t.ents[at]; e.key.p == k[i.d()].p || p.names(pc, e.key) {
						if e.val.p == nil {
							if t.meta != nil || int32(at) < t.first {
								goto slow
							}
							t.absent = 0
						}
						e.val = R[uint8(i>>16)]
						continue
					}
				}
			}
			goto slow
		case opSetFieldK:
			if o := R[uint8(i>>8)]; o.isTable() {
				t := o.table()
				if at := atomic.LoadUint32(&p.hints[pc-1]); int(at) < len(t.ents) && t.flags&flagsNoWrite == 0 {
					if e := &t.ents[at]; e.key.p == k[i.d()].p || p.names(pc, e.key) {
						if e.val.p == nil {
							if t.meta != nil || int32(at) < t.first {
								goto slow
							}
							t.absent = 0
						}
						e.val = k[i.b()]
						continue
					}
				}
			}
			goto slow
		case opSelf:
			if o := R[uint8(i>>16)]; o.isTable() {
				t := o.table()
				at := atomic.LoadUint32(&p.hints[pc-1])
				if int(at) < len(t.ents) {
					if e := &t.ents[at]; (e.key.p == k[i.d()].p || p.names(pc, e.key)) && e.val.p != nil {
						R[uint8(i>>8)+1] = o
						R[uint8(i>>8)] = e.val
						continue
					}
				}
				// A method of the object's class: the metatable's __index.
				if class := t.meta; class != nil && at != noHint && fuel > 0 && t.lacks((*header)(k[i.d()].p).id) {
					if x := at >> hintBits; int(x) < len(class.ents) && class.ents[x].key.p == indexKey.p {
						if c := class.ents[x].val; c.isTable() {
							t := c.table()
							if x := at & (1<<hintBits - 1); int(x) < len(t.ents) {
								if e := &t.ents[x]; (e.key.p == k[i.d()].p || p.names(pc, e.key)) && e.val.p != nil {
									fuel-- // as for every table on the way: see index
									R[uint8(i>>8)+1] = o
									R[uint8(i>>8)] = e.val
									continue
								}
							}
						}
					}
				}
			}
			if o := R[uint8(i>>16)]; o.isString() && m.strings != nil {
				t := m.strings
				if at := atomic.LoadUint32(&p.hints[pc-1]); int(at) < len(t.ents) {
					if e := &t.ents[at]; (e.key.p == k[i.d()].p || p.names(pc, e.key)) && e.val.p != nil {
						R[uint8(i>>8)+1] = o
						R[uint8(i>>8)] = e.val
						continue
					}
				}
			}
			goto slow
		case opGetInt:
			if o := R[uint8(i>>16)]; o.isTable() {
				if t := o.table(); uint(i.d()-1) < uint(len(t.arr)) {
					if v := t.arr[i.d()-1]; v.p != nil {
						R[uint8(i>>8)] = v
						continue
					}
				}
			}
			goto slow
		case opGetIndex:
			o, key := R[uint8(i>>16)], R[uint8(i>>24)]
			if o.isTable() && key.isNumber() {
				t := o.table()
				x := math.Float64frombits(key.n)
				if n := int(x); uint(n-1) < uint(len(t.arr)) && float64(n) == x {
					if v := t.arr[n-1]; v.p != nil {
						R[uint8(i>>8)] = v
						continue
					}
				}
			} else if o.isTable() && key.p != nil {
				t := o.table()
				if at := atomic.LoadUint32(&p.hints[pc-1]); int(at) < len(t.ents) {
					if e := &t.ents[at]; e.key.p == key.p && e.val.p != nil && key.isString() && !key.isLong() {
						R[uint8(i>>8)] = e.val
						continue
					}
				}
			}
			goto slow
		case opSetInt:
			if o := R[uint8(i>>8)]; o.isTable() {
				t := o.table()
				if n := uint(i.d() - 1); n < uint(len(t.arr)) && t.flags&flagReadOnly == 0 && (t.meta == nil || t.arr[n].p != nil) {
					t.arr[n] = R[uint8(i>>16)]
					continue
				}
			}
			goto slow
		case opSetIndex:
			o, key := R[uint8(i>>8)], R[uint8(i>>16)]
			if o.isTable() && key.isNumber() {
				t := o.table()
				x := math.Float64frombits(key.n)
				if n := int(x); uint(n-1) < uint(len(t.arr)) && float64(n) == x && t.flags&flagReadOnly == 0 &&
					(t.meta == nil || t.arr[n-1].p != nil) {
					t.arr[n-1] = R[uint8(i>>24)]
					continue
				}
			}
			goto slow
		case opSetIntK:
			if o := R[uint8(i>>8)]; o.isTable() {
				t := o.table()
				if n := uint(i.d() - 1); n < uint(len(t.arr)) && t.flags&flagReadOnly == 0 && (t.meta == nil || t.arr[n].p != nil) {
					t.arr[n] = k[i.b()]
					continue
				}
			}
			goto slow
		case opSetIndexK:
			o, key := R[uint8(i>>8)], R[uint8(i>>16)]
			if o.isTable() && key.isNumber() {
				t := o.table()
				x := math.Float64frombits(key.n)
				if n := int(x); uint(n-1) < uint(len(t.arr)) && float64(n) == x && t.flags&flagReadOnly == 0 &&
					(t.meta == nil || t.arr[n-1].p != nil) {
					t.arr[n-1] = k[i.d()]
					continue
				}
			}
			goto slow

		case opAdd:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) + math.Float64frombits(c.n))
				continue
			}
			goto slow
		case opSub:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) - math.Float64frombits(c.n))
				continue
			}
			goto slow
		case opMul:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) * math.Float64frombits(c.n))
				continue
			}
			goto slow
		case opDiv:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) / math.Float64frombits(c.n))
				continue
			}
			goto slow
		case opMod:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				x, y := math.Float64frombits(b.n), math.Float64frombits(c.n)
				if q := x / y; q != 0 && q > -1<<62 && q < 1<<62 {
					R[uint8(i>>8)].setNumber(x - float64(floorSmall(q)*y))
					continue
				}
			}
			goto slow
		case opAddK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) + math.Float64frombits(k[i.d()].n))
				continue
			}
			goto slow
		case opSubK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) - math.Float64frombits(k[i.d()].n))
				continue
			}
			goto slow
		case opMulK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) * math.Float64frombits(k[i.d()].n))
				continue
			}
			goto slow
		case opDivK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) / math.Float64frombits(k[i.d()].n))
				continue
			}
			goto slow
		case opModK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				x, y := math.Float64frombits(b.n), math.Float64frombits(k[i.d()].n)
				if q := x / y; q != 0 && q > -1<<62 && q < 1<<62 {
					R[uint8(i>>8)].setNumber(x - float64(floorSmall(q)*y))
					continue
				}
			}
			goto slow
		case opPowK:
			if b := &R[uint8(i>>16)]; b.isNumber() && math.Float64frombits(k[i.d()].n) == 2 {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) * math.Float64frombits(b.n))
				continue
			}
			goto slow
		case opUnm:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(-math.Float64frombits(b.n))
				continue
			}
			goto slow
		case opNot:
			R[uint8(i>>8)] = Bool(!R[uint8(i>>16)].Truthy())
		case opLen:
			if o := R[uint8(i>>16)]; o.isTable() {
				t := o.table()
				n := len(t.arr)
				if n > 0 && t.arr[n-1].p == nil {
					// Where the last # found a border, there may be one still.
					if b := int(t.border); b > 0 && b < n && t.arr[b].p == nil && t.arr[b-1].p != nil {
						n = b
					} else if n <= freeSearch && t.flags&flagShared == 0 {
						lo := 0
						for n-lo > 1 {
							if mid := int(uint(lo+n) / 2); t.arr[mid-1].p == nil {
								n = mid
							} else {
								lo = mid
							}
						}
						n = lo
						t.border = int32(n)
					} else {
						goto slow
					}
				} else if t.flags&flagIntKeys != 0 {
					goto slow
				}
				R[uint8(i>>8)].setNumber(float64(n))
				continue
			} else if o.isString() {
				R[uint8(i>>8)].setNumber(float64(len(o.text())))
				continue
			}
			goto slow

		case opJmp:
			if i.a() > 0 {
				goto slow
			}
			pc += i.d()
		case opTest:
			if R[uint8(i>>8)].Truthy() == (i.c() != 0) {
				pc += i.d()
			}
		case opEq:
			a, b := &R[uint8(i>>8)], &R[uint8(i>>16)]
			if a.p == b.p {
				if (!a.isNumber() || math.Float64frombits(a.n) == math.Float64frombits(b.n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			if a.p == nil || b.p == nil || a.object().kind != b.object().kind {
				if i.c() == 0 {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opEqK:
			a, b := &R[uint8(i>>8)], &k[i.b()]
			if a.p == b.p {
				if (!a.isNumber() || math.Float64frombits(a.n) == math.Float64frombits(b.n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			if a.p == nil || a.object().kind != b.object().kind || a.isString() && len(a.text()) != len(b.text()) {
				if i.c() == 0 {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opLt:
			a, b := &R[uint8(i>>8)], &R[uint8(i>>16)]
			if a.isNumber() && b.isNumber() {
				if (math.Float64frombits(a.n) < math.Float64frombits(b.n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opLe:
			a, b := &R[uint8(i>>8)], &R[uint8(i>>16)]
			if a.isNumber() && b.isNumber() {
				if (math.Float64frombits(a.n) <= math.Float64frombits(b.n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opLtK:
			if a := &R[uint8(i>>8)]; a.isNumber() {
				if (math.Float64frombits(a.n) < math.Float64frombits(k[i.b()].n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opLeK:
			if a := &R[uint8(i>>8)]; a.isNumber() {
				if (math.Float64frombits(a.n) <= math.Float64frombits(k[i.b()].n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opGtK:
			if a := &R[uint8(i>>8)]; a.isNumber() {
				if (math.Float64frombits(a.n) > math.Float64frombits(k[i.b()].n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			goto slow
		case opGeK:
			if a := &R[uint8(i>>8)]; a.isNumber() {
				if (math.Float64frombits(a.n) >= math.Float64frombits(k[i.b()].n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			goto slow

		case opForPrep:
			a := uint8(i >> 8)
			if R[a].isNumber() && R[a+1].isNumber() && R[a+2].isNumber() {
				R[a].n = math.Float64bits(math.Float64frombits(R[a].n) - math.Float64frombits(R[a+2].n))
				pc += i.d()
				continue
			}
			goto slow
		case opForLoop:
			a := uint8(i >> 8)
			step := math.Float64frombits(R[a+2].n)
			x := math.Float64frombits(R[a].n) + step
			limit := math.Float64frombits(R[a+1].n)
			if step > 0 && x <= limit || step <= 0 && limit <= x {
				R[a].n = math.Float64bits(x)
				R[a+3].setNumber(x)
				pc += i.d()
			}

		case opTFor:
			// pairs and ipairs: where the control variable was found is kept beside
			// the iterator, whose register no script sees.
			a := uint8(i >> 8)
			if o := R[a+1]; o.isTable() && i.c() <= 2 {
				t := o.table()
				n := len(t.arr)
				at := int(R[a].n) // the place after the control variable's
				if R[a].p == nextValue.p {
					if at >= n && at-n < len(t.ents) && at-n >= int(t.first) && at > n && t.ents[at-n-1].key == R[a+2] {
						if e := &t.ents[at-n]; e.val.p != nil {
							R[a].n = uint64(at + 1)
							R[a+2] = e.key
							R[a+3] = e.key
							R[a+4] = e.val
							pc += i.d()
							continue
						}
					} else if at > 0 && at < n && t.arr[at].p != nil && R[a+2].isNumber() && math.Float64frombits(R[a+2].n) == float64(at) {
						R[a].n = uint64(at + 1)
						R[a+2].setNumber(float64(at + 1))
						R[a+3].setNumber(float64(at + 1))
						R[a+4] = t.arr[at]
						pc += i.d()
						continue
					}
				} else if R[a].p == inextValue.p && R[a+2].isNumber() {
					x := math.Float64frombits(R[a+2].n)
					if at := int(x); uint(at) < uint(n) && float64(at) == x && t.arr[at].p != nil {
						R[a+2].setNumber(x + 1)
						R[a+3].setNumber(x + 1)
						R[a+4] = t.arr[at]
						pc += i.d()
						continue
					}
				}
			}
			goto slow

		case opCall:
			if fn := R[uint8(i>>8)]; fn.isClosure() {
				callee := fn.closure()
				q := callee.proto
				at := int(f.base) + i.a()
				nargs := i.b() - 1
				top := at + 1 + q.maxStack
				n := len(th.frames)
				if nargs >= 0 && !q.vararg && q.params-nargs <= freeMoves && n < th.room && top+slack <= len(th.stack) {
					for j := nargs; j < q.params; j++ {
						th.stack[at+1+j] = Value{}
					}
					f.pc = int32(pc)
					nested := f.nested
					th.frames = th.frames[:n+1]
					f = &th.frames[n]
					f.cl = callee
					f.base = int32(at + 1)
					f.ret = int32(at)
					f.pc = 0
					f.extra = 0
					f.want = int16(i.c() - 1)
					f.nested = nested
					f.kind = frameLua
					f.tail = 0
					f.plain = true
					th.top = top
					goto enter
				}
			}
			f.pc = int32(pc)
			m.fuel = fuel
			if status, leave, err := m.call(r, th, f, i); leave || err != nil {
				return status, err
			}
			goto frames
		case opTailCall:
			if fn := R[uint8(i>>8)]; fn.isClosure() && th.captured <= int(f.base) {
				callee := fn.closure()
				q := callee.proto
				at := int(f.base) + i.a()
				ret := int(f.ret)
				nargs := i.b() - 1
				if uint(nargs) <= freeMoves && !q.vararg && q.params <= freeMoves && ret+1+q.maxStack+slack <= len(th.stack) {
					for j := 0; j <= nargs; j++ {
						th.stack[ret+j] = th.stack[at+j]
					}
					for j := nargs; j < q.params; j++ {
						th.stack[ret+1+j] = Value{}
					}
					f.cl = callee
					f.base = int32(ret + 1)
					f.pc = 0
					f.extra = 0
					if f.tail < math.MaxUint8 {
						f.tail++
					}
					th.top = ret + 1 + q.maxStack
					goto enter
				}
			}
			goto slow
		case opReturn0, opReturn1:
			if f.plain && th.captured <= int(f.base) {
				if want := f.want; want == 1 {
					v := &th.stack[f.ret]
					if i.op() == opReturn1 {
						*v = R[uint8(i>>8)]
					} else {
						*v = Value{}
					}
				} else if want != 0 {
					goto slow
				}
				n := len(th.frames) - 1
				th.frames = th.frames[:n]
				f = &th.frames[n-1]
				th.top = int(f.base) + f.cl.proto.maxStack
				goto enter
			}
			goto slow
		case opReturn:
			want, n := int(f.want), i.b()-1
			if f.plain && th.captured <= int(f.base) && uint(n) <= freeMoves && want <= freeMoves {
				ret, from := int(f.ret), int(f.base)+i.a()
				all := want < 0
				if all {
					want = n
				}
				for j := range want {
					if j < n {
						th.stack[ret+j] = th.stack[from+j]
					} else {
						th.stack[ret+j] = Value{}
					}
				}
				n := len(th.frames) - 1
				th.frames = th.frames[:n]
				f = &th.frames[n-1]
				th.top = int(f.base) + f.cl.proto.maxStack
				if all {
					th.top = ret + want
				}
				goto enter
			}
			goto slow

		case opClosure:
			f.pc = int32(pc)
			m.fuel = fuel
			c, err := m.closure(th, cl, p.protos[i.d()], int(f.base))
			if err != nil {
				return 0, err
			}
			th.stack[int(f.base)+i.a()] = c.Value()
			goto frames
		case opNewTable:
			f.pc = int32(pc)
			m.fuel = fuel
			t, err := m.construct(p, i)
			if err != nil {
				return 0, err
			}
			th.stack[int(f.base)+i.a()] = t.Value()
			goto frames

		default:
			goto slow
		}
	}

slow:
	f.pc = int32(pc)
	m.fuel = fuel
	if err := m.slow(r, th, f, i); err != nil {
		return 0, err
	}
	goto frames

tick: // There is no fuel for the instruction before pc.
	f.pc = int32(pc - 1)
	pause, err := m.tick()
	if err != nil {
		return 0, err
	}
	if pause {
		return Paused, nil
	}
	goto frames
}
