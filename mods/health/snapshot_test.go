package health

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// restarted returns what becomes of a machine by a restart: through JSON, to a
// host whose time is another.
func restarted(t *testing.T, m *Machine, r *rand.Rand) *Machine {
	t.Helper()
	m.Readmit(m.now) // the next host asks anew
	text, err := json.Marshal(m.Snapshot(m.now))
	if err != nil {
		t.Fatal(err)
	}
	var s Snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	n := New(m.cfg)
	now := []time.Duration{0, time.Second, math.MaxInt64}[r.IntN(3)]
	if err := n.Restore(now, s); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if n.State().Runs() != m.State().Runs() || n.Status().Points > m.Status().Points || n.quarantines != m.quarantines || n.probation != m.probation {
		t.Fatalf("before %+v\nafter %+v\n%s", m.Status(), n.Status(), text)
	}
	return n
}

func TestRestart(t *testing.T) {
	long := func(m *Machine) *Machine {
		n := New(m.cfg)
		if err := n.Restore(1000*s, m.Snapshot(m.now)); err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Run("quarantine", func(t *testing.T) {
		m := running(Config{})
		m.Violation(10*s, "limit", Fatal)
		m.Advance(15 * s)
		got, want := long(m).Status(), Status{State: Quarantined, Reason: "limit", Since: 1000 * s, Quarantines: 1, Until: 1025 * s}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("failing", func(t *testing.T) {
		m := running(Config{})
		m.Violation(10*s, "error", 3)
		m.Violation(20*s, "error", 3)
		m.Advance(30 * s)
		n := long(m)
		n.Started(1000 * s)
		if got, want := n.Status(), (Status{State: Failing, Reason: "error", Since: 1000 * s, Started: true, Points: 6}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if next, _ := n.Next(); next != 1030*s {
			t.Errorf("Next %v", next)
		}
		n.Advance(1030 * s)
		if n.State() != Active || n.sum != 3 {
			t.Errorf("%+v", n.Status())
		}
	})
	t.Run("probation", func(t *testing.T) {
		m := running(Config{})
		m.Violation(0, "limit", Fatal)
		m.Advance(30 * s)
		m.Started(30 * s)
		m.Advance(100 * s)
		n := long(m)
		n.Started(1000 * s)
		if got, want := n.Status(), (Status{State: Active, Since: 1000 * s, Started: true, Quarantines: 1, Until: 1050 * s, Probation: true}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("disabled and held", func(t *testing.T) {
		m := running(Config{})
		for h := range holds {
			m.Pause(0, h)
		}
		m.Disable(0, "no")
		n := long(m)
		if got := n.Status(); got.State != Disabled || got.Reason != "no" {
			t.Errorf("%+v", got)
		}
		n.Enable(0)
		n.Started(0)
		if got := n.Status(); got.State != Paused || got.Reason != Operator.String() {
			t.Errorf("%+v", got)
		}
		if n.Resume(0, Operator); n.State() != Active {
			t.Errorf("%+v", n.Status())
		}
	})
	t.Run("another configuration", func(t *testing.T) {
		m := running(Config{Backoff: time.Hour, MaxBackoff: time.Hour})
		m.Violation(0, "limit", Fatal)
		n := New(Config{})
		if err := n.Restore(0, m.Snapshot(0)); err != nil {
			t.Fatal(err)
		}
		if got := n.Status().Until; got != 10*time.Minute {
			t.Errorf("it ends at %v", got)
		}
	})
}

// TestUntrustedSnapshot changes every field to what no machine writes.
func TestUntrustedSnapshot(t *testing.T) {
	good := Snapshot{Version: 1, Quarantines: 2, Probation: true, Clean: s, Failing: true, Reason: "error", Points: []SnapshotPoint{{s, 5}, {2 * s, 1}}}
	jailed := Snapshot{Version: 1, Quarantines: 2, Quarantine: s, Reason: "limit"}
	for _, good := range []Snapshot{good, jailed, {Version: 1}, {Version: 1, Disabled: true, Reason: "no"}} {
		if err := New(Config{}).Restore(0, good); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, tt := range []struct {
		name, field string
		from        Snapshot
		change      func(*Snapshot)
	}{
		{"version", "version", good, func(s *Snapshot) { s.Version = 2 }},
		{"nothing at all", "version", Snapshot{}, func(*Snapshot) {}},
		{"negative quarantine", "quarantine_ns", jailed, func(s *Snapshot) { s.Quarantine = math.MinInt64 }},
		{"disabled in quarantine", "quarantine_ns", jailed, func(s *Snapshot) { s.Disabled = true }},
		{"negative number", "quarantines", good, func(s *Snapshot) { s.Quarantines = -1 }},
		{"huge number", "quarantines", good, func(s *Snapshot) { s.Quarantines = math.MaxInt }},
		{"quarantine of none", "quarantines", jailed, func(s *Snapshot) { s.Quarantines = 0 }},
		{"no reason", "reason", jailed, func(s *Snapshot) { s.Reason = "" }},
		{"failing for no reason", "reason", good, func(s *Snapshot) { s.Reason = "" }},
		{"probation after nothing", "quarantines", good, func(s *Snapshot) { s.Quarantines, s.Clean = 0, 0 }},
		{"negative clean period", "clean_ns", good, func(s *Snapshot) { s.Clean = -1 }},
		{"never forgiven", "clean_ns", good, func(s *Snapshot) { s.Clean = 0 }},
		{"points of a mod that does not run", "points", jailed, func(s *Snapshot) { s.Points = good.Points }},
		{"too many points", "points", good, func(s *Snapshot) { s.Points = make([]SnapshotPoint, 1000) }},
		{"points out of order", "points", good, func(s *Snapshot) { s.Points = []SnapshotPoint{{2, 1}, {1, 1}} }},
		{"a point that ended", "left_ns", good, func(s *Snapshot) { s.Points = []SnapshotPoint{{0, 1}} }},
		{"a point of nothing", "weight", good, func(s *Snapshot) { s.Points = []SnapshotPoint{{1, 0}} }},
		{"a huge point", "weight", good, func(s *Snapshot) { s.Points = []SnapshotPoint{{1, math.MaxInt}} }},
	} {
		bad := tt.from
		tt.change(&bad)
		m := running(Config{})
		m.Throttle(0, true)
		before := *m
		err := m.Restore(0, bad)
		wrong, ok := errors.AsType[*SnapshotError](err)
		if !ok || wrong.Field != tt.field {
			t.Errorf("%s: %v, want a SnapshotError of %s", tt.name, err, tt.field)
		}
		if m.Status() != (&before).Status() {
			t.Errorf("%s: the machine is another: %+v", tt.name, m.Status())
		}
	}
}

// TestHugeSnapshot restores the largest numbers that are let through, at the end
// of time.
func TestHugeSnapshot(t *testing.T) {
	points := make([]SnapshotPoint, maxEntries)
	for i := range points {
		points[i] = SnapshotPoint{math.MaxInt64, maxPoints}
	}
	for _, now := range []time.Duration{math.MinInt64, 0, math.MaxInt64} {
		m := New(Config{})
		if err := m.Restore(now, Snapshot{Version: 1, Quarantines: maxPoints, Probation: true, Clean: math.MaxInt64, Points: points}); err != nil {
			t.Fatal(err)
		}
		if next, ok := m.Next(); !ok || next < 0 {
			t.Errorf("Next %v, %t", next, ok)
		}
		m.Started(now)
		if m.Violation(now, "error", 1); m.State() != Disabled {
			t.Errorf("%+v", m.Status())
		}
	}
}

// TestSnapshotIsPlain keeps the form of the snapshot, which is on disks.
func TestSnapshotIsPlain(t *testing.T) {
	m := running(Config{})
	m.Violation(0, "limit", Fatal)
	m.Advance(30 * s)
	m.Started(30 * s)
	m.Advance(200 * s)
	for range 4 {
		m.Violation(200*s, "limit", Fatal)
		m.Advance(m.Status().Until)
	}
	m.Pause(m.now, Operator)
	got, err := json.Marshal(m.Snapshot(m.now))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":1,"quarantines":4,"probation":true,"clean_ns":120000000000,"held":true}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}
