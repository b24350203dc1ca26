package vm

import (
	"math"
	"sync/atomic"

	"github.com/luasandbox/modrunner/limits"
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
func (m *Machine) interpret(r *Run, th *Thread) (Status, error) {
frames:
	f := &th.frames[len(th.frames)-1]
	if f.kind != frameLua {
		return Done, nil
	}
	cl := f.cl
	p := cl.proto
	code := p.code
	k := p.consts
	base := int(f.base)
	pc := int(f.pc)
	R := (*[window]Value)(th.stack[base:])
	for {
		i := code[pc]
		pc++
		m.fuel--
		if m.fuel < 0 {
			f.pc = int32(pc - 1)
			pause, err := m.tick()
			if err != nil {
				return 0, err
			}
			if pause {
				return Paused, nil
			}
		}
		switch i.op() {
		case opMove:
			R[uint8(i>>8)] = R[uint8(i>>16)]
		case opLoadK:
			R[uint8(i>>8)] = k[i.d()]
		case opLoadNil:
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
			key := k[i.d()]
			if v, ok := cl.env.getHinted(key, &p.hints[pc-1]); ok {
				R[uint8(i>>8)] = v
				continue
			}
			f.pc = int32(pc)
			called, err := m.getSlow(th, cl.env.Value(), key, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSetGlobal:
			key := k[i.d()]
			if cl.env.setHinted(key, R[uint8(i>>8)], &p.hints[pc-1]) {
				continue
			}
			f.pc = int32(pc)
			called, err := m.setSlow(th, cl.env.Value(), key, R[uint8(i>>8)])
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opGetField:
			o := R[uint8(i>>16)]
			key := k[i.d()]
			if o.p != nil && (*header)(o.p).kind == objTable {
				if v, ok := (*Table)(o.p).getHinted(key, &p.hints[pc-1]); ok {
					R[uint8(i>>8)] = v
					continue
				}
			}
			f.pc = int32(pc)
			called, err := m.getSlow(th, o, key, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opGetInt:
			o := R[uint8(i>>16)]
			d := i.d()
			if o.p != nil && (*header)(o.p).kind == objTable {
				if t := (*Table)(o.p); uint(d-1) < uint(len(t.arr)) {
					if v := t.arr[d-1]; v.p != nil {
						R[uint8(i>>8)] = v
						continue
					}
				}
			}
			f.pc = int32(pc)
			called, err := m.getSlow(th, o, Number(float64(d)), base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opGetIndex:
			o := R[uint8(i>>16)]
			key := R[uint8(i>>24)]
			if o.p != nil && (*header)(o.p).kind == objTable && key.isNumber() {
				t := (*Table)(o.p)
				x := math.Float64frombits(key.n)
				if n := int(x); uint(n-1) < uint(len(t.arr)) && float64(n) == x {
					if v := t.arr[n-1]; v.p != nil {
						R[uint8(i>>8)] = v
						continue
					}
				}
			}
			f.pc = int32(pc)
			called, err := m.getSlow(th, o, key, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSetField:
			o := R[uint8(i>>8)]
			key := k[i.d()]
			if o.p != nil && (*header)(o.p).kind == objTable &&
				(*Table)(o.p).setHinted(key, R[uint8(i>>16)], &p.hints[pc-1]) {
				continue
			}
			f.pc = int32(pc)
			called, err := m.setSlow(th, o, key, R[uint8(i>>16)])
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSetInt:
			o := R[uint8(i>>8)]
			d := i.d()
			if o.p != nil && (*header)(o.p).kind == objTable {
				if t := (*Table)(o.p); uint(d-1) < uint(len(t.arr)) && t.flags&flagReadOnly == 0 &&
					(t.meta == nil || t.arr[d-1].p != nil) {
					t.arr[d-1] = R[uint8(i>>16)]
					continue
				}
			}
			f.pc = int32(pc)
			called, err := m.setSlow(th, o, Number(float64(d)), R[uint8(i>>16)])
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSetIndex:
			o := R[uint8(i>>8)]
			key := R[uint8(i>>16)]
			if o.p != nil && (*header)(o.p).kind == objTable && key.isNumber() {
				t := (*Table)(o.p)
				x := math.Float64frombits(key.n)
				if n := int(x); uint(n-1) < uint(len(t.arr)) && float64(n) == x && t.flags&flagReadOnly == 0 &&
					(t.meta == nil || t.arr[n-1].p != nil) {
					t.arr[n-1] = R[uint8(i>>24)]
					continue
				}
			}
			f.pc = int32(pc)
			called, err := m.setSlow(th, o, key, R[uint8(i>>24)])
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSelf:
			o := R[uint8(i>>16)]
			key := k[i.d()]
			a := uint8(i >> 8)
			R[a+1] = o
			if o.p != nil && (*header)(o.p).kind == objTable {
				if v, ok := (*Table)(o.p).getHinted(key, &p.hints[pc-1]); ok {
					R[a] = v
					continue
				}
			}
			f.pc = int32(pc)
			called, err := m.getSlow(th, o, key, base+int(a))
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opNewTable:
			hash := 0
			if b := i.b(); b > 0 {
				hash = 1 << (b - 1)
			}
			f.pc = int32(pc)
			t, err := m.NewTable(i.d(), hash)
			if err != nil {
				return 0, err
			}
			R[uint8(i>>8)] = t.Value()
		case opSetList:
			f.pc = int32(pc)
			if err := m.setList(th, R[uint8(i>>8)].AsTable(), base+i.a()+1, i.b(), i.d()); err != nil {
				return 0, err
			}
			th.top = base + p.maxStack

		case opAdd:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) + math.Float64frombits(c.n))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, opAdd, *b, *c, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSub:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) - math.Float64frombits(c.n))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, opSub, *b, *c, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opMul:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) * math.Float64frombits(c.n))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, opMul, *b, *c, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opDiv, opMod, opPow:
			b, c := &R[uint8(i>>16)], &R[uint8(i>>24)]
			if b.isNumber() && c.isNumber() {
				if i.op() == opPow && c.num() != 2 {
					f.pc = int32(pc)
					if err := m.work(limits.MathPower); err != nil {
						return 0, err
					}
				}
				R[uint8(i>>8)].setNumber(arith(i.op(), math.Float64frombits(b.n), math.Float64frombits(c.n)))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, i.op(), *b, *c, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opAddK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) + math.Float64frombits(k[i.d()].n))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, opAdd, R[uint8(i>>16)], k[i.d()], base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opSubK:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(math.Float64frombits(b.n) - math.Float64frombits(k[i.d()].n))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, opSub, R[uint8(i>>16)], k[i.d()], base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opMulK, opDivK, opModK, opPowK:
			op := i.op() - opAddK + opAdd
			if b := &R[uint8(i>>16)]; b.isNumber() {
				if op == opPow && k[i.d()].num() != 2 {
					f.pc = int32(pc)
					if err := m.work(limits.MathPower); err != nil {
						return 0, err
					}
				}
				R[uint8(i>>8)].setNumber(arith(op, math.Float64frombits(b.n), math.Float64frombits(k[i.d()].n)))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, op, R[uint8(i>>16)], k[i.d()], base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opUnm:
			if b := &R[uint8(i>>16)]; b.isNumber() {
				R[uint8(i>>8)].setNumber(-math.Float64frombits(b.n))
				continue
			}
			f.pc = int32(pc)
			called, err := m.arithSlow(th, opUnm, R[uint8(i>>16)], R[uint8(i>>16)], base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
		case opNot:
			R[uint8(i>>8)] = Bool(!R[uint8(i>>16)].Truthy())
		case opLen:
			o := R[uint8(i>>16)]
			if t := o.AsTable(); t != nil {
				R[uint8(i>>8)].setNumber(float64(t.Len()))
				continue
			}
			if s := o.str(); s != nil {
				R[uint8(i>>8)].setNumber(float64(len(s.s)))
				continue
			}
			f.pc = int32(pc)
			h := m.metaOf(o, eventLen)
			if h.p == nil {
				return 0, m.operandError(th, "get length of", o, i.b())
			}
			if err := m.pushMeta(th, h, o, Value{}, Value{}, 1); err != nil {
				return 0, err
			}
			goto frames
		case opConcat:
			f.pc = int32(pc)
			at := base + p.maxStack
			n := i.c() - i.b() + 1
			if err := m.growStack(th, at+n); err != nil {
				return 0, err
			}
			copy(th.stack[at:at+n], th.stack[base+i.b():])
			called, err := m.concat(th, at, n, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
			th.top = at
			R = (*[window]Value)(th.stack[base:])
		case opConcatList:
			f.pc = int32(pc)
			at := base + p.maxStack
			n := i.d()
			if err := m.growStack(th, at+n); err != nil {
				return 0, err
			}
			if err := m.work(int64(n) / limits.TableSlotMove); err != nil {
				return 0, err
			}
			list := th.stack[base+i.b()].AsTable()
			for j := range n {
				th.stack[at+j] = list.GetInt(j + 1)
			}
			called, err := m.concat(th, at, n, base+i.a())
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
			th.top = at
			R = (*[window]Value)(th.stack[base:])
		case opAppend:
			f.pc = int32(pc)
			if err := m.SetInt(R[uint8(i>>8)].AsTable(), i.d(), R[uint8(i>>16)]); err != nil {
				return 0, err
			}

		case opJmp:
			if a := i.a(); a > 0 {
				th.closeUpvalues(base + a - 1)
			}
			pc += i.d()
		case opTest:
			if R[uint8(i>>8)].Truthy() == (i.c() != 0) {
				pc += i.d()
			}
		case opEq:
			a, b := R[uint8(i>>8)], R[uint8(i>>16)]
			f.pc = int32(pc)
			eq, h, err := m.equal(a, b)
			if err != nil {
				return 0, err
			}
			if h.p != nil {
				if err := m.pushMeta(th, h, a, b, Value{}, 2); err != nil {
					return 0, err
				}
				goto frames
			}
			if eq == (i.c() != 0) {
				pc += i.d()
			}
		case opEqK:
			a, b := R[uint8(i>>8)], k[i.b()]
			var eq bool
			if a.p == b.p && a.isNumber() {
				eq = math.Float64frombits(a.n) == math.Float64frombits(b.n)
			} else if a.p == b.p {
				eq = true
			} else {
				f.pc = int32(pc)
				var err error
				if eq, err = m.rawEqual(a, b); err != nil {
					return 0, err
				}
			}
			if eq == (i.c() != 0) {
				pc += i.d()
			}
		case opLt:
			a, b := &R[uint8(i>>8)], &R[uint8(i>>16)]
			if a.isNumber() && b.isNumber() {
				if (math.Float64frombits(a.n) < math.Float64frombits(b.n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			f.pc = int32(pc)
			less, called, err := m.lessSlow(th, *a, *b)
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
			if less == (i.c() != 0) {
				pc += i.d()
			}
		case opLe:
			a, b := &R[uint8(i>>8)], &R[uint8(i>>16)]
			if a.isNumber() && b.isNumber() {
				if (math.Float64frombits(a.n) <= math.Float64frombits(b.n)) == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			f.pc = int32(pc)
			less, called, err := m.lessEqualSlow(th, *a, *b)
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
			if less == (i.c() != 0) {
				pc += i.d()
			}
		case opLtK, opLeK, opGtK, opGeK:
			a, b := R[uint8(i>>8)], k[i.b()]
			if a.isNumber() {
				x, y := math.Float64frombits(a.n), math.Float64frombits(b.n)
				var res bool
				switch i.op() {
				case opLtK:
					res = x < y
				case opLeK:
					res = x <= y
				case opGtK:
					res = x > y
				default:
					res = x >= y
				}
				if res == (i.c() != 0) {
					pc += i.d()
				}
				continue
			}
			f.pc = int32(pc)
			var less, called bool
			var err error
			switch i.op() {
			case opLtK:
				less, called, err = m.lessSlow(th, a, b)
			case opLeK:
				less, called, err = m.lessEqualSlow(th, a, b)
			case opGtK:
				less, called, err = m.lessSlow(th, b, a)
			default:
				less, called, err = m.lessEqualSlow(th, b, a)
			}
			if err != nil {
				return 0, err
			}
			if called {
				goto frames
			}
			if less == (i.c() != 0) {
				pc += i.d()
			}

		case opCall:
			f.pc = int32(pc)
			at := base + i.a()
			nargs := i.b() - 1
			if nargs < 0 {
				nargs = th.top - at - 1
			}
			fn := th.stack[at]
			if fn.p != nil && (*header)(fn.p).kind == objClosure {
				if err := m.pushLua(th, (*Closure)(fn.p), at, nargs, i.c()-1); err != nil {
					return 0, err
				}
				goto frames
			}
			if fn.p != nil && (*header)(fn.p).kind == objNative {
				status, again, err := m.callNative(r, th, (*Native)(fn.p), at, nargs, i.c()-1)
				if err != nil {
					return 0, err
				}
				if again {
					return status, nil
				}
				f = &th.frames[len(th.frames)-1]
				R = (*[window]Value)(th.stack[base:])
				continue
			}
			if err := m.precall(th, at, nargs, i.c()-1); err != nil {
				return 0, err
			}
			goto frames
		case opTailCall:
			f.pc = int32(pc)
			at := base + i.a()
			nargs := i.b() - 1
			if nargs < 0 {
				nargs = th.top - at - 1
			}
			if err := m.tailCall(th, at, nargs); err != nil {
				return 0, err
			}
			goto frames
		case opReturn, opReturn0, opReturn1:
			from, n := base+i.a(), i.b()-1
			if n < 0 {
				n = th.top - from
			}
			if len(th.open) > 0 {
				th.closeUpvalues(base)
			}
			ret, want := int(f.ret), int(f.want)
			th.popFrame()
			if c := len(th.frames) - 1; c >= 0 && th.frames[c].kind == frameLua {
				f = &th.frames[c]
				if ci := f.cl.proto.code[f.pc-1]; ci.op() == opCall {
					// The common case: Lua returns to a call in Lua.
					if want == 1 {
						if n > 0 {
							th.stack[ret] = th.stack[from]
						} else {
							th.stack[ret] = Value{}
						}
						th.top = int(f.base) + f.cl.proto.maxStack
					} else {
						if want < 0 && n > 8 {
							if err := m.work(int64(n) / limits.TableSlotMove); err != nil {
								return 0, err
							}
						}
						th.place(ret, want, from, n, int(f.base)+f.cl.proto.maxStack)
					}
					goto frames
				}
			}
			if err := m.deliver(r, th, ret, want, from, n); err != nil {
				return 0, err
			}
			goto check

		case opForPrep:
			f.pc = int32(pc)
			if err := m.forPrep(R, i.a()); err != nil {
				return 0, err
			}
			pc += i.d()
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
			a := uint8(i >> 8)
			if R[a] == nextValue && R[a+1].p != nil && (*header)(R[a+1].p).kind == objTable {
				t := (*Table)(R[a+1].p)
				at, err := t.positionHinted(R[a+2], atomic.LoadUint32(&p.hints[pc-1]))
				f.pc = int32(pc)
				if err != nil {
					return 0, &Error{Value: String(err.Error()), own: true} // next's, which has no place
				}
				key, val, next, skipped := t.after(at)
				if skipped > 0 {
					if err := m.work(int64(skipped) / limits.TableSlotMove); err != nil {
						return 0, err
					}
				}
				if key.p == nil {
					continue
				}
				atomic.StoreUint32(&p.hints[pc-1], uint32(next))
				R[a+2] = key
				R[a+3] = key
				if c := i.c(); c > 1 {
					R[a+4] = val
					for ; c > 2; c-- {
						R[a+2+uint8(c)] = Value{}
					}
				}
				pc += i.d()
				continue
			}
			f.pc = int32(pc)
			R[a+3], R[a+4], R[a+5] = R[a], R[a+1], R[a+2]
			if err := m.nestedCall(th, base+int(a)+3, 2, i.c()); err != nil {
				return 0, err
			}
			goto frames

		case opClose:
			th.closeUpvalues(base + i.a())
		case opClosure:
			f.pc = int32(pc)
			c, err := m.closure(th, cl, p.protos[i.d()], base)
			if err != nil {
				return 0, err
			}
			R[uint8(i>>8)] = c.Value()
		case opVararg:
			f.pc = int32(pc)
			n := int(f.extra)
			want := i.b() - 1
			to := base + i.a()
			count := want
			if want < 0 {
				count = n
				if err := m.growStack(th, to+n); err != nil {
					return 0, err
				}
				th.top = max(to+n, base+p.maxStack)
				R = (*[window]Value)(th.stack[base:])
			}
			if count > 8 {
				if err := m.work(int64(count) / limits.TableSlotMove); err != nil {
					return 0, err
				}
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
		case opArgTable:
			f.pc = int32(pc)
			t, err := m.argTable(th, base-int(f.extra), int(f.extra))
			if err != nil {
				return 0, err
			}
			R[uint8(i>>8)] = t.Value()
		}
	}
check:
	if r.cur != th || len(th.frames) == 0 {
		return Done, nil
	}
	goto frames
}
