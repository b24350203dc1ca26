package luasandbox

import (
	"errors"
	"slices"
	"sync"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Pending is an answer that a host function gives later: the function returns it at
// once, and the script that called the function waits, while the game goes on. A
// [Task] that waits is [Waiting]; its next Step after the answer goes on with it.
// Only a function called straight from a task, or from [Sandbox.Call], can wait: not
// one that is called by a callback of another host function.
type Pending struct {
	mu      sync.Mutex
	given   bool     // the answer
	waiters []waiter // who is to be told of it, until it is given
	done    chan struct{}
	values  []any
	err     error
}

// waiter is a task that waits, and whom to tell when it need not any more.
type waiter struct {
	task     *Task
	answered func(*Task)
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
	p.give(values, nil)
}

// Reject is Resolve with an error, which the script sees as if the function had
// returned it; a nil error is a mistake that it sees as an opaque one.
func (p *Pending) Reject(err error) {
	if err == nil {
		err = errors.New("Reject without an error")
	}
	p.give(nil, err)
}

// give gives the answer, once, and tells those who wait.
func (p *Pending) give(values []any, err error) {
	p.mu.Lock()
	if p.given {
		p.mu.Unlock()
		return
	}
	waiters := p.waiters
	p.given, p.waiters = true, nil
	p.values, p.err = values, err
	close(p.done)
	p.mu.Unlock()
	for _, w := range waiters {
		w.answered(w.task)
	}
}

// Answer returns the answer, as it was given, if it was. The values are those that the
// script is yet to get, and must not be changed.
func (p *Pending) Answer() (values []any, err error, given bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.values, p.err, p.given
}

// tell makes w be told of the answer, or returns false if that is there.
func (p *Pending) tell(w waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given {
		return false
	}
	p.waiters = append(p.waiters, w)
	return true
}

// forget undoes tell for t.
func (p *Pending) forget(t *Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters = slices.DeleteFunc(p.waiters, func(w waiter) bool { return w.task == t })
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
		return k.take(c)
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
	switch {
	case k.s.awaitsTurn(k.f):
		return c.Turn(&turn{k.Resume})
	case k.s.cfg.Observe != nil:
		return k.s.observed(k.f, c, nil, true, k.take)
	}
	return k.take(c)
}

// take gives the script its answer, here and now.
func (k *answer) take(c *vm.Call) error {
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
