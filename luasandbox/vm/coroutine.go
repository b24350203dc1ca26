package vm

import "github.com/luasandbox/modrunner/limits"

// The coroutine library. A coroutine is a Thread of its own; resuming one makes
// it the run's current thread, so nesting costs no Go stack, and a yield works
// across pcall, metamethods, iterators and callbacks.
var (
	CoCreate  = NewNative("create", coCreate)
	CoResume  = NewNative("resume", coResume)
	CoRunning = NewNative("running", coRunning)
	CoStatus  = NewNative("status", coStatus)
	CoWrap    = NewNative("wrap", coWrap)
	CoYield   = NewNative("yield", coYield)
)

var statusValues = [...]Value{SharedString("suspended"), SharedString("running"), SharedString("normal"), SharedString("dead")}

// newThread returns a coroutine that will run fn. The count of coroutines
// includes those that are garbage until a census finds out.
func (m *Machine) newThread(fn Value) (*Thread, error) {
	if err := m.work(limits.CoroutineCreate); err != nil {
		return nil, err
	}
	if err := m.alloc(limits.ThreadBytes); err != nil {
		return nil, err
	}
	if m.total.Coroutines().Left() < 1 {
		if err := m.takeCensus(0); err != nil {
			return nil, err
		}
	}
	if err := m.total.Coroutines().Add(1); err != nil {
		return nil, err
	}
	return &Thread{header: header{kind: objThread}, status: Suspended, entry: fn}, nil
}

func coCreate(c *Call) error {
	fn, err := c.coFunction()
	if err != nil {
		return err
	}
	th, err := c.m.newThread(fn)
	if err != nil {
		return err
	}
	return c.Return(th.Value())
}

// coFunction returns the function for a new coroutine; like C Lua 5.1 it must be
// one written in Lua.
func (c *Call) coFunction() (Value, error) {
	fn := c.Arg(0)
	if fn.AsClosure() == nil {
		return Value{}, c.ArgError(0, "Lua function expected")
	}
	return fn, nil
}

func coWrap(c *Call) error {
	fn, err := c.coFunction()
	if err != nil {
		return err
	}
	th, err := c.m.newThread(fn)
	if err != nil {
		return err
	}
	f, err := c.m.NewNative("wrap", coWrapped, th.Value())
	if err != nil {
		return err
	}
	return c.Return(f.Value())
}

func coWrapped(c *Call) error {
	c.target, c.action, c.wrap = c.Up(0), actResume, true
	return nil
}

func coResume(c *Call) error {
	if c.Arg(0).AsThread() == nil {
		return c.ArgError(0, "coroutine expected")
	}
	c.target, c.action, c.wrap = c.Arg(0), actResume, false
	return nil
}

func coYield(c *Call) error {
	if c.th.host {
		return newMessage("attempt to yield across metamethod/C-call boundary")
	}
	c.action = actYield
	return nil
}

func coRunning(c *Call) error {
	if c.th.host {
		return c.Return(Nil)
	}
	return c.Return(c.th.Value())
}

func coStatus(c *Call) error {
	th := c.Arg(0).AsThread()
	if th == nil {
		return c.ArgError(0, "coroutine expected")
	}
	return c.Return(statusValues[th.status])
}

// resume makes c.target the current thread. The top frame of th waits for it.
func (m *Machine) resume(r *Run, th *Thread, c *Call) error {
	co := c.target.AsThread()
	f := &th.frames[len(th.frames)-1]
	from, n := c.base, c.n
	f.kind = frameWrap
	if !c.wrap {
		f.kind = frameResume
		from, n = c.base+1, c.n-1
	}
	var refused string
	deepest := m.limits.Depth
	if co.handling {
		deepest += handlerDepth // it stands on a stack that is full
	}
	switch {
	case co.status != Suspended:
		refused = "cannot resume " + co.status.String() + " coroutine"
	case int64(th.below+len(th.frames)+len(co.frames)) >= deepest:
		refused = "stack overflow"
	}
	if refused != "" {
		if err := m.alloc(limits.ErrorBytes); err != nil {
			return err
		}
		v, err := m.NewString(refused)
		if err != nil {
			return err
		}
		return m.passError(r, th, &Error{Value: v, own: true})
	}
	at := 1
	if len(co.frames) > 0 {
		at = int(co.frames[len(co.frames)-1].base)
	}
	if err := m.moves(n); err != nil {
		return err
	}
	if err := m.growStack(co, at+n); err != nil {
		return err
	}
	copy(co.stack[at:at+n], th.stack[from:from+n])
	co.top = at + n
	co.resumer, co.below = th, th.below+len(th.frames)
	m.setRoom(co)
	co.status, th.status = Running, Normal
	r.cur = co
	if len(co.frames) == 0 {
		co.stack[0] = co.entry
		co.entry = Value{}
		return m.precall(co, 0, n, -1)
	}
	co.frames[len(co.frames)-1].pc = int32(n)
	return nil
}

// yield suspends th, whose top frame is coroutine.yield's: when th is resumed it
// returns the arguments of the resumer.
func (m *Machine) yield(r *Run, th *Thread, c *Call) error {
	f := &th.frames[len(th.frames)-1]
	f.cont, f.pc = passOn{}, 0
	by := th.resumer
	th.status = Suspended
	m.leave(r, th, by)
	return m.handOver(r, by, th.stack[c.base:c.base+c.n])
}
