package mods

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Overflow says what happens to an event for a mod that has too many waiting.
type Overflow string

// The rules of overflow. In every case it is counted (Report.EventsDropped).
const (
	DropNewest Overflow = "newest" // the event is dropped; what "" stands for
	DropOldest Overflow = "oldest" // the event that has waited longest is dropped, whatever its name
	// Coalesce: an event replaces one of the same name and key that waits, also if
	// there is room. Where there is none, it is dropped.
	Coalesce Overflow = "coalesce"
)

// Event declares one event that the engine sends: see [Host.Emit].
type Event struct {
	Name     string   `json:"name"` // 1 to 64 small letters, digits, '_', '.' and '-'
	Doc      string   `json:"doc"`
	Overflow Overflow `json:"overflow,omitempty"`
	// Key, for Coalesce, is the field of the payload that makes events different, as
	// "player"; "": an event replaces every one of its name.
	Key string `json:"key,omitempty"`
	// Fallback, if not nil, answers when no mod does: when none has subscribed, or
	// the handlers of all fail, are dropped or, of an [Host.Ask], return nil. It is
	// called on the goroutine of [Host.Tick], with a payload that is its own. What
	// it returns is the answer.
	Fallback func(payload any) any `json:"-"`
}

// declare checks the engine's events.
func declare(all []Event) (map[string]*Event, error) {
	declared := map[string]*Event{}
	for i := range all {
		e := all[i]
		var err error
		switch {
		case !eventName.MatchString(e.Name):
			err = fmt.Errorf("%q cannot be an event's name: %s", e.Name, eventNameForm)
		case declared[e.Name] != nil:
			err = fmt.Errorf("there are two events %q", e.Name)
		case !slices.Contains([]Overflow{"", DropNewest, DropOldest, Coalesce}, e.Overflow):
			err = fmt.Errorf("event %q: no rule of overflow %q; want newest, oldest or coalesce", e.Name, e.Overflow)
		case e.Key != "" && e.Overflow != Coalesce:
			err = fmt.Errorf("event %q: a Key is for Coalesce", e.Name)
		}
		if err != nil {
			return nil, &ConfigError{Field: "Events", Err: err}
		}
		declared[e.Name] = &e
	}
	return declared, nil
}

// EventError is an event that [Host.Emit] cannot send.
type EventError struct {
	Name string
	Err  error
}

// Error names the event and what is wrong.
func (e *EventError) Error() string { return fmt.Sprintf("event %q: %v", e.Name, e.Err) }

// Unwrap returns what is wrong.
func (e *EventError) Unwrap() error { return e.Err }

// question is an event of the engine's that somebody has to answer.
type question struct {
	host    *Host
	event   *Event
	payload any
	reply   *Reply // nil: an Emit
	left    int    // deliveries that have not ended
	heard   bool   // one of them ended well
	closed  bool
}

// emitInput is an Emit or Ask.
type emitInput struct {
	name    string
	payload any
	size    int64
	reply   *Reply
}

func (h *Host) emit(name string, payload any, r *Reply) error {
	fail := func(err error) error { return &EventError{Name: name, Err: err} }
	if h.declared[name] == nil {
		err := errors.New("it is not declared in Config.Events")
		if near := manifest.Nearest(name, sortedNames(h.declared)); near != "" {
			err = fmt.Errorf("%w; did you mean %q?", err, near)
		}
		return fail(err)
	}
	payload, size, err := plainSized(payload)
	if err != nil {
		return fail(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed != nil:
		return h.closed
	case !h.keeps(size):
		return fail(ErrQueueFull)
	}
	h.inbox = append(h.inbox, &emitInput{name: name, payload: payload, size: size, reply: r})
	return nil
}

// keeps reports whether there is room in the inbox for one more event or call, and
// takes it. h.mu is held.
func (h *Host) keeps(size int64) bool {
	if h.sent == eventsFromHost || h.sentBytes+size > hostEventBytes {
		return false
	}
	h.sent++
	h.sentBytes += size
	return true
}

func (e *emitInput) fail(err error) {
	if e.reply != nil {
		e.reply.answer(nil, err)
	}
}

func (e *emitInput) apply(h *Host) {
	if len(h.batches) > 0 && len(h.held) < eventsFromHost {
		h.held = append(h.held, e)
		return
	}
	e.send(h)
}

// send delivers the event.
func (e *emitInput) send(h *Host) {
	declared := h.declared[e.name]
	ev := event{name: e.name, payload: e.payload, size: e.size}
	if declared.Fallback != nil || e.reply != nil {
		ev.question = &question{host: h, event: declared, payload: e.payload, reply: e.reply}
	}
	h.events.deliver(ev)
}

// ended tells a question that a delivery is over.
func (q *question) ended(results luasandbox.Results, err error) {
	if q == nil {
		return
	}
	q.left--
	if err == nil {
		q.heard = true
		if len(results) > 0 && results[0] != nil && q.reply != nil && !q.closed {
			q.closed = true
			q.reply.answer(results[:1], nil)
		}
	}
	q.settle()
}

// settle has the fallback answer where nobody else will.
func (q *question) settle() {
	if q.closed || q.left > 0 || q.heard && q.reply == nil {
		return
	}
	q.closed = true
	if q.event.Fallback == nil {
		q.reply.answer(nil, ErrNoAnswer)
		return
	}
	answer, err := q.fallback()
	if q.reply != nil {
		q.reply.answer([]any{answer}, err)
	}
}

// fallback calls the engine's code. A panic in it is logged, and is no answer.
func (q *question) fallback() (answer any, err error) {
	defer func() {
		if p := recover(); p != nil {
			q.host.cfg.Logger.Error("panic in the fallback of an event", "event", q.event.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			answer, err = nil, ErrNoAnswer
		}
	}()
	payload, err := plain(q.payload)
	if err != nil {
		return nil, err
	}
	return plain(q.event.Fallback(payload))
}
