package schedule

import (
	"testing"

	"pgregory.net/rapid"
)

// TestFairByWeight: entries of one class that always have work and make no
// charges get instructions in proportion to their weights. Over any number of
// frames two of them differ by no more than three shares, and the rounding of
// one instruction in a frame; with the left-overs of other classes, by
// one share more, and by one least quantum for each frame in which these are
// too small to go round.
func TestFairByWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := rapid.SampledFrom([]int64{999, 5_000, 100_000, 1_000_000}).Draw(t, "frame")
		class := drawClass(t)
		n := rapid.IntRange(2, 40).Draw(t, "busy")
		var loads []load
		var all int64
		for range n {
			w := rapid.SampledFrom([]int{1, 1, 2, 3, 10, 100, 1000}).Draw(t, "weight")
			all += int64(w)
			loads = append(loads, load{class: class, weight: w, forever: true})
		}
		alone := rapid.Bool().Draw(t, "alone")
		if !alone {
			for range rapid.IntRange(1, 10).Draw(t, "others") {
				l := drawLoad(t, frame)
				if l.class != class {
					loads = append(loads, l)
				}
			}
		}
		g := newGame(t, Config{Frame: frame, Patience: -1}, rapid.Uint64().Draw(t, "seed"), loads...)
		least := g.least * int64(n)
		for f := int64(1); f <= 60; f++ {
			g.arrive()
			g.Frame()
			g.check(t)
			bound := 3*float64(max(frame, least))/float64(all) + float64(f)
			if !alone {
				bound += float64(max(frame, least))/float64(all) + float64(f)*(2+float64(least)/float64(all))
			}
			lo, hi := span(g.loads[:n])
			if hi-lo > bound {
				t.Fatalf("after %d frames the use for a weight of 1 is %.1f to %.1f: %.1f apart, want %.1f at most", f, lo, hi, hi-lo, bound)
			}
		}
	})
}

// span returns the least and the greatest use of the loads, per weight.
func span(loads []*load) (lo, hi float64) {
	for i, l := range loads {
		u := float64(l.used) / float64(l.weight)
		if i == 0 {
			lo, hi = u, u
		}
		lo, hi = min(lo, u), max(hi, u)
	}
	return lo, hi
}

// TestGuaranteedShare: whatever the others do, an entry that always has work
// and makes no charges gets its part of what its class is guaranteed over any
// number of frames, less four shares, and nine for each entry of its class
// that makes charges: a charge, however large, costs its class no more than
// eight frames, and who made it pays it back.
func TestGuaranteedShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := rapid.SampledFrom([]int64{5_000, 100_000, 1_000_000}).Draw(t, "frame")
		victim := load{class: drawClass(t), weight: rapid.IntRange(1, 10).Draw(t, "weight"), forever: true}
		others := drawLoads(t, frame, 30)
		g := newGame(t, Config{Frame: frame, Patience: -1}, rapid.Uint64().Draw(t, "seed"), append([]load{victim}, others...)...)
		var all, n, charging int64
		for _, l := range g.loads {
			if l.class == victim.class {
				all += int64(l.weight)
				n++
				if l.charge > 0 {
					charging++
				}
			}
		}
		base := frame * classParts[victim.class] / 100
		share := base * int64(victim.weight) / all
		most := max(share, byWeight(g.least*n, int64(victim.weight), all))
		for f := int64(1); f <= 300; f++ {
			g.arrive()
			g.Frame()
			if used, want := g.loads[0].used, f*share-(4+9*charging)*most; used < want {
				t.Fatalf("in %d frames it used %d, want %d: its share is %d, %d others make charges", f, used, want, share, charging)
			}
		}
	})
}

// TestEverybodyHasATurn: however many have work, each runs within twice
// as many frames as the class needs to give all of them their least quantum;
// and is never further behind its part of what its class is guaranteed than
// two least quanta, or shares if these are more.
func TestEverybodyHasATurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := rapid.SampledFrom([]int64{10_000, 100_000, 1_000_000}).Draw(t, "frame")
		n := rapid.SampledFrom([]int{1, 10, 100, 300}).Draw(t, "entries")
		class := drawClass(t)
		loads := make([]load, n)
		for i := range loads {
			loads[i] = load{class: class, forever: true}
		}
		for _, l := range drawLoads(t, frame, 20) {
			if l.class != class {
				l.charge = 0
				loads = append(loads, l)
			}
		}
		cfg := Config{Frame: frame, Workers: rapid.IntRange(0, 1).Draw(t, "workers"), Patience: -1}
		g := newGame(t, cfg, 1, loads...)
		base := frame * classParts[class] / 100
		fair := base / int64(n)
		least := max(fair, g.least)
		within := 2 * (least*int64(n) + base - 1) / base
		last := make([]int64, n) // the frame in which it last ran
		had := make([]int64, n)
		for f := int64(1); f <= 3*within+20; f++ {
			g.arrive()
			g.Frame()
			for i, l := range g.loads[:n] {
				if l.used > had[i] {
					last[i], had[i] = f, l.used
				}
				if f-last[i] > within {
					t.Fatalf("entry %d of %d did not run in %d frames of %d", i, n, f-last[i], frame)
				}
				if l.used < f*fair-2*least {
					t.Fatalf("entry %d of %d used %d in %d frames of %d, its part was %d", i, n, l.used, f, frame, f*fair)
				}
			}
		}
	})
}
