package mods

import (
	"cmp"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/luasandbox/modrunner/limits"
)

// IOLimits bound what one mod can do with one capability that reaches outside the
// machine: operations and bytes, as the capability counts them. A zero field stands
// for its default, [limits.Unlimited] for no limit.
type IOLimits struct {
	OpsPerTick   int64   `json:"ops_per_tick"`   // default 1,000
	BytesPerTick int64   `json:"bytes_per_tick"` // default 1 MiB
	Ops          int64   `json:"ops"`            // since the mod was loaded; default unlimited
	Bytes        int64   `json:"bytes"`          // since the mod was loaded; default unlimited
	Rate         float64 `json:"rate,omitempty"` // operations in a second of [Config].Now; 0: no limit
	Burst        int     `json:"burst,omitempty"`
}

// The values that zero fields of [IOLimits] stand for.
const (
	DefaultOpsPerTick   = 1_000
	DefaultBytesPerTick = 1 << 20
)

func (l IOLimits) resolve() (IOLimits, error) {
	if l.OpsPerTick < 0 || l.BytesPerTick < 0 || l.Ops < 0 || l.Bytes < 0 || !(l.Rate >= 0) || l.Burst < 0 {
		return l, fmt.Errorf("a limit is negative")
	}
	l.OpsPerTick = cmp.Or(l.OpsPerTick, DefaultOpsPerTick)
	l.BytesPerTick = cmp.Or(l.BytesPerTick, DefaultBytesPerTick)
	l.Ops = cmp.Or(l.Ops, limits.Unlimited)
	l.Bytes = cmp.Or(l.Bytes, limits.Unlimited)
	if l.Rate > 0 && l.Burst == 0 {
		l.Burst = max(1, int(min(l.Rate, 1000)))
	}
	return l, nil
}

// ioAccount is what one mod has done with one capability.
type ioAccount struct {
	tick             int64 // that ops and bytes are of
	ops, bytes       int64
	allOps, allBytes int64
	refused          int64
	limiter          *rate.Limiter // nil: no rate
	last             time.Time     // the clock when the limiter was asked
	clock            time.Time     // the limiter's own, which never goes backwards
}

// elapse brings the limiter's clock up to date. Where the clock went backwards it
// stands still: or else there would be nothing until the clock is where it was.
func (a *ioAccount) elapse(now time.Time) time.Time {
	if passed := now.Sub(a.last); !a.last.IsZero() && passed > 0 {
		a.clock = a.clock.Add(passed)
	}
	a.last = now
	return a.clock
}

// spend takes from the account. The error is one for the script.
func (a *ioAccount) spend(what string, l IOLimits, tick int64, now time.Time, ops, bytes int64) error {
	if a.tick != tick {
		a.tick, a.ops, a.bytes = tick, 0, 0
	}
	refuse := func(format string, args ...any) error {
		a.refused++
		return scriptErrorf(what+": "+format, args...)
	}
	switch {
	case ops < 0 || bytes < 0:
		return fmt.Errorf("%s: %d operations and %d bytes were to be spent", what, ops, bytes)
	case ops > l.OpsPerTick-a.ops:
		return refuse("more than %d operations in one tick", l.OpsPerTick)
	case bytes > l.BytesPerTick-a.bytes:
		return refuse("more than %s in one tick", limits.FormatSize(l.BytesPerTick))
	case ops > l.Ops-a.allOps:
		return refuse("all %d operations are used up", l.Ops)
	case bytes > l.Bytes-a.allBytes:
		return refuse("all %s are used up", limits.FormatSize(l.Bytes))
	}
	if l.Rate > 0 && ops > 0 {
		if a.limiter == nil {
			a.limiter = rate.NewLimiter(rate.Limit(l.Rate), l.Burst)
		}
		if !a.limiter.AllowN(a.elapse(now), int(min(ops, 1<<30))) {
			return refuse("more than %v operations in a second", l.Rate)
		}
	}
	a.ops, a.bytes = a.ops+ops, a.bytes+bytes
	a.allOps, a.allBytes = a.allOps+ops, a.allBytes+bytes
	return nil
}
