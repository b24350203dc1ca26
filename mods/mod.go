package mods

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/schedule"
)

// Mod is one mod of a host. Its methods may be called from any goroutine.
type Mod struct {
	host   *Host
	id     string // "" if the manifest could not be read
	number int    // of the mods that were ever loaded, from 1

	edition *edition // guarded by host.mu where it changes

	// What follows belongs to who is in the frame.
	entry        *schedule.Entry // nil before the mod is loaded and after it is unloaded
	health       *health.Machine
	live         *instance
	staged       *instance // being loaded
	reload       *reloadInput
	onBoot       func(error) // told, once, how the next boot ends
	loaded       bool        // the main file of live has run
	started      bool        // and its start hook
	gone         bool        // unloaded, or refused
	waitForBatch bool
	startLater   bool  // when the mods that it needs have started
	touched      bool  // it is in host.touched
	ticking      bool  // there is a tick hook in the queue, or it runs
	ticked       int64 // the tick in which it was put there last
	current      *job  // running or paused
	other        *job  // paused too, while the mod is reloaded: of the other version
	handingOver  bool  // the old version has saved, and does nothing any more
	urgent       []*job
	use          tickUse
	floods       []Violation      // that have not been put on its account yet
	base         luasandbox.Usage // of sandboxes that are no more
	nextCheck    time.Duration    // in host.checks
	listed       bool             // it is in host.checks
	waits        int64            // of its jobs for answers, ever
	page         *page            // of the journal
	audits       []audit.Record   // of this frame, likewise
	printed      bytes.Buffer     // in this frame, if mods run at the same time
	saved        *savedMod        // what it wanted to know again when it was asked last
	hostFailures int64            // of the engine's functions, that it did not catch
	idleSince    int64            // the tick after which it had nothing to do; 0 if it has

	mu     sync.Mutex // guards what follows
	report Report
	err    error // why it is refused or quarantined
}

// tickUse is what a mod did in one tick.
type tickUse struct {
	tick     int64
	logLines int
	logBytes int
	flooded  bool
	dropped  int // log lines
}

// usage returns what m did in this tick.
func (m *Mod) usage() *tickUse {
	if m.use.tick != m.host.tick {
		m.use = tickUse{tick: m.host.tick}
	}
	return &m.use
}

// ID returns the id in the manifest; "" if the manifest could not be read.
func (m *Mod) ID() string { return m.id }

// Manifest returns the mod's manifest, nil if it could not be read.
func (m *Mod) Manifest() *manifest.Manifest {
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	if m.edition == nil {
		return nil
	}
	return m.edition.manifest
}

// Limits returns the limits of each call of the mod: the host's, tightened by what
// the manifest asks for.
func (m *Mod) Limits() limits.Limits {
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	if m.edition == nil {
		return limits.Limits{}
	}
	return m.edition.limits
}

// State returns the mod's state at the end of the last tick.
func (m *Mod) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report.State
}

// Err returns why the mod was refused or quarantined: what [Host.Load] returned, a
// [*GrantError], a [*HookError], or an error of package luasandbox or limits; of a
// *luasandbox.ScriptError the texts are cut and the value is left out. Nil for a
// mod that is well.
func (m *Mod) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// mayRun reports whether something of m may be executed now.
func (m *Mod) mayRun() bool {
	if m.gone || m.health == nil {
		return false
	}
	s := m.health.State()
	return s != Quarantined && s != Disabled && !m.health.Held()
}

// touch has m looked at when the frame is over.
func (m *Mod) touch() {
	if !m.touched {
		m.touched = true
		m.host.touched = append(m.host.touched, m)
	}
}

// drop ends the instances of m and all that it had to do.
func (m *Mod) drop(reason error) {
	for _, in := range []*instance{m.staged, m.live} {
		if in != nil {
			in.drop()
		}
	}
	jobs := append([]*job{}, m.urgent...)
	for _, j := range []*job{m.current, m.other} {
		if j != nil {
			jobs = append(jobs, j)
		}
	}
	for _, in := range []*instance{m.staged, m.live} {
		if in != nil {
			jobs = append(jobs, in.takeJobs()...)
		}
	}
	m.live, m.staged, m.current, m.other, m.urgent = nil, nil, nil, nil, nil
	m.handingOver, m.startLater = false, false
	m.loaded, m.started, m.ticking = false, false, false
	for _, j := range jobs {
		m.abandon(j, reason)
	}
	if m.reload != nil {
		m.reload.fail(reason)
		m.reload = nil
	}
	m.bootEnded(reason)
	m.host.unhooked = true
	m.host.dependencyDown(m)
	m.touch()
}

// retire adds up what a sandbox has used before it is closed.
func (m *Mod) retire(s *luasandbox.Sandbox) {
	u := s.Usage()
	m.base.Calls += u.Calls
	m.base.Instructions += u.Instructions
	m.base.Allocated += u.Allocated
	m.base.HostCalls += u.HostCalls
	m.base.Output += u.Output
	m.base.Wall += u.Wall
	m.base.MemoryPeak = max(m.base.MemoryPeak, u.MemoryPeak)
}

// account takes the sandbox's figures into the report.
func (m *Mod) account() {
	m.host.journal.ran(m)
	u := m.base
	for _, in := range []*instance{m.live, m.staged} {
		if in == nil || in.sandbox == nil || in.dropped {
			continue
		}
		s := in.sandbox.Usage()
		u.Calls += s.Calls
		u.Instructions += s.Instructions
		u.Memory += s.Memory
		u.Allocated += s.Allocated
		u.HostCalls += s.HostCalls
		u.Output += s.Output
		u.Wall += s.Wall
		u.MemoryPeak = max(u.MemoryPeak, s.MemoryPeak)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &m.report
	r.Calls = u.Calls
	r.Instructions = u.Instructions
	if u.Memory > 0 || !m.host.stopped { // what it held when the game ended is of interest
		r.MemoryBytes = u.Memory
	}
	r.MemoryPeakBytes = u.MemoryPeak
	r.AllocatedBytes = u.Allocated
	r.HostCalls = u.HostCalls
	r.OutputBytes = u.Output
	r.WallMS = float64(u.Wall.Round(time.Microsecond)) / float64(time.Millisecond)
}

// settle is what is done for m at the end of a frame in which it was touched.
func (m *Mod) settle() (again bool) {
	h := m.host
	m.flush()
	m.flushAudit()
	if m.use.dropped > 0 && m.use.tick == h.tick {
		h.cfg.Logger.Warn("mod logs too much; lines dropped", "mod", m.id, "lines", m.use.dropped, "tick", h.tick)
		m.use.dropped = 0
	}
	if m.health == nil || m.gone {
		return false
	}
	busy := m.current != nil && m.current.task != nil
	if busy {
		m.collect(m.current)
		m.changed(m.health.Pause(h.now, health.Frame))
		if h.cfg.Metrics != nil {
			h.cfg.Metrics.Pause(m.id)
		}
	} else {
		m.changed(m.health.Resume(h.now, health.Frame))
	}
	share := 1.0
	if m.entry != nil {
		m.changed(m.health.Throttle(h.now, m.entry.Throttled()))
		share = m.entry.Share()
	}
	m.account()
	status := m.health.Status()
	m.mu.Lock()
	r := &m.report
	if r.State != Stopped && r.State != Unloaded {
		r.State = status.State
		if status.State != Quarantined && status.State != Disabled {
			r.Reason = status.Reason
			m.err = nil
		} else if r.Reason == "" { // an earlier host's word
			r.Reason = escape(status.Reason)
		}
	}
	r.Health, r.Share = status, share
	r.Waiting, r.Parked = len(m.urgent), 0
	for _, in := range []*instance{m.live, m.staged} {
		if in != nil {
			r.Waiting += len(in.queue.jobs) + len(in.ready)
			r.Parked += len(in.parked)
		}
	}
	busy = m.current != nil || m.other != nil || r.Waiting > 0
	m.mu.Unlock()
	m.idles(busy)
	return busy || share < 1 || status.State == Throttled
}

// check lists m among those whose health changes with time alone.
func (m *Mod) check() {
	h := m.host
	switch s := m.health.Status(); {
	case s.Quarantines > 0 || s.Points > 0 || !s.State.Runs():
		h.unwell[m] = true
	case h.unwell[m]:
		delete(h.unwell, m)
	}
	if next, ok := m.health.Next(); ok {
		m.host.checks.add(m, next)
	}
}

// changed tells of a change of m's state, and acts on it.
func (m *Mod) changed(c health.Change) {
	if c.To == "" {
		return
	}
	h := m.host
	m.touch()
	level := slog.LevelDebug // active, paused and throttled change all the time
	switch c.To {
	case Quarantined, Disabled, Failing:
		level = slog.LevelWarn
	}
	if c.From == Quarantined || c.From == Disabled || c.From == Failing {
		level = max(level, slog.LevelInfo)
	}
	if h.cfg.Logger.Enabled(context.Background(), level) {
		h.cfg.Logger.Log(context.Background(), level, "mod "+string(c.To), "mod", m.id, "from", string(c.From), "reason", escape(c.Reason), "tick", h.tick)
	}
	if level > slog.LevelDebug {
		h.audit(m, auditState, "from", string(c.From), "to", string(c.To), "reason", c.Reason)
	}
	switch {
	case c.To == Quarantined || c.To == Disabled:
		m.drop(ErrNotRunning)
	case c.From == Quarantined || c.From == Disabled:
		m.waitForBatch = false
		m.tryBoot()
	case c.From == Paused:
		m.tryBoot()
		m.wake()
	}
}

// end sets the last state of a mod.
func (m *Mod) end(state State, reason string, err error) {
	m.gone = m.gone || state == Unloaded || state == Refused
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.Waiting, m.report.Parked = 0, 0
	if state == Stopped && (m.report.State == Stopped || m.report.State == Quarantined || m.report.State == Disabled || m.report.State == Refused) {
		return
	}
	m.report.State, m.report.Reason, m.err = state, reason, err
}

func (m *Mod) dropEvent() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.EventsDropped++
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return escape(clip(line, maxMessage))
}

// seedFor mixes the host's seed with what the numbers are for and the mod's id, so
// that no mod's numbers tell another's.
func seedFor(seed uint64, use, id string) uint64 {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d %s %s", seed, use, id)
	return hash.Sum64()
}
