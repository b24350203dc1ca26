package vm

import (
	"fmt"

	"github.com/luasandbox/modrunner/limits"
)

// raise deals with an error of the current thread: it unwinds to the nearest
// pcall, xpcall (whose handler runs first, at the point of the error) or
// coroutine.resume. It returns the error if nothing catches it, with a traceback,
// and then the run is over.
func (m *Machine) raise(r *Run, err error) error {
	if charged := m.work(limits.RaiseError); charged != nil {
		err = charged
	} else if charged := m.alloc(limits.ErrorBytes); charged != nil {
		err = charged
	}
	caught := false // by a thread further out
	for {
		th := r.cur
		if fatal(err) {
			m.tracing = true
			r.traceback = m.tracebackAll(th, "")
			m.tracing = false
			m.abort(r)
			return err
		}
		e, refused := m.luaError(th, err)
		if refused != nil {
			err = refused
			continue
		}
		if e.Line == 0 {
			e.Chunk, e.Line = th.site()
		}
		at := len(th.frames) - 1
		for at >= 0 && th.frames[at].kind != frameProtect && th.frames[at].kind != frameHandler {
			at--
		}
		if at >= 0 && th.frames[at].kind == frameHandler {
			// The handler itself failed. C Lua reports that with this text.
			e = &Error{Value: errorInHandling, own: true}
			th.handling = false
			if err = m.unwind(r, th, e.Value); err == nil {
				return nil
			}
			continue
		}
		if at >= 0 {
			f := &th.frames[at]
			if f.handlerAt < 0 {
				if err = m.unwind(r, th, e.Value); err == nil {
					return nil
				}
				continue
			}
			if err = m.callHandler(r, th, th.stack[f.handlerAt], e.Value); err == nil {
				return nil
			}
			if fatal(err) {
				continue
			}
			th.handling = false
			if err = m.unwind(r, th, errorInHandling); err == nil {
				return nil
			}
			continue
		}
		caught = caught || e.Traceback == "" && m.caught(th)
		if e.Traceback == "" && !caught {
			e.Traceback = m.tracebackAll(th, describe(e.Value))
		}
		if th.resumer == nil {
			m.abort(r)
			return e
		}
		by := th.resumer
		m.leave(r, th, by)
		m.killThread(th)
		if err = m.passError(r, by, e); err == nil {
			return nil
		}
	}
}

var errorInHandling = sharedString("error in error handling")

// caught reports whether an error in th, which has no handler of its own, is
// caught by a thread that waits for it.
func (m *Machine) caught(th *Thread) bool {
	for t := th.resumer; t != nil; t = t.resumer {
		for i := len(t.frames) - 1; i >= 0; i-- {
			if k := t.frames[i].kind; k == frameProtect || k == frameResume {
				return true
			}
		}
	}
	return false
}

// luaError gives err the form of a Lua error, with its place. Its text is charged;
// refused is the error if that trips a limit.
func (m *Machine) luaError(th *Thread, err error) (e *Error, refused error) {
	var text string
	var cause error
	switch err := err.(type) {
	case *Error:
		if !err.own {
			// The host's, who may return the same one on many machines.
			c := *err
			c.Err, c.own = err, true
			return &c, nil
		}
		return err, nil
	case *message:
		text, cause = err.text, err.cause
		if n := len(th.frames); n > 0 && th.frames[n-1].kind == frameLua {
			text = m.where(th, 0) + text
		}
	default:
		text, cause = fmt.Sprint(err), err
	}
	if refused := m.alloc(limits.StringHeader + int64(len(text))); refused != nil {
		return nil, refused
	}
	return &Error{Value: String(text), Err: cause, own: true}, nil
}

// join returns a string of a and b, charged before it is made.
func (m *Machine) join(a, b string) (Value, error) {
	if err := m.reserveString(int64(len(a)) + int64(len(b))); err != nil {
		return Value{}, err
	}
	return String(a + b), nil
}

// callHandler calls an xpcall's handler on top of the stack as it was when the
// error happened.
func (m *Machine) callHandler(r *Run, th *Thread, handler, v Value) error {
	if handler.Kind() != KindFunction {
		return newMessage("error in error handling")
	}
	th.handling = true
	at := th.top
	if n := len(th.frames); n > 0 && th.frames[n-1].kind == frameLua {
		f := &th.frames[n-1]
		at = max(at, int(f.base)+f.cl.proto.maxStack)
	}
	if err := m.growStack(th, at+3); err != nil {
		return err
	}
	f, err := m.pushFrame(th)
	if err != nil {
		return err
	}
	f.nat, f.kind = XPCall, frameHandler
	f.base, f.ret, f.want, f.pc, f.tail, f.nested = int32(at+1), int32(at), 1, 0, 0, 0
	if n := len(th.frames) - 1; n > 0 {
		f.nested = th.frames[n-1].nested
	}
	th.stack[at+1], th.stack[at+2] = handler, v
	return m.nestedCall(th, at+1, 1, 1)
}

// unwind drops th's frames down to its nearest pcall or xpcall, which returns
// false and v.
func (m *Machine) unwind(r *Run, th *Thread, v Value) error {
	at := len(th.frames) - 1
	for th.frames[at].kind != frameProtect {
		at--
	}
	f := &th.frames[at]
	ret, want := int(f.ret), int(f.want)
	th.closeUpvalues(ret)
	for len(th.frames) > at {
		th.popFrame()
	}
	th.stack[ret], th.stack[ret+1] = False, v
	th.top = ret + 2
	return m.deliver(r, th, ret, want, ret, 2)
}

// abort ends the run: every thread in it is dead.
func (m *Machine) abort(r *Run) {
	for th := r.cur; th != nil; {
		next := th.resumer
		m.killThread(th)
		th = next
	}
	r.cur = r.th
}

// killThread closes th's variables and drops its stack.
func (m *Machine) killThread(th *Thread) {
	th.closeUpvalues(0)
	for len(th.frames) > 0 {
		th.popFrame()
	}
	if !th.host && th.status != Dead {
		m.total.Coroutines().Sub(1)
	}
	th.status = Dead
	th.resumer = nil
	th.entry = Value{}
	th.stack, th.frames, th.open = nil, nil, nil
	th.top = 0
}

// ---- pcall, xpcall, error

// The base library's functions that protect and raise.
var (
	PCall      = NewNative("pcall", pcall)
	XPCall     = NewNative("xpcall", xpcall)
	RaiseError = NewNative("error", raiseError)
)

func pcall(c *Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	c.action = actProtect
	c.nargs = c.n - 1
	c.frame().handlerAt = -1
	return nil
}

// xpcall calls its first argument without arguments (Lua 5.1 passes none); the
// second is the handler. Further arguments are passed on, as in Lua 5.2.
func xpcall(c *Call) error {
	if c.n < 2 {
		return c.ArgError(1, "value expected")
	}
	// The handler stays in its slot; the function moves up to meet its arguments.
	s := c.th.stack[c.base:]
	s[0], s[1] = s[1], s[0]
	f := c.frame()
	f.handlerAt = int32(c.base)
	f.base++
	c.base++
	c.n--
	c.nargs = c.n - 1
	c.action = actProtect
	return nil
}

func (c *Call) frame() *frame { return &c.th.frames[len(c.th.frames)-1] }

func raiseError(c *Call) error {
	level, err := c.OptInt(1, 1)
	if err != nil {
		return err
	}
	v := c.Arg(0)
	if s, ok := v.AsString(); (ok || v.isNumber()) && level > 0 {
		if !ok {
			s = FormatNumber(v.num())
		}
		where := c.m.where(c.th, int(min(level, 1<<20)))
		if v, err = c.m.join(where, s); err != nil {
			return err
		}
	}
	return &Error{Value: v, own: true}
}

// threadDone ends a thread whose function returned, its results at the bottom of
// its stack.
func (m *Machine) threadDone(r *Run, th *Thread) (done bool, err error) {
	n := th.top
	if th == r.th {
		r.results = append([]Value(nil), th.stack[:n]...)
		return true, nil
	}
	by := th.resumer
	results := th.stack[:n]
	m.leave(r, th, by)
	err = m.handOver(r, by, results)
	m.killThread(th)
	return false, err
}

// leave makes by, which waited for th, the current thread.
func (m *Machine) leave(r *Run, th, by *Thread) {
	th.resumer = nil
	th.below = 0
	m.setRoom(th)
	by.status = Running
	r.cur = by
}

// handOver gives by's waiting coroutine.resume or wrap function its results.
func (m *Machine) handOver(r *Run, by *Thread, values []Value) error {
	f := &by.frames[len(by.frames)-1]
	ret, want, wrap := int(f.ret), int(f.want), f.kind == frameWrap
	n := len(values)
	if err := m.moves(n); err != nil {
		return err
	}
	if err := m.growStack(by, ret+1+n); err != nil {
		return err
	}
	by.popFrame()
	if !wrap {
		by.stack[ret] = True
		copy(by.stack[ret+1:], values)
		n++
	} else {
		copy(by.stack[ret:], values)
	}
	by.top = ret + n
	return m.deliver(r, by, ret, want, ret, n)
}

// passError gives by the error that a thread it waited for died of: as results of
// coroutine.resume, or raised again by a wrap function, with its place in front
// (auxwrap in C Lua's lbaselib.c).
func (m *Machine) passError(r *Run, by *Thread, e *Error) error {
	f := &by.frames[len(by.frames)-1]
	if f.kind == frameResume {
		ret, want := int(f.ret), int(f.want)
		by.popFrame()
		by.stack[ret], by.stack[ret+1] = False, e.Value
		by.top = ret + 2
		return m.deliver(r, by, ret, want, ret, 2)
	}
	f.kind = frameNative
	s, ok := e.Value.AsString()
	if e.Value.isNumber() {
		s, ok = FormatNumber(e.Value.num()), true
	}
	if ok {
		v, err := m.join(m.where(by, 1), s)
		if fatal(err) {
			return err
		} else if err != nil {
			longer, refused := m.luaError(by, err)
			if refused != nil {
				return refused
			}
			longer.Traceback = e.Traceback
			return longer
		}
		e.Value = v
	}
	return e
}
