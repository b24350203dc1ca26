package mods

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
)

// What timers there can be.
const (
	timersOfMod   = 256
	shortestTimer = time.Millisecond
	longestTimer  = 1_000_000_000 * time.Second // 31 years
)

// timers is the capability "timer": timer.after, every, cancel, in game time.
type timers struct {
	host *Host
	all  []*timerList // in load order
}

// timerList holds the timers of one mod.
type timerList struct {
	mod    *Mod
	ids    int64 // counted from 1
	timers []*timer
}

type timer struct {
	id    int64
	due   time.Duration        // in game time
	every time.Duration        // 0: once
	fn    *luasandbox.Function // nil when cancelled
}

func (t *timers) Name() string      { return "timer" }
func (t *timers) Doc() string       { return "Have functions called later, in game time." }
func (t *timers) Options() []Option { return nil }

func (t *timers) Grant(m *Mod, _ Options) (*luasandbox.Grant, error) {
	list := &timerList{mod: m}
	t.all = append(t.all, list)
	const cost = 100 + timersOfMod
	return luasandbox.NewGrant("timer", t.Doc(),
		luasandbox.Func("after", func(seconds float64, fn *luasandbox.Function) (int64, error) {
			return list.add(t.now(), "after", seconds, 0, fn)
		},
			luasandbox.Params("seconds", "fn"), luasandbox.Returns("id"), luasandbox.Cost(cost),
			luasandbox.Doc("Calls fn once, in the first tick that begins at least so many seconds of game time from now.")),
		luasandbox.Func("every", func(seconds float64, fn *luasandbox.Function) (int64, error) {
			return list.add(t.now(), "every", seconds, shortestTimer, fn)
		},
			luasandbox.Params("seconds", "fn"), luasandbox.Returns("id"), luasandbox.Cost(cost),
			luasandbox.Doc("Calls fn again and again, each time so many seconds after the time before, at most once in a tick.")),
		luasandbox.Func("cancel", func(id float64) bool { return list.cancel(id) },
			luasandbox.Params("id"), luasandbox.Returns("cancelled"), luasandbox.Cost(cost),
			luasandbox.Doc("Ends a timer. It returns whether there was one.")),
	), nil
}

// now is the game time of the current tick. It stands still after 260 years,
// since a time.Duration ends with 292.
func (t *timers) now() time.Duration {
	const last = 8_200_000_000 * time.Second
	return min(time.Duration(min(t.host.tick, int64(last/t.host.cfg.TickLength)))*t.host.cfg.TickLength, last)
}

// add checks the seconds, whatever number they are, and starts a timer.
func (l *timerList) add(now time.Duration, what string, seconds float64, least time.Duration, fn *luasandbox.Function) (int64, error) {
	if !(seconds >= least.Seconds() && seconds <= longestTimer.Seconds()) { // also NaN
		fn.Release()
		return 0, scriptErrorf("timer.%s: %v seconds; want a number from %v to %v", what, seconds, least.Seconds(), longestTimer.Seconds())
	}
	if len(l.timers) == timersOfMod {
		fn.Release()
		return 0, scriptErrorf("timer.%s: %d timers are the most that a mod can have", what, timersOfMod)
	}
	l.ids++
	tm := &timer{id: l.ids, fn: fn}
	wait := time.Duration(math.Round(seconds * float64(time.Second)))
	tm.due = now + wait
	if what == "every" {
		tm.every = wait
	}
	l.timers = append(l.timers, tm)
	return tm.id, nil
}

func (l *timerList) cancel(id float64) bool {
	for i, tm := range l.timers {
		if float64(tm.id) == id {
			tm.stop()
			l.timers = slices.Delete(l.timers, i, i+1)
			return true
		}
	}
	return false
}

func (tm *timer) stop() {
	tm.fn.Release()
	tm.fn = nil
}

// BeforeHooks calls what is due: the mods in load order, the timers of each by
// the time when they were due, then by age. Who is spent is called in the next
// tick.
func (t *timers) BeforeHooks(ctx context.Context, _ int64) error {
	now := t.now()
	for _, list := range t.all {
		var due []*timer
		for _, tm := range list.timers {
			if tm.due <= now {
				due = append(due, tm)
			}
		}
		slices.SortStableFunc(due, func(a, b *timer) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.id, b.id)) })
		for _, tm := range due {
			if list.mod.State() != Running {
				list.timers = nil
				break
			}
			if list.mod.Spent() {
				break
			}
			if tm.fn == nil { // cancelled by one before it
				continue
			}
			if err := list.fire(ctx, tm, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *timerList) fire(ctx context.Context, tm *timer, now time.Duration) error {
	fn := tm.fn
	if tm.every > 0 {
		// What was missed is not made up for, but the beat is kept.
		tm.due += tm.every * ((now-tm.due)/tm.every + 1)
	} else {
		// It is gone before it is called: it may start another in its place.
		tm.fn = nil
		l.timers = slices.DeleteFunc(l.timers, func(other *timer) bool { return other == tm })
		defer fn.Release()
	}
	results, _ := l.mod.Call(ctx, fmt.Sprintf("timer %d", tm.id), fn)
	discard(results)
	return ended(ctx)
}

// AfterHooks does nothing.
func (t *timers) AfterHooks(context.Context, int64) error { return nil }
