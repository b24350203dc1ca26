package prometheus

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/luasandbox/modrunner/mods"
)

// other is the label of the mods without one: not an id, which begins with a letter.
const other = "_other"

// slot holds the figures of a mod that has a label, or of all that have none.
type slot struct {
	pauses atomic.Int64
	calls  atomic.Pointer[map[string]*calls] // by capability; a map that is there is not changed

	mu         sync.Mutex // guards violations, and that calls are replaced
	violations map[mods.ViolationKind]int64

	pulled pulled // Collector.scrape guards it
}

// calls counts those of the functions of one capability.
type calls struct{ all, failed atomic.Int64 }

// callsOf returns the counts of a capability. There are as many as the game declares.
func (s *slot) callsOf(capability string) *calls {
	if known := s.calls.Load(); known != nil {
		if c := (*known)[capability]; c != nil {
			return c
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	grown := map[string]*calls{}
	if known := s.calls.Load(); known != nil {
		if c := (*known)[capability]; c != nil {
			return c
		}
		grown = maps.Clone(*known)
	}
	c := &calls{}
	grown[capability] = c
	s.calls.Store(&grown)
	return c
}

// labels knows which mods have a label. Who has one is found without a lock.
type labels struct {
	most   int
	rest   slot                             // of those without a label
	known  atomic.Pointer[map[string]*slot] // a map that is there is not changed
	missed atomic.Bool                      // somebody found no place
	mu     sync.Mutex                       // guards that known is replaced
}

func (l *labels) init(most int) {
	l.most = most
	l.known.Store(&map[string]*slot{})
}

// of returns where the figures of a mod go, a place of its own if there is one left.
func (l *labels) of(mod string) *slot {
	known := *l.known.Load()
	if s := known[mod]; s != nil {
		return s
	}
	if len(known) < l.most {
		return l.add(mod)
	}
	if !l.missed.Load() { // a write each time would be felt by the other workers
		l.missed.Store(true)
	}
	return &l.rest
}

func (l *labels) add(mod string) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := *l.known.Load()
	if s := known[mod]; s != nil {
		return s
	}
	if len(known) >= l.most {
		return &l.rest
	}
	known = maps.Clone(known)
	s := &slot{}
	known[mod] = s
	l.known.Store(&known)
	return s
}

// keep takes the label from mods that are not wanted.
func (l *labels) keep(wanted func(mod string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := maps.Clone(*l.known.Load())
	maps.DeleteFunc(known, func(mod string, _ *slot) bool { return !wanted(mod) })
	l.known.Store(&known)
}
