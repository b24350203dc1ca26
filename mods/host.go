package mods

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
)

// Host runs many mods in one game. It belongs to one goroutine: [Host.Add],
// [Host.Start], [Host.Tick], [Host.Stop] and [Host.Close] return [ErrBusy] where
// they are called while one of them runs. [Host.Emit] and [Host.Mods] may be
// called from anywhere at any time, also by the engine's host functions.
//
// What happens to a mod is told by its [Mod.Report], not by the errors of the
// host's methods: these are about the host.
type Host struct {
	cfg          HostConfig
	api          *semver.Version
	capabilities map[string]Capability
	tickers      []Ticker
	events       *events
	storage      *storageCapability

	running atomic.Bool
	phase   phase
	tick    int64
	order   []*Mod // accepted, in load order

	mu   sync.Mutex // guards what follows
	mods []*Mod     // in the order of Add; in load order from Start on
}

type phase int

const (
	adding phase = iota
	started
	stopped
	closed
)

// tickKey is the key in the context that a host gives to its tickers, for a
// *ticking.
type tickKey struct{ host *Host }

// ticking is one turn of the tickers.
type ticking struct{ over atomic.Bool }

// turn calls what a ticker has to do, with a context by which it may call mods.
func (h *Host) turn(ctx context.Context, f func(context.Context) error) error {
	now := &ticking{}
	defer now.over.Store(true)
	return f(context.WithValue(ctx, tickKey{h}, now))
}

// NewHost returns a host without mods. It opens the store, which stays open
// until [Host.Close].
//
// The errors: [*ConfigError], and [*storage.Error] for a store that cannot be
// opened.
func NewHost(cfg HostConfig) (*Host, error) {
	cfg, api, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, api: api}
	h.events = &events{host: h, closed: ErrNotStarted}
	h.storage = &storageCapability{host: h}
	builtin := []Capability{
		logCapability{}, h.events, &timers{host: h}, h.storage, randomCapability{host: h},
		clockCapability{host: h}, jsonCapability{},
	}
	if h.capabilities, err = collect(cfg, builtin); err != nil {
		return nil, err
	}
	for _, c := range append(builtin, cfg.Capabilities...) {
		if t, ok := c.(Ticker); ok {
			h.tickers = append(h.tickers, t)
		}
	}
	h.storage.store = &storage.Memory{}
	if cfg.OpenStore != nil {
		if h.storage.store, err = cfg.OpenStore(cfg.DataDir); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// enter makes the host busy until leave is called.
func (h *Host) enter() (leave func(), err error) {
	if !h.running.CompareAndSwap(false, true) {
		return nil, ErrBusy
	}
	return func() { h.running.Store(false) }, nil
}

// mustRun returns why mods cannot be called now, if they cannot.
func (h *Host) mustRun() error {
	switch h.phase {
	case adding:
		return ErrNotStarted
	case stopped:
		return ErrStopped
	case closed:
		return ErrClosed
	}
	return nil
}

// Add checks a mod and keeps it for Start. source says in messages where the
// mod is from, as the path of its folder.
//
// A mod that is refused is among the host's mods all the same, with the state
// [Refused], and is returned beside the error: [*manifest.Error] or
// [*manifest.Problem] (options of capabilities and the main file, several of
// them in a *manifest.Error), [*PermissionError], [*APIError],
// [*DuplicateError]. Dependencies are looked at by Start. [ErrBusy],
// [ErrStarted] and [ErrClosed] come without a mod.
func (h *Host) Add(b *bundle.Bundle, source string) (*Mod, error) {
	return h.add(&Mod{host: h, bundle: b}, source, func(m *Mod) error { return h.check(m) })
}

// Refuse records a mod that could not be opened, for example because its
// archive is damaged, so that it is among the host's mods with the reason. The
// errors are [ErrBusy], [ErrStarted] and [ErrClosed].
func (h *Host) Refuse(source string, reason error) (*Mod, error) {
	m, err := h.add(&Mod{host: h}, source, func(*Mod) error { return reason })
	if m == nil {
		return nil, err
	}
	return m, nil
}

func (h *Host) add(m *Mod, source string, check func(*Mod) error) (*Mod, error) {
	leave, err := h.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	switch h.phase {
	case closed:
		return nil, ErrClosed
	case started, stopped:
		return nil, ErrStarted
	}
	m.report = Report{Source: escape(source), State: Loaded}
	err = check(m)
	if man := m.manifest; man != nil {
		m.report.ID, m.report.Version, m.report.Name = man.ID, man.Version.String(), man.Name
	}
	if err != nil {
		m.refuse(err)
	}
	h.mu.Lock()
	h.mods = append(h.mods, m)
	h.mu.Unlock()
	return m, err
}

// check is what can be said of a mod without looking at others.
func (h *Host) check(m *Mod) error {
	man, err := manifest.Parse(bundle.ManifestName, m.bundle.Manifest())
	if err != nil {
		return err
	}
	m.manifest = man
	m.limits = limits.Intersect(h.cfg.Limits, man.Limits)
	for _, other := range h.mods {
		if other.ID() == man.ID && other.State() != Refused {
			return &DuplicateError{ID: man.ID, Source: m.report.Source, First: other.report.Source}
		}
	}
	if !man.API.Contains(h.api) {
		return &APIError{Mod: man.ID, Want: man.API.Text, Have: h.api.String(),
			Err: man.Problem(fmt.Sprintf("it was written for version %s of the host's API; this host has %s", man.API.Text, h.api), "mod", "api")}
	}
	if err := h.permit(m); err != nil {
		return err
	}
	if _, err := m.bundle.ReadFile(man.Entry); err != nil {
		return man.Problem(fmt.Sprintf("there is no file %q in the mod, which is run first", man.Entry), "mod", "entry")
	}
	return nil
}

// permit holds a mod's requests against the policy.
func (h *Host) permit(m *Mod) error {
	man := m.manifest
	m.options = map[string]Options{}
	var problems []*manifest.Problem
	for _, p := range man.Permissions {
		c, known := h.capabilities[p.Name]
		switch {
		case !known:
			e := &PermissionError{Mod: man.ID, Capability: p.Name, Unknown: true}
			e.Err = man.Problem(fmt.Sprintf("this host has no capability %q", p.Name), "permissions", p.Name)
			e.Err.Suggestion = manifest.Nearest(p.Name, sortedNames(h.capabilities))
			return e
		case !h.cfg.Policy.allows(p.Name):
			e := &PermissionError{Mod: man.ID, Capability: p.Name}
			e.Err = man.Problem(fmt.Sprintf("this host does not allow the capability %q", p.Name), "permissions", p.Name)
			return e
		}
		options, bad := readOptions(man, p, c.Options())
		m.options[p.Name] = options
		problems = append(problems, bad...)
	}
	switch len(problems) {
	case 0:
		return nil
	case 1:
		return problems[0]
	}
	return &manifest.Error{Problems: problems}
}

// Mods returns the host's mods: from Start on those that were loaded, in the
// order in which they were, and after them those that were refused, in the
// order of Add. The slice is the caller's.
func (h *Host) Mods() []*Mod {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.mods)
}

// Start puts the mods in order, each after those that it depends on, refuses
// those that cannot run ([*DependencyError]), runs the main files, then the
// start hooks, and then delivers what was emitted.
//
// The errors: [ErrBusy], [ErrStarted], [ErrClosed]; a [*storage.Error] if what
// the mods saved could not be written, in which case the host runs all the
// same; and one that matches ctx.Err() if ctx ended, in which case mods that
// were not reached do not run.
func (h *Host) Start(ctx context.Context) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	switch h.phase {
	case closed:
		return ErrClosed
	case started, stopped:
		return ErrStarted
	}
	h.phase = started
	h.events.shut(nil)
	h.arrange()
	for _, m := range h.order {
		m.tick = tickUse{}
		if err := m.load(ctx); err != nil {
			return err
		}
	}
	for _, m := range h.order {
		if err := m.hook(ctx, "start"); err != nil {
			return err
		}
	}
	if err := h.after(ctx); err != nil {
		return err
	}
	return h.storage.save()
}

// arrange puts the mods in load order and refuses those that cannot be.
func (h *Host) arrange() {
	byID := map[string]*Mod{}
	var accepted []*manifest.Manifest
	for _, m := range h.mods {
		if m.State() == Loaded {
			byID[m.ID()] = m
			accepted = append(accepted, m.manifest)
		}
	}
	order, refused := resolve(accepted)
	for _, man := range order {
		h.order = append(h.order, byID[man.ID])
	}
	for _, id := range sortedNames(refused) {
		byID[id].refuse(refused[id])
	}
	mods := slices.Clone(h.order)
	for _, m := range h.mods {
		if m.State() == Refused {
			mods = append(mods, m)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mods = mods
}

// Tick is one tick of the game: what timers are due, the tick hooks in load
// order, then the events, in at most three rounds.
//
// The errors: [ErrBusy], [ErrNotStarted], [ErrStopped], [ErrClosed]; and one
// that matches ctx.Err() if ctx ended, in which case the rest of the tick does
// not happen, and the mod that was interrupted goes on with the next one. What
// a mod saved and could not be written is not an error here: it is tried again,
// and until it succeeds storage.set raises an error in the mods. [Host.Stop]
// tells.
func (h *Host) Tick(ctx context.Context) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := h.mustRun(); err != nil {
		return err
	}
	h.tick++
	for _, m := range h.order {
		m.tick = tickUse{}
	}
	for _, t := range h.tickers {
		if err := h.turn(ctx, func(ctx context.Context) error { return t.BeforeHooks(ctx, h.tick) }); err != nil {
			return err
		}
	}
	dt := h.cfg.TickLength.Seconds()
	for _, m := range h.order {
		if err := m.hook(ctx, "tick", h.tick, dt); err != nil {
			return err
		}
	}
	if err := h.after(ctx); err != nil {
		return err
	}
	if h.tick%int64(h.cfg.SaveEvery) == 0 {
		_ = h.storage.save() // kept by the storage, which refuses and tries again
	}
	return nil
}

// after is what follows the hooks.
func (h *Host) after(ctx context.Context) error {
	for _, t := range h.tickers {
		if err := h.turn(ctx, func(ctx context.Context) error { return t.AfterHooks(ctx, h.tick) }); err != nil {
			return err
		}
	}
	for _, m := range h.order {
		m.reportDropped()
	}
	return nil
}

// Emit sends an event to the mods that subscribed to it. payload is nil, a
// bool, int, int64, float64, string, []string, or a []any or map[string]any of
// these; it is copied.
// It is delivered in the next tick, or in the one that runs. Emit may be called
// from any goroutine, also by a host function.
//
// The errors: [*EventError] for a name or a payload that cannot be sent;
// [ErrQueueFull]; [ErrNotStarted], [ErrStopped] and [ErrClosed].
func (h *Host) Emit(ctx context.Context, name string, payload any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.events.fromHost(name, payload)
}

// Stop runs the stop hooks, in the reverse of the load order, and writes what
// the mods saved to the store. What is emitted now is not delivered any more.
// Where ctx ends, the hooks that are left are not run.
//
// The errors, joined: one that matches ctx.Err() if ctx ended; a
// [*storage.Error] if something could not be saved, which [Host.Close] tries
// once more. Else [ErrBusy], [ErrNotStarted], [ErrStopped] or [ErrClosed].
func (h *Host) Stop(ctx context.Context) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := h.mustRun(); err != nil {
		return err
	}
	h.phase = stopped
	h.events.shut(ErrStopped)
	var interrupted error
	for _, m := range slices.Backward(h.order) {
		m.tick = tickUse{}
		if interrupted == nil {
			interrupted = m.hook(ctx, "stop")
		}
		m.reportDropped()
	}
	for _, m := range h.order {
		if m.sandbox != nil {
			m.end(Stopped, "", nil)
		}
	}
	return errors.Join(interrupted, h.storage.save())
}

// Close ends the host: mods that still run are stopped without their hooks,
// what they saved is written, and the store is closed. Reports stay readable.
// Closing twice is allowed.
//
// The errors: [ErrBusy], in which case nothing happened; a [*storage.Error] if
// something could not be saved and is lost.
func (h *Host) Close() error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	if h.phase == closed {
		return nil
	}
	h.phase = closed
	h.events.shut(ErrClosed)
	for _, m := range h.order {
		if m.sandbox != nil {
			m.end(Stopped, "the host was closed", nil)
		}
	}
	return errors.Join(h.storage.save(), h.storage.store.Close())
}

// scriptErrorf is an error whose message the script may see.
func scriptErrorf(format string, args ...any) error { return luasandbox.Errorf(format, args...) }

// ended returns the error of a context that ended, as a host's methods return
// it, or nil.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return over(ctx, err)
	}
	return nil
}
