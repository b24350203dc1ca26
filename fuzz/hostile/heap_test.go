package hostile

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// The promise: the Go heap that a script holds stays within four times its memory
// limit. Each script that attacks the memory runs in a child that may not have more
// data than that beside what Go itself needs, and where nothing but the limit of
// memory stops it; two of them also run without that limit, and must take the process
// down, or the test shows nothing.
const (
	heapLimit = 16 << 20
	heapOfGo  = 8 << 20 // what the runtime needs beside, on top of what it has at the start
)

var heapControls = []string{"tables", "large-strings"}

// heap runs s under the limit on data.
func heap(s *script, memory int64) any {
	had, err := data()
	if err == nil {
		err = limitData(had + 4*heapLimit + heapOfGo)
	}
	if err != nil {
		return &jailed{outcome: outcome{Damage: err.Error()}}
	}
	s.limits.Memory = memory
	if s.kind == limits.Memory {
		s.limits.Instructions, s.limits.Coroutines, s.limits.String = limits.Unlimited, limits.Unlimited, limits.Unlimited
	}
	return jail(s, 0, nil)
}

func TestHeap(t *testing.T) {
	if !canLimitData || raceEnabled {
		t.Skip("needs a limit on the data of a process, and no race detector, which takes several times as much")
	}
	if testing.Short() {
		t.Skip("a process for each script")
	}
	for _, s := range scripts(t) {
		if s.class != "memory" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := spawn(t, "heap", []*script{s}, 5*time.Minute)
			if e.err != nil || len(e.results) != 1 {
				t.Fatalf("a process was lost: %v\n%.2000s", e.err, e.stderr)
			}
			var r jailed
			if err := json.Unmarshal(e.results[0], &r); err != nil {
				t.Fatal(err)
			}
			if r.Damage != "" || s.kind == limits.Memory && r.Limit != s.kind.String() {
				t.Errorf("ended with %q %.500s\n%s", r.Limit, r.Err, r.Damage)
			}
		})
		if slices.Contains(heapControls, s.name) {
			t.Run("control/"+s.name, func(t *testing.T) {
				t.Parallel()
				if e := spawn(t, "heap without limit", []*script{s}, 5*time.Minute); e.err == nil || e.timeout {
					t.Errorf("without its limit the script should have ended the process: %v", e.err)
				}
			})
		}
	}
}
