// Package storage is where mods' saved values are kept: the [Store] interface,
// and a store that forgets everything when the process ends.
//
// A store on disk is in package boltstore; an engine may bring its own.
package storage

import (
	"errors"
	"fmt"
	"maps"
	"sync"
)

// Store keeps pairs of strings for many mods, each mod's apart from all
// others'. A host loads a mod's pairs once, when it adds the mod, and saves
// from time to time what has changed.
//
// Ids are those of manifests: up to 64 small letters, digits, '.', '-' and '_'.
// Keys and values are any bytes, chosen by the mod; the host bounds their
// sizes (a mod's quota). A store belongs to one host. Save is called beside the
// frames of the game, unless the store is [Immediate], and Load may be called while
// it is; otherwise a store is called from one goroutine at a time.
//
// Every error that says why something could not be loaded or saved is an
// [*Error].
type Store interface {
	// Load returns all pairs of a mod; none for a mod it has never seen. The
	// map is the caller's.
	Load(mod string) (map[string]string, error)
	// Save makes all of the changes, or, if it returns an error, none. After
	// a nil error they survive the end of the process, as far as the store
	// promises that at all.
	Save(changes []Change) error
	// Close ends the use of the store. It saves nothing. Closing twice is
	// allowed.
	Close() error
}

// Immediate marks a store that never waits for a disk or a network: it is called in
// the frames of the game, so that what comes of a save is known at once.
type Immediate interface {
	Store
	// Immediate does nothing.
	Immediate()
}

// Change is one pair that is to be kept, or one key that is to go.
type Change struct {
	Mod    string
	Key    string
	Value  string
	Delete bool // forget the key; Value has no meaning
}

// What an [*Error] matches with [errors.Is].
var (
	// ErrLocked: another process, or another store in this one, has the data.
	ErrLocked = errors.New("in use by another process")
	// ErrCorrupt: the data is damaged, or is not a store's.
	ErrCorrupt = errors.New("damaged")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
)

// Error says why a store could not be opened, loaded or saved. It matches
// [ErrLocked], [ErrCorrupt] or [ErrClosed], or what the operating system said:
// [io/fs.ErrPermission], syscall.ENOSPC.
type Error struct {
	Op   string // "open", "load", "save" or "close"
	Path string // the file; empty for a store without one
	Mod  string // whose data; empty if it concerns all
	Err  error
}

// Error names what was tried, where, and what was in the way.
func (e *Error) Error() string {
	msg := "storage: cannot " + e.Op
	if e.Path != "" {
		msg += fmt.Sprintf(" %q", e.Path)
	}
	if e.Mod != "" {
		msg += fmt.Sprintf(" for mod %q", e.Mod)
	}
	return msg + ": " + e.Err.Error()
}

// Unwrap returns what was in the way.
func (e *Error) Unwrap() error { return e.Err }

// Memory is a store in the process's memory. It may be given to one host after
// another, so that a game can restart its mods and keep what they saved. The
// zero Memory is empty; it may be used by several goroutines.
type Memory struct {
	mu     sync.Mutex
	values map[string]map[string]string
}

// Load returns a copy of the mod's pairs.
func (m *Memory) Load(mod string) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pairs := maps.Clone(m.values[mod])
	if pairs == nil {
		pairs = map[string]string{}
	}
	return pairs, nil
}

// Save makes all changes. It never fails.
func (m *Memory) Save(changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[string]map[string]string{}
	}
	for _, c := range changes {
		if c.Delete {
			delete(m.values[c.Mod], c.Key)
			continue
		}
		if m.values[c.Mod] == nil {
			m.values[c.Mod] = map[string]string{}
		}
		m.values[c.Mod][c.Key] = c.Value
	}
	return nil
}

// Immediate says that a Memory is written to at once.
func (m *Memory) Immediate() {}

// Close does nothing: what was saved stays.
func (m *Memory) Close() error { return nil }
