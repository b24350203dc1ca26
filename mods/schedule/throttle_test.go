package schedule

import (
	"testing"

	"pgregory.net/rapid"
)

// TestThrottle follows one entry that never stops, and then behaves: another
// half of its share goes after each 8 frames, down to a 16th, and comes back
// by a 16th in each frame at whose end it has nothing left to do.
func TestThrottle(t *testing.T) {
	g := newGame(t, Config{Frame: 160_000}, 1, load{forever: true}, load{burst: 1, often: 1})
	hog := g.loads[0]
	for f := 1; f <= 60; f++ {
		g.arrive()
		before := hog.used
		g.Frame()
		want := 1.0
		for range min(f/8, 4) {
			want /= 2
		}
		if got := hog.entry.Share(); got != want {
			t.Fatalf("after frame %d the share is %v, want %v", f, got, want)
		}
		if hog.entry.Throttled() != (want < 1) {
			t.Fatalf("after frame %d: Throttled is %v", f, hog.entry.Throttled())
		}
		if g.loads[1].entry.Throttled() {
			t.Fatalf("after frame %d the honest entry is throttled", f)
		}
		if f == 60 && hog.used-before != 10_000 {
			t.Fatalf("at the floor it used %d in a frame, want a 16th", hog.used-before)
		}
	}
	hog.forever, hog.backlog = false, 100
	for f := 1; f <= 20; f++ {
		g.Frame()
		if got, want := hog.entry.Share(), min(float64(1+f)/16, 1); got != want {
			t.Fatalf("%d frames after it stopped the share is %v, want %v", f, got, want)
		}
	}
}

// TestThrottleWhileIdle: frames in which an entry has no work count too, also
// if nobody looks; and half of an odd number of sixteenths is rounded up.
func TestThrottleWhileIdle(t *testing.T) {
	g := newGame(t, Config{Frame: 16_000}, 1, load{})
	l := g.loads[0]
	greedy := func(frames int) {
		l.forever = true
		l.entry.Wake()
		for range frames {
			g.Frame()
		}
	}
	idle := func(frames int) {
		l.forever, l.backlog = false, 1
		for range frames {
			g.Frame()
		}
	}
	share := func(want int) {
		t.Helper()
		if got := l.entry.Share(); got != float64(want)/16 {
			t.Fatalf("share %v, want %d/16", got, want)
		}
	}
	greedy(32)
	share(1)
	idle(10)
	greedy(7)
	share(11)
	greedy(1)
	share(6)
	greedy(8)
	share(3)
	greedy(8)
	share(2)
	idle(100)
	share(16)
}

// TestBurstIsNotThrottled: a burst shorter than the patience costs nothing,
// however often it comes, if there is a frame between two.
func TestBurstIsNotThrottled(t *testing.T) {
	g := newGame(t, Config{Frame: 10_000}, 1, load{})
	l := g.loads[0]
	for f := range 200 {
		if f%9 == 0 {
			l.backlog = 75_000 // seven frames, and half of the eighth
			l.entry.Wake()
		}
		g.Frame()
		if l.entry.Throttled() {
			t.Fatalf("throttled after frame %d", f)
		}
	}
	l.backlog = 85_000
	l.entry.Wake()
	for range 8 {
		g.Frame()
	}
	if !l.entry.Throttled() {
		t.Fatal("not throttled after a burst of more than eight frames")
	}
}

// TestPatience: a negative patience throttles nobody.
func TestPatience(t *testing.T) {
	g := newGame(t, Config{Frame: 1000, Patience: -1}, 1, load{forever: true})
	h := newGame(t, Config{Frame: 1000, Patience: 2}, 1, load{forever: true})
	for range 100 {
		g.Frame()
		h.Frame()
	}
	if g.loads[0].entry.Throttled() || h.loads[0].entry.Share() != 1./16 {
		t.Fatalf("shares %v and %v, want 1 and 1/16", g.loads[0].entry.Share(), h.loads[0].entry.Share())
	}
}

// TestParole: an entry that stays at the floor is tried again.
func TestParole(t *testing.T) {
	for _, parole := range []int{0, 50, -1} {
		g := newGame(t, Config{Frame: 1000, Parole: parole}, 1, load{forever: true})
		whole, wholeRuns := 0, 0
		const frames = 3000
		for range frames {
			g.Frame()
			if g.loads[0].entry.Share() == 1 {
				whole++
			}
		}
		switch parole {
		case 0:
			wholeRuns = 1 + (frames-32)/632
		case 50:
			wholeRuns = 1 + (frames-32)/82
		case -1:
			wholeRuns = 1
		}
		// Seven frames at its first whole share, eight at each later one: the
		// frame that frees it counts as one.
		if want := wholeRuns*8 - 1; whole < want-7 || whole > want+1 {
			t.Errorf("parole %d: %d frames with the whole share, want about %d", parole, whole, want)
		}
	}
}

// TestThrottledGiveWay: who is throttled has its reduced share, and of what is
// left only what nobody else wants, and of that no more than its factor of the
// budget.
func TestThrottledGiveWay(t *testing.T) {
	g := newGame(t, Config{Frame: 160_000}, 1, load{forever: true}, load{})
	hog, honest := g.loads[0], g.loads[1]
	for range 40 {
		g.Frame()
	}
	honest.backlog = 155_000
	honest.entry.Wake()
	before := hog.used
	g.Frame()
	if honest.used != 155_000 || hog.used-before != 5_000 {
		t.Fatalf("honest entry %d, throttled %d; want 155,000, and the share of 5,000", honest.used, hog.used-before)
	}
	// Next to nothing is wanted by others: a 16th of the budget.
	before = hog.used
	g.Frame()
	if hog.used-before != 10_000 {
		t.Fatalf("alone the throttled entry used %d, want 10,000", hog.used-before)
	}
}

// TestOverloadDoesNotCollapse: if all want more than their shares, all are
// throttled, and still use the whole frame.
func TestOverloadDoesNotCollapse(t *testing.T) {
	var loads []load
	for i := range 48 {
		loads = append(loads, load{class: Class(i % 3), forever: true})
	}
	g := newGame(t, Config{Frame: 1_000_000}, 1, loads...)
	for f := range 100 {
		r := g.Frame()
		if r.Used != r.Budget {
			t.Fatalf("frame %d used %d of %d", f, r.Used, r.Budget)
		}
	}
	for i, l := range g.loads {
		if l.entry.Share() != 1./16 {
			t.Fatalf("entry %d has a share of %v", i, l.entry.Share())
		}
	}
}

// TestThrottleIsBounded: whatever happens, a share is between the floor and
// the whole, falls by no more than a half in a frame, rises by no more than a
// 16th in one, except on parole, and only falls for who had work left.
func TestThrottleIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := drawFrame(t)
		g := newGame(t, Config{Frame: frame, Parole: -1}, rapid.Uint64().Draw(t, "seed"), drawLoads(t, frame, 10)...)
		last := make([]float64, len(g.loads))
		for i := range last {
			last[i] = 1
		}
		for range 60 {
			g.arrive()
			g.Frame()
			for i, l := range g.loads {
				now := l.entry.Share()
				if now < 1./16 || now > 1 || now < last[i]/2 || now > last[i]+1./16 {
					t.Fatalf("entry %d: share %v after %v", i, now, last[i])
				}
				if now < last[i] && !l.entry.active {
					t.Fatalf("entry %d: share %v after %v, with nothing left to do", i, now, last[i])
				}
				last[i] = now
			}
		}
	})
}
