package mods

import (
	"fmt"

	"github.com/luasandbox/modrunner/luasandbox"
)

// Emit sends an event, which must be declared in [Config].Events, to the mods that
// subscribed to it. payload is nil, a bool, int, int64, float64, string, []string,
// or a []any or map[string]any of these; it is copied. The mods receive it in the
// next tick; what is sent while mods are being loaded, when these can hear it.
//
// The errors: [*EventError] for a name or a payload that cannot be sent, or, where
// it matches [ErrQueueFull], because more events wait than are kept; [ErrStopped],
// [ErrClosed].
func (h *Host) Emit(name string, payload any) error { return h.emit(name, payload, nil) }

// Ask is Emit of a question: the first handler that returns something else than nil
// answers it; where none does, because there is none, or all of them fail or have
// been dropped, the event's Fallback does. The errors are those of Emit.
func (h *Host) Ask(name string, payload any) (*Reply, error) {
	r := newReply()
	if err := h.emit(name, payload, r); err != nil {
		return nil, err
	}
	return r, nil
}

// Call calls a function of a mod's: a field of the table that its main file
// returned. It is executed in one of the next ticks, behind what else waits for the
// mod, within the mod's limits. args are values as of [Host.Emit].
//
// What becomes of it the [Reply] tells; here, the errors are [*CallError] for a mod
// that is not there or arguments that cannot be sent, or, where it matches
// [ErrQueueFull], because more was said to the host than it keeps; and [ErrStopped],
// [ErrClosed].
func (h *Host) Call(mod, function string, args ...any) (*Reply, error) {
	fail := func(err error) (*Reply, error) { return nil, &CallError{Mod: mod, Function: function, Err: err} }
	if h.Mod(mod) == nil {
		return fail(ErrNoMod)
	}
	values, all := make([]any, len(args)), int64(0)
	for i, a := range args {
		v, size, err := plainSized(a)
		if err != nil {
			return fail(fmt.Errorf("argument %d: %w", i+1, err))
		}
		if size > eventPayload {
			return fail(fmt.Errorf("argument %d: more than %d KiB", i+1, eventPayload>>10))
		}
		values[i] = v
		all += size
	}
	c := &callInput{mod: mod, function: function, args: values, reply: newReply()}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed != nil:
		return nil, h.closed
	case !h.keeps(all):
		return fail(ErrQueueFull)
	}
	h.inbox = append(h.inbox, c)
	return c.reply, nil
}

// callInput is a Call.
type callInput struct {
	mod, function string
	args          []any
	reply         *Reply
}

func (c *callInput) fail(err error) {
	c.reply.answer(nil, &CallError{Mod: c.mod, Function: c.function, Err: err})
}

func (c *callInput) apply(h *Host) {
	m := h.Mod(c.mod)
	switch {
	case m != nil && m.live == nil && m.booting():
		if len(h.again) >= callsWaiting {
			c.fail(ErrQueueFull)
			return
		}
		h.again = append(h.again, c)
		return
	case m == nil || m.live == nil:
		c.fail(ErrNotRunning)
		return
	}
	j := &job{in: m.live, kind: callJob, during: "call of " + c.function, args: c.args}
	j.name = c.function
	j.end = func(results luasandbox.Results, err error) {
		if err != nil {
			c.fail(err)
			return
		}
		c.reply.answer(results, nil)
	}
	if err := m.enqueue(j); err != nil {
		c.fail(err)
	}
}
