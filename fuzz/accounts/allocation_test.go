package accounts

import (
	"runtime"
	"testing"
)

// Go may allocate for a call what it is charged for, and 1/rounding of that, which is
// for what Go's allocator rounds up; and slack bytes, however much the call does.
const (
	rounding = 4
	slack    = 4 << 10
	// A script that does nothing but bring on one census after the other makes Go
	// allocate censuses times what it is charged for: the lists of what is yet to be
	// looked at. They are garbage when the census is over.
	censuses = 3
)

// TestAllocationIsCharged compares what Go allocates for a workload with what the
// script is charged for.
func TestAllocationIsCharged(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates for itself")
	}
	for _, archive := range archives {
		t.Run(archive, func(t *testing.T) {
			for _, w := range read(t, archive) {
				w.each(t, func(n int, tr trial) account {
					allocated, a := allocation(t, tr)
					allowed := a.allocated + a.allocated/rounding + slack
					if w.tight() {
						allowed = censuses*a.allocated + slack
					}
					// Go's runtime allocates for itself now and then, in the same count. What
					// the script makes it allocate, it allocates each time.
					for tries := 0; allocated > allowed && tries < 3; tries++ {
						again := prepare(t, w, n)
						bytes, _ := allocation(t, again)
						again.close()
						allocated = min(allocated, bytes)
					}
					if over := allocated - allowed; over > 0 {
						t.Errorf("%s, n = %d: Go allocated %d bytes, %d were charged: %d more than allowed", w, n, allocated, a.allocated, over)
					}
					return a
				})
			}
		})
	}
}

// allocation does a trial and returns the bytes that Go allocated for it.
func allocation(t *testing.T, tr trial) (bytes int64, charged account) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	charged = tr.do(t)
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), charged
}

// TestAllocationIsSeen is the control: what a host function allocates on its own
// account, behind the sandbox's back, is found.
func TestAllocationIsSeen(t *testing.T) {
	const n = 1 << 20
	w := workload{archive: "border", name: "hidden", work: "host.hides(n)"}
	tr := prepare(t, w, n)
	defer tr.close()
	if bytes, a := allocation(t, tr); bytes-a.allocated < n {
		t.Errorf("%d bytes allocated, %d charged; the host function allocated %d", bytes, a.allocated, n)
	}
}
