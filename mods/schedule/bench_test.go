package schedule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// burn is a Work that costs next to nothing and never ends.
type burn struct{ used int64 }

func (b *burn) Run(fuel int64, _ bool) (int64, State) {
	b.used += fuel
	return fuel, More
}

// BenchmarkIdle is a frame with one entry that has work beside many that have
// none: the number of these does not matter.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{0, 1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := New(Config{Frame: 1_000_000})
			if err != nil {
				b.Fatal(err)
			}
			for range n {
				s.Add(&burn{}, Normal, 100)
			}
			e := s.Add(workFunc(func(int64, bool) (int64, State) { return 100, Idle }), Normal, 100)
			b.ReportAllocs()
			for b.Loop() {
				e.Wake()
				s.Frame()
			}
		})
	}
}

// BenchmarkBusy is a frame in which all have work, with enough instructions for
// one turn of each.
func BenchmarkBusy(b *testing.B) {
	for _, workers := range []int{0, 1, 2} {
		for _, n := range []int{10, 100, 1_000} {
			b.Run(fmt.Sprintf("workers=%d/entries=%d", workers, n), func(b *testing.B) {
				s, err := New(Config{Frame: int64(n) * 10_000, Patience: -1, Workers: workers})
				if err != nil {
					b.Fatal(err)
				}
				for range n {
					s.Add(&burn{}, Normal, 100).Wake()
				}
				b.ReportAllocs()
				for b.Loop() {
					s.Frame()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
			})
		}
	}
}

// BenchmarkParallel is work that takes real time, on 1 and on 2 workers.
func BenchmarkParallel(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			s, err := New(Config{Frame: 1_000_000, Patience: -1, Workers: workers})
			if err != nil {
				b.Fatal(err)
			}
			for range 32 {
				x := uint64(1)
				s.Add(workFunc(func(fuel int64, _ bool) (int64, State) {
					for range fuel {
						x = x*6364136223846793005 + 1442695040888963407
					}
					return fuel, More
				}), Normal, 100).Wake()
			}
			for b.Loop() {
				s.Frame()
			}
		})
	}
}

// BenchmarkTail is 100 entries of which 10 are hostile: they never stop, are up
// to ten times as slow as what the frame was planned for, and make charges. It
// reports the 99.9th percentile of a frame's time, on a simulated clock, as a
// ratio to the guard.
func BenchmarkTail(b *testing.B) {
	const guard = 4 * time.Millisecond
	for _, workers := range []int{0, 1} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			var clock time.Duration
			s, err := New(Config{Frame: 400_000, Guard: guard, Clock: func() time.Duration { return clock }, Workers: workers})
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			var honest []*Entry
			for i := range 100 {
				hostile := i < 10
				e := s.Add(workFunc(func(fuel int64, _ bool) (int64, State) {
					used, speed, state := fuel, int64(10), More // nanoseconds an instruction
					if hostile {
						speed = 10 + rng.Int64N(90)
						used += rng.Int64N(2_000)
					} else if used = min(fuel, 500+rng.Int64N(4_000)); used < fuel {
						state = Idle
					}
					clock += time.Duration(used * speed)
					return used, state
				}), Class(i%3), 100)
				if hostile {
					e.Wake()
				} else {
					honest = append(honest, e)
				}
			}
			var walls []time.Duration
			for b.Loop() {
				for _, e := range honest {
					if rng.IntN(4) == 0 {
						e.Wake()
					}
				}
				walls = append(walls, s.Frame().Wall)
			}
			slices.Sort(walls)
			b.ReportMetric(float64(walls[len(walls)*999/1000])/float64(guard), "p99.9/guard")
			b.ReportMetric(float64(walls[len(walls)-1])/float64(guard), "max/guard")
		})
	}
}
