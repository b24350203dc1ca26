package prometheus

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// TestBoundAtOnce: of two mods that ask for the last place at the same time, one gets
// it; and one mod that asks twice gets one.
func TestBoundAtOnce(t *testing.T) {
	for round := range 2000 {
		var l labels
		l.init(1)
		var ready atomic.Int32
		var asking sync.WaitGroup
		slots := make([]*slot, 4)
		for i := range slots {
			asking.Go(func() {
				for ready.Add(1); ready.Load() < 2; {
					runtime.Gosched()
				}
				slots[i] = l.of(strconv.Itoa(i / 2))
			})
		}
		asking.Wait()
		if n := len(*l.known.Load()); n != 1 || slots[0] != slots[1] || slots[2] != slots[3] || slots[0] == slots[2] {
			t.Fatalf("round %d: %d places, %v", round, n, slots)
		}
	}
}
