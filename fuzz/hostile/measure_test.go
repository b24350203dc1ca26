package hostile

import (
	"cmp"
	"flag"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

var measure = flag.Bool("measure", false, "run TestMeasure: all with default limits, and how long it took")

// timedLimit is the limit of time in the second half of TestMeasure.
const timedLimit = 100 * time.Millisecond

// generous runs s with default limits but for time, which is that of processors: it
// is the same on a busy machine, and Go's collector is in it.
func generous(s *script, most time.Duration) *jailed {
	s.limits = limits.Limits{Coroutines: s.limits.Coroutines, Time: most}
	return jail(s, 0, used)
}

// TestMeasure prints the scripts that took longest with default limits, which allow a
// hundred million instructions; those whose instructions took longest; and those that
// passed a limit of time by most.
func TestMeasure(t *testing.T) {
	if !*measure {
		t.Skip("needs -measure")
	}
	report := func(title string, all []*jailed, by func(r *jailed) float64, unit string) {
		slices.SortFunc(all, func(a, b *jailed) int { return cmp.Compare(by(b), by(a)) })
		t.Logf("%s:", title)
		for _, r := range all[:min(10, len(all))] {
			t.Logf("%8.1f %s  %-50s %9d instructions, %v, %s", by(r), unit, r.Script, r.Call.Instructions, r.Took, r.Limit)
		}
	}
	took := func(r *jailed) float64 { return float64(r.Took) / float64(time.Millisecond) }
	each := func(r *jailed) float64 { return float64(r.Took) / float64(max(r.Call.Instructions, 1_000_000)) }
	whole := slices.Collect(maps.Values(inSandbox(t, "slow", scripts(t))))
	report("the longest", whole, took, "ms")
	report("the dearest instructions", whole, each, "ns")
	timed := slices.Collect(maps.Values(inSandbox(t, "timed", scripts(t))))
	over := func(r *jailed) float64 { return took(r) - float64(timedLimit/time.Millisecond) }
	report("the most above the limit of time", timed, over, "ms")
}
