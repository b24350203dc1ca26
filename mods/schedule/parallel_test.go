package schedule

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// meddle lets serial Runs wake, remove and change others, out of the load's
// own random numbers.
func (g *game) meddle() {
	for _, l := range g.loads {
		l.serial = func(l *load) {
			if l.rng.IntN(4) > 0 {
				return
			}
			o := g.loads[l.rng.IntN(len(g.loads))]
			switch l.rng.IntN(12) {
			case 0:
				g.Remove(o.entry)
			case 1:
				o.entry.SetWeight(l.rng.IntN(1200))
			case 2:
				o.entry.SetClass(Class(l.rng.IntN(4)))
			default:
				if !o.forever {
					o.backlog = max(o.backlog, 0) + l.rng.Int64N(1000)
				}
				o.entry.Wake()
			}
		}
	}
}

// TestSameForAllWorkers: what every entry sees, and what is reported, is the
// same for every number of workers, and the same again.
func TestSameForAllWorkers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Frame: drawFrame(t)}
		seed := rapid.Uint64().Draw(t, "seed")
		loads := drawLoads(t, cfg.Frame, 12)
		// With 0 workers it is another game, but again the same each time.
		for _, all := range [][]int{{1, 1, 2, 4, 8}, {0, 0}} {
			var first *game
			var reports []Report
			for _, workers := range all {
				cfg.Workers = workers
				g := newGame(t, cfg, seed, loads...)
				g.meddle()
				var got []Report
				for range 15 {
					g.arrive()
					got = append(got, g.Frame())
					g.check(t)
				}
				if first == nil {
					first, reports = g, got
					continue
				}
				if diff := cmp.Diff(reports, got); diff != "" {
					t.Fatalf("%d workers (-%d +%d):\n%s", workers, all[0], workers, diff)
				}
				sameRuns(t, first, g)
			}
		}
	})
}

// TestTurns: in parallel a step that has to be serial is one, with fuel 1, and
// what follows is not.
func TestTurns(t *testing.T) {
	g := newGame(t, Config{Frame: 10_000, Workers: 4, Patience: -1}, 1, load{forever: true, turns: 300}, load{forever: true, turns: 700})
	for range 10 {
		r := g.Frame()
		if r.Used != r.Budget {
			t.Fatalf("used %d of %d", r.Used, r.Budget)
		}
	}
	for i, l := range g.loads {
		if want := int(l.used/l.turns) - 1; l.turnsIn < want {
			t.Errorf("entry %d: %d serial steps in %d instructions, want %d", i, l.turnsIn, l.used, want)
		}
		for j, r := range l.runs {
			if serial := j > 0 && l.runs[j-1].State == Turn; r.Serial != serial || serial && r.Fuel != 1 {
				t.Fatalf("entry %d, Run %d: %+v after %+v", i, j, r, l.runs[j-1])
			}
		}
	}
}

// workFunc is a Work that is a function.
type workFunc func(fuel int64, serial bool) (int64, State)

func (f workFunc) Run(fuel int64, serial bool) (int64, State) { return f(fuel, serial) }

// TestRunsTogether: with workers, Runs are under way at the same time, and
// serial ones never are.
func TestRunsTogether(t *testing.T) {
	s, err := New(Config{Frame: 100_000, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var under atomic.Int64
	meet := make(chan bool)
	for i := range 2 {
		turn := false
		s.Add(workFunc(func(fuel int64, serial bool) (int64, State) {
			defer under.Add(-1)
			if n := under.Add(1); serial && n != 1 {
				t.Errorf("%d Runs beside a serial one", n-1)
			}
			if serial {
				return 1, Idle
			}
			if turn {
				t.Error("a Run that asked for its turn is not serial")
				return 1, Idle
			}
			turn = true
			if i == 0 { // each waits for the other: they can only go on together
				meet <- true
			} else {
				<-meet
			}
			return 10, Turn
		}), Normal, 1).Wake()
	}
	if r := s.Frame(); r.Used != 22 || r.Waiting != 0 {
		t.Fatalf("%+v, want 22 instructions", r)
	}
}

// TestPanics: a panic in a Run is one of Frame, with the same value, and after
// it the scheduler goes on.
func TestPanics(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 4} {
		for _, exit := range []bool{false, true} {
			if exit && workers != 4 {
				continue // would end the goroutine of the test, or might
			}
			s, err := New(Config{Frame: 100_000, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			value := &struct{ int }{1}
			bad := true
			mine := goroutine()
			var others []*load
			var arrived atomic.Int64
			for i := range 6 {
				if i == 3 {
					s.Add(workFunc(func(fuel int64, serial bool) (int64, State) {
						if bad && exit && goroutine() != mine {
							bad = false
							runtime.Goexit()
						}
						if bad && !exit {
							bad = false
							panic(value)
						}
						return 1, More
					}), Normal, 1).Wake()
					continue
				}
				l := &load{forever: true}
				l.entry = s.Add(workFunc(func(fuel int64, serial bool) (int64, State) {
					arrived.Add(1)
					return l.Run(fuel, serial)
				}), Normal, 1)
				l.entry.Wake()
				others = append(others, l)
			}
			got := func() (v any) {
				defer func() { v = recover() }()
				for range 1000 {
					s.Frame()
				}
				return nil
			}()
			if want := any(value); !exit && got != want {
				t.Fatalf("%d workers: Frame panicked with %v, want the value of the Run", workers, got)
			}
			if exit && got != nil && got != any(errExited) {
				t.Fatalf("Frame panicked with %v, want %v", got, errExited)
			}
			r := s.Frame()
			if r.Waiting != 5 && !exit || r.Used == 0 {
				t.Fatalf("%d workers: after the panic %+v, want 5 entries with work", workers, r)
			}
			for i, l := range others {
				if l.used == 0 {
					t.Fatalf("%d workers: entry %d was forgotten", workers, i)
				}
			}
		}
	}
}

// goroutine identifies the goroutine that calls it.
func goroutine() string {
	b := make([]byte, 64)
	id, _, _ := strings.Cut(string(b[:runtime.Stack(b, false)]), "[")
	return id
}
