package mods

import (
	"context"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/health"
)

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
	for _, need := range m.edition.manifest.Dependencies {
		if other := m.host.Mod(need.ID); other == nil || !other.started {
			m.startLater = true // what it relies on begins first
			return
		}
	}
	m.startLater = false
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
	for _, other := range m.host.dependants(m) {
		if other.startLater && other.live != nil && !other.started {
			other.start()
		}
	}
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
