package health

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// FuzzRestore restores what somebody wrote for a snapshot: it is refused with a
// SnapshotError, or makes a machine that keeps every promise.
func FuzzRestore(f *testing.F) {
	m := running(Config{})
	m.Violation(0, "error", 6)
	seeds := []Snapshot{m.Snapshot(0)}
	m.Violation(s, "error", Fatal)
	seeds = append(seeds, m.Snapshot(2*s))
	m.Advance(31 * s)
	seeds = append(seeds, m.Snapshot(31*s))
	m.Disable(31*s, "no")
	seeds = append(seeds, m.Snapshot(31*s))
	for i, s := range seeds {
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, uint64(i), int64(0))
	}
	f.Add([]byte(`{"version":1,"points":[{"left_ns":9223372036854775807,"weight":1048576}],"quarantines":1048576,"probation":true,"clean_ns":1}`), uint64(0), int64(1<<63-1))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, at int64) {
		var s Snapshot
		if json.Unmarshal(text, &s) != nil {
			return
		}
		r := rand.New(rand.NewPCG(seed, 2))
		cfg := randomConfig(r)
		cfg.Disable = -1 // a snapshot may come from a configuration with more
		m, now := New(cfg), time.Duration(at)
		if err := m.Restore(now, s); err != nil {
			if _, ok := errors.AsType[*SnapshotError](err); !ok {
				t.Fatalf("untyped: %v", err)
			}
			return
		}
		for range 50 {
			now = randomTime(r, m, now)
			op := randomOperation(r)
			before := m.Status()
			c := op.call(m, now)
			if err := broken(m, before, op.name, c); err != "" {
				t.Fatalf("%s at %d: %s\nbefore %+v\nafter  %+v\nchange %+v", op.name, now, err, before, m.Status(), c)
			}
			if err := New(m.cfg).Restore(0, m.Snapshot(now)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
