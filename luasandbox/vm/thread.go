package vm

import (
	"math"
	"math/bits"

	"github.com/luasandbox/modrunner/limits"
)

// Thread is a Lua coroutine, or the stack that a host call runs on.
type Thread struct {
	header
	status   ThreadStatus
	stack    []Value
	frames   []frame
	open     []*upvalue // open upvalues by ascending index
	captured int        // slots from here on have no open upvalue
	top      int        // slots from here on hold nothing
	resumer  *Thread
	below    int   // frames of all resumers
	room     int   // as many frames are there for calls that need no look at the limits
	entry    Value // the function, until the coroutine starts
	host     bool  // runs a host call: cannot yield
	handling bool  // an error handler runs: it may go deeper
}

// ThreadStatus is what coroutine.status tells.
type ThreadStatus uint8

// The states of a coroutine.
const (
	Suspended ThreadStatus = iota
	Running
	Normal
	Dead
)

var statusNames = [...]string{"suspended", "running", "normal", "dead"}

// String returns the state's name in Lua.
func (s ThreadStatus) String() string { return statusNames[s] }

// Status returns th's state.
func (th *Thread) Status() ThreadStatus { return th.status }

// upvalue is a variable that closures share: open while it lives in a register
// of th's stack, closed when it moved into the upvalue itself.
type upvalue struct {
	v      *Value // the variable
	closed Value
	th     *Thread // while open: v points into its stack and so keeps it alive
	index  int     // register in the stack, while open
	mark   uint8
}

// Closure is a Lua function: code, and the variables it captured.
type Closure struct {
	header
	proto *proto
	env   *Table
	up    []*upvalue
}

// Env returns f's environment: the table of its globals.
func (f *Closure) Env() *Table { return f.env }

// Source returns the chunk that f is from and the line where it begins, 0 for a main
// chunk.
func (f *Closure) Source() (chunk string, line int) { return f.proto.chunk, f.proto.line }

// SetEnv replaces f's environment.
func (f *Closure) SetEnv(t *Table) { f.env = t }

// frame is one activation.
type frame struct {
	cl        *Closure // nil in a native function's frame
	nat       *Native
	cont      Continuation
	base      int32 // first register, or first argument
	ret       int32 // where the results go: the slot of the function
	pc        int32 // Lua: next instruction; native: number of arguments
	want      int16 // results the caller wants, -1 for all
	kind      frameKind
	plain     bool  // called by an opCall of the Lua frame below, whose results are its own
	tail      uint8 // tail calls that this frame replaced, at most 255
	nested    int16 // calls below that went through a metamethod or a native function
	handlerAt int32 // protect: stack index of xpcall's handler, -1 for pcall
	extra     int32 // Lua: how many variable arguments lie below base; inverted while <= runs as not >
	pending   int32 // Lua, in a concatenation that called a metamethod: the end of the operands
}

type frameKind uint8

const (
	frameLua     frameKind = iota
	frameNative            // a native function, perhaps with a continuation
	frameProtect           // pcall or xpcall
	frameResume            // coroutine.resume, waiting for another thread
	frameWrap              // a coroutine.wrap function, waiting for another thread
	frameHandler           // below an error handler that is running
)

// firstStack is the length of a new thread's stack, if it need not be longer.
const firstStack = 32

// growStack makes th's stack hold n values and the slack above them.
func (m *Machine) growStack(th *Thread, n int) error {
	if n > th.top {
		th.top = n
	}
	if n+slack <= len(th.stack) {
		return nil
	}
	if n > maxStack {
		return m.stackOverflow(th)
	}
	// A power of two of values fills what Go's allocator gives.
	size := min(1<<bits.Len(uint(max(n+slack, firstStack)-1)), maxStack+slack)
	if err := m.alloc(int64(size) * limits.ValueBytes); err != nil {
		return err
	}
	if err := m.work(int64(len(th.stack)) / limits.TableSlotMove); err != nil {
		return err
	}
	stack := make([]Value, size)
	copy(stack, th.stack[:min(len(th.stack), max(th.top, 0))])
	th.stack = stack
	for _, u := range th.open {
		u.v = &stack[u.index]
	}
	return nil
}

// stackOverflow is the error of a thread that is too deep. A script can catch it.
func (m *Machine) stackOverflow(th *Thread) error {
	return &message{text: "stack overflow", cause: &limits.Error{
		Kind: limits.Depth, Used: min(int64(len(th.frames)+th.below), m.limits.Depth), Max: m.limits.Depth,
	}}
}

// pushFrame returns a new frame at the top of th's stack of frames.
func (m *Machine) pushFrame(th *Thread) (*frame, error) {
	n := len(th.frames)
	if int64(n+th.below) >= m.limits.Depth {
		if !th.handling || int64(n+th.below) >= m.limits.Depth+handlerDepth {
			return nil, m.stackOverflow(th)
		}
	}
	if n == cap(th.frames) {
		size := max(2*n, 4)
		if err := m.alloc(int64(size) * limits.FrameBytes); err != nil {
			return nil, err
		}
		frames := make([]frame, n, size)
		copy(frames, th.frames)
		th.frames = frames
		m.setRoom(th)
	}
	th.frames = th.frames[:n+1]
	return &th.frames[n], nil
}

// setRoom is called when th.below or the capacity of th.frames changes.
func (m *Machine) setRoom(th *Thread) {
	th.room = min(cap(th.frames), int(min(m.limits.Depth, math.MaxInt32))-th.below)
}

// popFrame drops th's top frame and what it refers to.
func (th *Thread) popFrame() {
	n := len(th.frames) - 1
	f := &th.frames[n]
	f.cl, f.nat, f.cont = nil, nil, nil
	th.frames = th.frames[:n]
}

// findUpvalue returns the open upvalue for stack index i, making it if needed.
func (m *Machine) findUpvalue(th *Thread, i int) (*upvalue, error) {
	at, end := 0, len(th.open) // the place of i in th.open
	if end > 0 && th.open[end-1].index < i {
		at = end
	}
	for at < end {
		mid := (at + end) / 2
		switch u := th.open[mid]; {
		case u.index == i:
			return u, nil
		case u.index < i:
			at = mid + 1
		default:
			end = mid
		}
	}
	if err := m.alloc(limits.UpvalueBytes); err != nil {
		return nil, err
	}
	u := &upvalue{v: &th.stack[i], th: th, index: i}
	th.open = append(th.open, nil)
	copy(th.open[at+1:], th.open[at:])
	th.open[at] = u
	th.captured = max(th.captured, i+1)
	return u, nil
}

// closeUpvalues moves the variables at stack index i and above out of the stack.
func (th *Thread) closeUpvalues(i int) {
	n := len(th.open)
	for n > 0 && th.open[n-1].index >= i {
		n--
		u := th.open[n]
		u.closed = *u.v
		u.v, u.th = &u.closed, nil
		th.open[n] = nil
	}
	th.open = th.open[:n]
	th.captured = 0
	if n > 0 {
		th.captured = th.open[n-1].index + 1
	}
}
