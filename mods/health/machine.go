package health

import (
	"cmp"
	"fmt"
	"time"
)

// Machine is the health of one mod. It is not for use by several goroutines at a
// time.
//
// Every method that takes the time takes it as simulation time. Time never runs
// backwards inside a machine: an earlier time than one it was told before, or one
// below zero, is taken for the latest it knows.
type Machine struct {
	cfg Config
	now time.Duration // the latest time it was told

	started   bool
	throttled bool
	failing   bool
	held      [holds]bool
	disabled  bool
	withdrawn string        // why it may not run any more, whatever it does; "": it may
	jailed    bool          // quarantined
	until     time.Duration // end of the quarantine

	points []point // within the window, oldest first
	sum    int     // of their weights

	quarantines int
	probation   bool
	// The clean period that forgives a quarantine: what is left of it, and since
	// when it runs. It stands still while the mod does not run.
	cleanLeft  time.Duration
	cleanSince time.Duration
	cleanRuns  bool

	since    time.Duration // of the visible state
	lastKind string        // why failing
	endedBy  string        // why quarantined or disabled
}

// point is a violation, or several that were put together.
type point struct {
	at     time.Duration
	weight int
}

// New returns the machine of a mod that has just been loaded.
func New(cfg Config) *Machine { return &Machine{cfg: cfg.withDefaults()} }

// State returns the visible state. Of all that hold it is the first of:
// disabled; quarantined; paused by the game, the operator or a dependency;
// loaded; failing; throttled; paused by the frame; active.
func (m *Machine) State() State {
	switch {
	case m.disabled:
		return Disabled
	case m.jailed || m.withdrawn != "":
		return Quarantined
	case m.heldFromOutside():
		return Paused
	case !m.started:
		return Loaded
	case m.failing:
		return Failing
	case m.throttled:
		return Throttled
	case m.held[Frame]:
		return Paused
	}
	return Active
}

// Reason says why the mod is in its state; empty for loaded and active.
func (m *Machine) Reason() string {
	switch m.State() {
	case Disabled, Quarantined:
		if !m.disabled && m.withdrawn != "" {
			return m.withdrawn
		}
		return m.endedBy
	case Paused:
		for _, h := range []Hold{Operator, Engine, Dependency, Frame} {
			if m.held[h] {
				return h.String()
			}
		}
	case Failing:
		return m.lastKind
	case Throttled:
		return "keeps using its whole share"
	}
	return ""
}

// Status returns all that can be seen of the machine.
func (m *Machine) Status() Status {
	s := Status{
		State:       m.State(),
		Reason:      m.Reason(),
		Since:       m.since,
		Started:     m.started,
		Points:      m.sum,
		Quarantines: m.quarantines,
		Probation:   m.probation,
	}
	switch {
	case m.withdrawn != "":
	case m.jailed:
		s.Until = m.until
	case m.cleanRuns:
		s.Until = satAdd(m.cleanSince, m.cleanLeft)
	}
	return s
}

// Held reports whether the mod is paused by the game, the operator or a
// dependency: nothing of it is to be run then, whatever its State is.
func (m *Machine) Held() bool { return m.heldFromOutside() }

func (m *Machine) heldFromOutside() bool {
	return m.held[Engine] || m.held[Operator] || m.held[Dependency]
}

// change sets the clock, does what do says, and returns what became of the
// visible state.
func (m *Machine) change(now time.Duration, do func()) Change {
	m.now = max(m.now, now)
	from := m.State()
	do()
	m.runClean()
	to := m.State()
	if from == to {
		return Change{}
	}
	m.since = m.now
	return Change{From: from, To: to, Reason: m.Reason(), At: m.now}
}

// Started says that the main file of the mod has run to its end. It does nothing
// if the mod is quarantined or disabled.
func (m *Machine) Started(now time.Duration) Change {
	return m.change(now, func() { m.started = m.State().Runs() })
}

// Reloaded says that the mod has a new Lua state whose main file has not run,
// without having been in quarantine: a hot reload. What it has on its account
// stays there. It does nothing if the mod is quarantined or disabled: Enable
// first.
func (m *Machine) Reloaded(now time.Duration) Change {
	return m.change(now, func() {
		if m.State().Runs() {
			m.started, m.throttled, m.held[Frame] = false, false, false
		}
	})
}

// Pause says that the mod is held. A hold from outside is also taken while the
// mod is quarantined or disabled, and shows when that is over; a hold by the
// frame is not, because nothing of the mod runs. An unknown hold is none.
func (m *Machine) Pause(now time.Duration, h Hold) Change {
	return m.change(now, func() {
		if h < holds && (h != Frame || m.State().Runs()) {
			m.held[h] = true
		}
	})
}

// Resume lifts one hold; others stay.
func (m *Machine) Resume(now time.Duration, h Hold) Change {
	return m.change(now, func() {
		if h < holds {
			m.held[h] = false
		}
	})
}

// Throttle says whether the mod gets less than its share. It does nothing if the
// mod is quarantined or disabled.
func (m *Machine) Throttle(now time.Duration, on bool) Change {
	return m.change(now, func() { m.throttled = on && m.State().Runs() })
}

// Violation puts a violation on the mod's account. Its kind is for the reason of
// the state, and is cut at 256 bytes. Its weight is in points: below 1 counts as
// 1, [Fatal] or more quarantines at once. On probation, any weight does. While
// the mod is quarantined or disabled, when nothing of it runs, nothing is
// counted.
func (m *Machine) Violation(now time.Duration, kind string, weight int) Change {
	return m.change(now, func() {
		if !m.State().Runs() {
			return
		}
		m.slide()
		kind, weight = cmp.Or(clip(kind), "violation"), min(max(weight, 1), Fatal)
		m.restartClean()
		switch {
		case m.probation:
			m.quarantine(kind + " on probation")
		case weight == Fatal:
			m.quarantine(kind)
		case weight >= m.cfg.Quarantine-m.sum:
			m.quarantine(fmt.Sprintf("%s; %d points within %v", kind, m.sum+weight, m.cfg.Window))
		default:
			m.put(weight)
			if m.sum >= m.cfg.Failing {
				m.failing, m.lastKind = true, kind
			}
		}
	})
}

// put adds points. If there are as many entries as may be, the two oldest become
// one with the time of the younger: some points then count for longer than the
// window, none for shorter.
func (m *Machine) put(weight int) {
	if n := len(m.points); n > 0 && m.points[n-1].at == m.now {
		m.points[n-1].weight += weight
	} else {
		if n == maxEntries {
			m.points[1].weight += m.points[0].weight
			m.points = append(m.points[:0], m.points[1:]...)
		}
		m.points = append(m.points, point{m.now, weight})
	}
	m.sum += weight
}

// slide drops the points that the window has left behind.
func (m *Machine) slide() {
	n := 0
	for n < len(m.points) && satAdd(m.points[n].at, m.cfg.Window) <= m.now {
		m.sum -= m.points[n].weight
		n++
	}
	switch {
	case n == len(m.points):
		m.points = nil
	case n > 0:
		m.points = append(m.points[:0], m.points[n:]...)
	}
}

// quarantine begins a quarantine, or disables the mod if it was one too many.
func (m *Machine) quarantine(reason string) {
	if m.quarantines < maxPoints {
		m.quarantines++
	}
	if m.cfg.Disable > 0 && m.quarantines >= m.cfg.Disable {
		m.disable(fmt.Sprintf("quarantined %d times, the last for: %s", m.quarantines, reason))
		return
	}
	m.drop()
	m.jailed, m.endedBy = true, clip(reason)
	m.until = satAdd(m.now, m.backoff())
}

// backoff returns how long the latest quarantine lasts.
func (m *Machine) backoff() time.Duration {
	d := m.cfg.Backoff
	for range m.quarantines - 1 {
		if d > m.cfg.MaxBackoff/2 {
			return m.cfg.MaxBackoff
		}
		d *= 2
	}
	return min(d, m.cfg.MaxBackoff)
}

func (m *Machine) disable(reason string) {
	m.drop()
	m.jailed, m.until = false, 0
	m.disabled, m.endedBy = true, clip(reason)
}

// drop forgets all that was true of the Lua state that is no more.
func (m *Machine) drop() {
	m.started, m.throttled, m.failing, m.held[Frame] = false, false, false, false
	m.points, m.sum, m.lastKind = nil, 0, ""
	m.probation, m.cleanRuns, m.cleanLeft = false, false, 0
}

// Disable drops the mod until Enable; the operator's word. It does nothing if the
// mod is disabled.
func (m *Machine) Disable(now time.Duration, reason string) Change {
	return m.change(now, func() {
		if !m.disabled {
			m.disable(cmp.Or(reason, "by the operator"))
		}
	})
}

// Withdraw quarantines the mod until Readmit, for what became known of it and not for
// what it did: nothing is put on its account, and no Enable lets it run meanwhile. Of
// several reasons the last one shows.
func (m *Machine) Withdraw(now time.Duration, reason string) Change {
	return m.change(now, func() {
		if m.State().Runs() {
			probation := m.probation
			m.drop()
			m.probation = probation
			m.restartClean()
		}
		m.withdrawn = clip(cmp.Or(reason, "withdrawn"))
	})
}

// Readmit ends Withdraw: the mod may be loaded again, unless it is quarantined or
// disabled for something else. It does nothing if the mod was not withdrawn.
func (m *Machine) Readmit(now time.Duration) Change {
	return m.change(now, func() { m.withdrawn = "" })
}

// Withdrawn reports whether the mod was withdrawn.
func (m *Machine) Withdrawn() bool { return m.withdrawn != "" }

// Enable ends a quarantine, or what Disable or too many quarantines began; the
// operator's word. The mod may be loaded again, with nothing on its account. It
// does nothing if the mod is neither quarantined nor disabled.
func (m *Machine) Enable(now time.Duration) Change {
	return m.change(now, func() {
		if m.disabled || m.jailed {
			m.drop()
			m.disabled, m.jailed, m.until, m.endedBy, m.quarantines = false, false, 0, "", 0
		}
	})
}

// Advance does what time alone does: it ends a quarantine that is over, after
// which the mod may be loaded again, on probation; lets points that the window
// has left behind go, with which a failing mod may recover; and forgives a
// quarantine for each clean period. It need not be called before [Machine.Next]
// says.
func (m *Machine) Advance(now time.Duration) Change {
	return m.change(now, func() {
		if m.jailed && m.until <= m.now {
			m.jailed, m.until, m.endedBy = false, 0, ""
			m.probation = true
			m.restartClean()
		}
		m.slide()
		if m.failing && m.sum < m.cfg.Failing {
			m.failing, m.lastKind = false, ""
		}
		m.forgive()
	})
}

// Next returns when Advance has something to do; false if never, unless the
// machine is told something before. It may be a time that has passed if Advance
// was not called since.
func (m *Machine) Next() (time.Duration, bool) {
	switch {
	case m.disabled:
		return 0, false
	case m.jailed:
		return m.until, true
	}
	next, any := time.Duration(0), false
	earliest := func(t time.Duration) {
		if !any || t < next {
			next, any = t, true
		}
	}
	if len(m.points) > 0 {
		earliest(satAdd(m.points[0].at, m.cfg.Window))
	}
	if m.cleanRuns {
		earliest(satAdd(m.cleanSince, m.cleanLeft))
	}
	return next, any
}

// restartClean begins a clean period anew, if there is something to forgive.
func (m *Machine) restartClean() {
	m.cleanRuns = false
	m.cleanLeft = 0
	if m.quarantines > 0 {
		m.cleanLeft = m.cfg.Probation
	}
}

// runClean lets the clean period run if the mod does, and stand still if not.
func (m *Machine) runClean() {
	runs := m.cleanLeft > 0 && m.started && m.State().Runs() && !m.heldFromOutside()
	switch {
	case runs && !m.cleanRuns:
		m.cleanSince = m.now
	case !runs && m.cleanRuns:
		m.cleanLeft = max(1, m.cleanLeft-(m.now-m.cleanSince))
	}
	m.cleanRuns = runs
}

// forgive ends the clean periods that are over.
func (m *Machine) forgive() {
	if !m.cleanRuns {
		return
	}
	over := satAdd(m.cleanSince, m.cleanLeft)
	if over > m.now {
		return
	}
	m.probation = false
	more := (m.now - over) / m.cfg.Probation // further whole periods
	m.quarantines -= int(min(more, maxPoints)) + 1
	m.quarantines = max(m.quarantines, 0)
	m.restartClean()
	if m.cleanLeft > 0 {
		m.cleanRuns = true
		m.cleanSince = over + more*m.cfg.Probation
	}
}
