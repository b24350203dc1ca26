package schedule

import (
	"math/rand/v2"
	"time"

	"pgregory.net/rapid"
)

// failer is what *testing.T and *rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// load is a simulated mod: a backlog of instructions, some of which are
// indivisible charges or steps that have to be serial.
type load struct {
	// What it is.
	class   Class
	weight  int
	forever bool  // the backlog never ends
	burst   int64 // the most that arrives at a time
	often   int   // arrives in one of so many frames; 0: never
	charge  int64 // the most that one charge takes; 0: makes none
	turns   int64 // instructions between two steps that have to be serial; 0: none
	speed   int64 // nanoseconds for 1,000 instructions, to move the clock

	// What becomes of it.
	entry   *Entry
	rng     *rand.Rand
	clock   *time.Duration
	backlog int64
	toTurn  int64
	used    int64
	largest int64 // charge in the frame under way
	turnsIn int   // serial steps
	runs    []ran
	serial  func(l *load) // called in serial Runs
}

// ran is one Run as its entry sees it.
type ran struct {
	Fuel, Used int64
	Serial     bool
	State      State
}

func (l *load) Run(fuel int64, serial bool) (int64, State) {
	used, state := l.step(fuel, serial)
	l.used += used
	l.runs = append(l.runs, ran{fuel, used, serial, state})
	if l.clock != nil && serial {
		*l.clock += time.Duration(used * l.speed / 1000)
	}
	if serial && l.serial != nil {
		l.serial(l)
	}
	return used, state
}

func (l *load) step(fuel int64, serial bool) (int64, State) {
	n := fuel
	if !l.forever {
		n = min(n, l.backlog)
	}
	if l.turns > 0 {
		if serial {
			l.turnsIn++
			l.toTurn = l.turns
		} else if n > l.toTurn {
			n = l.toTurn
			l.toTurn = 0
			l.backlog -= n
			return n, Turn
		} else {
			l.toTurn -= n
		}
	}
	l.backlog -= n
	if l.charge > 0 && l.rng.IntN(3) == 0 {
		c := 1 + l.rng.Int64N(l.charge)
		l.largest = max(l.largest, c)
		n += c
	}
	if !l.forever && l.backlog <= 0 {
		return n, Idle
	}
	return n, More
}

// game is a scheduler with its loads.
type game struct {
	*Scheduler
	loads []*load
	rng   *rand.Rand
	clock time.Duration
	debts bool // somebody has been in debt
}

// newGame makes a game out of copies of the loads. All its randomness is from
// the seed.
func newGame(t failer, cfg Config, seed uint64, loads ...load) *game {
	t.Helper()
	g := &game{rng: rand.New(rand.NewPCG(seed, 0))}
	if cfg.Guard > 0 {
		cfg.Clock = func() time.Duration { return g.clock }
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.Scheduler = s
	for i := range loads {
		l := loads[i]
		l.rng = rand.New(rand.NewPCG(seed, uint64(i+1)))
		l.clock = &g.clock
		if l.weight == 0 {
			l.weight = 1
		}
		l.toTurn = l.turns
		l.entry = s.Add(&l, l.class, l.weight)
		if l.forever {
			l.entry.Wake()
		}
		g.loads = append(g.loads, &l)
	}
	return g
}

// arrive brings the work of the next frame.
func (g *game) arrive() {
	for _, l := range g.loads {
		l.largest = 0
		if l.often > 0 && g.rng.IntN(l.often) == 0 {
			l.backlog = max(l.backlog, 0) + 1 + g.rng.Int64N(l.burst)
			l.entry.Wake()
		}
	}
}

// charge is the largest charge of the last frame, and sum that of each entry
// together.
func (g *game) charges() (largest, sum int64) {
	for _, l := range g.loads {
		largest = max(largest, l.largest)
		sum += l.largest
	}
	return largest, sum
}

func drawClass(t *rapid.T) Class {
	return rapid.SampledFrom(byRank[:]).Draw(t, "class")
}

// drawLoad draws a load of any kind for frames of so many instructions.
func drawLoad(t *rapid.T, frame int64) load {
	l := load{
		class:  drawClass(t),
		weight: rapid.SampledFrom([]int{1, 1, 2, 3, 10, 100, 1000}).Draw(t, "weight"),
	}
	if rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
		l.forever = true
	} else {
		l.burst = rapid.Int64Range(1, frame*2).Draw(t, "burst")
		l.often = rapid.IntRange(1, 20).Draw(t, "often")
	}
	switch rapid.IntRange(0, 3).Draw(t, "charges") {
	case 0:
		l.charge = rapid.Int64Range(1, frame*2).Draw(t, "charge")
	case 1:
		l.charge = rapid.Int64Range(1, 1000).Draw(t, "charge")
	}
	if rapid.IntRange(0, 3).Draw(t, "has turns") == 0 {
		l.turns = rapid.Int64Range(1+frame/1000, 5000).Draw(t, "turns")
	}
	l.speed = rapid.Int64Range(1_000, 30_000).Draw(t, "speed")
	return l
}

func drawLoads(t *rapid.T, frame int64, most int) []load {
	n := rapid.IntRange(1, most).Draw(t, "loads")
	loads := make([]load, n)
	for i := range loads {
		loads[i] = drawLoad(t, frame)
	}
	return loads
}

func drawFrame(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{1, 7, 999, 5_000, 100_000, 1_000_000}).Draw(t, "frame")
}

// check fails unless the scheduler's own books agree, between two frames.
func (g *game) check(t failer) {
	t.Helper()
	var n [classes]int
	var weight [classes]int64
	for i, l := range g.loads {
		e := l.entry
		if e.running {
			t.Fatalf("entry %d runs between frames", i)
		}
		if !e.active {
			continue
		}
		n[e.class]++
		weight[e.class] += e.weight
		// Carry-over: never more than one share of the frame it was given in.
		c := &g.class[e.class]
		if most := max(g.cfg.Frame, g.least*int64(len(g.loads))); e.credit > 2*most {
			t.Fatalf("entry %d carries %d over, more than two shares", i, e.credit)
		}
		if c.allow > (mostShares+1)*c.base {
			t.Fatalf("class %v has %d left, more than nine frames of %d", e.class, c.allow, c.base)
		}
	}
	for k := range g.class {
		c := &g.class[k]
		if c.n != n[k] || c.weight != weight[k] {
			t.Fatalf("class %v counts %d entries of weight %d, want %d of %d", Class(k), c.n, c.weight, n[k], weight[k])
		}
		for which := range c.queue {
			q := &c.queue[which]
			var n int
			var weight int64
			for p := q.ring.next; p != &q.ring; p = p.next {
				n++
				weight += p.entry.weight
				if p.next.prev != p {
					t.Fatal("a queue is torn")
				}
			}
			want := 0
			if which == fresh {
				want = c.n
			}
			if n != want || q.n != want || q.weight != weight || (which == fresh && weight != c.weight) {
				t.Fatalf("class %v: queue %d has %d entries (says %d) of weight %d (says %d), want %d", Class(k), which, n, q.n, weight, q.weight, want)
			}
		}
	}
}
