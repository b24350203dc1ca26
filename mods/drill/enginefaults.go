package drill

import (
	"slices"

	"github.com/luasandbox/modrunner/mods"
)

// enginePanic: the panic is an error in the mod whose call met it, recorded as the
// engine's fault and counted against nobody.
func enginePanic(t *trial) {
	s := setup{faults: []string{"caller"}, most: calmTick + 2*rest}
	s.before = func(w *world) {
		switch {
		case w.begins(faultTick):
			w.tell("caller", "begin", "panic")
		case w.begins(calmTick):
			w.tell("caller", "calm")
		}
	}
	got, base := t.inject(s, 0)
	if got == nil {
		return
	}
	t.detected(got, faultTick, got.violated("caller", mods.HostViolation, ""))
	r := got.mod("caller").Report()
	t.contained("reported", len(got.violations) > 0 && r.Quarantines == 0 && r.Health.Points == 0)
	last := int64(0)
	for _, v := range got.violations {
		last = max(last, v.tick)
	}
	well := got.first(max(last+1, calmTick), func(n int64) bool { return got.at("caller", n).state == mods.Active })
	t.recovered(got, calmTick, well)
	t.require(slices.Equal(got.said("caller", "tick"), base.said("caller", "tick")), "its hook was not called in each tick")
}

// slowEngine: the guard ends the frame, and the budget of the next ones goes down
// until frames fit, and then up again. Those that were cut off come first in the next
// frame: nobody waits for more than a tick.
func slowEngine(t *trial) {
	s := setup{faults: []string{"caller"}, most: calmTick + 10*rest}
	s.config = func(_ *world, cfg *mods.Config) { cfg.Frame.Guard = mods.DefaultGuard }
	s.before = func(w *world) {
		switch {
		case w.begins(faultTick):
			w.tell("caller", "begin", "slow")
		case w.begins(calmTick):
			w.tell("caller", "calm")
		}
	}
	got, base := t.inject(s, 2)
	if got == nil {
		return
	}
	cut := int64(0)
	if len(got.cut) > 0 {
		cut = got.cut[0]
	}
	t.detected(got, faultTick, cut)
	t.require(len(base.cut) == 0, "the guard cuts frames without the fault too")
	whole := got.status.Configured
	t.contained("frame cut", len(got.cut) > 0 && got.lowest < whole/2)
	up := got.first(calmTick, func(n int64) bool { return got.budgets[n] == whole })
	t.recovered(got, calmTick, up)
	t.require(got.mod("caller").Report().Quarantines == 0, "who calls the slow function is quarantined")
}

// noAnswer: the functions that wait are parked, a bounded number of them, and the
// frames go on. Dropping the mod ends the works.
func noAnswer(t *trial) {
	const calls = 30
	s := setup{faults: []string{"caller"}, most: calmTick + 2*rest}
	var reloaded *mods.Reply
	s.before = func(w *world) {
		switch {
		case w.begins(faultTick):
			w.tell("caller", "wait", float64(calls))
		case w.begins(calmTick):
			reloaded = t.reload(w, "caller", "")
		}
	}
	ended := false
	s.over = func(w *world) bool {
		if w.faulty && w.tick == calmTick+rest {
			ended = w.engine.ended(t.ctx)
		}
		return false
	}
	got, base := t.inject(s, 0)
	if got == nil {
		return
	}
	parked := got.first(faultTick, func(n int64) bool { return got.at("caller", n).parked > 0 })
	t.detected(got, faultTick, parked)
	begun, refused := got.engine.begun.Load(), len(got.said("caller", "refused"))
	ticks := func(w *world) []line { // until the mod is dropped
		return slices.DeleteFunc(w.said("caller", "tick"), func(l line) bool { return l.tick >= calmTick })
	}
	onTime := slices.Equal(ticks(got), ticks(base))
	t.require(onTime, "who waits is late with its other work")
	t.contained("parked", parked > 0 && begun > 0 && begun < calls && int(begun)+refused == calls && onTime)
	if reloaded == nil {
		return
	}
	if _, err := reloaded.Get(); err != nil {
		t.problem("reload: %v", err)
	}
	t.require(ended, "the works did not end with the mod")
	t.recovered(got, calmTick, got.first(calmTick, func(n int64) bool { return ended && got.at("caller", n).parked == 0 }))
}
