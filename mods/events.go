package mods

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// What events there can be.
const (
	eventHops        = 3         // an answer to an answer to an event, in one tick
	eventPayload     = 64 << 10  // bytes of Go memory that one payload holds
	eventsWaiting    = 256       // for one mod
	eventBytes       = 256 << 10 // for one mod
	eventsSent       = 256       // by one mod in a tick
	eventBytesSent   = 256 << 10
	eventsFromHost   = 4096 // in a tick
	hostEventBytes   = 16 << 20
	eventHandlers    = 128 // of one mod
	eventWaiters     = 64  // of one mod
	eventNamePattern = `^[a-z0-9][a-z0-9_.-]{0,63}$`
	eventNameForm    = "1 to 64 small letters, digits, '_', '.' and '-'"
)

var eventName = regexp.MustCompile(eventNamePattern)

// events is the capability "events".
type events struct {
	host   *Host
	byName map[string][]*subscription // in the order of events.on
	waits  map[string][]*waiter       // task.wait
	loose  map[string]bool            // names that have subscriptions which ended
	late   []event                    // for the next tick
}

type event struct {
	name     string
	payload  any // plain; not changed by anybody
	size     int64
	hop      int
	question *question
}

type subscription struct {
	in   *instance
	id   int64
	name string
	fn   *luasandbox.Function // nil after events.off
}

// waiter is a task.wait.
type waiter struct {
	in     *instance
	name   string
	answer func(values ...any) // nil when it is over
	until  *timer              // of a timeout
}

func (e *events) capability() Capability {
	names := func(v any) error {
		for _, name := range v.([]string) {
			if !eventName.MatchString(name) {
				return fmt.Errorf("%q cannot be an event's name: %s", name, eventNameForm)
			}
		}
		return nil
	}
	return Capability{
		Name: "events", Risk: RiskLow,
		Doc: "Send events to other mods and receive theirs and the host's, by the names in the manifest.",
		Options: []Option{
			{Name: "emit", Type: TextsOption, Doc: "the events that the mod may send", Check: names},
			{Name: "subscribe", Type: TextsOption, Doc: "the events that the mod may receive", Check: names},
		},
		IO:    IOLimits{OpsPerTick: eventsSent, BytesPerTick: eventBytesSent},
		Grant: e.grant,
	}
}

func (e *events) grant(g *Grantee) ([]luasandbox.Member, error) {
	if in := g.in; in != nil {
		in.emits, in.subscribes = set(g.Options().Texts("emit")), set(g.Options().Texts("subscribe"))
	}
	return []luasandbox.Member{
		luasandbox.Func("on", func(name string, fn *luasandbox.Function) (int64, error) { return e.on(g.in, name, fn) },
			luasandbox.Params("name", "handler"), luasandbox.Returns("id"), luasandbox.Cost(100),
			luasandbox.Doc("Calls handler(payload) for each event of that name, until events.off(id). What it returns answers the host's questions.")),
		luasandbox.Func("off", func(id float64) bool { return e.off(g.in, id) },
			luasandbox.Params("id"), luasandbox.Returns("removed"), luasandbox.Cost(100),
			luasandbox.Doc("Ends a subscription. It returns whether there was one.")),
		luasandbox.Func("emit", func(ctx context.Context, name string, payload any) error {
			return e.emit(ctx, g, name, payload)
		},
			luasandbox.Params("name", "payload"), luasandbox.Cost(100),
			luasandbox.Doc("Sends an event with a copy of payload to the mods that subscribed to it.")),
	}, nil
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

// How much is looked for what was meant by a name in a manifest that nobody sends: a
// comparison of two names takes microseconds, and both are their authors' to choose.
const (
	hintsOfMod = 16   // names
	hintsFrom  = 1000 // names that each of them is compared with
)

// warnOfEvents tells of events in the manifests of mods that nobody sends. Looking
// for what was meant takes long, so it is Load that does it, and no frame.
func (h *Host) warnOfEvents(fresh []*Mod) {
	sent := map[string]bool{}
	for name := range h.declared {
		sent[name] = true
	}
	wanted := make([][]string, len(fresh))
	h.mu.Lock()
	for _, m := range h.byID {
		for _, name := range m.edition.eventNames("emit") {
			sent[name] = true
		}
	}
	for i, m := range fresh {
		wanted[i] = m.edition.eventNames("subscribe")
	}
	h.mu.Unlock()
	names := sortedNames(sent)
	if len(names) > hintsFrom {
		names = sortedNames(h.declared)
	}
	for i, m := range fresh {
		unsent := slices.DeleteFunc(wanted[i], func(name string) bool { return sent[name] })
		for _, name := range unsent[:min(len(unsent), hintsOfMod)] {
			if near := manifest.Nearest(name, names); near != "" {
				h.cfg.Logger.Warn("mod subscribes to an event that nobody sends", "mod", m.id, "event", name, "nearest", near)
			}
		}
	}
}

// eventNames returns an option of the request for events.
func (e *edition) eventNames(option string) []string {
	for _, c := range e.choices {
		if c.capability.Name == "events" {
			return c.options.Texts(option)
		}
	}
	return nil
}

func (e *events) on(in *instance, name string, fn *luasandbox.Function) (int64, error) {
	if err := listed(in.subscribes, name, "subscribe"); err != nil {
		fn.Release()
		return 0, err
	}
	if len(in.subscriptions) == eventHandlers {
		fn.Release()
		return 0, scriptErrorf("events: %d subscriptions are the most that a mod can have, with those that it ended in this tick", eventHandlers)
	}
	in.subIDs++
	s := &subscription{in: in, id: in.subIDs, name: name, fn: fn}
	in.subscriptions = append(in.subscriptions, s)
	e.make()
	e.byName[name] = append(e.byName[name], s)
	return s.id, nil
}

// make makes the tables.
func (e *events) make() {
	if e.byName == nil {
		e.byName, e.waits, e.loose = map[string][]*subscription{}, map[string][]*waiter{}, map[string]bool{}
	}
}

func (e *events) off(in *instance, id float64) bool {
	for _, s := range in.subscriptions {
		if s.fn != nil && float64(s.id) == id {
			e.end(s)
			return true
		}
	}
	return false
}

// end ends a subscription. It stays in the lists until the end of the tick.
func (e *events) end(s *subscription) {
	s.fn.Release()
	s.fn = nil
	e.loose[s.name] = true
}

// leave ends all that an instance waits for.
func (e *events) leave(in *instance) {
	for _, s := range in.subscriptions {
		if s.fn != nil {
			e.end(s)
		}
	}
	for _, w := range in.waits {
		if w.answer != nil {
			w.answer = nil
			e.loose[w.name] = true
		}
	}
	in.waits = nil
}

// tidy forgets subscriptions that have ended.
func (e *events) tidy() {
	for name := range e.loose {
		e.byName[name] = slices.DeleteFunc(e.byName[name], func(s *subscription) bool {
			if s.fn != nil {
				return false
			}
			s.in.subscriptions = slices.DeleteFunc(s.in.subscriptions, func(other *subscription) bool { return other == s })
			return true
		})
		if len(e.byName[name]) == 0 {
			delete(e.byName, name)
		}
		e.waits[name] = slices.DeleteFunc(e.waits[name], func(w *waiter) bool { return w.answer == nil })
		if len(e.waits[name]) == 0 {
			delete(e.waits, name)
		}
	}
	clear(e.loose)
}

// emit sends a mod's event.
func (e *events) emit(ctx context.Context, g *Grantee, name string, payload any) error {
	if err := listed(g.in.emits, name, "emit"); err != nil {
		return err
	}
	size, err := measure(ctx, payload)
	if err != nil {
		return scriptError("events: the payload", err)
	}
	receivers := int64(len(e.byName[name]) + len(e.waits[name]))
	if err := luasandbox.Charge(ctx, 50*receivers, jobBytes*receivers); err != nil {
		return err
	}
	if err := g.Spend(1, size); err != nil {
		g.in.mod.flood()
		return err
	}
	ev := event{name: name, payload: payload, size: size, hop: 1}
	if j := g.in.mod.current; j != nil {
		ev.hop = j.hop + 1
	}
	if ev.hop > eventHops {
		ev.hop = 0
		e.late = append(e.late, ev)
		return nil
	}
	e.deliver(ev)
	return nil
}

// flood records, once in a tick, that the mod sends more than is kept.
func (m *Mod) flood() {
	use := m.usage()
	if use.flooded {
		return
	}
	use.flooded = true
	v := Violation{Kind: FloodViolation, During: "events.emit", Tick: m.host.tick, Time: m.host.now,
		Message: fmt.Sprintf("more than %d events, or %s of them, in one tick", eventsSent, limits.FormatSize(eventBytesSent))}
	m.violate(v)
	m.floods = append(m.floods, v)
}

// deliverLate delivers what the last tick left.
func (e *events) deliverLate() {
	late := e.late
	e.late = nil
	for _, ev := range late {
		e.deliver(ev)
	}
}

// deliver gives an event to all who wait for it.
func (e *events) deliver(ev event) {
	q := ev.question
	if q != nil {
		q.left++ // until all have it
	}
	for _, w := range e.waits[ev.name] {
		if w.answer != nil {
			w.done(ev.payload)
			if q != nil {
				q.heard = true
			}
		}
	}
	subs := e.byName[ev.name]
	for _, s := range subs[:len(subs):len(subs)] { // who subscribes now is not among the receivers
		if s.fn != nil {
			e.give(s, ev)
		}
	}
	if q != nil {
		q.left--
		q.settle()
	}
}

// give puts an event into the queue of one mod.
func (e *events) give(s *subscription, ev event) {
	m := s.in.mod
	rule, key := DropNewest, ""
	if d := e.host.declared[ev.name]; d != nil {
		rule, key = d.Overflow, d.Key
	}
	j := &job{in: s.in, kind: eventJob, during: "event " + ev.name, fn: s.fn, args: []any{ev.payload}, size: ev.size, event: s, hop: ev.hop}
	if rule == Coalesce {
		j.key = coalesceKey(ev.payload, key)
		if old := s.in.waitingEvent(s, j.key); old >= 0 {
			s.in.dropQueued(old)
		}
	}
	full := func() bool {
		return s.in.queue.count[eventJob] >= eventsWaiting || s.in.queue.bytes+j.size > eventBytes
	}
	for rule == DropOldest && full() {
		i := slices.IndexFunc(s.in.queue.jobs, func(j *job) bool { return j.kind == eventJob })
		if i < 0 {
			break
		}
		s.in.dropQueued(i)
	}
	if full() || s.fn.Keep() != nil {
		m.dropEvent()
		return
	}
	j.release = true
	if q := ev.question; q != nil {
		q.left++
		j.end = q.ended
	}
	if err := m.enqueue(j); err != nil {
		m.abandon(j, err)
	}
}

// coalesceKey is what an event's payload is known by.
func coalesceKey(payload any, field string) string {
	table, ok := payload.(map[string]any)
	if field == "" || !ok {
		return "="
	}
	return fmt.Sprintf("=%v", table[field])
}

// waitingEvent returns the place in the queue of an event for a subscription.
func (in *instance) waitingEvent(s *subscription, key string) int {
	return slices.IndexFunc(in.queue.jobs, func(j *job) bool { return j.event == s && j.key == key })
}

// dropQueued drops an event that waits.
func (in *instance) dropQueued(i int) {
	j := in.queue.remove(i)
	in.mod.dropEvent()
	in.mod.abandon(j, ErrQueueFull)
}
