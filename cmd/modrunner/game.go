package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// game is one run of mods.
type game struct {
	console   *console
	options   runOptions
	chat      []chatLine
	log       *modLog // where what mods say goes
	host      *mods.Host
	audit     *auditLog          // nil: none is kept
	metrics   *metricsFile       // nil: none are taken
	tape      *tape              // of --record and --replay
	paths     []string           // that were named
	sources   []mods.Source      // that are run from the beginning
	libraries libraries          // that were among them
	shelf     *shelf             // nil: the files are not looked at again
	news      *install.Watch     // nil, or what becomes known of the installed mods
	told      map[*mods.Mod]bool // why it is refused has been said
	ticks     int64
	ended     error // why there can be no more ticks
	closed    bool
	unsaved   error // what Stop could not save
}

// open makes the host, for the mods at the paths, or for those that are installed if
// there are none. The errors are those of mods.Open, openMetrics and openAudit, of who
// decides about mods, and of mods that are not as they are locked.
func (g *game) open(ctx context.Context) error {
	cfg := mods.Config{
		Limits:       g.options.limits,
		Policy:       mods.PolicyAll,
		Capabilities: offer(g.options.data, g.options.hosts),
		Language:     g.options.language,
		Events:       gameEvents,
		Output:       g.log,
		Logger:       slog.New(g.log.handler()),
		Now:          g.now,
		Seed:         g.options.seed,
	}
	g.options.hostFlags.config(&cfg)
	if g.options.chosen {
		cfg.Policy = mods.Policy{Allow: g.options.allow}
	}
	if g.options.data != "" {
		cfg.DataDir, cfg.OpenStore = g.options.data, boltstore.Open
	}
	if err := g.decide(ctx, &cfg); err != nil {
		return err
	}
	if err := g.tape.open(&cfg, g.sources); err != nil {
		return err
	}
	if file := g.options.metrics; file != "" {
		var err error
		if g.metrics, err = openMetrics(file, &cfg); err != nil {
			return err
		}
	}
	if file := g.options.hostFlags.audit; file != "" {
		var err error
		if g.audit, err = openAudit(file); err != nil {
			return err
		}
		cfg.Audit = g.audit
	}
	var err error
	if g.host, err = mods.Open(cfg); err != nil && g.audit != nil {
		_ = g.audit.close() // nothing has happened
	}
	return err
}

// decide finds the mods that are to be run, and who decides about them. Mods that are
// named and have to be those that are locked are run as they are installed.
func (g *game) decide(ctx context.Context, cfg *mods.Config) error {
	f := &g.options.gateFlags
	var err error
	if len(g.paths) > 0 {
		g.sources, g.libraries = equipAll(sources(g.paths))
	}
	if len(g.paths) > 0 && !f.locked {
		cfg.Gatekeeper, err = f.gatekeeper(ctx)
		return err
	}
	home, err := f.open(time.Now)
	if err != nil {
		return err
	}
	if g.news, err = f.watch(ctx, home); err != nil {
		return err
	}
	cfg.Gatekeeper = g.news
	if f.refresh > 0 {
		if err := g.news.Refresh(ctx); err != nil && ctx.Err() == nil {
			g.console.noNews(err)
		}
	}
	locked, err := lockedSources(ctx, home)
	if err == nil && len(g.paths) > 0 {
		err = drift(locked, g.sources)
	}
	g.sources = locked
	return err
}

// close ends the host, and then its metrics and the audit log. It says what was not kept, and
// returns the status that this means. Only the first call does anything.
func (g *game) close() status {
	if g.closed {
		return allWell
	}
	g.closed = true
	end := allWell
	if err := errors.Join(storageError(g.unsaved), storageError(g.host.Close())); err != nil {
		g.console.unsaved(err)
		end = scriptFailed
	}
	if g.metrics != nil {
		if err := g.metrics.close(g.host); err != nil {
			g.console.unmeasured(g.options.metrics, err)
			end = scriptFailed
		}
	}
	if g.audit == nil {
		return end
	}
	if failed, ok := errors.AsType[*auditError](g.audit.close()); ok {
		g.console.auditFailed(g.options.hostFlags.audit, failed)
		end = scriptFailed
	}
	return end
}

// now is the clock that mods see. Unless it is the real one, it makes runs the
// same whenever they are made.
func (g *game) now() time.Time {
	if g.options.real {
		return time.Now()
	}
	begin := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	return begin.Add(time.Duration(g.ticks) * g.options.tick)
}

// gameEvents are those that this game sends.
var gameEvents = []mods.Event{
	{Name: "chat", Doc: "A player said something: {player, text}.", Overflow: mods.DropOldest},
}

// mods returns the mods that there are to report on.
func (g *game) mods() []*mods.Mod {
	if g.shelf != nil {
		return g.shelf.mods()
	}
	return g.host.Mods()
}

// sources opens the mods at all the paths.
func sources(paths []string) []mods.Source {
	var all []mods.Source
	for _, path := range paths {
		found, err := findMods(path)
		if err != nil {
			all = append(all, mods.Source{Path: path, Err: err})
		}
		for _, p := range found {
			all = append(all, source(p))
		}
	}
	return all
}

// source opens one mod.
func source(path string) mods.Source {
	b, err := bundle.OpenPath(path, bundle.Limits{})
	return mods.Source{Bundle: b, Path: path, Err: err}
}

// add adds the mods. What is refused is among the host's mods.
// The error is a *choiceError: then nothing has run.
func (g *game) add() error {
	all := g.sources
	if g.shelf != nil {
		g.shelf.libraries = g.libraries
	}
	loaded, _ := g.host.Load(all...) // each mod has its own error
	var ids []string
	for i, m := range loaded {
		if err := m.Err(); err != nil {
			g.told[m] = true
			g.console.refusedMod(all[i].Path, err)
		}
		ids = append(ids, m.ID())
		if g.shelf != nil {
			g.shelf.put(all[i], m)
		}
	}
	for _, id := range g.options.hostFlags.strangers(ids) {
		g.console.noSuchMod("--priority", id)
	}
	for _, id := range g.options.playerFlags.strangers(ids) {
		g.console.noSuchMod("--set", id)
	}
	for _, c := range g.options.of(ids) {
		if err := c.in(g.host); err != nil {
			return err
		}
	}
	return nil
}

// stopAtMost is how long mods may take to stop after an interrupt.
const stopAtMost = 5 * time.Second

// play adds the mods, runs them through their ticks, or until ctx ends,
// and stops them. The error says why the files cannot be watched, or is a
// *choiceError; nothing has run then.
func (g *game) play(ctx context.Context) error {
	if g.options.watch {
		w, err := watchFolders(g.paths)
		if err != nil {
			return err
		}
		defer w.Close()
		g.shelf = newShelf(g, g.paths)
		if err := g.add(); err != nil {
			return err
		}
		beats := time.NewTicker(g.options.tick)
		defer beats.Stop()
		g.follow(ctx, w, beats.C)
	} else if every := g.options.gateFlags.refresh; every > 0 && g.news != nil {
		if err := g.add(); err != nil {
			return err
		}
		beats, looks := time.NewTicker(g.options.tick), time.NewTicker(every)
		defer beats.Stop()
		defer looks.Stop()
		g.serve(ctx, beats.C, looks.C)
	} else if g.tape.replays() {
		g.repeat(ctx)
		return nil
	} else {
		if err := g.add(); err != nil {
			return err
		}
		for idle := g.idle(); !idle && g.more(ctx); {
			g.step(ctx)
			g.await(ctx)
		}
	}
	g.stop(ctx)
	return nil
}

// serve runs ticks, one for each beat, and looks at each look for what became known of
// the mods, until there are no more ticks. Looking takes as long as a server takes to
// answer; the game goes on meanwhile, and one look is not begun before the last is over.
func (g *game) serve(ctx context.Context, beats, looks <-chan time.Time) {
	var looking chan error // nil: nobody is
	asking, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if looking != nil {
			<-looking // it uses the host
		}
	}()
	for g.more(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-looks:
			if looking == nil {
				looking = make(chan error, 1)
				go func(done chan<- error) {
					err := g.news.Refresh(asking)
					if _, failed := g.host.Reconsider(); failed != nil && !errors.Is(failed, mods.ErrClosed) && !errors.Is(failed, mods.ErrStopped) {
						err = errors.Join(err, failed)
					}
					done <- err
				}(looking)
			}
		case err := <-looking:
			looking = nil
			if err != nil && ctx.Err() == nil {
				g.console.noNews(err)
			}
		case <-beats:
			g.step(ctx)
			g.console.out.Flush()
		}
	}
}

// more reports whether there is another tick.
func (g *game) more(ctx context.Context) bool {
	return ctx.Err() == nil && g.ended == nil && (g.options.endless || g.ticks < g.options.ticks)
}

// idle reports whether no mod was accepted.
func (g *game) idle() bool {
	return !slices.ContainsFunc(g.mods(), func(m *mods.Mod) bool { return m.State() != mods.Refused })
}

// step is one tick.
func (g *game) step(ctx context.Context) {
	g.say(g.ticks + 1)
	if err := g.host.Tick(ctx, g.options.tick); err != nil {
		if ctx.Err() == nil {
			g.ended = err
		}
		return
	}
	g.ticks++
	g.log.settle()
	g.tellRefused()
	if g.console.progress.due() {
		g.console.progress.show("%s", g.progress())
	}
}

// await lets pass the time of a tick if mods wait for something that goes on
// elsewhere: a disk or a server. A game would show a frame meanwhile.
func (g *game) await(ctx context.Context) {
	if g.host.Status().Works == 0 || !g.more(ctx) {
		return
	}
	g.console.out.Flush()
	timer := time.NewTimer(g.options.tick)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stop is the end of the game.
func (g *game) stop(ctx context.Context) {
	if ctx.Err() != nil {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopAtMost)
		defer cancel()
		ctx = over
	}
	g.unsaved = g.host.Stop(ctx)
	g.log.Flush()
}

// say lets the players say what they say in a tick. It is shown if there is a
// mod that might hear it.
func (g *game) say(tick int64) {
	for _, line := range g.chat {
		if line.tick != tick || !g.heard() {
			continue
		}
		fmt.Fprintf(g.log, "<%s> %s\n", oneLine(line.player), oneLine(line.text))
		if err := g.host.Emit("chat", map[string]any{"player": line.player, "text": line.text}); err != nil {
			g.console.unsaid(line, err)
		}
	}
}

// heard reports whether a mod has asked for events that runs, or is about to: the
// host keeps events for mods that are being loaded.
func (g *game) heard() bool {
	for _, m := range g.mods() {
		if man := m.Manifest(); man == nil {
			continue
		} else if asked := slices.ContainsFunc(man.Permissions, func(p manifest.Permission) bool { return p.Name == "events" }); asked && (running(m) || m.State() == mods.Loaded) {
			return true
		}
	}
	return false
}

// running reports whether the main file of m has run, and nothing keeps m from
// running on.
func running(m *mods.Mod) bool {
	r := m.Report()
	return r.Health.Started && r.State != mods.Refused && r.State != mods.Unloaded && r.State.Runs()
}

// storageError returns err if it is about what mods store, else nil: the rest
// is in the mods' reports, or the end of the context.
func storageError(err error) error {
	if e, ok := errors.AsType[*storage.Error](err); ok {
		return e
	}
	return nil
}

// tellRefused says why mods were refused when they were to be loaded; add has told
// of the others.
func (g *game) tellRefused() {
	for _, m := range g.mods() {
		if m.State() == mods.Refused && !g.told[m] {
			g.told[m] = true
			g.console.refusedMod(m.Report().Source, m.Err())
		}
	}
}

// progress is where the game stands, in a line.
func (g *game) progress() string {
	if !g.options.watch {
		return fmt.Sprintf("tick %s of %s", grouped(g.ticks), grouped(g.options.ticks))
	}
	count := map[mods.State]int{}
	all := g.mods()
	for _, m := range all {
		count[m.State()]++
	}
	return fmt.Sprintf("tick %s, %s%s", grouped(g.ticks), plural(len(all), "mod"), counts(count))
}
