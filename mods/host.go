package mods

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/recording"
	"github.com/luasandbox/modrunner/mods/schedule"
	"github.com/luasandbox/modrunner/mods/storage"
)

// Host runs many mods in one game.
//
// Its methods may be called from any goroutine, also by the engine's own functions
// that mods call. [Host.Load], [Host.Emit], [Host.Call], [Host.Reload] and
// [Host.Unload] say what is to happen; it happens in the next [Host.Tick], in the
// order in which it was said. Only Tick, [Host.Stop], [Host.Save] and
// [Host.Restore] run mods: they belong to the engine's loop, one at a time, and
// every function of the engine's is called on the goroutine that is in one of
// them. So the engine needs no locks against its mods.
//
// What happens to a mod is told by its [Report], not by errors of the host's
// methods: these are about the host.
type Host struct {
	cfg       Config
	api       *semver.Version
	catalogue catalogue
	declared  map[string]*Event
	ctx       context.Context // ends when the host is closed
	cancel    context.CancelFunc

	inFrame atomic.Bool // one of Tick, Stop, Save, Restore and Close is being executed
	leaving atomic.Bool // Close was called while one of them was

	// What follows belongs to who is in the frame.
	scheduler *schedule.Scheduler
	tickCtx   context.Context
	tick      int64
	now       time.Duration // simulation time
	dt        time.Duration // of the tick
	wall      time.Time     // cfg.Now at the beginning of the tick
	stopped   bool
	events    events
	timers    timerQueue
	checks    checkQueue
	unwell    map[*Mod]bool // with something on their accounts
	storage   *storageCapability
	settings  settings
	language  string // the player's
	works     works
	batches   []*batch
	relations map[string][]*Mod // what dependants returns; nil: not known
	hooked    []*Mod            // those with a tick hook, in load order
	unhooked  bool              // hooked has to be made anew
	touched   []*Mod            // to be looked at when the frame is over
	charges   []charged
	journal   *journal
	unaudited bool // the last record did not get into the audit log
	frame     schedule.Report
	idle      []idleMark
	held      []*emitInput // until the mods that are being loaded can hear them
	again     []input      // calls of mods that are still being loaded

	// Of the saved game that this one goes on from.
	offset     time.Duration
	tickOffset int64
	unclaimed  map[string]savedMod // of mods that are not loaded

	mu        sync.Mutex // guards what follows
	closed    error      // why nothing is taken any more
	mods      []*Mod     // in load order; those that were refused where they were
	byID      map[string]*Mod
	count     int     // of mods ever loaded
	inbox     []input // for the next tick
	sent      int     // events and calls in the inbox
	sentBytes int64   // of them
	status    Status
	asked     int            // how often Reconsider was called
	reloads   []*reloadInput // that were told, and may not be over
}

// input is something that was said to a host and happens in its next tick.
type input interface{ apply(h *Host) }

// Open returns a host without mods. It opens the store, which stays open until
// [Host.Close].
//
// The errors: [*ConfigError], and [*storage.Error] for a store that cannot be
// opened.
func Open(cfg Config) (*Host, error) {
	cfg, api, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, api: api, byID: map[string]*Mod{}, unwell: map[*Mod]bool{}, wall: cfg.Now()}
	h.events.host = h
	h.storage = &storageCapability{host: h}
	h.settings.host, h.language = h, cfg.Language
	if h.declared, err = declare(cfg.Events); err != nil {
		return nil, err
	}
	if h.catalogue, err = newCatalogue(append(h.builtin(), cfg.Capabilities...)); err != nil {
		return nil, err
	}
	if err := checkPolicy(cfg.Policy, h.catalogue); err != nil {
		return nil, err
	}
	guard := cfg.Frame.Guard
	if guard == limits.UnlimitedTime {
		guard = 0
	}
	h.scheduler, err = schedule.New(schedule.Config{
		Frame: cfg.Frame.Instructions, Guard: guard, Clock: cfg.Elapsed, Workers: cfg.Frame.Workers, Stop: h.over,
	})
	if err != nil {
		return nil, &ConfigError{Field: "Frame", Err: err}
	}
	if h.journal, err = newJournal(h); err != nil {
		return nil, err
	}
	var opened storage.Store = &storage.Memory{}
	if cfg.OpenStore != nil && !h.journal.replays() {
		store, err := cfg.OpenStore(cfg.DataDir)
		if err != nil {
			return nil, err
		}
		if store == nil {
			return nil, &ConfigError{Field: "OpenStore", Err: errNilStore}
		}
		opened = store
	}
	h.storage.store = h.journal.store(opened)
	err = h.readHealth()
	if err == nil {
		err = h.settings.read()
	}
	if err == nil {
		err = h.journal.end()
	}
	if err != nil {
		_ = h.storage.store.Close()
		return nil, err
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.publish()
	return h, nil
}

// builtin returns the capabilities that every host has.
func (h *Host) builtin() []Capability {
	return []Capability{
		h.logCapability(), h.events.capability(), h.timerCapability(), h.taskCapability(), h.storage.capability(),
		h.randomCapability(), h.clockCapability(), jsonCapability(), h.servicesCapability(),
		h.settings.capability(), h.i18nCapability(),
	}
}

// enter makes the caller the one that is in the frame, until it calls leave.
func (h *Host) enter() (leave func(), err error) {
	if !h.inFrame.CompareAndSwap(false, true) {
		return nil, ErrBusy
	}
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed != nil { // ErrStopped or ErrClosed
		h.inFrame.Store(false)
		return nil, closed
	}
	return func() {
		h.inFrame.Store(false)
		// Close may have found the frame taken, and left it to whoever is in it.
		if h.leaving.Load() && h.inFrame.CompareAndSwap(false, true) {
			_ = h.close()
			h.inFrame.Store(false)
		}
	}, nil
}

// over reports whether the frame has to end.
func (h *Host) over() bool { return h.journal.stops(h.leaving.Load() || h.tickCtx.Err() != nil) }

// MaxTick is the most simulation time of one tick.
const MaxTick = time.Hour

// Tick is one frame of the game, dt after the one before in simulation time. What
// was said to the host since then happens now; timers that are due fire; tick hooks
// are called; and mods run, each for its share of the frame. What is not finished
// goes on in the next Tick.
//
// A frame ends early where ctx ends or [Host.Close] is called; nothing is lost by
// that. Tick blocks for no longer than the frame takes: it waits for nothing.
//
// The errors: [*TickError] for a dt that is negative or more than [MaxTick], in
// which case nothing happened; one that matches ctx.Err(); [ErrBusy], [ErrStopped],
// [ErrClosed]. What a mod does wrong is not an error here. Of a host that replays
// ([Config].Replay) also, once, a [*DivergenceError], after which the replay goes on
// but nothing is compared; and [ErrReplayed], a [*ReplayError] or a
// [*recording.Error], after which there are no ticks.
func (h *Host) Tick(ctx context.Context, dt time.Duration) error {
	if dt < 0 || dt > MaxTick {
		return &TickError{DT: dt}
	}
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	h.tickCtx = ctx
	if err := h.journal.catchUp(ctx, recording.Tick); err != nil {
		return err
	}
	inputs, err := h.journal.begin(recording.Tick, h, dt)
	if err != nil {
		return err
	}
	h.tick++
	h.now += h.dt
	if h.now < 0 { // after 292 years
		h.now = 1<<63 - 1
	}
	again := h.again
	h.again = nil
	for _, in := range append(again, inputs...) {
		in.apply(h)
	}
	h.storage.saved()
	h.advance()
	h.timers.fire(h)
	h.listHooks()
	for _, m := range h.hooked {
		m.tickHook()
	}
	h.events.deliverLate()
	begun := h.cfg.Elapsed()
	h.frame = h.journal.run(h.scheduler)
	h.settle()
	h.trimIdle()
	if h.tick%int64(h.cfg.SaveEvery) == 0 {
		h.storage.keepHealth(h.healthRecord())
		h.storage.saveBeside()
	}
	diverged := h.journal.end()
	h.publish()
	h.measureTick(h.cfg.Elapsed() - begun)
	if diverged != nil {
		return diverged
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	return nil
}

// take empties the inbox.
func (h *Host) take() []input {
	h.mu.Lock()
	defer h.mu.Unlock()
	inputs := h.inbox
	h.inbox, h.sent, h.sentBytes = nil, 0, 0
	return inputs
}

// tell puts something into the inbox.
func (h *Host) tell(in input) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed != nil {
		return h.closed
	}
	h.inbox = append(h.inbox, in)
	return nil
}

// charged is work that one mod did for another.
type charged struct {
	by, to       *Mod
	instructions int64
}

// settle is what follows a frame.
func (h *Host) settle() {
	h.advance()
	h.events.tidy()
	h.tendBatches()
	touched := h.touched
	h.touched = nil
	h.settleCharges(touched)
	for i := 0; i < len(touched); i++ {
		m := touched[i]
		m.touched = false
		if m.settle() {
			m.touch()
		}
	}
}

// settleCharges has mods pay for what others did for them in the frame: what a mod
// owes, or is owed, in all, at once.
func (h *Host) settleCharges(touched []*Mod) {
	for _, m := range touched {
		if m.current != nil {
			m.collect(m.current)
		}
	}
	owed := map[*Mod]int64{}
	for _, c := range h.charges {
		if c.by.entry != nil && c.to.entry != nil {
			owed[c.by] -= c.instructions
			owed[c.to] += c.instructions
		}
	}
	for m, n := range owed { // each has its own account: the order does not matter
		m.entry.Charge(n)
	}
	h.charges = h.charges[:0]
}

// Stop is the last tick: what was said to the host happens, the stop hooks are
// called, in the reverse of the load order, each within the limits of a call and
// one frame's budget, and what mods save is written to the store. Handlers that are
// not finished are not continued. After it there are no ticks; the host is closed
// with [Host.Close].
//
// The errors, joined: one that matches ctx.Err() if ctx ended, in which case the
// hooks that are left were not called; a [*storage.Error] if something could not be
// saved, which Close tries once more; of a host that replays, a [*DivergenceError] or
// a [*ReplayError]. Else [ErrBusy], [ErrStopped] or [ErrClosed].
func (h *Host) Stop(ctx context.Context) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	h.tickCtx = ctx
	behind := h.journal.catchUp(ctx, recording.Stop)
	inputs, err := h.journal.begin(recording.Stop, h, 0)
	h.stopped = true
	h.mu.Lock()
	h.closed = ErrStopped
	mods := slices.Clone(h.mods)
	h.mu.Unlock()
	for _, in := range h.take() { // said meanwhile
		failInput(in, ErrStopped)
	}
	for _, in := range inputs {
		in.apply(h)
	}
	var interrupted error
	for _, m := range slices.Backward(mods) {
		if m.live == nil {
			continue
		}
		if h.journal.stops(ctx.Err() != nil) {
			interrupted = cmp.Or(ctx.Err(), context.Canceled)
			break
		}
		m.runNow(&job{in: m.live, kind: stopJob, during: "stop hook", fn: m.live.hooks["stop"]})
	}
	h.settle()
	for _, m := range slices.Backward(mods) {
		if m.health != nil && !m.gone {
			m.drop(ErrStopped)
			m.end(Stopped, "", nil)
		}
	}
	saved := h.save()
	diverged := h.journal.end()
	h.publish()
	if interrupted != nil {
		interrupted = fmt.Errorf("stop: %w", interrupted)
	}
	return errors.Join(interrupted, saved, behind, err, diverged)
}

// Close ends the host: mods that still run are dropped without their stop hooks,
// what waits for an answer is given up, what mods saved is written, and the store
// is closed. Reports stay readable. Closing twice is allowed.
//
// Close waits for work that capabilities do beside the frames, which was told to
// end; after 10 seconds it gives up ([*LeakError]).
//
// The errors: [ErrBusy] while a Tick, Stop, Save or Restore is being executed: it
// ends as soon as it can, and closes the host when it does; [*LeakError]; a
// [*storage.Error] if something could not be saved and is lost; a [*recording.Error]
// if the run could not be recorded to its end.
func (h *Host) Close() error {
	h.leaving.Store(true)
	if !h.inFrame.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer h.inFrame.Store(false)
	return h.close()
}

// close is Close. The frame is the caller's.
func (h *Host) close() error {
	h.mu.Lock()
	if errors.Is(h.closed, ErrClosed) {
		h.mu.Unlock()
		return nil
	}
	h.closed = ErrClosed
	mods := slices.Clone(h.mods)
	inbox := append(append(h.again, h.inbox...), h.journal.unheard()...)
	for _, e := range h.held {
		inbox = append(inbox, e)
	}
	h.inbox, h.again, h.held = nil, nil, nil
	h.mu.Unlock()
	h.cancel()
	for _, in := range inbox {
		failInput(in, ErrClosed)
	}
	for _, m := range mods {
		if m.health != nil && !m.gone {
			m.drop(ErrClosed)
			m.end(Stopped, "the host was closed", nil)
		}
	}
	h.settle()
	var leaked error
	if !h.works.wait(closeWait) {
		leaked = &LeakError{Works: h.works.left()}
	}
	err := errors.Join(leaked, h.save(), h.storage.store.Close(), h.journal.close())
	h.publish()
	return err
}

// save writes what mods saved, and how they are, to the store.
func (h *Host) save() error {
	h.storage.keepHealth(h.healthRecord())
	return h.storage.save()
}

// Mods returns the host's mods: those that were loaded, in the order in which they
// were, and among them those that were refused. The slice is the caller's.
func (h *Host) Mods() []*Mod {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.mods)
}

// Mod returns the mod with that id which was not refused, nil if there is none.
func (h *Host) Mod(id string) *Mod {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byID[id]
}
