package drill

import (
	"errors"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods"
)

// clockJump: everything happens in simulation time, which is not the clock's. A clock
// that goes back gives nobody less of what has a rate, and one that goes ahead no
// more than a burst. In a tick of an hour a timer fires once, and then in its beat.
func clockJump(t *trial) {
	const (
		back  = faultTick
		ahead = back + 2*rest
		hour  = ahead + 2*rest
		year  = 365 * 24 * time.Hour
	)
	t.exemptUsers("clock")
	s := setup{faults: []string{"clock"}, most: hour + 2*rest}
	refused := 0
	s.before = func(w *world) {
		switch {
		case w.begins(back):
			w.jump = -year
			for _, dt := range []time.Duration{-1, -year, mods.MaxTick + 1} {
				if _, ok := errors.AsType[*mods.TickError](w.host.Tick(t.ctx, dt)); ok {
					refused++
				}
			}
		case w.begins(ahead):
			w.jump = year
		}
	}
	s.dt = func(tick int64) time.Duration {
		if tick == hour && !t.dud {
			return mods.MaxTick
		}
		return tickTime
	}
	got, base := t.inject(s, 0)
	if got == nil {
		return
	}
	if refused == 3 && got.status.Tick == got.tick {
		t.detected(got, back, back)
	}
	count := func(w *world, text string, from, to int64) (n int) {
		for _, l := range w.said("clock", text) {
			if l.tick >= from && l.tick < to {
				n++
			}
		}
		return n
	}
	well := true
	must := func(holds bool, format string, args ...any) {
		t.require(holds, format, args...)
		well = well && holds
	}
	must(slices.Equal(got.said("clock", "tick"), base.said("clock", "tick")), "ticks were missed")
	must(slices.Equal(got.said("clock", "beat"), base.said("clock", "beat")), "a timer lost its beat, or made up for the hour")
	for _, from := range []int64{back, ahead} {
		const burst = 5
		a, b := count(got, "rated", from, from+2*rest), count(base, "rated", from, from+2*rest)
		must(a >= b-1 && a <= b+burst, "in %d ticks after the clock jumped %d calls of what has a rate were allowed, and %d when it did not", 2*rest, a, b)
	}
	must(got.mod("clock").Report().ViolationCount == 0, "a mod failed")
	must(got.first(hour+1, func(n int64) bool { return got.at("clock", n).waiting > 0 }) == 0, "something was left over from the hour")
	t.contained("no effect", well && refused == 3)
	for _, l := range got.said("clock", "beat") {
		if well && l.tick > hour && t.Recovered == nil {
			t.recovered(got, hour, l.tick)
		}
	}
}
