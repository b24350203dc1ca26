package mods

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// What events there can be.
const (
	eventRounds      = 3         // deliveries in a tick: an answer to an answer to an event
	eventPayload     = 64 << 10  // bytes of Go memory that one payload holds
	eventsWaiting    = 256       // of one sender
	eventBytes       = 256 << 10 // of one sender
	eventsFromHost   = 4096
	hostEventBytes   = 16 << 20
	eventHandlers    = 128       // of one mod
	eventsPutOff     = 256       // for a mod that is spent
	putOffBytes      = 256 << 10 // of them
	eventNamePattern = `^[a-z0-9][a-z0-9_.-]{0,63}$`
	eventNameForm    = "1 to 64 small letters, digits, '_', '.' and '-'"
)

var eventName = regexp.MustCompile(eventNamePattern)

// EventError is an event that [Host.Emit] cannot send.
type EventError struct {
	Name string
	Err  error
}

// Error names the event and what is wrong.
func (e *EventError) Error() string { return fmt.Sprintf("event %q: %v", e.Name, e.Err) }

// Unwrap returns what is wrong.
func (e *EventError) Unwrap() error { return e.Err }

// events is the capability "events", and the queue behind it.
type events struct {
	host  *Host
	queue []event
	subs  []*subscription // in the order of events.on; those that ended, until the end of the tick
	all   []*member       // in load order

	mu     sync.Mutex // guards what follows
	closed error      // why the host sends nothing now
	inbox  []event    // from the host
	bytes  int64      // of them
}

type event struct {
	name    string
	payload any // plain; not changed by anybody
	size    int64
	from    *member // nil: the host
}

// member is one mod's part in the events.
type member struct {
	mod       *Mod
	emit      map[string]bool
	subscribe map[string]bool
	ids       int64 // of subscriptions, counted from 1
	subs      map[int64]*subscription
	waiting   int        // events that it sent
	bytes     int64      // of them
	late      []delivery // put off to the next tick
	lateBytes int64
}

type subscription struct {
	by   *member
	id   int64
	name string
	fn   *luasandbox.Function // nil after events.off
}

type delivery struct {
	to *subscription
	event
}

func (e *events) Name() string { return "events" }

func (e *events) Doc() string {
	return "Send events to other mods and receive theirs and the host's, by the names in the manifest."
}

func (e *events) Options() []Option {
	names := func(v any) error {
		for _, name := range v.([]string) {
			if !eventName.MatchString(name) {
				return fmt.Errorf("%q cannot be an event's name: %s", name, eventNameForm)
			}
		}
		return nil
	}
	return []Option{
		{Name: "emit", Type: TextsOption, Doc: "the events that the mod may send", Check: names},
		{Name: "subscribe", Type: TextsOption, Doc: "the events that the mod may receive", Check: names},
	}
}

func (e *events) Grant(m *Mod, o Options) (*luasandbox.Grant, error) {
	by := &member{mod: m, emit: set(o.Texts("emit")), subscribe: set(o.Texts("subscribe")), subs: map[int64]*subscription{}}
	e.all = append(e.all, by)
	return luasandbox.NewGrant("events", e.Doc(),
		luasandbox.Func("on", func(name string, fn *luasandbox.Function) (int64, error) { return e.on(by, name, fn) },
			luasandbox.Params("name", "handler"), luasandbox.Returns("id"), luasandbox.Cost(100),
			luasandbox.Doc("Calls handler(payload) for each event of that name, until events.off(id).")),
		luasandbox.Func("off", func(id float64) bool { return by.off(id) },
			luasandbox.Params("id"), luasandbox.Returns("removed"), luasandbox.Cost(100),
			luasandbox.Doc("Ends a subscription. It returns whether there was one.")),
		luasandbox.Func("emit", func(ctx context.Context, name string, payload any) error {
			return e.emit(ctx, by, name, payload)
		},
			luasandbox.Params("name", "payload"), luasandbox.Cost(100),
			luasandbox.Doc("Sends an event with a copy of payload. It is delivered after the hooks of this tick.")),
	), nil
}

func set(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// listed errs unless a manifest's list has the name.
func listed(list map[string]bool, name, option string) error {
	if list[name] {
		return nil
	}
	if !eventName.MatchString(name) {
		return scriptErrorf("events: %s cannot be an event's name: %s", shown(name), eventNameForm)
	}
	return scriptErrorf("events: %q is not under %s in [permissions.events] of the manifest", name, option)
}

func (e *events) on(by *member, name string, fn *luasandbox.Function) (int64, error) {
	if err := listed(by.subscribe, name, "subscribe"); err != nil {
		fn.Release()
		return 0, err
	}
	if len(by.subs) == eventHandlers {
		fn.Release()
		return 0, scriptErrorf("events: %d subscriptions are the most that a mod can have, with those that it ended in this tick", eventHandlers)
	}
	by.ids++
	s := &subscription{by: by, id: by.ids, name: name, fn: fn}
	by.subs[s.id] = s
	e.subs = append(e.subs, s)
	return s.id, nil
}

func (by *member) off(id float64) bool {
	s := by.subs[int64(id)]
	if s == nil || s.fn == nil || float64(s.id) != id {
		return false
	}
	s.fn.Release()
	s.fn = nil
	return true
}

func (e *events) emit(ctx context.Context, by *member, name string, payload any) error {
	if err := listed(by.emit, name, "emit"); err != nil {
		return err
	}
	size, err := measure(ctx, payload)
	if err != nil {
		return scriptError("events: the payload", err)
	}
	if by.waiting == eventsWaiting || by.bytes+size > eventBytes {
		by.mod.flood()
		return scriptErrorf("events: too many events wait to be delivered (at most %d, with %d KiB)", eventsWaiting, eventBytes>>10)
	}
	by.waiting++
	by.bytes += size
	e.queue = append(e.queue, event{name: name, payload: payload, size: size, from: by})
	return nil
}

// flood records, once in a tick, that the mod sends more than is kept.
func (m *Mod) flood() {
	if m.tick.flooded {
		return
	}
	m.tick.flooded = true
	m.violate(Violation{Kind: FloodViolation, During: "events.emit", Tick: m.host.tick,
		Message: fmt.Sprintf("more than %d events, or %d KiB of them, in one tick", eventsWaiting, eventBytes>>10)})
}

// shut sets why the host cannot send, nil if it can.
func (e *events) shut(reason error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = reason
	e.inbox, e.bytes = nil, 0
}

func (e *events) fromHost(name string, payload any) error {
	if !eventName.MatchString(name) {
		return &EventError{Name: name, Err: fmt.Errorf("the name must be %s", eventNameForm)}
	}
	payload, err := plain(payload, 0)
	if err != nil {
		return &EventError{Name: name, Err: err}
	}
	size, err := jsonvalue.Measure(payload, eventPayload)
	if err != nil {
		return &EventError{Name: name, Err: err}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed != nil:
		return e.closed
	case len(e.inbox) == eventsFromHost, e.bytes+size > hostEventBytes:
		return &EventError{Name: name, Err: ErrQueueFull}
	}
	e.inbox = append(e.inbox, event{name: name, payload: payload, size: size})
	e.bytes += size
	return nil
}

// take moves what the host sent into the queue.
func (e *events) take() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, e.inbox...)
	e.inbox, e.bytes = nil, 0
}

// BeforeHooks does nothing: what was emitted before this tick is delivered
// after its hooks.
func (e *events) BeforeHooks(context.Context, int64) error { return nil }

// AfterHooks delivers what is in the queue, and what that makes the mods emit,
// in rounds. What is emitted in the last round waits for the next tick.
func (e *events) AfterHooks(ctx context.Context, _ int64) error {
	defer e.tidy()
	for _, by := range e.all {
		late := by.late
		by.late, by.lateBytes = nil, 0
		for i, d := range late {
			if err := e.deliver(ctx, d); err != nil {
				by.late = append(by.late, late[i+1:]...)
				return err
			}
		}
	}
	for range eventRounds {
		e.take()
		queue := e.queue
		e.queue = nil
		for i, ev := range queue {
			if ev.from != nil {
				ev.from.waiting--
				ev.from.bytes -= ev.size
			}
			// Who subscribes now is not among the receivers of this event.
			for _, to := range e.subs[:len(e.subs):len(e.subs)] {
				if to.name != ev.name {
					continue
				}
				if err := e.deliver(ctx, delivery{to, ev}); err != nil {
					e.queue = append(queue[i+1:], e.queue...)
					return err
				}
			}
		}
	}
	return nil
}

// deliver calls one handler. The only error is that of a context that ended.
func (e *events) deliver(ctx context.Context, d delivery) error {
	by := d.to.by
	if d.to.fn == nil || by.mod.State() != Running {
		return nil
	}
	if by.mod.Spent() || len(by.late) > 0 {
		if len(by.late) == eventsPutOff || by.lateBytes+d.size > putOffBytes {
			by.mod.dropEvent()
			return nil
		}
		by.late = append(by.late, d)
		by.lateBytes += d.size
		return nil
	}
	results, _ := by.mod.Call(ctx, "event "+d.name, d.to.fn, d.payload)
	discard(results)
	return ended(ctx)
}

func (m *Mod) dropEvent() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.EventsDropped++
}

// tidy forgets subscriptions that have ended.
func (e *events) tidy() {
	e.subs = slices.DeleteFunc(e.subs, func(s *subscription) bool {
		ended := s.fn == nil || s.by.mod.State() != Running
		if ended {
			delete(s.by.subs, s.id)
		}
		return ended
	})
	for _, by := range e.all {
		if by.mod.State() != Running {
			by.late, by.lateBytes = nil, 0
		}
	}
}

// plain copies what an engine sends, such that it is made of plain values only.
func plain(v any, depth int) (any, error) {
	if depth > jsonvalue.MaxDepth {
		return nil, fmt.Errorf("nested more than %d deep, or contains itself", jsonvalue.MaxDepth)
	}
	switch v := v.(type) {
	case nil, bool, float64, string:
		return v, nil
	case int:
		return whole(int64(v))
	case int64:
		return whole(v)
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list, nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			item, err := plain(v[i], depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case map[string]any:
		table := make(map[string]any, len(v))
		for key, item := range v {
			item, err := plain(item, depth+1)
			if err != nil {
				return nil, err
			}
			table[key] = item
		}
		return table, nil
	}
	return nil, fmt.Errorf("a %T cannot be sent; want nil, bool, int, int64, float64, string, []string, []any or map[string]any", v)
}

func whole(n int64) (any, error) {
	if n < -maxInteger || n > maxInteger {
		return nil, fmt.Errorf("%d is more than a Lua number holds exactly", n)
	}
	return float64(n), nil
}
