package mods

import (
	"testing"
	"time"
)

// TestRateAndTheClock: a clock that goes backwards does not take away what is allowed
// in a second until it is where it was, and one that goes ahead gives a burst.
func TestRateAndTheClock(t *testing.T) {
	l, err := IOLimits{Rate: 10, Burst: 5}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	var a ioAccount
	now := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	allowed := func(seconds int) (n int) {
		for tick := range 20 * seconds {
			now = now.Add(50 * time.Millisecond)
			for range 3 {
				if a.spend("x", l, int64(tick), now, 1, 0) == nil {
					n++
				}
			}
		}
		return n
	}
	const year = 365 * 24 * time.Hour
	for _, step := range []struct {
		what     string
		jump     time.Duration
		from, to int
	}{
		{"at first", 0, 34, 36},
		{"no jump", 0, 29, 31},
		{"a year back", -year, 29, 31},
		{"two years ahead", 2 * year, 34, 36},
		{"centuries back", -290 * year, 29, 31},
	} {
		now = now.Add(step.jump)
		if got := allowed(3); got < step.from || got > step.to {
			t.Errorf("%s: %d operations in 3 seconds, want %d to %d", step.what, got, step.from, step.to)
		}
	}
}
