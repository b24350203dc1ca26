package schedule

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestTotalWithinBudget: a frame uses no more than its budget and one charge;
// in parallel, and one charge of each entry. Whoever could still have run and
// was free of debt and throttle has left nothing of the budget unused.
func TestTotalWithinBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Frame: drawFrame(t), Workers: rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "workers")}
		cfg.Slice = rapid.SampledFrom([]int64{0, 1, 100, 1 << 40}).Draw(t, "slice")
		if cfg.Slice == 1 {
			cfg.Frame = min(cfg.Frame, 5_000)
		}
		g := newGame(t, cfg, rapid.Uint64().Draw(t, "seed"), drawLoads(t, cfg.Frame, 30)...)
		for range 40 {
			g.arrive()
			var before int64
			for _, l := range g.loads {
				before += l.used
			}
			r := g.Frame()
			largest, sum := g.charges()
			if cfg.Workers > 0 {
				largest = sum
			}
			// A Run that did nothing counts as 1.
			if r.Used > r.Budget+max(largest, 1) {
				t.Fatalf("used %d of %d with a charge of %d", r.Used, r.Budget, largest)
			}
			var used int64
			waiting := 0
			for _, l := range g.loads {
				used += l.used
				if l.entry.active {
					waiting++
				}
			}
			if used-before > r.Used {
				t.Fatalf("the loads used %d, the report says %d", used-before, r.Used)
			}
			if waiting != r.Waiting {
				t.Fatalf("%d wait, the report says %d", waiting, r.Waiting)
			}
			for i, l := range g.loads {
				e := l.entry
				if !e.active || e.credit < 0 || e.factor < wholeShare {
					continue
				}
				// Debts may have been paid with what nobody wanted at the time.
				if g.left > 0 || sum == 0 && r.Used < r.Budget && !g.debts {
					t.Fatalf("entry %d has work, and %d of %d are used", i, r.Used, r.Budget)
				}
			}
			for _, l := range g.loads {
				g.debts = g.debts || l.entry.credit < 0
			}
			g.check(t)
		}
	})
}

var _ = errors.New
var _ = cmp.Diff
var _ time.Duration
