package mods

import (
	"context"
	"sync"
)

// Reply is what becomes of a [Host.Call], [Host.Ask] or [Host.Reload], which is
// known after one of the next ticks. Its methods may be called from any goroutine.
type Reply struct {
	once   sync.Once
	done   chan struct{}
	values []any
	err    error
}

func newReply() *Reply { return &Reply{done: make(chan struct{})} }

// Done returns a channel that is closed when the reply is there.
func (r *Reply) Done() <-chan struct{} { return r.done }

// Get returns the reply, or [ErrPending] if it is not there yet. The values are
// what the function returned: nil, bool, float64, string, []any, map[string]any, or
// map[any]any for a table with other keys. In the place of functions is nil.
//
// The errors: of a Call, a [*CallError], which wraps [ErrNotRunning],
// [ErrNoFunction], [ErrQueueFull], or the error of package luasandbox that the call
// ended with; of an Ask, [ErrNoAnswer]; of a Reload, a [*ReloadError]. All of them
// may be [ErrClosed].
func (r *Reply) Get() ([]any, error) {
	select {
	case <-r.done:
		return r.values, r.err
	default:
		return nil, ErrPending
	}
}

// Wait waits for the reply. It must not be called on the goroutine that calls
// [Host.Tick], which is where replies are made. The errors are those of Get, and
// ctx.Err().
func (r *Reply) Wait(ctx context.Context) ([]any, error) {
	select {
	case <-r.done:
		return r.values, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answer gives the reply. Only the first counts.
func (r *Reply) answer(values []any, err error) {
	r.once.Do(func() {
		r.values, r.err = values, err
		close(r.done)
	})
}
