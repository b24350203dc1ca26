package drill

import (
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// deadline is how many ticks after its beginning a fault has to be found: a call
// that is throttled to a part of a share needs many to pass its limit.
const deadline = 1000

// census is for how many ticks others may have to wait where a mod fills its memory:
// the census of it is one charge, which can be more than a frame.
const census = 1

// rest is for how many ticks more a run goes on when all is well again, or a mod is
// stopped, to see that it stays so.
const rest = 20

// runawayLoop: the call passes its limit of instructions, over several frames.
func runawayLoop(t *trial) {
	t.overLimit("loop", limits.Instructions, 0, func(*world) []any { return nil })
}

// memoryBalloon: the allocation that would pass the limit is not made.
func memoryBalloon(t *trial) {
	got := t.overLimit("balloon", limits.Memory, census, func(w *world) []any {
		return []any{float64(beyond(w.mod("balloon").Limits().Memory, limits.DefaultMemory))}
	})
	if got == nil {
		return
	}
	r := got.mod("balloon").Report()
	if most := got.mod("balloon").Limits().Memory; most != limits.Unlimited {
		t.require(r.MemoryPeakBytes <= most, "it held %d bytes of %d", r.MemoryPeakBytes, most)
	}
}

// beyond is half as much again as a limit, or as the default if there is none.
func beyond(limit, otherwise int64) int64 {
	if limit == limits.Unlimited || limit == 0 {
		limit = otherwise
	}
	return limit + limit/2
}

// overLimit has a mod pass a limit: it must be quarantined for that, nothing of it
// must run until the quarantine is over, and then it must be loaded again.
//
// bound is for how long others may have to wait: see inject.
func (t *trial) overLimit(mod string, limit limits.Kind, bound int64, args func(*world) []any) (got *world) {
	s := setup{faults: []string{mod}, most: faultTick + deadline + quarantineTicks}
	s.before = func(w *world) {
		if w.begins(faultTick) {
			w.tell(mod, "begin", args(w)...)
		}
	}
	s.over = func(w *world) bool {
		at := w.violated(mod, mods.LimitViolation, limit.String())
		if at == 0 {
			return w.tick >= faultTick+deadline
		}
		back := w.backFrom(mod, at)
		return back > 0 && w.tick >= back+rest
	}
	got, _ = t.inject(s, bound)
	if got != nil {
		at := got.violated(mod, mods.LimitViolation, limit.String())
		t.detected(got, faultTick, at)
		t.quarantine(got, mod, at)
	}
	return got
}

// quarantineTicks is how long a first quarantine is waited for.
const quarantineTicks = 5 * int64(time.Minute/tickTime)

// backFrom returns the tick in which a mod that was stopped in a tick runs again.
func (w *world) backFrom(mod string, at int64) int64 {
	return w.first(at+1, func(n int64) bool { return w.at(mod, n).runs() })
}

// quarantine requires that a mod was quarantined in a tick, that nothing of it ran
// until it was loaded again, and that it has been well since.
func (t *trial) quarantine(w *world, mod string, at int64) {
	if at == 0 {
		return
	}
	stopped := w.at(mod, at)
	out := stopped.state == mods.Quarantined
	for n := at + 1; n <= min(at+rest, w.tick); n++ {
		m := w.at(mod, n)
		out = out && m.state == mods.Quarantined && m.instructions == stopped.instructions
	}
	t.contained("quarantined", out)
	back := w.backFrom(mod, at)
	if back == 0 {
		return
	}
	t.recovered(w, at, back)
	for n := back; n <= w.tick; n++ {
		if !w.at(mod, n).runs() {
			t.problem("%s was loaded again and is %s in tick %d", mod, w.at(mod, n).state, n)
			return
		}
	}
}

// outputFlood: what a call prints has a limit; what is logged beyond that of a tick
// is dropped and counted.
func outputFlood(t *trial) {
	s := setup{faults: []string{"printer", "logger"}, most: faultTick + deadline + quarantineTicks}
	s.before = func(w *world) {
		switch {
		case w.begins(faultTick):
			w.tell("printer", "begin", float64(beyond(w.mod("printer").Limits().Output, limits.DefaultOutput)))
			w.tell("logger", "begin")
		case w.begins(calmTick):
			w.tell("logger", "calm")
		}
	}
	flooded := func(w *world) int64 { return w.violated("printer", mods.LimitViolation, limits.Output.String()) }
	s.over = func(w *world) bool {
		at := flooded(w)
		if at == 0 {
			return w.tick >= faultTick+deadline
		}
		back := w.backFrom("printer", at)
		return w.tick >= calmTick+rest && back > 0 && w.tick >= back+rest
	}
	got, _ := t.inject(s, 0)
	if got == nil {
		return
	}
	at := flooded(got)
	t.detected(got, faultTick, at)
	t.quarantine(got, "printer", at)

	logger := got.mod("logger").Report()
	t.require(logger.LogDropped > 0, "no line of the log was dropped")
	t.require(got.mostLogged["drill-logger"] <= mostLines, "%d lines of one tick were logged", got.mostLogged["drill-logger"])
	t.require(logger.State.Runs() && logger.Quarantines == 0, "who logs too much is %s", logger.State)
	quiet := 0
	for _, l := range got.lines["drill-logger"] {
		if l.tick >= got.tick-rest {
			quiet++
		}
	}
	t.require(quiet > rest, "who logs as others do again is not heard: %d lines in %d ticks", quiet, rest)
	if most := got.mod("printer").Limits().Output; most != limits.Unlimited {
		printed := 0
		for _, l := range got.lines["drill-printer"] {
			printed += len(l.text)
		}
		t.require(int64(printed) <= most, "%d bytes were printed, of %d", printed, most)
	}
}

// mostLines is how many lines of one mod's a host logs in a tick.
const mostLines = 100
