package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// game is one run of mods.
type game struct {
	console *console
	options runOptions
	chat    []chatLine
	lines   *folder // where what mods say goes
	host    *mods.Host
	told    map[*mods.Mod]bool // why it is refused has been said
	ticks   int64
}

// open makes the host. The errors are those of mods.Open.
func (g *game) open() error {
	cfg := mods.Config{
		Limits: g.options.limits,
		Frame:  mods.Frame{Guard: limits.UnlimitedTime}, // so that every machine does the same
		Policy: mods.PolicyAll,
		Events: gameEvents,
		Output: g.lines,
		Logger: slog.New(&logHandler{to: g.lines}),
		Now:    g.now,
		Seed:   g.options.seed,
	}
	if g.options.chosen {
		cfg.Policy = mods.Policy{Allow: g.options.allow}
	}
	if g.options.data != "" {
		cfg.DataDir, cfg.OpenStore = g.options.data, boltstore.Open
	}
	var err error
	g.host, err = mods.Open(cfg)
	return err
}

// now is the clock that mods see. Unless it is the real one, it makes runs the
// same whenever they are made.
func (g *game) now() time.Time {
	if g.options.real {
		return time.Now()
	}
	begin := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	return begin.Add(time.Duration(g.ticks) * tickLength)
}

// tickLength is the simulation time of one tick.
const tickLength = 50 * time.Millisecond

// gameEvents are those that this game sends.
var gameEvents = []mods.Event{
	{Name: "chat", Doc: "A player said something: {player, text}.", Overflow: mods.DropOldest},
}

// add adds the mods at all the paths. What is refused is among the host's mods.
func (g *game) add(paths []string) {
	var sources []mods.Source
	for _, path := range paths {
		found, err := findMods(path)
		if err != nil {
			sources = append(sources, mods.Source{Path: path, Err: err})
		}
		for _, p := range found {
			b, err := bundle.OpenPath(p, bundle.Limits{})
			sources = append(sources, mods.Source{Bundle: b, Path: p, Err: err})
		}
	}
	loaded, _ := g.host.Load(sources...) // each mod has its own error
	for i, m := range loaded {
		if err := m.Err(); err != nil {
			g.told[m] = true
			g.console.refusedMod(sources[i].Path, err)
		}
	}
}

// stopAtMost is how long mods may take to stop after an interrupt.
const stopAtMost = 5 * time.Second

// play runs the mods through their ticks, or until ctx ends, and stops them. The
// error says what could not be saved.
func (g *game) play(ctx context.Context) error {
	accepted := false
	for _, m := range g.host.Mods() {
		accepted = accepted || m.State() == mods.Loaded
	}
	if !accepted {
		return nil
	}
	for ctx.Err() == nil && g.ticks < g.options.ticks {
		g.say(g.ticks + 1)
		if err := g.host.Tick(ctx, tickLength); err != nil {
			break // ctx ended: everything else is told by the mods' reports
		}
		g.ticks++
		g.tellRefused()
		g.console.progress.show("tick %s of %s", grouped(g.ticks), grouped(g.options.ticks))
	}
	if ctx.Err() != nil {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopAtMost)
		defer cancel()
		ctx = over
	}
	stopped := g.host.Stop(ctx)
	g.lines.Flush()
	return errors.Join(storageError(stopped), storageError(g.host.Close()))
}

// say lets the players say what they say in a tick. It is shown if there is a
// mod that might hear it.
func (g *game) say(tick int64) {
	for _, line := range g.chat {
		if line.tick != tick || !g.heard() {
			continue
		}
		fmt.Fprintf(g.lines, "<%s> %s\n", oneLine(line.player), oneLine(line.text))
		if err := g.host.Emit("chat", map[string]any{"player": line.player, "text": line.text}); err != nil {
			g.console.unsaid(line, err)
		}
	}
}

// heard reports whether a running mod has asked for events.
func (g *game) heard() bool {
	for _, m := range g.host.Mods() {
		if man := m.Manifest(); man == nil {
			continue
		} else if asked := slices.ContainsFunc(man.Permissions, func(p manifest.Permission) bool { return p.Name == "events" }); asked && m.State().Runs() {
			return true
		}
	}
	return false
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
	for _, m := range g.host.Mods() {
		if m.State() == mods.Refused && !g.told[m] {
			g.told[m] = true
			g.console.refusedMod(m.Report().Source, m.Err())
		}
	}
}
