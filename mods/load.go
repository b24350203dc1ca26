package mods

import (
	"errors"
	"fmt"
	"slices"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Source is where one mod comes from.
type Source struct {
	// Bundle is the mod.
	Bundle *bundle.Bundle
	// Path says in messages where it is from, as the path of its folder.
	Path string
	// Libraries are those that the manifest names, and those that these name: one
	// version of each. Package resolution chooses them.
	Libraries []*bundle.Bundle
	// Err is why the mod cannot be loaded, for example because the archive is damaged
	// and there is no Bundle: it is then refused with this reason, and is among the
	// host's mods.
	Err error
}

// Load checks mods and takes those that may run: they are loaded in the next
// [Host.Tick], each after all those that it depends on. Nothing of them runs here,
// and what takes long, such as compiling, is done here, so that it holds no frame.
//
// A mod that is refused is among the host's mods all the same, with the state
// [Refused], and does not keep others from being loaded. What was refused, and why,
// is also returned, joined in the order of the sources: [*manifest.Error] or
// [*manifest.Problem] (options of capabilities, and the main file), [*texts.Error],
// [*PermissionError], [*APIError], [*DuplicateError], [*CapacityError],
// [*DependencyError], [*LibraryError], [*DecisionError], or the Err of a source. [ErrStopped] and [ErrClosed] come without mods.
//
// The mods are returned in the order of the sources.
func (h *Host) Load(sources ...Source) ([]*Mod, error) {
	mods := make([]*Mod, len(sources))
	errs := make([]error, len(sources))
	for i, s := range sources {
		m := &Mod{host: h, report: Report{Source: escape(s.Path), State: Loaded}}
		mods[i] = m
		if errs[i] = s.Err; s.Err == nil {
			m.edition, errs[i] = h.edit(s)
		} else if s.Bundle != nil {
			m.edition = h.known(s.Bundle)
		}
		if e := m.edition; e != nil {
			m.id = e.manifest.ID
			m.describe()
		}
	}
	h.mu.Lock()
	for i := 0; i < len(mods); i++ {
		if errs[i] == nil && mods[i].edition.asked != h.asked { // more is known by now
			h.mu.Unlock()
			if mods[i].edition, errs[i] = h.edit(sources[i]); mods[i].edition != nil {
				mods[i].describe()
			}
			h.mu.Lock()
			i = -1
		}
	}
	if h.closed != nil {
		h.mu.Unlock()
		return nil, h.closed
	}
	order := h.admit(mods, errs)
	h.mods = append(h.mods, order...)
	for i, m := range mods {
		if errs[i] != nil {
			m.report.State, m.report.Reason, m.err = Refused, firstLine(errs[i].Error()), errs[i]
			if m.edition != nil { // its files are not needed any more
				m.edition = &edition{manifest: m.edition.manifest, limits: m.edition.limits, decision: decisionOf(m.edition, errs[i])}
			}
			h.mods = append(h.mods, m)
		}
	}
	if len(order) > 0 {
		h.inbox = append(h.inbox, &loadInput{mods: order})
	}
	h.inbox = append(h.inbox, &refusedInput{mods: slices.DeleteFunc(slices.Clone(mods), func(m *Mod) bool { return m.err == nil })})
	h.mu.Unlock()
	h.warnOfEvents(order)
	for i, m := range mods {
		if errs[i] != nil {
			h.cfg.Logger.Warn("mod refused", "mod", m.id, "source", m.report.Source, "reason", m.report.Reason)
		}
	}
	return mods, errors.Join(errs...)
}

// admit decides which of the mods without an error can run beside those that are
// there, and gives the others an error. It returns them in load order. h.mu is
// held.
func (h *Host) admit(mods []*Mod, errs []error) []*Mod {
	fresh := map[string]int{} // index in mods
	for i, m := range mods {
		if errs[i] != nil {
			continue
		}
		if first := h.byID[m.id]; first != nil {
			errs[i] = &DuplicateError{ID: m.id, Source: m.report.Source, First: first.Report().Source}
		} else if first, twice := fresh[m.id]; twice {
			errs[i] = &DuplicateError{ID: m.id, Source: m.report.Source, First: mods[first].report.Source}
		} else {
			fresh[m.id] = i
		}
	}
	h.weigh(mods, errs, fresh)
	for {
		var all []*manifest.Manifest
		for _, m := range h.byID {
			all = append(all, m.edition.manifest)
		}
		for _, i := range fresh {
			all = append(all, mods[i].edition.manifest)
		}
		order, refused := resolve(all)
		again := false
		for _, id := range sortedNames(refused) {
			e := refused[id]
			if i, isFresh := fresh[id]; isFresh {
				errs[i] = e
				continue
			}
			// What runs stays: the newcomer that it cannot run beside goes.
			if i, isFresh := fresh[e.On]; isFresh {
				errs[i] = &DependencyError{Mod: e.On, On: id, Reason: e.Reason, Want: e.Want, Have: e.Have,
					Err: mods[i].edition.manifest.Problem(fmt.Sprintf("the mod %q, which is loaded, cannot run beside version %s of it", id, mods[i].edition.manifest.Version), "mod", "version")}
				delete(fresh, e.On)
				again = true
			}
		}
		if again {
			continue
		}
		var accepted []*Mod
		for _, man := range order {
			if i, isFresh := fresh[man.ID]; isFresh && errs[i] == nil {
				m := mods[i]
				h.count++
				m.number = h.count
				m.health = health.New(h.cfg.Health)
				h.byID[m.id] = m
				accepted = append(accepted, m)
			}
		}
		return accepted
	}
}

// weigh refuses the mods whose memory the host does not have. h.mu is held.
func (h *Host) weigh(mods []*Mod, errs []error, fresh map[string]int) {
	left := h.cfg.Memory
	if left == limits.Unlimited {
		return
	}
	for _, m := range h.byID {
		left -= min(left, m.edition.limits.WithDefaults().Memory)
	}
	for i, m := range mods {
		if j, isFresh := fresh[m.id]; !isFresh || i != j {
			continue
		}
		if need := m.edition.limits.WithDefaults().Memory; need > left {
			errs[i] = &CapacityError{Mod: m.id, Need: need, Left: left}
			delete(fresh, m.id)
		} else {
			left -= need
		}
	}
}

// batch are mods that were loaded together: the start hooks of all are called when
// the main files of all have run, or when that takes too long.
type batch struct {
	mods  []*Mod
	begun int   // so many of them are not being loaded any more
	since int64 // tick
}

// done reports whether no mod of the batch is being loaded.
func (b *batch) done() bool {
	for b.begun < len(b.mods) && !b.mods[b.begun].booting() {
		b.begun++
	}
	return b.begun == len(b.mods)
}

// batchTicks is how long a mod whose main file has run waits for others.
const batchTicks = 10

// loadInput is a Load.
type loadInput struct{ mods []*Mod }

func (l *loadInput) apply(h *Host) {
	b := &batch{mods: l.mods, since: h.tick}
	h.relations = nil
	h.batches = append(h.batches, b)
	for _, m := range l.mods {
		p := h.cfg.Priorities[m.id]
		if p.Weight == 0 {
			p.Weight = defaultWeight
		}
		m.entry = h.scheduler.Add(m, p.Class, p.Weight)
		m.restoreHealth()
		h.auditDecision(m)
		m.warnOfRequests()
		h.settings.check(m)
		m.touch()
	}
	for _, m := range l.mods {
		m.waitForBatch = true
		m.tryBoot()
	}
}

// refusedInput writes refusals into the audit log.
type refusedInput struct{ mods []*Mod }

func (r *refusedInput) apply(h *Host) {
	for _, m := range r.mods {
		h.auditDecision(m)
		h.audit(m, auditDenial, "source", m.report.Source, "reason", m.report.Reason)
	}
}

// tendBatches starts those that have waited for each other.
func (h *Host) tendBatches() {
	h.batches = slices.DeleteFunc(h.batches, func(b *batch) bool {
		if h.tick-b.since < batchTicks && !b.done() {
			return false
		}
		for _, m := range b.mods {
			m.waitForBatch = false
			if m.live != nil && m.loaded && !m.started {
				m.start()
			}
		}
		return true
	})
	if len(h.batches) == 0 {
		held := h.held
		h.held = nil
		for _, e := range held {
			e.send(h)
		}
	}
}

// Unload takes mods away: in the next tick their stop hooks are called, and then
// their states are dropped, what waits for an answer with them. Mods that depend on
// them are unloaded first.
//
// The errors: [ErrNoMod], [ErrClosed].
func (h *Host) Unload(ids ...string) error {
	for _, id := range ids {
		if h.Mod(id) == nil {
			return fmt.Errorf("unload %q: %w", id, ErrNoMod)
		}
	}
	for _, id := range ids {
		if err := h.tell(&unloadInput{id: id}); err != nil {
			return err
		}
	}
	return nil
}

// Forget takes a mod that was refused off the host's list. It does nothing to others.
func (h *Host) Forget(m *Mod) {
	if m.State() != Refused {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mods = slices.DeleteFunc(h.mods, func(other *Mod) bool { return other == m })
}

// unloadInput is an Unload of one mod.
type unloadInput struct{ id string }

func (u *unloadInput) apply(h *Host) { h.unload(u.id) }

func (h *Host) unload(id string) {
	m := h.Mod(id)
	if m == nil {
		return
	}
	for _, other := range slices.Backward(h.dependants(m)) {
		if h.Mod(other.id) == other && other.needs(id) {
			h.unload(other.id)
		}
	}
	h.audit(m, auditLife, "action", "unloaded")
	if m.live != nil {
		m.runNow(&job{in: m.live, kind: stopJob, during: "stop hook", fn: m.live.hooks["stop"]})
	}
	m.drop(ErrNotRunning)
	m.end(Unloaded, "", nil)
	m.settle()
	if m.entry != nil {
		h.scheduler.Remove(m.entry)
		m.entry = nil
	}
	if h.unwell[m] { // or else a mod could be made well by loading it again
		h.storage.kept[id] = m.health.Snapshot(h.now)
		delete(h.unwell, m)
	}
	h.storage.forget(id)
	h.relations = nil
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byID, id)
	h.mods = slices.DeleteFunc(h.mods, func(other *Mod) bool { return other == m })
}

// dependants returns the mods whose manifests name m as a dependency, also as one
// that they can do without or only follow, in load order.
func (h *Host) dependants(m *Mod) []*Mod {
	if h.relations == nil {
		h.relations = map[string][]*Mod{}
		for _, other := range h.Mods() {
			if other.health == nil || other.gone {
				continue
			}
			man := other.edition.manifest
			for _, list := range [][]manifest.Requirement{man.Dependencies, man.OptionalDependencies, man.LoadAfter} {
				for _, need := range list {
					h.relations[need.ID] = append(h.relations[need.ID], other)
				}
			}
		}
	}
	return h.relations[m.id]
}

// needs reports whether m cannot run without the mod with that id.
func (m *Mod) needs(id string) bool {
	return slices.ContainsFunc(m.edition.manifest.Dependencies, func(r manifest.Requirement) bool { return r.ID == id })
}

// tryBoot begins to load m if those that it depends on are there.
func (m *Mod) tryBoot() {
	if m.entry == nil || m.live != nil || m.staged != nil || m.gone || !m.mayRun() {
		return
	}
	man := m.edition.manifest
	for _, need := range man.Dependencies {
		if other := m.host.Mod(need.ID); other == nil || !other.loaded {
			return
		}
	}
	first := func(need manifest.Requirement) bool {
		// Of two that would wait for each other, the one that comes first does not.
		other := m.host.Mod(need.ID)
		return other != nil && other.number < m.number && other.booting() && need.Range.Contains(other.edition.manifest.Version)
	}
	if slices.ContainsFunc(man.OptionalDependencies, first) || slices.ContainsFunc(man.LoadAfter, first) {
		return
	}
	m.boot(m.edition, nil)
}

// booting reports whether m is on its way to being loaded.
func (m *Mod) booting() bool {
	return !m.loaded && !m.gone && m.mayRun() && (m.staged != nil || m.waitsForOthers())
}

// waitsForOthers reports whether m would be loaded if others were.
func (m *Mod) waitsForOthers() bool {
	return !slices.ContainsFunc(m.edition.manifest.Dependencies, func(need manifest.Requirement) bool {
		other := m.host.Mod(need.ID)
		return other == nil || !other.loaded && !other.booting()
	})
}

// warnOfRequests tells of what a mod asks for and will not have for long.
func (m *Mod) warnOfRequests() {
	for _, c := range m.edition.choices {
		if c.capability.Deprecated == "" {
			continue
		}
		at := m.edition.manifest.Where("permissions", c.permission.Name)
		m.host.cfg.Logger.Warn("mod uses a deprecated capability", "mod", m.id, "capability", c.capability.Name,
			"version", c.capability.Version, "where", fmt.Sprintf("%s:%d", at.File, at.Line), "instead", c.capability.Deprecated)
	}
}

// advance does what is due in the health of mods: see health.Machine.Advance.
func (h *Host) advance() {
	for {
		m := h.checks.due(h.now)
		if m == nil {
			return
		}
		if m.gone {
			continue
		}
		m.changed(m.health.Advance(h.now))
		m.check()
	}
}

// restoreHealth takes what an earlier host kept of m.
func (m *Mod) restoreHealth() {
	s, ok := m.host.storage.kept[m.id]
	if !ok {
		return
	}
	delete(m.host.storage.kept, m.id)
	if err := m.health.Restore(m.host.now, s); err != nil {
		m.host.cfg.Logger.Warn("what was kept of a mod's health cannot be used", "mod", m.id, "error", err)
		return
	}
	m.check()
}

// healthRecord returns what the next host is to know of the mods.
func (h *Host) healthRecord() map[string]health.Snapshot {
	record := map[string]health.Snapshot{}
	for id, s := range h.storage.kept { // of mods that are not loaded now
		record[id] = s
	}
	for m := range h.unwell {
		if !m.gone {
			record[m.id] = m.health.Snapshot(h.now)
		}
	}
	return record
}
