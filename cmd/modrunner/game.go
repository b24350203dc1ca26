package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
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

// open makes the host. The errors are those of mods.NewHost.
func (g *game) open() error {
	cfg := mods.HostConfig{
		Limits: g.options.limits,
		Policy: mods.PolicyAll,
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
	g.host, err = mods.NewHost(cfg)
	return err
}

// now is the clock that mods see. Unless it is the real one, it makes runs the
// same whenever they are made.
func (g *game) now() time.Time {
	if g.options.real {
		return time.Now()
	}
	begin := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	return begin.Add(time.Duration(g.ticks) * mods.DefaultTickLength)
}

// add adds the mods at all the paths. What is refused is among the host's mods.
func (g *game) add(paths []string) {
	for _, path := range paths {
		found, err := findMods(path)
		if err != nil {
			g.refuse(path, err)
		}
		for _, p := range found {
			b, err := bundle.OpenPath(p, bundle.Limits{})
			if err != nil {
				g.refuse(p, err)
				continue
			}
			if m, err := g.host.Add(b, p); err != nil {
				g.told[m] = true
				g.console.refusedMod(p, err)
			}
		}
	}
}

func (g *game) refuse(path string, err error) {
	if m, _ := g.host.Refuse(path, err); m != nil { // the host is new, and ours alone
		g.told[m] = true
	}
	g.console.refusedMod(path, err)
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
	saved := g.host.Start(ctx)
	g.tellRefused()
	for ctx.Err() == nil && g.ticks < g.options.ticks {
		g.say(ctx, g.ticks+1)
		if err := g.host.Tick(ctx); err != nil {
			break // ctx ended: everything else is told by the mods' reports
		}
		g.ticks++
		g.console.progress.show("tick %s of %s", grouped(g.ticks), grouped(g.options.ticks))
	}
	if ctx.Err() != nil {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopAtMost)
		defer cancel()
		ctx = over
	}
	stopped := g.host.Stop(ctx)
	g.lines.Flush()
	return errors.Join(storageError(saved), storageError(stopped), storageError(g.host.Close()))
}

// say lets the players say what they say in a tick. It is shown if there is a
// mod that might hear it.
func (g *game) say(ctx context.Context, tick int64) {
	for _, line := range g.chat {
		if line.tick != tick || !g.heard() {
			continue
		}
		fmt.Fprintf(g.lines, "<%s> %s\n", oneLine(line.player), oneLine(line.text))
		if err := g.host.Emit(ctx, "chat", map[string]any{"player": line.player, "text": line.text}); err != nil {
			g.console.unsaid(line, err)
		}
	}
}

// heard reports whether a running mod has asked for events.
func (g *game) heard() bool {
	for _, m := range g.host.Mods() {
		if _, asked := m.Permission("events"); asked && m.State() == mods.Running {
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

// tellRefused says why Start refused mods; add has told of the others.
func (g *game) tellRefused() {
	for _, m := range g.host.Mods() {
		if m.State() == mods.Refused && !g.told[m] {
			g.console.refusedMod(m.Report().Source, m.Err())
		}
	}
}
