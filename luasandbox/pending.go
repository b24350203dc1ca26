package luasandbox

import (
	"errors"
	"sync"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Pending is an answer that a host function gives later: the function returns it at
// once, and the script that called the function waits, while the game goes on. A
// [Task] that waits is [Waiting]; its next Step after the answer goes on with it.
// Only a function called straight from a task, or from [Sandbox.Call], can wait: not
// one that is called by a callback of another host function.
type Pending struct {
	once   sync.Once
	done   chan struct{}
	values []any
	err    error
}

// pendingBytes is what a Pending counts as, with what it takes to wait for it.
const pendingBytes = 512

// Later returns an answer that is yet to come.
func Later() *Pending { return &Pending{done: make(chan struct{})} }

// Resolve gives the answer: what the function returns to the script. The values are
// copied when the script goes on, as the results of a host function of type any are,
// and must not change until then. Only the first Resolve or Reject counts. It may be
// called from any goroutine, and never blocks.
func (p *Pending) Resolve(values ...any) {
	p.once.Do(func() {
		p.values = values
		close(p.done)
	})
}

// Reject is Resolve with an error, which the script sees as if the function had
// returned it; a nil error is a mistake that it sees as an opaque one.
func (p *Pending) Reject(err error) {
	p.once.Do(func() {
		if err == nil {
			err = errors.New("Reject without an error")
		}
		p.err = err
		close(p.done)
	})
}

// ready is closed when the answer is there. The run that waits is then answered
// without values (vm.Run.Answer()): the function's continuation has them.
func (p *Pending) ready() <-chan struct{} { return p.done }

// await makes the script wait for p.
func (f *function) await(s *Sandbox, c *vm.Call, p *Pending) error {
	if p == nil || p.done == nil {
		return f.opaque(s, c, errors.New("the function returned a Pending that Later did not make"), nil)
	}
	k := &answer{f: f, s: s, p: p}
	select {
	case <-p.done:
		return k.Resume(c)
	default:
	}
	s.host.waiting = p
	return c.Await(k)
}

// answer goes on with the script when its answer is there.
type answer struct {
	f *function
	s *Sandbox
	p *Pending
}

func (k *answer) Trace(*vm.Walk) {}

// Resume gives the script its answer.
func (k *answer) Resume(c *vm.Call) error {
	select {
	case <-k.p.done:
	default:
		return k.f.opaque(k.s, c, errors.New("the call went on without the answer that it waits for"), nil)
	}
	if k.p.err != nil {
		return k.f.failed(k.s, c, k.p.err, nestedError{})
	}
	return k.f.giveAny(k.s, c, k.p.values)
}
