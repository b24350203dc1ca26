package schedule

import "testing"

// TestThrottleOfWhoHires follows two entries, one of which does nothing but work that
// the other has it do: who does the work is not throttled for it, and who pays for it is.
func TestThrottleOfWhoHires(t *testing.T) {
	for _, workers := range []int{0, 2} {
		g := newGame(t, Config{Frame: 160_000, Workers: workers}, 1, load{forever: true}, load{}, load{forever: true})
		hired, hirer, other := g.loads[0], g.loads[1], g.loads[2]
		for range 40 {
			before, mine := hired.used, other.used
			g.Frame()
			n := hired.used - before
			hired.entry.Charge(-n)
			hirer.entry.Charge(n)
			if share := hired.entry.Share(); share != 1 {
				t.Fatalf("%d workers: who works for another has a share of %v", workers, share)
			}
			if other.used == mine {
				t.Fatalf("%d workers: a third one had nothing of a frame", workers)
			}
		}
		if share := hirer.entry.Share(); share > 0.25 {
			t.Errorf("%d workers: who had another one use all of a share for 40 frames has a share of %v", workers, share)
		}
		hired.forever, hired.backlog = false, 0
		for range wholeShare + 8 {
			g.Frame()
		}
		if share := hirer.entry.Share(); share != 1 {
			t.Errorf("%d workers: the share of who hires nobody any more is %v", workers, share)
		}
	}
}

// TestThrottleOfWhoWorksForItself: work for another does not hide one's own.
func TestThrottleOfWhoWorksForItself(t *testing.T) {
	g := newGame(t, Config{Frame: 160_000}, 1, load{forever: true}, load{})
	hog, friend := g.loads[0], g.loads[1]
	for range 40 {
		g.Frame()
		hog.entry.Charge(-1000)
		friend.entry.Charge(1000)
	}
	if share := hog.entry.Share(); share > 0.25 {
		t.Errorf("it has a share of %v", share)
	}
	if share := friend.entry.Share(); share != 1 {
		t.Errorf("who hired it for little has a share of %v", share)
	}
}
