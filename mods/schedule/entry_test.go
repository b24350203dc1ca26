package schedule

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		cfg   Config
		field string
	}{
		{Config{Frame: 1}, ""},
		{Config{Frame: MaxFrame, Slice: 1 << 62, Workers: 8}, ""},
		{Config{}, "Frame"},
		{Config{Frame: -1}, "Frame"},
		{Config{Frame: MaxFrame + 1}, "Frame"},
		{Config{Frame: 1, Guard: time.Second}, "Clock"},
		{Config{Frame: 1, Guard: -1}, "Guard"},
		{Config{Frame: 1, Slice: -1}, "Slice"},
		{Config{Frame: 1, Workers: -1}, "Workers"},
	} {
		_, err := New(test.cfg)
		var bad *ConfigError
		if test.field == "" && err != nil || test.field != "" && (!errors.As(err, &bad) || bad.Field != test.field) {
			t.Errorf("New(%+v): %v, want an error about %q", test.cfg, err, test.field)
		}
	}
}

func TestClass(t *testing.T) {
	if c := Class(0); c != Normal {
		t.Errorf("the zero class is %v", c)
	}
	for _, c := range byRank {
		if got, err := ParseClass(c.String()); got != c || err != nil {
			t.Errorf("ParseClass(%q): %v, %v", c, got, err)
		}
	}
	for _, text := range []string{"", "High", "normal ", "Class(3)"} {
		var bad *ClassError
		if _, err := ParseClass(text); !errors.As(err, &bad) || bad.Text != text {
			t.Errorf("ParseClass(%q): %v, want a ClassError", text, err)
		}
	}
	if got := Class(3).String(); got != "Class(3)" {
		t.Error(got)
	}
}

// TestLargest: the largest numbers that are allowed do not overflow.
func TestLargest(t *testing.T) {
	for _, weight := range []int{1, MaxWeight} {
		g := newGame(t, Config{Frame: MaxFrame, Slice: 1 << 62, Patience: -1}, 1,
			load{forever: true, weight: weight}, load{forever: true, weight: weight},
			load{forever: true, weight: weight, class: High, charge: 1 << 60})
		for range 50 {
			r := g.Frame()
			g.check(t)
			if largest, _ := g.charges(); r.Used < 0 || r.Used > MaxFrame+max(largest, mostUsed) {
				t.Fatalf("%+v", r)
			}
			g.arrive()
		}
		if g.loads[0].used == 0 || g.loads[1].used == 0 {
			t.Fatal("starved")
		}
	}
}

// TestFlow: what is left goes to who wants it in the same class, and what is
// left there to the other classes, high first.
func TestFlow(t *testing.T) {
	const idle = -1
	for _, test := range []struct {
		name string
		// Backlogs of two entries in each class.
		high, normal, low [2]int64
		want              []int64
	}{
		{"all busy", [2]int64{1e6, 1e6}, [2]int64{1e6, 1e6}, [2]int64{1e6, 1e6}, []int64{30_000, 30_000, 15_000, 15_000, 5_000, 5_000}},
		{"one class", [2]int64{idle, idle}, [2]int64{1e6, 1e6}, [2]int64{idle, idle}, []int64{0, 0, 50_000, 50_000, 0, 0}},
		{"two classes", [2]int64{idle, idle}, [2]int64{1e6, 1e6}, [2]int64{1e6, 1e6}, []int64{0, 0, 37_500, 37_500, 12_500, 12_500}},
		{"in the class first", [2]int64{1e6, 10_000}, [2]int64{1e6, 1e6}, [2]int64{1e6, 1e6}, []int64{50_000, 10_000, 15_000, 15_000, 5_000, 5_000}},
		{"then high", [2]int64{1e6, 1e6}, [2]int64{1e6, idle}, [2]int64{2_000, idle}, []int64{34_000, 34_000, 30_000, 0, 2_000, 0}},
		{"then normal", [2]int64{2_000, idle}, [2]int64{1e6, 1e6}, [2]int64{1e6, idle}, []int64{2_000, 0, 44_000, 44_000, 10_000, 0}},
		{"then low", [2]int64{2_000, idle}, [2]int64{1_000, idle}, [2]int64{1e6, 1e6}, []int64{2_000, 0, 1_000, 0, 48_500, 48_500}},
		{"enough for all", [2]int64{2_000, 1}, [2]int64{1_000, 2}, [2]int64{50_000, 3}, []int64{2_000, 1, 1_000, 2, 50_000, 3}},
	} {
		var loads []load
		for i, pair := range [][2]int64{test.high, test.normal, test.low} {
			for range pair {
				loads = append(loads, load{class: byRank[i]})
			}
		}
		for _, workers := range []int{0, 1} {
			g := newGame(t, Config{Frame: 100_000, Workers: workers}, 1, loads...)
			for i, backlog := range append(append(test.high[:2:2], test.normal[:]...), test.low[:]...) {
				if backlog != idle {
					g.loads[i].backlog = backlog
					g.loads[i].entry.Wake()
				}
			}
			r := g.Frame()
			g.check(t)
			var got []int64
			for _, l := range g.loads {
				got = append(got, l.used)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, %d workers (-want +got):\n%s%+v", test.name, workers, diff, r)
			}
		}
	}
}

// TestNoHoarding: frames without work are not saved up.
func TestNoHoarding(t *testing.T) {
	g := newGame(t, Config{Frame: 100_000, Patience: -1}, 1, load{forever: true}, load{})
	busy, quiet := g.loads[0], g.loads[1]
	for range 100 {
		g.Frame()
	}
	quiet.backlog = 1e9
	quiet.entry.Wake()
	before := busy.used
	for f := int64(1); f <= 10; f++ {
		g.Frame()
		if got := busy.used - before; got != f*50_000 || quiet.used != f*50_000 {
			t.Fatalf("in %d frames %d and %d, want half each", f, got, quiet.used)
		}
	}
}

// TestDebt: who overdraws pays it back out of later shares, and what those
// would have been is for others; alone it pays no more than a frame's budget
// in a frame.
func TestDebt(t *testing.T) {
	const frame = 100_000
	for _, others := range []int{0, 1, 3} {
		s, err := New(Config{Frame: frame, Patience: -1})
		if err != nil {
			t.Fatal(err)
		}
		var used [4]int64
		for i := range 1 + others {
			s.Add(workFunc(func(fuel int64, _ bool) (int64, State) {
				if i == 0 {
					fuel = 10 * frame
				}
				used[i] += fuel
				return fuel, More
			}), Normal, 1).Wake()
		}
		const frames = 400
		for f := range int64(frames) {
			s.Frame()
			share := (f + 1) * frame / int64(1+others)
			// Never more than its shares up to now and the charge itself.
			if used[0] > share+10*frame {
				t.Fatalf("%d others: after %d frames it used %d, its shares were %d", others, f+1, used[0], share)
			}
		}
		share := int64(frames * frame / (1 + others))
		if used[0] < share-10*frame {
			t.Errorf("%d others: it used %d, its shares were %d", others, used[0], share)
		}
		for i := range others {
			if got := used[1+i]; got < share-20*frame {
				t.Errorf("%d others: one of them used %d, its shares were %d", others, got, share)
			}
		}
	}
}

// TestDebtOfLeftOvers: who overdraws a left-over pays too.
func TestDebtOfLeftOvers(t *testing.T) {
	const frame = 100_000
	s, err := New(Config{Frame: frame, Slice: frame, Patience: -1})
	if err != nil {
		t.Fatal(err)
	}
	light := s.Add(workFunc(func(int64, bool) (int64, State) { return 1, Idle }), High, 1)
	var used int64
	s.Add(workFunc(func(fuel int64, _ bool) (int64, State) {
		if fuel > frame/2 { // more than its share
			fuel = 10 * frame
		}
		used += fuel
		return fuel, More
	}), Low, 1).Wake()
	for f := range int64(400) {
		light.Wake()
		s.Frame()
		if used > (f+11)*frame {
			t.Fatalf("after %d frames it used %d", f+1, used)
		}
	}
}

// TestClassDebt: classes whose entries overdraw half a frame at a time have no
// more than their parts all the same.
func TestClassDebt(t *testing.T) {
	const frame, frames = 1_000_000, 400
	g := newGame(t, Config{Frame: frame, Patience: -1}, 1,
		load{class: High, forever: true}, load{class: High, forever: true},
		load{class: Normal, forever: true, charge: frame / 2},
		load{class: Low, forever: true, charge: frame * 6 / 10},
		load{class: Normal, forever: true, charge: frame / 2},
		load{class: Low, forever: true, charge: frame * 6 / 10})
	for range frames {
		g.Frame()
	}
	used := g.loads[0].used + g.loads[1].used
	if want := int64(frames * frame * 6 / 10 * 98 / 100); used < want {
		t.Fatalf("the other class used %d in %d frames, want %d", used, frames, want)
	}
}

// TestTurnsAreLong: the more have work, the more rarely each has a turn, and
// not the shorter.
func TestTurnsAreLong(t *testing.T) {
	for _, workers := range []int{0, 1} {
		loads := make([]load, 1000)
		for i := range loads {
			loads[i] = load{forever: true}
		}
		g := newGame(t, Config{Frame: 100_000, Slice: 10_000, Workers: workers, Patience: -1}, 1, loads...)
		for range 100 {
			g.Frame()
		}
		runs := 0
		for _, l := range g.loads {
			runs += len(l.runs)
		}
		if most := 100 * 100 * 11 / 10; runs > most {
			t.Fatalf("%d workers: %d turns in 100 frames of 100,000, want %d at most", workers, runs, most)
		}
	}
}

// TestMissedTurnsAreBounded: of a long time in which the guard ended every
// frame, entries are due no more than eight shares.
func TestMissedTurnsAreBounded(t *testing.T) {
	const frame = 100_000
	loads := make([]load, 10)
	for i := range loads {
		loads[i] = load{forever: true, speed: 1_000_000_000_000}
	}
	g := newGame(t, Config{Frame: frame, Guard: time.Millisecond, Patience: -1}, 1, loads...)
	for range 2000 {
		if r := g.Frame(); !r.Cut {
			t.Fatalf("%+v", r)
		}
	}
	for _, l := range g.loads {
		l.speed = 0
	}
	for g.Budget() < frame {
		g.Frame()
	}
	for i, l := range g.loads {
		if due := l.entry.due >> dueBits; due > mostShares*frame/10 {
			t.Errorf("entry %d is due %d, more than eight shares", i, due)
		}
	}
}

// TestDebtOutlastsIdle: doing nothing for a while does not pay.
func TestDebtOutlastsIdle(t *testing.T) {
	g := newGame(t, Config{Frame: 100_000}, 1, load{})
	e := g.loads[0].entry
	e.work = workFunc(func(fuel int64, _ bool) (int64, State) { g.loads[0].used += 350_000; return 350_000, Idle })
	ran := 0
	for range 8 {
		e.Wake()
		before := g.loads[0].used
		g.Frame()
		if g.loads[0].used > before {
			ran++
		}
	}
	// 350,000 are paid in the frame itself and the next two and a half.
	if ran != 3 {
		t.Fatalf("it ran in %d of 8 frames, want 3", ran)
	}
}

// TestWakeInRun: what is woken in a frame takes part in it; so does who wakes
// itself, until the budget is used up.
func TestWakeInRun(t *testing.T) {
	for _, workers := range []int{0, 1} {
		s, err := New(Config{Frame: 1000, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var b *Entry
		turn := func(name string, then func()) Work {
			return workFunc(func(fuel int64, serial bool) (int64, State) {
				if !serial {
					return 1, Turn
				}
				order = append(order, name)
				then()
				return 1, Idle
			})
		}
		b = s.Add(turn("b", func() {}), High, 1)
		a := s.Add(turn("a", func() { b.Wake(); b.Wake() }), Low, 1)
		a.Wake()
		a.Wake()
		if r := s.Frame(); r.Waiting != 0 {
			t.Fatalf("%+v", r)
		}
		if diff := cmp.Diff([]string{"a", "b"}, order); diff != "" {
			t.Fatalf("%d workers:\n%s", workers, diff)
		}
		order = nil
		var c *Entry
		c = s.Add(turn("c", func() { c.Wake() }), Normal, 1)
		c.Wake()
		if r := s.Frame(); r.Used != 1000 || r.Waiting != 1 || len(order) < 500 {
			t.Fatalf("%d workers: %d Runs of who wakes itself, %+v", workers, len(order), r)
		}
	}
}

// TestRunsOfNothing: a Run that says it used nothing, or less, counts as one
// instruction, so that a frame ends.
func TestRunsOfNothing(t *testing.T) {
	for _, used := range []int64{0, -1, -1 << 63} {
		s, err := New(Config{Frame: 500})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		s.Add(workFunc(func(int64, bool) (int64, State) { n++; return used, More }), Normal, 1).Wake()
		if r := s.Frame(); n != 500 || r.Used != 500 {
			t.Fatalf("%d Runs, %+v", n, r)
		}
	}
}

func TestRemove(t *testing.T) {
	for _, workers := range []int{0, 1} {
		s, err := New(Config{Frame: 1000, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		var self, waiting, later *Entry
		ran := map[string]int{}
		self = s.Add(workFunc(func(fuel int64, serial bool) (int64, State) {
			if !serial {
				return 1, Turn
			}
			ran["self"]++
			s.Remove(self)
			s.Remove(self)
			s.Remove(waiting)
			self.Wake()
			waiting.Wake()
			later.Wake()
			return 1, More
		}), High, 1)
		waiting = s.Add(workFunc(func(fuel int64, serial bool) (int64, State) {
			if !serial {
				return 1, Turn
			}
			ran["waiting"]++
			return 1, More
		}), Low, 1)
		later = s.Add(workFunc(func(int64, bool) (int64, State) { ran["later"]++; return 1, Idle }), Low, 1)
		self.Wake()
		waiting.Wake()
		r := s.Frame()
		if diff := cmp.Diff(map[string]int{"self": 1, "later": 1}, ran); diff != "" || r.Waiting != 0 {
			t.Fatalf("%d workers: %+v\n%s", workers, r, diff)
		}
		later.Wake()
		s.Remove(later)
		if r := s.Frame(); r.Used != 0 || ran["later"] != 1 {
			t.Fatalf("%+v after the last one was removed", r)
		}
	}
}

func TestFrameInRun(t *testing.T) {
	s, err := New(Config{Frame: 1000})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(workFunc(func(int64, bool) (int64, State) { s.Frame(); return 1, Idle }), Normal, 1).Wake()
	defer func() {
		if recover() == nil {
			t.Fatal("a Run could call Frame")
		}
	}()
	s.Frame()
}

// TestFrameAllocatesNothing, with work and without, once it has run.
func TestFrameAllocatesNothing(t *testing.T) {
	s, err := New(Config{Frame: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		e := s.Add(workFunc(func(fuel int64, _ bool) (int64, State) { return fuel, More }), Class(i%3), 1+i)
		if i%2 == 0 {
			e.Wake()
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Frame() }); n != 0 {
		t.Fatalf("%v allocations in a frame", n)
	}
}
