package accounts

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/luasandbox/modrunner/luasandbox"
)

// What a census finds of a structure, and what Go's heap holds for it: the heap is at
// most heapAbove times the census (strings just above a size that the allocator has),
// and the census at most censusAbove times the heap (coroutines without a stack),
// beyond heapSlack bytes either way.
const (
	heapAbove   = 1.3
	censusAbove = 3.1
	heapSlack   = 48 << 10
)

// TestHeapIsTheCensus builds large structures of all kinds and compares.
func TestHeapIsTheCensus(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates for itself")
	}
	text, err := os.ReadFile("testdata/structures.txtar")
	if err != nil {
		t.Fatal(err)
	}
	n := 8000
	if testing.Short() {
		n = 4000
	}
	structures := txtar.Parse(text).Files
	if len(structures) < 40 {
		t.Fatalf("%d structures", len(structures))
	}
	for _, f := range structures {
		heap, census := held(t, f.Name, n, string(f.Data))
		t.Logf("%-50s %9d in the census, %9d in the heap, %.2f", f.Name, census, heap, float64(heap)/float64(census))
		if float64(heap) > heapAbove*float64(census)+heapSlack {
			t.Errorf("%s: the heap holds %d bytes, the census found %d", f.Name, heap, census)
		}
		if float64(census) > censusAbove*float64(heap)+heapSlack {
			t.Errorf("%s: the census found %d bytes, the heap holds %d", f.Name, census, heap)
		}
	}
}

// TestHeapIsSeen is the control: what is kept behind the sandbox's back is found.
func TestHeapIsSeen(t *testing.T) {
	if heap, census := held(t, "hidden", 1<<20, "host.hides(n)"); float64(heap) <= heapAbove*float64(census)+heapSlack {
		t.Errorf("a host function kept 1 MiB: the heap holds %d bytes, the census found %d", heap, census)
	}
}

// held returns by how much the heap and the census grow when source builds a structure.
func held(t *testing.T, name string, n int, source string) (heap, census int64) {
	t.Helper()
	ctx := context.Background()
	hidden = nil
	l := wide(1 << 30)
	s, err := luasandbox.New(luasandbox.Config{Limits: l, Grants: hostGrants()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	load := func(text string) {
		p, err := luasandbox.Compile("structure.lua", text, l)
		if err == nil {
			_, err = s.Load(ctx, p)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	live := func() int64 {
		c, err := s.Census()
		if err != nil {
			t.Fatal(err)
		}
		return c.Bytes
	}
	// Twice, so that what is made once for all sandboxes is there.
	load(fmt.Sprintf("n = 16 t = {} %s", strings.TrimSpace(source)))
	load(fmt.Sprintf("n = %d t = {} w = nil", n))
	live()
	beforeHeap := heapInUse()
	before := live()
	load(source)
	census = live() - before
	heap = heapInUse() - beforeHeap
	runtime.KeepAlive(s)
	return heap, census
}

func heapInUse() int64 {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
