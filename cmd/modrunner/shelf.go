package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// follow runs ticks, one for each beat, and has the host follow what w tells of the
// files, until there are no more ticks. It never looks at a clock: the beats say
// what time it is.
func (g *game) follow(ctx context.Context, w watcher, beats <-chan time.Time) {
	quiet := &g.shelf.quiet
	for g.more(ctx) {
		select {
		case <-ctx.Done():
			return
		case now := <-beats:
			changes := w.Changes()
			if changes.trouble != nil {
				g.console.unwatched(changes.trouble)
			}
			for _, path := range changes.paths {
				quiet.note(path, now)
			}
			if changes.lost {
				for _, path := range g.shelf.everything() {
					quiet.note(path, now)
				}
			}
			g.shelf.look(quiet.due(now))
			g.step(ctx)
			g.shelf.tell()
			g.console.out.Flush()
		}
	}
}

// shelf is the mods of a run as they are on the disk, beside what the host has of
// them. It belongs to one goroutine.
type shelf struct {
	game      *game
	args      []string // of the command
	entries   []*shelved
	libraries libraries       // at the paths, for the mods
	quiet     debounce        // what changed and is not looked at yet
	later     map[string]bool // paths to look at after the next tick
	moved     bool            // the host's mods changed: those that wait for others may come in
}

// shelved is one mod on the shelf.
type shelved struct {
	path   string
	mod    *mods.Mod   // the host's; it may be refused or unloaded
	digest string      // of the files that were tried last
	said   string      // why they could not be used, as it was said last
	waits  bool        // for another mod, which may come or go
	fresh  bool        // it is being loaded, and that has not been told
	reply  *mods.Reply // of a reload under way; nil: there is none
}

func newShelf(g *game, args []string) *shelf {
	return &shelf{game: g, args: args, later: map[string]bool{}, libraries: libraries{}}
}

// put notes what the host made of a source.
func (s *shelf) put(from mods.Source, m *mods.Mod) *shelved {
	e := s.at(from.Path)
	if e == nil {
		e = &shelved{path: from.Path}
		s.entries = append(s.entries, e)
	}
	if e.mod != nil {
		s.game.host.Forget(e.mod) // if it was refused
	}
	e.mod, e.digest = m, digestOf(from)
	_, depends := errors.AsType[*mods.DependencyError](m.Err())
	_, twice := errors.AsType[*mods.DuplicateError](m.Err())
	e.waits = depends || twice
	return e
}

// digestOf returns the digest of what was read, and those of the libraries, "" if it could not be.
func digestOf(from mods.Source) string {
	if from.Bundle == nil {
		return ""
	}
	digest := from.Bundle.Digest()
	for _, l := range from.Libraries {
		digest += " " + l.Digest()
	}
	return digest
}

// at returns the entry with that path, or nil.
func (s *shelf) at(path string) *shelved {
	if i := slices.IndexFunc(s.entries, func(e *shelved) bool { return e.path == path }); i >= 0 {
		return s.entries[i]
	}
	return nil
}

// mods returns what the host has of the mods, in load order; last, what it had.
func (s *shelf) mods() []*mods.Mod {
	mine := map[*mods.Mod]bool{}
	for _, e := range s.entries {
		mine[e.mod] = true
	}
	all := slices.DeleteFunc(s.game.host.Mods(), func(m *mods.Mod) bool { return !mine[m] })
	for _, e := range s.entries {
		if e.mod.State() == mods.Unloaded {
			all = append(all, e.mod)
		}
	}
	return all
}

// everything returns all paths at which something may have changed.
func (s *shelf) everything() []string {
	all := slices.Clone(s.args)
	for _, e := range s.entries {
		all = append(all, e.path)
	}
	for _, arg := range s.args {
		found, _ := findMods(arg) // what is wrong is said where it was found
		all = append(all, found...)
	}
	return all
}

// here reports whether the host has the mod, whatever its state.
func (e *shelved) here() bool {
	state := e.mod.State()
	return state != mods.Refused && state != mods.Unloaded
}

// look has the host follow what became of the mods at the paths: it reloads those
// that changed, loads those that are new, and unloads those that are gone. A path
// that is an argument of the command stands for all mods there.
func (s *shelf) look(paths []string) {
	changed := s.later
	s.later = map[string]bool{}
	for _, path := range paths {
		changed[filepath.Clean(path)] = true
	}
	if len(changed) == 0 {
		return
	}
	var fresh []mods.Source
	left := false           // a mod was told to go
	otherLibraries := false // than at the last look
	there := map[string]bool{}
	for _, arg := range s.args {
		all := changed[filepath.Clean(arg)]
		found, err := findMods(arg) // what is not a mod is not there
		for _, path := range found {
			if there[path] || !all && !changed[filepath.Clean(path)] {
				there[path] = true
				continue
			}
			there[path] = true
			from := source(path)
			if before := s.libraries[path]; s.libraries.take(from) {
				otherLibraries = otherLibraries || before == nil || before.Digest() != from.Bundle.Digest()
				if s.at(path) == nil {
					continue
				}
			} else if before != nil && from.Bundle != nil { // it is a mod now
				delete(s.libraries, path)
				otherLibraries = true
			}
			e := s.at(path)
			switch {
			case e == nil:
				fresh = append(fresh, from)
			case !e.here():
				if from := s.libraries.equip(from); e.waits || e.digest == "" || e.digest != digestOf(from) {
					fresh = append(fresh, from)
				}
			default:
				left = s.renew(e, from) || left
			}
		}
		for path := range s.libraries {
			if !there[path] && belongs(path, arg) && (all || changed[filepath.Clean(path)]) {
				delete(s.libraries, path)
				otherLibraries = true
			}
		}
		s.entries = slices.DeleteFunc(s.entries, func(e *shelved) bool {
			switch {
			case there[e.path] || !belongs(e.path, arg) || !all && !changed[filepath.Clean(e.path)]:
				return false
			case !e.here(): // it never was a mod
				return err == nil || e.path != arg
			case stands(e.path): // and is no mod at the moment
				left = s.renew(e, source(e.path)) || left
				return false
			}
			s.unload(e, goneLine(e.mod, e.path))
			left = true
			return true
		})
	}
	if otherLibraries {
		for _, e := range s.entries {
			s.later[filepath.Clean(e.path)] = true
		}
	}
	if left { // their ids are free after the next tick
		for _, from := range fresh {
			s.later[filepath.Clean(from.Path)] = true
		}
		return
	}
	s.load(fresh)
}

// renew takes the files of a mod that the host has as they are now, if they are
// others. It reports whether the mod was told to go, because they are another mod's.
func (s *shelf) renew(e *shelved, from mods.Source) (left bool) {
	from = s.libraries.equip(from)
	switch {
	case e.reply != nil: // after the reload that is under way
		s.later[filepath.Clean(e.path)] = true
	case e.digest != "" && e.digest == digestOf(from):
	case otherID(e.mod.ID(), from):
		s.unload(e, otherLine(e.mod, e.path))
		e.waits, e.digest = true, ""
		s.later[filepath.Clean(e.path)] = true
		return true
	default:
		s.reload(e, from)
	}
	return false
}

// belongs reports whether path is arg, or a mod in the folder arg.
func belongs(path, arg string) bool {
	return path == arg || filepath.Dir(path) == filepath.Clean(arg)
}

// stands reports whether there is anything at a path: a mod whose files are being
// exchanged is not gone.
func stands(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// otherID reports whether the manifest of a source can be read and has another id.
func otherID(id string, from mods.Source) bool {
	if from.Bundle == nil {
		return false
	}
	man, err := manifest.Parse(from.Path, from.Bundle.Manifest())
	return err == nil && man.ID != id
}

// load loads new mods, and those that could not be loaded before.
func (s *shelf) load(fresh []mods.Source) {
	if len(fresh) == 0 {
		return
	}
	for i := range fresh {
		fresh[i] = s.libraries.equip(fresh[i])
	}
	loaded, _ := s.game.host.Load(fresh...) // each mod has its own error
	for i, m := range loaded {
		e := s.put(fresh[i], m)
		if err := m.Err(); err != nil {
			s.game.told[m] = true
			e.complain(s.game, notLoadedLine(e.path, err))
			continue
		}
		e.fresh, e.said, s.moved = true, "", true
		for _, c := range s.game.options.of([]string{m.ID()}) {
			if err := c.in(s.game.host); err != nil {
				s.game.console.unset(err)
			}
		}
	}
}

// unload has the host let go of a mod, and of those that need it.
func (s *shelf) unload(e *shelved, line string) {
	_ = s.game.host.Unload(e.mod.ID()) // it is there
	s.game.log.hostSays(line)
	s.moved = true
}

// reload puts the files as they are now in the place of a mod.
func (s *shelf) reload(e *shelved, from mods.Source) {
	e.digest = digestOf(from)
	reply, err := s.game.host.Reload(e.mod.ID(), from)
	if err != nil {
		e.complain(s.game, notReloadedLine(e.mod, err))
		return
	}
	e.reply = reply
}

// complain says why a mod could not be used, unless that was said last.
func (e *shelved) complain(g *game, line string) {
	if e.said != line {
		e.said = line
		g.log.hostSays(line)
	}
}

// tell says what became of the mods in the last tick.
func (s *shelf) tell() {
	for _, e := range s.entries {
		if e.reply != nil {
			if _, err := e.reply.Get(); !errors.Is(err, mods.ErrPending) {
				e.reply = nil
				if err != nil {
					e.complain(s.game, notReloadedLine(e.mod, err))
				} else {
					e.said, s.moved = "", true
					s.game.log.hostSays(reloadedLine(e.mod))
				}
			}
		}
		switch state := e.mod.State(); {
		case state == mods.Unloaded && !e.waits: // with one that it needs
			e.waits = true
			s.game.log.hostSays(unloadedLine(e.mod))
		case e.fresh && running(e.mod):
			e.fresh = false
			s.game.log.hostSays(loadedLine(e.mod))
		case e.fresh && state != mods.Loaded && !running(e.mod) && state != mods.Paused: // which has been told
			e.fresh = false
		}
	}
	if s.moved {
		s.moved = false
		for _, e := range s.entries {
			if e.waits {
				s.later[filepath.Clean(e.path)] = true
			}
		}
	}
}
