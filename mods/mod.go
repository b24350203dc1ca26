package mods

import (
	"bytes"
	"context"
	"errors"
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

// errorsTold is how many failures of the engine's functions that a mod meets are
// told of one by one; further ones are counted.
const errorsTold = 10

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

// boot begins to load an edition of m: a sandbox is made, and the main file runs.
// then, if not nil, takes the instance in place of the mod itself, or the error.
func (m *Mod) boot(e *edition, then func(*instance, error)) {
	in := &instance{mod: m, edition: e, timers: map[int64]*timer{}}
	in.ctx, in.cancel = context.WithCancel(m.host.ctx)
	m.staged = in
	j := &job{in: in, kind: mainJob, during: e.manifest.Entry}
	j.begin = func() (*luasandbox.Task, error) {
		if e.broken != nil {
			return nil, e.broken
		}
		if err := in.open(); err != nil {
			return nil, err
		}
		return in.sandbox.StartFields(in.ctx, e.program)
	}
	j.end = func(results luasandbox.Results, err error) {
		if m.staged != in {
			return // it was dropped meanwhile
		}
		if err == nil {
			if reason := in.takeFunctions(results); reason != "" {
				err = &HookError{Mod: m.id, Entry: e.manifest.Entry, Reason: reason}
			}
		}
		if then != nil {
			then(in, err)
			return
		}
		m.staged = nil
		m.bootEnded(err)
		if err != nil {
			m.dropInstance(in)
			m.fatal(j, err)
			m.host.tendBatches()
			return
		}
		m.live, m.loaded = in, true
		m.booted()
	}
	m.touch()
	m.hurry(j)
}

// bootEnded tells whoever waits for it how a boot ended.
func (m *Mod) bootEnded(err error) {
	told := m.onBoot
	m.onBoot = nil
	if told != nil {
		told(err)
	}
}

// booted is called when the main file of m has run.
func (m *Mod) booted() {
	m.host.audit(m, auditLife, "action", "loaded")
	m.changed(m.health.Started(m.host.now))
	m.check()
	m.host.dependencyUp(m)
	if !m.waitForBatch {
		m.start()
	}
	m.host.tendBatches()
}

// dependenciesUp reports whether all mods that m cannot do without are loaded.
func (m *Mod) dependenciesUp() bool {
	for _, need := range m.edition.manifest.Dependencies {
		if other := m.host.Mod(need.ID); other == nil || !other.loaded || !other.mayRun() {
			return false
		}
	}
	return true
}

// start calls the start hook; then m takes part in the game.
func (m *Mod) start() {
	in := m.live
	if m.continueSaved(func(error) { m.startEnded(in) }) {
		return
	}
	fn := in.hooks["start"]
	if fn == nil {
		m.startEnded(in)
		return
	}
	m.hurry(&job{in: in, kind: startJob, during: "start hook", fn: fn, end: func(luasandbox.Results, error) { m.startEnded(in) }})
}

func (m *Mod) startEnded(in *instance) {
	if m.live != in || in.dropped {
		return
	}
	m.started, m.host.unhooked = true, true
	if in.hooks["tick"] != nil && m.ticked < m.host.tick {
		m.tickHook()
	}
	m.wake()
}

// listHooks finds the mods that have a tick hook.
func (h *Host) listHooks() {
	if !h.unhooked {
		return
	}
	h.unhooked = false
	h.hooked = h.hooked[:0]
	for _, m := range h.Mods() {
		if m.live != nil && m.started && m.live.hooks["tick"] != nil {
			h.hooked = append(h.hooked, m)
		}
	}
}

// tickHook has the tick hook called, unless the one of an earlier tick still
// waits.
func (m *Mod) tickHook() {
	if m.ticking || m.live == nil || !m.mayRun() {
		return
	}
	m.ticking, m.ticked = true, m.host.tick
	j := &job{in: m.live, kind: tickJob, during: "tick hook", fn: m.live.hooks["tick"], args: []any{m.host.tick, m.host.dt.Seconds()}}
	j.end = func(luasandbox.Results, error) { m.ticking = false }
	_ = m.enqueue(j) // there is at most one
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
	m.handingOver = false
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

// dependencyUp lets the mods go on that cannot do without m, which runs now, and
// those that cannot do without them.
func (h *Host) dependencyUp(m *Mod) {
	for _, other := range h.dependants(m) {
		if other.gone {
			continue
		}
		if other.needs(m.id) && other.dependenciesUp() {
			other.changed(other.health.Resume(h.now, health.Dependency))
			other.wake()
			if other.loaded {
				h.dependencyUp(other)
			}
		}
		other.tryBoot()
	}
}

// dependencyDown holds the mods that cannot do without m, and those that cannot do
// without them. Mods that only waited to see whether one of these comes are loaded.
func (h *Host) dependencyDown(m *Mod) {
	if h.stopped || h.ctx.Err() != nil {
		return
	}
	down, held, others := []*Mod{m}, map[*Mod]bool{m: true}, []*Mod(nil)
	for i := 0; i < len(down); i++ {
		for _, other := range h.dependants(down[i]) {
			switch {
			case other.gone || held[other]:
			case other.needs(down[i].id):
				other.changed(other.health.Pause(h.now, health.Dependency))
				other.touch()
				held[other] = true
				down = append(down, other)
			default:
				others = append(others, other)
			}
		}
	}
	for _, other := range others {
		other.tryBoot()
	}
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
	r.MemoryBytes = u.Memory
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

// judge decides what an error of a job means for the mod.
func (m *Mod) judge(j *job, err error) {
	if errors.Is(err, context.Canceled) && m.host.ctx.Err() != nil {
		return
	}
	v := m.violation(j, err)
	if j.in == m.staged && m.reload != nil {
		m.violate(v) // the reload fails, and the mod goes on as it was
		return
	}
	if j.kind == mainJob {
		return // boot draws the consequences
	}
	if j.payer != nil && v.Kind == ErrorViolation {
		return // the caller has the error
	}
	if v.Kind == HostViolation {
		// The engine's fault, not the mod's. It is not counted, and not told of without end.
		if m.hostFailures++; m.hostFailures <= errorsTold || m.hostFailures&(m.hostFailures-1) == 0 {
			m.violate(v)
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.report.ViolationCount++
		m.report.ViolationsOmitted++
		return
	}
	m.violate(v)
	weight := 1
	switch v.Kind {
	case LimitViolation, InternalViolation:
		weight = health.Fatal
	}
	if j.payer != nil && v.Kind == LimitViolation {
		// Whoever calls a service chooses what it has to do: that a mod can be called
		// so that it fails must not be a way to have it stopped.
		j.payer.quarantineIf(j.payer.health.Violation(m.host.now, string(v.Kind), 1), v, err)
		return
	}
	m.quarantineIf(m.health.Violation(m.host.now, string(v.Kind), weight), v, err)
}

// fatal is judge for a main file that failed.
func (m *Mod) fatal(j *job, err error) {
	v := m.violation(j, err)
	m.violate(v)
	if grant, ok := errors.AsType[*GrantError](err); ok {
		m.end(Refused, firstLine(grant.Error()), err)
		m.drop(err)
		m.gone = true
		m.host.mu.Lock()
		delete(m.host.byID, m.id) // so that a mended version can be loaded
		m.host.mu.Unlock()
		m.host.relations = nil
		return
	}
	if v.Kind == SyntaxViolation { // the next time it would be the same
		v.Message = "is not Lua: " + v.Message
		c := m.health.Disable(m.host.now, v.Message)
		m.quarantineIf(c, v, err)
		return
	}
	m.quarantineIf(m.health.Violation(m.host.now, v.During+" failed: "+v.Message, health.Fatal), v, err)
}

// judgeFloods puts on the account what m did while it ran.
func (m *Mod) judgeFloods() {
	floods := m.floods
	m.floods = nil
	for _, v := range floods {
		m.quarantineIf(m.health.Violation(m.host.now, string(v.Kind), 1), v, nil)
	}
}

// quarantineIf notes why m is quarantined, if it is now.
func (m *Mod) quarantineIf(c health.Change, v Violation, err error) {
	m.check()
	m.touch()
	if c.To == Quarantined || c.To == Disabled {
		reason := fmt.Sprintf("%s; tick %d, %s", firstLine(v.Message), v.Tick, escape(v.During))
		m.mu.Lock()
		m.report.Reason, m.err = reason, light(err)
		m.report.Quarantines++
		m.mu.Unlock()
	}
	m.changed(c)
}

// light returns an error that does not hold what a script raised, which can be as
// large as its memory was.
func light(err error) error {
	script, ok := errors.AsType[*luasandbox.ScriptError](err)
	if !ok {
		return err
	}
	small := *script
	small.Value = nil
	small.Message, small.Traceback = strings.Clone(clip(script.Message, maxMessage)), strings.Clone(clip(script.Traceback, maxTraceback))
	return &small
}

// violation describes what a job did wrong.
func (m *Mod) violation(j *job, err error) Violation {
	v := Violation{Kind: ErrorViolation, During: j.during, Tick: m.host.tick, Time: m.host.now, Message: err.Error()}
	var (
		script   *luasandbox.ScriptError
		limit    *limits.Error
		internal *luasandbox.InternalError
		syntax   *luasandbox.SyntaxError
		hook     *HookError
		failed   *luasandbox.HostError
	)
	switch {
	case errors.As(err, &script):
		v.Message, v.Traceback = script.Message, script.Traceback
		if script.Chunk != "" {
			v.Where = fmt.Sprintf("%s:%d", script.Chunk, script.Line)
		}
		if errors.As(err, &failed) {
			v.Kind = HostViolation
		}
	case errors.As(err, &syntax):
		v.Kind = SyntaxViolation
	case errors.As(err, &hook):
		v.Kind = HookViolation
	case errors.As(err, &limit):
		v.Kind, v.Limit, v.Used, v.Max = LimitViolation, limit.Kind.String(), limit.Used, limit.Max
		if j.in.sandbox != nil {
			v.Traceback = j.in.sandbox.Traceback()
		}
	case errors.As(err, &internal):
		v.Kind = InternalViolation
	}
	if v.Where == "" {
		v.Where = firstFrame(v.Traceback)
	}
	return v
}

// firstFrame returns the place of the innermost Lua function in a traceback.
func firstFrame(traceback string) string {
	for line := range strings.Lines(traceback) {
		place, _, found := strings.Cut(strings.TrimSpace(line), ": in ")
		if found && !strings.HasPrefix(place, "[") {
			return place
		}
	}
	return ""
}

// unsent is what follows when a job could not be begun because what was to be
// passed to it does not fit into the mod. That is not the mod's fault.
func (m *Mod) unsent(j *job, _ error) {
	if j.kind == eventJob {
		m.dropEvent()
	}
}

// violate records a violation, once in each place that there is for it.
func (m *Mod) violate(v Violation) {
	v.Message = escape(clip(v.Message, maxMessage))
	v.Traceback = escapeLines(clip(v.Traceback, maxTraceback))
	v.During = escape(clip(v.During, maxMessage))
	v.Where = escape(clip(v.Where, maxMessage))
	h := m.host
	h.cfg.Logger.Warn("mod violation", "mod", m.id, "version", m.report.Version, "digest", m.report.Digest,
		"kind", string(v.Kind), "limit", v.Limit, "used", v.Used, "max", v.Max, "where", v.Where, "during", v.During,
		"message", v.Message, "tick", v.Tick)
	h.audit(m, auditViolation, "kind", string(v.Kind), "limit", v.Limit, "used", v.Used, "max", v.Max, "where", v.Where, "during", v.During, "message", v.Message)
	if h.cfg.Metrics != nil {
		h.cfg.Metrics.Violation(m.id, v.Kind)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report.ViolationCount++
	if len(m.report.Violations) >= maxViolations {
		// The first ones say how it began, the last one what ended it.
		m.report.Violations[maxViolations-1] = v
		m.report.ViolationsOmitted++
		return
	}
	m.report.Violations = append(m.report.Violations, v)
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
