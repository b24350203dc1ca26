package drill

import (
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods"
)

// eventStorm: who sends more than is taken in a tick is quarantined when it goes on;
// who hears it is on time with its own work.
func eventStorm(t *trial) {
	stormers := []string{"storm", "ping", "pong"}
	s := setup{faults: append(slices.Clone(stormers), "listener"), most: faultTick + deadline + quarantineTicks}
	s.before = func(w *world) {
		if w.begins(faultTick) {
			w.tell("storm", "begin")
			w.tell("ping", "begin")
		}
	}
	stopped := func(w *world) int64 { // the last of them
		last := int64(0)
		for _, mod := range stormers {
			at := w.enters(mod, mods.Quarantined)
			if at == 0 {
				return 0
			}
			last = max(last, at)
		}
		return last
	}
	s.over = func(w *world) bool {
		last := stopped(w)
		if last == 0 {
			return w.tick >= faultTick+deadline/5
		}
		return w.tick >= t.allBack(w, stormers, last)+rest
	}
	got, base := t.inject(s, 0)
	if got == nil {
		return
	}
	t.detected(got, faultTick, got.violated("storm", mods.FloodViolation, ""))
	last := stopped(got)
	t.contained("quarantined", last > 0)
	if last > 0 {
		if back := t.allBack(got, stormers, last); back < never {
			t.recovered(got, last, back)
		}
	}
	t.require(len(got.lines["drill-listener"]) > 0 && slices.Equal(got.lines["drill-listener"], base.lines["drill-listener"]),
		"who hears the storm is late with its own work")
	t.require(got.mod("listener").State().Runs(), "who hears the storm is %s", got.mod("listener").State())
}

// never is a tick that does not come.
const never = int64(1) << 40

// allBack returns the tick in which all of the mods run again, never if they do not.
func (t *trial) allBack(w *world, all []string, from int64) int64 {
	back := int64(0)
	for _, mod := range all {
		at := w.backFrom(mod, from)
		if at == 0 {
			return never
		}
		back = max(back, at)
	}
	return back
}

// serviceAbuse: a call is charged to the caller, whose share goes down; the callee is
// on time with its own work, and what it raises in a service is nothing against it.
func serviceAbuse(t *trial) {
	const abuse = 60 // ticks
	s := setup{faults: []string{"shop", "haggler"}, most: faultTick + abuse + deadline}
	s.before = func(w *world) {
		switch {
		case w.begins(faultTick):
			w.tell("haggler", "begin")
		case w.begins(faultTick + abuse):
			t.reload(w, "haggler", "return {}")
		}
	}
	calm := func(w *world) int64 { // the share is back
		return w.first(faultTick+abuse, func(n int64) bool {
			m := w.at("haggler", n)
			return m.share == 1 && m.state == mods.Active && m.parked == 0
		})
	}
	s.over = func(w *world) bool { at := calm(w); return at > 0 && w.tick >= at+rest }
	got, base := t.inject(s, census)
	if got == nil {
		return
	}
	throttled := got.first(faultTick, func(n int64) bool { return got.at("haggler", n).share < 1 })
	t.detected(got, faultTick, throttled)
	t.recovered(got, faultTick+abuse, calm(got))

	served := got.last("shop").instructions - base.last("shop").instructions
	t.require(t.dud || served > 0, "the service was not called")
	shop := got.mod("shop").Report()
	onTime := len(got.lines["drill-shop"]) > 0 && slices.Equal(got.lines["drill-shop"], base.lines["drill-shop"])
	whole := got.first(1, func(n int64) bool { return got.at("shop", n).share < 1 }) == 0
	t.require(onTime, "the callee is late with its own work")
	t.require(whole, "the callee is throttled for what others ask of it")
	t.require(shop.Health.Points == 0 && shop.Quarantines == 0, "the callee is blamed: %d points, %d quarantines", shop.Health.Points, shop.Quarantines)
	t.contained("throttled", throttled > 0 && onTime && whole)
}

// failingMod: ten errors quarantine, one on probation does again, for longer each
// time, and the last time for good. Who cannot do without the mod waits for it.
func failingMod(t *trial) {
	const dt = 5 * tickTime
	s := setup{faults: []string{"errors", "heir"}, most: int64(time.Hour / dt)}
	s.dt = func(int64) time.Duration { return dt }
	var mended *mods.Reply
	disabled := func(w *world) int64 { return w.enters("errors", mods.Disabled) }
	s.before = func(w *world) {
		if w.begins(faultTick) {
			w.tell("errors", "begin")
		}
		if at := disabled(w); w.faulty && at > 0 && w.tick == at+rest {
			mended = t.reload(w, "errors", "return {}")
		}
	}
	s.over = func(w *world) bool {
		at := disabled(w)
		if at == 0 { // not in the time that one quarantine takes
			return w.tick >= faultTick+deadline && w.enters("errors", mods.Quarantined) == 0
		}
		return w.tick >= at+3*rest
	}
	got, _ := t.inject(s, 0)
	if got == nil {
		return
	}
	t.detected(got, faultTick, got.violated("errors", mods.ErrorViolation, ""))
	at := disabled(got)
	quarantines, shut := t.heir(got, at)
	t.contained("disabled", at > 0 && quarantines > 1 && shut)
	if at == 0 || mended == nil {
		return
	}
	if _, err := mended.Get(); err != nil {
		t.problem("the mended version: %v", err)
		return
	}
	back := got.first(at+rest, func(n int64) bool { return got.at("errors", n).runs() && got.at("heir", n).runs() })
	t.recovered(got, at+rest, back)
	t.require(got.last("errors").runs() && got.last("heir").runs(), "at the end they are %s and %s", got.last("errors").state, got.last("heir").state)
}

// heir follows the mod that fails and the one that needs it: how often the first was
// stopped, and whether the other stood still each time and came back in between.
func (t *trial) heir(w *world, until int64) (stops int, shut bool) {
	shut = true
	for n := int64(faultTick); n <= until; n++ {
		m, heir, before := w.at("errors", n), w.at("heir", n), w.at("heir", n-1)
		if m.state.Runs() {
			continue
		}
		if w.at("errors", n-1).state.Runs() {
			stops++
			if back := w.first(n, func(n int64) bool { return w.at("errors", n).runs() }); back > 0 && back < until {
				again := w.first(back, func(n int64) bool { return w.at("heir", n).runs() })
				t.require(again > 0 && again <= back+1, "who needs the mod did not come back with it in tick %d", back)
			}
			continue // it may have run in this tick, before the error
		}
		if heir.state != mods.Paused || heir.instructions != before.instructions {
			t.problem("who needs the mod is %s in tick %d, in which that is %s", heir.state, n, m.state)
			shut = false
			break
		}
	}
	return stops, shut
}
