package vm

import (
	"github.com/luasandbox/modrunner/limits"
)

// pushLua begins an activation of cl, whose nargs arguments follow its slot at.
func (m *Machine) pushLua(th *Thread, cl *Closure, at, nargs, want int) error {
	p := cl.proto
	base := at + 1
	extra := 0
	if p.vararg {
		// The fixed parameters are copied above the variable ones, which then lie
		// right below the base.
		extra = max(nargs-p.params, 0)
		if extra > 0 {
			base += nargs
		}
	}
	top := base + p.maxStack
	if top+slack > len(th.stack) {
		if at+1+nargs > th.top {
			th.top = at + 1 + nargs
		}
		if err := m.growStack(th, top); err != nil {
			return err
		}
	}
	n := len(th.frames)
	if n < th.room {
		th.frames = th.frames[:n+1]
	} else if _, err := m.pushFrame(th); err != nil {
		return err
	}
	stack := th.stack
	if extra > 0 {
		if err := m.moves(nargs); err != nil {
			th.frames = th.frames[:n]
			return err
		}
		copy(stack[base:], stack[at+1:at+1+p.params])
	} else {
		if err := m.moves(p.params - nargs); err != nil {
			th.frames = th.frames[:n]
			return err
		}
		for i := nargs; i < p.params; i++ {
			stack[base+i] = Value{}
		}
	}
	th.top = top
	f := &th.frames[n]
	f.nested = 0
	if n > 0 {
		f.nested = th.frames[n-1].nested
	}
	f.cl = cl
	f.base = int32(base)
	f.ret = int32(at)
	f.pc = 0
	f.want = int16(want)
	f.kind = frameLua
	f.tail = 0
	f.plain = false
	f.extra = int32(extra)
	return nil
}

// freeMoves is how many values a call moves as part of its instruction.
const freeMoves = 8

// moves charges for n values that an instruction moves or clears in the stack.
func (m *Machine) moves(n int) error {
	if n <= freeMoves {
		return nil
	}
	return m.work(int64(n) / limits.TableSlotMove)
}

// pushNative begins an activation of a native function.
func (m *Machine) pushNative(th *Thread, nat *Native, at, nargs, want int) error {
	if err := m.work(limits.NativeCall); err != nil {
		return err
	}
	th.top = at + 1 + nargs // what the caller had above is not used again
	if th.top+slack > len(th.stack) {
		if err := m.growStack(th, th.top); err != nil {
			return err
		}
	}
	n := len(th.frames)
	if n < th.room {
		th.frames = th.frames[:n+1]
	} else if _, err := m.pushFrame(th); err != nil {
		return err
	}
	f := &th.frames[n]
	f.nested = 0
	if n > 0 {
		f.nested = th.frames[n-1].nested
	}
	f.nat = nat
	f.base = int32(at + 1)
	f.ret = int32(at)
	f.pc = int32(nargs)
	f.want = int16(want)
	f.kind = frameNative
	f.tail = 0
	f.cont = nil
	return nil
}

// precall begins a call of what is at stack index at: a function, or a value
// whose __call is one.
func (m *Machine) precall(th *Thread, at, nargs, want int) error {
	fn := th.stack[at]
	if fn.Kind() != KindFunction {
		h := m.metaOf(fn, eventCall)
		if h.Kind() != KindFunction {
			return m.callError(th, fn, at)
		}
		if err := m.work(1 + int64(nargs)/limits.TableSlotMove); err != nil {
			return err
		}
		if err := m.growStack(th, at+nargs+2); err != nil {
			return err
		}
		copy(th.stack[at+1:at+nargs+2], th.stack[at:at+nargs+1])
		th.stack[at] = h
		nargs++
		fn = h
	}
	if cl := fn.AsClosure(); cl != nil {
		return m.pushLua(th, cl, at, nargs, want)
	}
	return m.pushNative(th, fn.AsNative(), at, nargs, want)
}

// nestedCall is precall on behalf of a metamethod's instruction or a native
// function.
func (m *Machine) nestedCall(th *Thread, at, nargs, want int) error {
	n := len(th.frames)
	nested := th.frames[n-1].nested + 1
	if nested > maxNesting && (!th.handling || nested > maxNesting+handlerNesting) {
		return &message{text: "C stack overflow", cause: &limits.Error{Kind: limits.Depth, Used: maxNesting, Max: maxNesting}}
	}
	if err := m.precall(th, at, nargs, want); err != nil {
		return err
	}
	th.frames[n].nested = nested
	return nil
}

// tailCall replaces the top frame by a call of what is at stack index at.
func (m *Machine) tailCall(th *Thread, at, nargs int) error {
	f := &th.frames[len(th.frames)-1]
	fn := th.stack[at]
	if fn.AsClosure() == nil {
		if fn.AsNative() != nil || m.metaOf(fn, eventCall).Kind() != KindFunction {
			return m.precall(th, at, nargs, -1) // its results are returned when they come
		}
	}
	if err := m.moves(nargs); err != nil {
		return err
	}
	if th.captured > int(f.base) {
		th.closeUpvalues(int(f.base))
	}
	ret, want, tail, nested, plain := int(f.ret), int(f.want), f.tail, f.nested, f.plain
	copy(th.stack[ret:ret+nargs+1], th.stack[at:at+nargs+1])
	th.popFrame()
	th.top = ret + nargs + 1
	if err := m.precall(th, ret, nargs, want); err != nil {
		return err
	}
	if tail < 255 {
		tail++
	}
	f = &th.frames[len(th.frames)-1]
	f.tail, f.nested, f.plain = tail, nested, plain
	return nil
}

// arguments tells how many arguments the call i has, whose function is at stack
// index at.
func (th *Thread) arguments(at int, i instr) int {
	if i.b() == 0 {
		return th.top - at - 1
	}
	return i.b() - 1
}

// call does opCall where interpret does not. If leave is true interpret must
// return, with status.
func (m *Machine) call(r *Run, th *Thread, f *frame, i instr) (status Status, leave bool, err error) {
	at := int(f.base) + i.a()
	nargs, want := th.arguments(at, i), i.c()-1
	if fn := th.stack[at]; fn.isClosure() {
		return 0, false, m.pushLua(th, fn.closure(), at, nargs, want)
	} else if nat := fn.AsNative(); nat != nil {
		return m.callNative(r, th, nat, at, nargs, want)
	}
	return 0, false, m.precall(th, at, nargs, want)
}

// returnFrom ends f, th's top frame, with the n results at stack index from, or
// all up to the top if n is negative.
func (m *Machine) returnFrom(r *Run, th *Thread, f *frame, from, n int) error {
	if n < 0 {
		n = th.top - from
	}
	if th.captured > int(f.base) {
		th.closeUpvalues(int(f.base))
	}
	ret, want := int(f.ret), int(f.want)
	th.popFrame()
	return m.deliver(r, th, ret, want, from, n)
}

// callNative calls a native function from Lua code and, if it just returns,
// finishes the call. Otherwise again is true: interpret must leave, with status.
func (m *Machine) callNative(r *Run, th *Thread, nat *Native, at, nargs, want int) (status Status, again bool, err error) {
	if err := m.pushNative(th, nat, at, nargs, want); err != nil {
		return 0, false, err
	}
	c := &r.call
	c.th, c.native, c.base, c.n = th, nat, at+1, nargs
	c.nret, c.action = 0, actReturn
	if err := nat.fn(c); err != nil {
		return 0, false, err
	}
	if c.action != actReturn {
		status, err := m.act(r, th, c)
		return status, true, err
	}
	if err := m.moves(max(c.nret, want)); err != nil {
		return 0, false, err
	}
	th.popFrame()
	f := &th.frames[len(th.frames)-1]
	th.place(at, want, at, c.nret, int(f.base)+f.cl.proto.maxStack)
	return 0, false, nil
}

// enterNative runs th's top frame, a native function's: from its beginning, or
// from its continuation, with f.pc arguments at f.base.
func (m *Machine) enterNative(r *Run, th *Thread) (Status, error) {
	if r.status == Waiting {
		return Waiting, nil
	}
	f := &th.frames[len(th.frames)-1]
	c := &r.call
	c.th, c.native, c.base, c.n = th, f.nat, int(f.base), int(f.pc)
	c.nret, c.action = 0, actReturn
	k := f.cont
	if r.suspended {
		f.cont, r.held, r.suspended = r.held, nil, false
	}
	var err error
	if k != nil {
		err = k.Resume(c) // f.cont stays: a census in there counts what it holds
	} else {
		err = f.nat.fn(c)
	}
	if err != nil {
		return 0, err
	}
	if c.action != actReturn {
		return m.act(r, th, c)
	}
	f = &th.frames[len(th.frames)-1]
	ret, want := int(f.ret), int(f.want)
	th.popFrame()
	return Done, m.deliver(r, th, ret, want, ret, c.nret)
}

// act does what a native function asked for instead of returning. The status is
// Done if the run goes on.
func (m *Machine) act(r *Run, th *Thread, c *Call) (Status, error) {
	f := &th.frames[len(th.frames)-1]
	held := f.cont
	f.cont = nil
	switch c.action {
	case actCall:
		f.cont = c.cont
		return Done, m.nestedCall(th, c.base+c.n, c.nargs, -1)
	case actProtect:
		f.kind = frameProtect
		return Done, m.nestedCall(th, c.base, c.nargs, -1)
	case actYield:
		return Done, m.yield(r, th, c)
	case actResume:
		return Done, m.resume(r, th, c)
	}
	// The continuation comes next; for Await, without arguments so far.
	f.cont = c.cont
	if f.pc = int32(c.n); c.action == actAwait {
		f.pc = 0
		r.status = Waiting
		return Waiting, nil
	}
	r.held, r.suspended = held, true
	switch {
	case c.action == actTurn:
		return Turn, nil
	case c.action == actPause || m.spent():
		return Paused, nil
	}
	return Done, nil
}

// place puts n results, found at from, where a Lua caller wants them.
func (th *Thread) place(ret, want, from, n, top int) {
	stack := th.stack
	if want < 0 {
		if ret != from {
			copy(stack[ret:ret+n], stack[from:from+n])
		}
		th.top = ret + n
		return
	}
	for i := range want {
		if i < n {
			stack[ret+i] = stack[from+i]
		} else {
			stack[ret+i] = Value{}
		}
	}
	th.top = top
}

// deliver hands n results, at stack index from, to th's top frame, the caller of
// the activation that just ended, whose slot was ret.
func (m *Machine) deliver(r *Run, th *Thread, ret, want, from, n int) error {
	for {
		if err := m.moves(max(n, want)); err != nil {
			return err
		}
		if len(th.frames) == 0 {
			// The thread's function returned: execute finishes the thread.
			copy(th.stack[:n], th.stack[from:from+n])
			th.top = n
			return nil
		}
		f := &th.frames[len(th.frames)-1]
		switch f.kind {
		case frameLua:
			if in := f.cl.proto.code[f.pc-1]; in.op() != opTailCall {
				return m.finish(r, th, f, ret, want, from, n)
			}
			// A native function was called in tail position: return its results.
			th.closeUpvalues(int(f.base))
			ret, want = int(f.ret), int(f.want)
			th.popFrame()
		case frameNative:
			base := int(f.base)
			if err := m.growStack(th, base+n); err != nil {
				return err
			}
			copy(th.stack[base:base+n], th.stack[from:from+n])
			f = &th.frames[len(th.frames)-1]
			f.pc = int32(n)
			th.top = base + n
			return nil
		case frameProtect:
			ret, want = int(f.ret), int(f.want)
			if err := m.growStack(th, ret+1+n); err != nil {
				return err
			}
			copy(th.stack[ret+1:ret+1+n], th.stack[from:from+n])
			th.stack[ret] = True
			th.popFrame()
			from, n = ret, n+1
			th.top = ret + n
		case frameHandler:
			var v Value
			if n > 0 {
				v = th.stack[from]
			}
			th.handling = false
			return m.unwind(r, th, v)
		default:
			// A thread that waits for another gets its results from threadDone.
			return &InternalError{Detail: "result delivered to a waiting thread"}
		}
	}
}

// finish completes the instruction of a Lua frame that made a call.
func (m *Machine) finish(r *Run, th *Thread, f *frame, ret, want, from, n int) error {
	p := f.cl.proto
	base := int(f.base)
	top := base + p.maxStack
	i := p.code[f.pc-1]
	var v Value
	if n > 0 {
		v = th.stack[from]
	}
	switch i.op() {
	case opCall:
		th.place(ret, want, from, n, top)
		return nil
	case opTFor:
		th.place(ret, want, from, n, top)
		if a := base + i.a(); th.stack[a+3].p != nil {
			th.stack[a+2] = th.stack[a+3]
			f.pc += int32(i.d())
		}
		return nil
	case opConcat, opConcatList:
		return m.concatGoOn(r, th, f, from, v)
	case opSetField, opSetIndex, opSetInt, opSetFieldK, opSetIndexK, opSetIntK, opSetGlobal:
	case opEq, opLt, opLtK, opGtK:
		if v.Truthy() == (i.c() != 0) {
			f.pc += int32(i.d())
		}
	case opLe, opLeK, opGeK:
		truth := v.Truthy()
		if f.extra < 0 { // __lt was called for <=, with the operands exchanged
			f.extra = ^f.extra
			truth = !truth
		}
		if truth == (i.c() != 0) {
			f.pc += int32(i.d())
		}
	default:
		th.stack[base+i.a()] = v
	}
	th.top = top
	return nil
}

// pushMeta calls a metamethod with n arguments on behalf of the Lua frame on
// top, whose instruction is finished by finish when the result comes.
func (m *Machine) pushMeta(th *Thread, h, a, b, c Value, n int) error {
	if err := m.work(limits.MetaCall); err != nil {
		return err
	}
	f := &th.frames[len(th.frames)-1]
	at := int(f.base) + f.cl.proto.maxStack
	if err := m.growStack(th, at+1+n); err != nil {
		return err
	}
	s := th.stack[at : at+4]
	s[0], s[1] = h, a
	if n > 1 {
		s[2] = b
	}
	if n > 2 {
		s[3] = c
	}
	return m.nestedCall(th, at, n, 1)
}
