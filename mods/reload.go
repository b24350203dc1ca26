package mods

import (
	"errors"
	"fmt"
	"slices"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Reload puts a new version in the place of a mod that is loaded. It is checked
// here, and its main file runs in the next ticks while the old version goes on. When
// that has come to its end, the old version's on_save() is called, what it returns
// is given to the new one's on_load(state), or, where the versions differ and it has
// one, on_migrate(state, version) before that; and the new one takes over with the
// next tick hook. A new version without on_load has its start hook called. Timers
// that have a name go on; subscriptions and other timers are what the new main file
// makes them.
//
// Where anything of this fails the old version goes on as if nothing had happened,
// and the [Reply] says why ([*ReloadError]). A mod that is quarantined or disabled
// is loaded anew, with nothing on its account.
//
// The errors, where nothing was begun: [*ReloadError], which wraps [ErrNoMod] or
// what [Host.Load] returns for a mod that is refused; [ErrClosed].
func (h *Host) Reload(id string, s Source) (*Reply, error) {
	fail := func(err error) (*Reply, error) { return nil, &ReloadError{Mod: id, Err: err} }
	if h.Mod(id) == nil {
		return fail(ErrNoMod)
	}
	if s.Err != nil {
		return fail(s.Err)
	}
	for {
		e, err := h.edit(s)
		switch {
		case err != nil:
			return fail(err)
		case e.manifest.ID != id:
			return fail(e.manifest.Problem(fmt.Sprintf("the id is %q; a reload of %q keeps it", e.manifest.ID, id), "mod", "id"))
		case e.broken != nil:
			return fail(e.broken)
		}
		if err := h.fits(e); err != nil {
			return fail(err)
		}
		r := &reloadInput{id: id, edition: e, source: s.Path, reply: newReply()}
		told, err := h.tellReload(r)
		if err != nil {
			return nil, err
		}
		if told {
			return r.reply, nil
		}
	}
}

// tellReload puts a reload into the inbox, unless more is known by now than it was
// decided by.
func (h *Host) tellReload(r *reloadInput) (told bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed != nil {
		return false, h.closed
	}
	if r.edition.asked != h.asked {
		return false, nil
	}
	h.reloads = append(slices.DeleteFunc(h.reloads, (*reloadInput).over), r)
	h.inbox = append(h.inbox, r)
	return true, nil
}

// over reports whether it is known what became of the reload.
func (r *reloadInput) over() bool {
	_, err := r.reply.Get()
	return !errors.Is(err, ErrPending)
}

// fits checks a new edition of a mod against the others.
func (h *Host) fits(e *edition) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*manifest.Manifest
	for _, id := range sortedNames(h.byID) {
		if id == e.manifest.ID {
			all = append(all, e.manifest)
		} else {
			all = append(all, h.byID[id].edition.manifest)
		}
	}
	_, refused := resolve(all)
	if r := refused[e.manifest.ID]; r != nil {
		return r
	}
	for _, id := range sortedNames(refused) {
		if r := refused[id]; r.On == e.manifest.ID {
			return e.manifest.Problem(fmt.Sprintf("the mod %q, which is loaded, cannot run beside version %s of it: %v", id, e.manifest.Version, firstLine(r.Error())), "mod", "version")
		}
	}
	return nil
}

// reloadInput is a Reload.
type reloadInput struct {
	id      string
	edition *edition
	source  string
	reply   *Reply
}

func (r *reloadInput) fail(err error) { r.reply.answer(nil, &ReloadError{Mod: r.id, Err: err}) }

var errReloading = errors.New("another reload of the mod is under way")

func (r *reloadInput) apply(h *Host) {
	m := h.Mod(r.id)
	switch {
	case m == nil:
		r.fail(ErrNoMod)
	case m.reload != nil:
		r.fail(errReloading)
	case m.live == nil:
		m.renew(r)
	default:
		m.reload = r
		m.boot(r.edition, func(in *instance, err error) { m.handOver(r, in, err) })
	}
}

// setEdition makes an edition the mod's.
func (m *Mod) setEdition(e *edition, source string) {
	m.host.mu.Lock()
	m.edition = e
	m.host.mu.Unlock()
	m.host.relations = nil
	m.host.settings.check(m)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.describe()
	if source != "" {
		m.report.Source = escape(source)
	}
}

// renew loads a new edition of a mod that does not run.
func (m *Mod) renew(r *reloadInput) {
	h := m.host
	if in := m.staged; in != nil {
		m.staged = nil
		m.dropInstance(in)
	}
	m.bootEnded(errReloading)
	m.setEdition(r.edition, r.source)
	m.waitForBatch = false
	m.onBoot = func(err error) {
		if err != nil {
			r.fail(err)
			return
		}
		r.reply.answer(nil, nil)
	}
	m.changed(m.health.Readmit(h.now)) // the new edition was decided about
	m.changed(m.health.Enable(h.now))
	m.touch()
	m.tryBoot()
}

// handOver is the next step of a reload, when the new main file has run.
func (m *Mod) handOver(r *reloadInput, in *instance, err error) {
	if err != nil {
		m.giveUpReload(r, err)
		return
	}
	m.handingOver = true
	save := m.live.hooks["on_save"]
	if save == nil || in.hooks["on_load"] == nil {
		// When what the old version is doing has come to its end.
		m.hurry(&job{in: m.live, kind: saveJob, during: "reload", begin: func() (*luasandbox.Task, error) { return nil, nil },
			end: func(luasandbox.Results, error) {
				if m.reload == r {
					m.takeOver(r, in)
				}
			}})
		return
	}
	m.hurry(&job{in: m.live, kind: saveJob, during: "on_save hook", fn: save, end: func(results luasandbox.Results, err error) {
		if m.reload != r {
			return
		}
		var state any
		if err == nil && len(results) > 0 {
			state, _, err = savedState(results[0])
		}
		if err != nil {
			m.giveUpReload(r, err)
			return
		}
		in.load(state, m.live.edition.manifest.Version.String(), func(err error) {
			switch {
			case m.reload != r:
			case err != nil:
				m.giveUpReload(r, err)
			default:
				m.takeOver(r, in)
			}
		})
	}})
}

// load gives saved state to an instance.
func (in *instance) load(state any, version string, end func(error)) {
	m := in.mod
	give := func(state any) {
		m.hurry(&job{in: in, kind: startJob, during: "on_load hook", fn: in.hooks["on_load"], args: []any{state}, end: func(_ luasandbox.Results, err error) { end(err) }})
	}
	migrate := in.hooks["on_migrate"]
	if migrate == nil || version == in.edition.manifest.Version.String() {
		give(state)
		return
	}
	m.hurry(&job{in: in, kind: startJob, during: "on_migrate hook", fn: migrate, args: []any{state, version}, end: func(results luasandbox.Results, err error) {
		var migrated any
		if err == nil && len(results) > 0 {
			migrated, _, err = savedState(results[0])
		}
		if err != nil {
			end(err)
			return
		}
		give(migrated)
	}})
}

// giveUpReload leaves the old version running.
func (m *Mod) giveUpReload(r *reloadInput, err error) {
	if in := m.staged; in != nil {
		m.staged = nil
		m.dropInstance(in)
	}
	m.reload, m.handingOver = nil, false
	m.wake()
	m.host.cfg.Logger.Warn("mod not reloaded", "mod", m.id, "version", r.edition.manifest.Version.String(), "reason", firstLine(err.Error()))
	m.host.audit(m, auditLife, "action", "reload failed", "new_version", r.edition.manifest.Version.String(), "reason", err.Error())
	r.fail(light(err))
}

// takeOver makes the new instance the mod's.
func (m *Mod) takeOver(r *reloadInput, in *instance) {
	old := m.live
	m.staged, m.live, m.reload, m.handingOver = nil, in, nil, false
	m.setEdition(r.edition, r.source)
	for _, t := range namedTimers(old) {
		n := &timer{in: in, name: t.name, every: t.every}
		in.startTimer(n, max(0, t.due-m.host.now))
	}
	m.ticking = false
	m.dropInstance(old)
	m.host.audit(m, auditLife, "action", "reloaded")
	m.host.cfg.Logger.Info("mod reloaded", "mod", m.id, "version", r.edition.manifest.Version.String())
	if in.hooks["on_load"] == nil || old.hooks["on_save"] == nil {
		m.started = false
		m.start()
	} else {
		m.startEnded(in)
	}
	r.reply.answer(nil, nil)
	m.touch()
}

// dropInstance ends an instance that the mod goes on without, and gives up what it
// had to do.
func (m *Mod) dropInstance(in *instance) {
	jobs := in.takeJobs()
	m.urgent = slices.DeleteFunc(m.urgent, func(j *job) bool {
		if j.in == in {
			jobs = append(jobs, j)
		}
		return j.in == in
	})
	for _, lane := range []**job{&m.current, &m.other} {
		if j := *lane; j != nil && j.in == in {
			jobs = append(jobs, j)
			*lane = nil
		}
	}
	for _, j := range jobs {
		m.abandon(j, ErrNotRunning)
	}
	in.drop()
}

// namedTimers returns the timers of an instance that outlive it, the oldest first.
func namedTimers(in *instance) []*timer {
	var named []*timer
	for _, t := range in.timers {
		if t.name != "" {
			named = append(named, t)
		}
	}
	slices.SortFunc(named, func(a, b *timer) int { return int(a.id - b.id) })
	return named
}
