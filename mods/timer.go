package mods

import (
	"container/heap"
	"fmt"
	"math"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
)

// What timers there can be.
const (
	timersOfMod   = 256
	shortestTimer = time.Millisecond
	longestTimer  = 1_000_000_000 * time.Second // 31 years
	timerNameLen  = 64
)

// timer is something that happens in a mod at a time of the simulation.
type timer struct {
	in    *instance
	id    int64
	seq   int64                // of all timers of the host, which decides between equal times
	due   time.Duration        // in simulation time
	every time.Duration        // 0: once
	fn    *luasandbox.Function // nil: on_timer is called with name
	name  string
	over  bool   // fired for the last time, or cancelled
	wake  func() // of task.sleep and the like, instead of a call
	busy  bool   // its call has not ended
	place int    // in the queue
}

// timerQueue holds the timers of all mods, the next first.
type timerQueue struct {
	timers []*timer
	seq    int64
}

func (q *timerQueue) Len() int { return len(q.timers) }
func (q *timerQueue) Less(i, j int) bool {
	a, b := q.timers[i], q.timers[j]
	return a.due < b.due || a.due == b.due && a.seq < b.seq
}
func (q *timerQueue) Swap(i, j int) {
	q.timers[i], q.timers[j] = q.timers[j], q.timers[i]
	q.timers[i].place, q.timers[j].place = i, j
}
func (q *timerQueue) Push(t any) {
	t.(*timer).place = len(q.timers)
	q.timers = append(q.timers, t.(*timer))
}
func (q *timerQueue) Pop() any {
	last := len(q.timers) - 1
	t := q.timers[last]
	q.timers[last] = nil
	q.timers = q.timers[:last]
	t.place = -1
	return t
}

// add starts a timer.
func (q *timerQueue) add(t *timer) {
	q.seq++
	t.seq = q.seq
	heap.Push(q, t)
}

// stop ends a timer.
func (t *timer) stop() {
	if t.over {
		return
	}
	t.over = true
	if q := &t.in.mod.host.timers; t.place >= 0 {
		heap.Remove(q, t.place)
	}
	if t.fn != nil && !t.in.dropped {
		t.fn.Release()
	}
	t.fn = nil
}

// fire lets happen what is due. A timer happens once in a tick at most: what was
// missed is not made up for, but the beat is kept.
func (q *timerQueue) fire(h *Host) {
	var again []*timer
	for len(q.timers) > 0 && q.timers[0].due <= h.now {
		t := heap.Pop(q).(*timer)
		switch {
		case t.wake != nil:
			t.over = true
			t.wake()
			continue
		case t.every == 0:
			delete(t.in.timers, t.id)
			t.over = true
		default:
			t.due += t.every * ((h.now-t.due)/t.every + 1)
			again = append(again, t)
		}
		t.call()
	}
	for _, t := range again {
		if !t.over {
			q.add(t)
		}
	}
}

// call has the timer's function called, unless its last call has not ended.
func (t *timer) call() {
	if t.busy {
		return
	}
	t.busy = true
	j := &job{in: t.in, kind: timerJob, during: fmt.Sprintf("timer %d", t.id), fn: t.fn, timer: t, end: func(luasandbox.Results, error) { t.busy = false }}
	switch {
	case t.fn == nil:
		j.name, j.args = "on_timer", []any{t.name}
		j.during = "timer " + t.name
	case t.over:
		j.release = true
	default:
		j.release = t.fn.Keep() == nil
	}
	if err := t.in.mod.enqueue(j); err != nil {
		t.in.mod.abandon(j, err)
	}
}

// timerCapability is "timer": timer.after, every, cancel, in simulation time.
func (h *Host) timerCapability() Capability {
	return Capability{Name: "timer", Doc: "Have functions called later, in game time.", Risk: RiskNone,
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			const cost = 100 + timersOfMod
			start := func(name, doc string, least time.Duration) luasandbox.Member {
				return luasandbox.Func(name, func(seconds float64, fn any) (int64, error) {
					return startTimer(g.in, name, seconds, least, fn)
				},
					luasandbox.Params("seconds", "fn"), luasandbox.Returns("id"), luasandbox.Cost(cost), luasandbox.Doc(doc))
			}
			return []luasandbox.Member{
				start("after", "Calls fn once, in the first tick that begins at least so many seconds of game time from now. fn is a function, or a name: then the hook on_timer(name) is called, and the timer is part of what the game saves.", 0),
				start("every", "Calls fn again and again, each time so many seconds after the time before, at most once in a tick. fn is as for after.", shortestTimer),
				luasandbox.Func("cancel", func(id float64) bool { return cancelTimer(g.in, id) },
					luasandbox.Params("id"), luasandbox.Returns("cancelled"), luasandbox.Cost(cost),
					luasandbox.Doc("Ends a timer. It returns whether there was one.")),
			}, nil
		}}
}

// startTimer checks the seconds, whatever number they are, and starts a timer.
func startTimer(in *instance, what string, seconds float64, least time.Duration, fn any) (int64, error) {
	t := &timer{in: in}
	switch fn := fn.(type) {
	case *luasandbox.Function:
		t.fn = fn
	case string:
		if fn == "" || len(fn) > timerNameLen {
			return 0, scriptErrorf("timer.%s: a name of %d bytes; want 1 to %d", what, len(fn), timerNameLen)
		}
		t.name = fn
	default:
		return 0, scriptErrorf("timer.%s: bad argument #2 (want a function, or a name for the hook on_timer)", what)
	}
	wait, err := simTime("timer."+what, seconds, least)
	if err != nil {
		return 0, err
	}
	if len(in.timers)+in.queue.count[timerJob] >= timersOfMod {
		return 0, scriptErrorf("timer.%s: %d timers are the most that a mod can have, with those that wait to be called", what, timersOfMod)
	}
	if t.fn != nil {
		if err := t.fn.Keep(); err != nil {
			return 0, err
		}
	}
	if what == "every" {
		t.every = wait
	}
	in.startTimer(t, wait)
	return t.id, nil
}

// startTimer puts a timer into the queue.
func (in *instance) startTimer(t *timer, wait time.Duration) {
	in.timerIDs++
	t.id = in.timerIDs
	t.due = in.mod.host.now + wait
	if t.due < 0 {
		t.due = math.MaxInt64
	}
	in.timers[t.id] = t
	in.mod.host.timers.add(t)
}

// simTime checks a number of seconds, whatever number it is.
func simTime(what string, seconds float64, least time.Duration) (time.Duration, error) {
	if !(seconds >= least.Seconds() && seconds <= longestTimer.Seconds()) { // also NaN
		return 0, scriptErrorf("%s: %v seconds; want a number from %v to %v", what, seconds, least.Seconds(), longestTimer.Seconds())
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

func cancelTimer(in *instance, id float64) bool {
	t := in.timers[int64(id)]
	if t == nil || t.over || float64(t.id) != id {
		return false
	}
	t.stop()
	delete(in.timers, t.id)
	return true
}
