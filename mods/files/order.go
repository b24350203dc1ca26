package files

import (
	"context"
	"errors"
	"slices"
	"sync"
	"weak"
)

// order does the operations of one mod in the order in which they were asked
// for, whatever the order in which their goroutines come: whoever comes first does
// what is before it too. So none waits for a goroutine that has not begun.
//
// Only those who are to run an operation hold it. One that is never run, because
// a recorded answer takes its place, costs nothing but memory until the next
// collection.
type order struct {
	turn chan struct{} // has room for one: who has put something in does operations

	mu    sync.Mutex
	queue []weak.Pointer[operation]
}

// operation is something to be done, and then its result. All but queued belongs
// to whoever has the turn.
type operation struct {
	queued chan struct{} // closed when it is in the queue
	do     func() ([]any, error)
	done   bool
	values []any
	err    error
}

// errOperation is the result of an operation that panicked on another's goroutine.
var errOperation = errors.New("files: the operation was interrupted")

func newOrder() *order { return &order{turn: make(chan struct{}, 1)} }

func newOperation(do func() ([]any, error)) *operation {
	return &operation{queued: make(chan struct{}), do: do}
}

// add puts an operation at the end of the queue.
func (o *order) add(op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == cap(o.queue) { // before it grows
		o.queue = slices.DeleteFunc(o.queue, func(p weak.Pointer[operation]) bool { return p.Value() == nil })
	}
	o.queue = append(o.queue, weak.Make(op))
	close(op.queued)
}

// next takes the first operation out of the queue; nil if there is none.
func (o *order) next() *operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > 0 {
		op := o.queue[0].Value()
		o.queue = o.queue[1:]
		if op != nil {
			return op
		}
	}
	return nil
}

// run does the operation, after those before it, and returns its result. If ctx
// ends before its turn, the operation is not done by this goroutine; one that
// comes after it may still do it.
func (o *order) run(ctx context.Context, op *operation) ([]any, error) {
	select {
	case <-op.queued:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-o.turn }()
	for !op.done {
		first := o.next()
		if first == nil {
			return nil, errOperation
		}
		first.values, first.err = first.do()
		first.done, first.do = true, nil
	}
	return op.values, op.err
}
