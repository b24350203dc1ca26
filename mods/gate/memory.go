package gate

import (
	"slices"
	"sync"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// mostRemembered is how much is remembered: a bundle counts as one, and so does each
// finding.
const mostRemembered = 100_000

// memory remembers what was found: a host that asks about its mods again and again,
// because more may be known of who signed them, does not pay for the same look twice,
// however long the author of a mod has made it.
type memory struct {
	mu    sync.Mutex
	known map[memorized][]Finding
	order []memorized // the oldest first
	size  int
}

// memorized is all that findings depend on, beside the rules.
type memorized struct {
	digest string
	api    *API
}

var remembered = memory{known: map[memorized][]Finding{}}

// Check holds a mod against all rules, as [Checker.Check] does, and remembers the
// findings for when the same bundle is held against the same API again.
func Check(b *bundle.Bundle, man *manifest.Manifest, api *API) []Finding {
	return remembered.check(b, man, api, mostRemembered)
}

func (m *memory) check(b *bundle.Bundle, man *manifest.Manifest, api *API, most int) []Finding {
	key := memorized{b.Digest(), api}
	m.mu.Lock()
	found, ok := m.known[key]
	m.mu.Unlock()
	if !ok {
		found = Checker{API: api}.Check(b, man)
		m.mu.Lock()
		if _, again := m.known[key]; !again {
			m.known[key] = found
			m.order = append(m.order, key)
			m.size += 1 + len(found)
			for m.size > most {
				m.size -= 1 + len(m.known[m.order[0]])
				delete(m.known, m.order[0])
				m.order = m.order[1:]
			}
		}
		m.mu.Unlock()
	}
	return slices.Clone(found)
}
