package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// snapshotVersion is that of the form of Snapshot.
const snapshotVersion = 1

// Snapshot is what of a machine outlives the process, as plain JSON. Times are
// durations that remain, so that it means the same to a host whose simulation
// time begins anew. What concerns the Lua state (started, throttled, held by the
// frame) is not in it, nor what the host finds out anew (held by the game or a
// dependency).
type Snapshot struct {
	Version     int             `json:"version"`
	Disabled    bool            `json:"disabled,omitempty"`
	Quarantine  time.Duration   `json:"quarantine_ns,omitempty"` // what remains; 0 if it is not quarantined
	Reason      string          `json:"reason,omitempty"`        // why disabled, quarantined or failing
	Quarantines int             `json:"quarantines,omitempty"`
	Probation   bool            `json:"probation,omitempty"`
	Clean       time.Duration   `json:"clean_ns,omitempty"` // what remains of the clean period
	Failing     bool            `json:"failing,omitempty"`
	Points      []SnapshotPoint `json:"points,omitempty"` // those that end first, first
	Held        bool            `json:"held,omitempty"`   // by the operator
}

// SnapshotPoint is a violation on the account.
type SnapshotPoint struct {
	Left   time.Duration `json:"left_ns"` // for how long it counts
	Weight int           `json:"weight"`
}

// SnapshotError tells why a snapshot cannot be one that [Machine.Snapshot] made.
type SnapshotError struct {
	Field string // its name in JSON
	Want  string
}

// Error says which field is wrong and what would be right.
func (e *SnapshotError) Error() string {
	return fmt.Sprintf("health snapshot: wrong %q, want %s", e.Field, e.Want)
}

// Snapshot returns what of the machine outlives the process.
func (m *Machine) Snapshot(now time.Duration) Snapshot {
	now = max(m.now, now)
	s := Snapshot{
		Version:     snapshotVersion,
		Disabled:    m.disabled,
		Quarantines: m.quarantines,
		Probation:   m.probation,
		Clean:       m.cleanLeft,
		Failing:     m.failing,
		Held:        m.held[Operator],
		Reason:      m.endedBy,
	}
	if m.failing {
		s.Reason = m.lastKind
	}
	if m.jailed {
		s.Quarantine = max(1, m.until-now)
	}
	if m.cleanRuns {
		s.Clean = max(1, m.cleanLeft-(now-m.cleanSince))
	}
	for _, p := range m.points {
		if left := satAdd(p.at, m.cfg.Window) - now; left > 0 {
			s.Points = append(s.Points, SnapshotPoint{left, p.weight})
		}
	}
	return s
}

// Restore makes the machine that of a mod that has just been loaded, or cannot be
// because it is quarantined or disabled, with what s says of it. Every hold but
// the operator's is lifted. Where s asks for more time than the configuration
// allows, which may have changed, it is what the configuration allows. The error
// is a [*SnapshotError] and leaves the machine as it was.
func (m *Machine) Restore(now time.Duration, s Snapshot) error {
	if err := s.check(); err != nil {
		return err
	}
	n := New(m.cfg)
	n.now = max(m.now, now)
	n.since = n.now
	n.disabled = s.Disabled
	n.jailed = s.Quarantine > 0
	if n.jailed {
		n.until = satAdd(n.now, min(s.Quarantine, n.cfg.MaxBackoff))
	}
	if n.disabled || n.jailed {
		n.endedBy = clip(s.Reason)
	}
	n.quarantines = s.Quarantines
	n.probation = s.Probation
	n.cleanLeft = min(s.Clean, n.cfg.Probation)
	n.held[Operator] = s.Held
	for _, p := range s.Points {
		// A point at a time before the beginning of time is not possible: the time it
		// was made at is the one from which the window ends when it did.
		at := n.now - (n.cfg.Window - min(p.Left, n.cfg.Window))
		n.points = append(n.points, point{at, p.Weight})
		n.sum += p.Weight
	}
	if s.Failing && n.sum >= n.cfg.Failing {
		n.failing, n.lastKind = true, clip(s.Reason)
	}
	*m = *n
	return nil
}

// check reports the first number or contradiction that no snapshot has.
func (s Snapshot) check() error {
	wrong := func(field, want string) error { return &SnapshotError{field, want} }
	switch {
	case s.Version != snapshotVersion:
		return wrong("version", fmt.Sprint(snapshotVersion))
	case s.Quarantine < 0:
		return wrong("quarantine_ns", "none below zero")
	case s.Disabled && s.Quarantine > 0:
		return wrong("quarantine_ns", "none, as it is disabled")
	case s.Quarantines < 0 || s.Quarantines > maxPoints:
		return wrong("quarantines", fmt.Sprintf("0 to %d", maxPoints))
	case s.Quarantine > 0 && s.Quarantines == 0:
		return wrong("quarantines", "at least the present one")
	case s.Probation && s.Quarantines == 0:
		return wrong("quarantines", "at least the one that the probation is for")
	case s.Clean < 0:
		return wrong("clean_ns", "none below zero")
	case len(s.Points) > maxEntries:
		return wrong("points", fmt.Sprintf("at most %d", maxEntries))
	}
	down := s.Disabled || s.Quarantine > 0
	switch {
	case (down || s.Failing) && s.Reason == "":
		return wrong("reason", "one, as it is disabled, quarantined or failing")
	case down && (s.Probation || s.Clean > 0 || s.Failing || len(s.Points) > 0):
		return wrong("points", "no points, probation, clean period or failing of a mod that does not run")
	case !down && (s.Quarantines > 0) != (s.Clean > 0):
		return wrong("clean_ns", "some if and only if there is a quarantine to forgive")
	case !slices.IsSortedFunc(s.Points, func(a, b SnapshotPoint) int { return cmp.Compare(a.Left, b.Left) }):
		return wrong("points", "them in the order in which they end")
	}
	for _, p := range s.Points {
		switch {
		case p.Left <= 0:
			return wrong("left_ns", "some time")
		case p.Weight < 1 || p.Weight > maxPoints:
			return wrong("weight", fmt.Sprintf("1 to %d", maxPoints))
		}
	}
	return nil
}
