package mods

import (
	"fmt"
	"runtime/debug"

	"github.com/luasandbox/modrunner/mods/storage"
)

// saving is a save of what changed: all of it, at one time.
type saving struct {
	changes  []storage.Change
	spaces   []*space
	settings func(saved bool) // to be told how it ended
	health   string           // the record that the store has after it
	done     chan struct{}
	err      error // when done
}

// begin collects what changed; nil if nothing did. Until its end is told, another
// must not begin.
func (c *storageCapability) begin() *saving {
	s := &saving{health: c.health, done: make(chan struct{})}
	for _, sp := range c.spaces {
		if len(sp.dirty) == 0 {
			continue
		}
		for _, key := range sortedNames(sp.dirty) {
			value, there := sp.kept(key)
			s.changes = append(s.changes, storage.Change{Mod: sp.mod, Key: key, Value: value, Delete: !there})
		}
		sp.writing, sp.dirty = sp.dirty, map[string]bool{}
		s.spaces = append(s.spaces, sp)
	}
	chosen, settings := c.host.settings.changes()
	s.settings = settings
	s.changes = append(s.changes, chosen...)
	if c.record != "" && c.record != c.health {
		s.health = c.record
		s.changes = append(s.changes, storage.Change{Mod: healthSpace, Key: healthKey, Value: s.health})
	}
	if len(s.changes) == 0 {
		return nil
	}
	return s
}

// write writes the changes. A panic of the store's is an error.
func (s *saving) write(to storage.Store) {
	defer close(s.done)
	defer func() {
		if p := recover(); p != nil {
			s.err = &storage.Error{Op: "save", Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	s.err = to.Save(s.changes)
}

// end draws the consequences of a save that is done.
func (c *storageCapability) end(s *saving) {
	for _, sp := range s.spaces {
		for key := range sp.writing {
			if s.err != nil {
				sp.dirty[key] = true
			}
		}
		sp.writing = nil
	}
	s.settings(s.err == nil)
	if s.err != nil {
		if c.failed == nil {
			c.host.cfg.Logger.Error("mods' values cannot be saved", "error", s.err, "changes", len(s.changes))
		}
		c.failed = s.err
		return
	}
	if c.failed != nil {
		c.host.cfg.Logger.Info("mods' values can be saved again", "changes", len(s.changes))
	}
	c.failed, c.health = nil, s.health
	byMod := map[string]*space{}
	for _, sp := range s.spaces {
		byMod[sp.mod] = sp
	}
	for i := range s.changes {
		ch := &s.changes[i]
		switch sp := byMod[ch.Mod]; {
		case sp == nil: // the host's own
		case ch.Delete:
			delete(sp.saved, ch.Key)
		default:
			sp.saved[ch.Key] = true
		}
	}
	c.sweep()
}

// save writes what changed to the store, and waits for it. If that fails it is
// kept, and tried again by the next save.
func (c *storageCapability) save() error {
	c.wait()
	s := c.begin()
	if s == nil {
		return nil
	}
	s.write(c.store)
	c.end(s)
	return s.err
}

// wait waits for the save that is under way.
func (c *storageCapability) wait() {
	if s := c.saving; s != nil {
		<-s.done
		c.saving = nil
		c.end(s)
	}
}

// saveBeside is save for a frame: a store that may wait for a disk is written to
// beside it, and what came of that is known in a later tick. A recorded host waits,
// so that a replay has the same at the same time.
func (c *storageCapability) saveBeside() {
	c.saved()
	if c.saving != nil {
		return
	}
	_, immediate := c.store.(storage.Immediate)
	if immediate || c.host.journal != nil {
		_ = c.save() // what failed is kept and told, and tried again
		return
	}
	if s := c.begin(); s != nil {
		c.saving = s
		go s.write(c.store)
	}
}

// saved takes the end of the save that is under way, if it has ended.
func (c *storageCapability) saved() {
	if s := c.saving; s != nil {
		select {
		case <-s.done:
			c.wait()
		default:
		}
	}
}
