package schedule

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestGuard: frames that take too long are cut and have less budget, down to
// a 16th, and more again when they are fast.
func TestGuard(t *testing.T) {
	cfg := Config{Frame: 1_000_000, Guard: 4 * time.Millisecond, Patience: -1}
	g := newGame(t, cfg, 1, load{forever: true, speed: 40_000}) // 25 million a second: 100,000 in 4 ms
	slice := g.cfg.Slice
	budget := cfg.Frame
	cuts := 0
	for f := range 200 {
		if g.Budget() != budget {
			t.Fatalf("before frame %d the budget is %d, want %d", f, g.Budget(), budget)
		}
		r := g.Frame()
		if r.Cut != (r.Wall > cfg.Guard) {
			t.Fatalf("frame %d took %v, and Cut is %v", f, r.Wall, r.Cut)
		}
		if most := cfg.Guard + time.Duration(slice*40); r.Wall > most {
			t.Fatalf("frame %d took %v, more than the guard and a slice, %v", f, r.Wall, most)
		}
		if r.Cut {
			cuts++
			budget = budget * 3 / 4
		} else {
			budget += cfg.Frame / 32
		}
		budget = min(max(budget, cfg.Frame/16), cfg.Frame)
	}
	if cuts < 10 || cuts > 150 {
		t.Fatalf("%d of 200 frames were cut", cuts)
	}
	g.loads[0].speed = 1
	for range 32 {
		g.Frame()
	}
	if g.Budget() != cfg.Frame {
		t.Fatalf("32 fast frames later the budget is %d", g.Budget())
	}
	g.loads[0].speed = 100_000_000
	for range 50 {
		g.Frame()
	}
	if g.Budget() != cfg.Frame/16 {
		t.Fatalf("50 slow frames later the budget is %d, want a 16th", g.Budget())
	}
}

// TestStop: a frame ends after the slice at which the host says so, and the
// budget stays.
func TestStop(t *testing.T) {
	for _, workers := range []int{0, 1} {
		asked := 0
		cfg := Config{Frame: 100_000, Workers: workers, Stop: func() bool { asked++; return asked == 5 }}
		g := newGame(t, cfg, 1, load{forever: true}, load{forever: true})
		r := g.Frame()
		if r.Slices != 5 || r.Cut || r.Used >= r.Budget || g.Budget() != cfg.Frame {
			t.Fatalf("%d workers: %+v and then a budget of %d; want 5 slices, not cut, and the whole budget", workers, r, g.Budget())
		}
		g.check(t)
		if r := g.Frame(); r.Used != r.Budget {
			t.Fatalf("%d workers: the next frame: %+v", workers, r)
		}
	}
}

// TestCutFramesStarveNobody: even if the guard ends every frame after its
// first slice, everybody has a turn: in three frames every class, and in as
// many turns of the class as it has slices to give, every entry.
func TestCutFramesStarveNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loads := make([]load, rapid.IntRange(1, 20).Draw(t, "loads"))
		var n [classes]int
		for i := range loads {
			loads[i] = load{class: drawClass(t), forever: true, speed: 1_000_000_000_000}
			n[loads[i].class]++
		}
		cfg := Config{Frame: 100_000, Guard: time.Millisecond}
		g := newGame(t, cfg, 1, loads...)
		most := 0
		for _, c := range n {
			// A turn is at most twice a share, which is a frame at most.
			turn := 2 * 100_000 / int(g.cfg.Slice)
			most = max(most, 3*c*(turn+1))
		}
		for range most {
			if r := g.Frame(); !r.Cut || r.Slices != 1 {
				t.Fatalf("%+v, want one slice", r)
			}
			g.check(t)
		}
		for i, l := range g.loads {
			if l.used == 0 {
				t.Fatalf("entry %d, class %v, had no turn in %d frames", i, l.class, most)
			}
		}
	})
}

// TestReplay: with what was recorded of the guard, the same loads have the
// same frames without a clock.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Frame: drawFrame(t), Workers: rapid.IntRange(0, 1).Draw(t, "workers")}
		seed := rapid.Uint64().Draw(t, "seed")
		loads := drawLoads(t, cfg.Frame, 10)
		live := cfg
		live.Guard = time.Duration(rapid.Int64Range(1, cfg.Frame*10).Draw(t, "guard"))
		a, b := newGame(t, live, seed, loads...), newGame(t, cfg, seed, loads...)
		for f := range 40 {
			a.arrive()
			b.arrive()
			ra := a.Frame()
			recorded := int64(0)
			if ra.Cut {
				recorded = ra.Slices
			}
			rb := b.FrameUntil(recorded)
			ra.Wall = 0
			if diff := cmp.Diff(ra, rb); diff != "" {
				t.Fatalf("frame %d (-live +replayed):\n%s", f, diff)
			}
			if a.Budget() != b.Budget() {
				t.Fatalf("frame %d: budgets %d and %d", f, a.Budget(), b.Budget())
			}
		}
		sameRuns(t, a, b)
	})
}

// sameRuns fails unless every entry saw the same in both games.
func sameRuns(t failer, a, b *game) {
	t.Helper()
	for i, l := range a.loads {
		m := b.loads[i]
		if diff := cmp.Diff(l.runs, m.runs); diff != "" {
			t.Fatalf("entry %d (-first +second):\n%s", i, diff)
		}
		if l.entry.Share() != m.entry.Share() || l.entry.credit != m.entry.credit {
			t.Fatalf("entry %d: share %v and %v, credit %d and %d", i, l.entry.Share(), m.entry.Share(), l.entry.credit, m.entry.credit)
		}
	}
}
