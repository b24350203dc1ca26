package main

import (
	"slices"
	"strings"
	"time"
)

// watcher tells where files changed. Changes may be called while it works.
type watcher interface {
	// Changes returns what changed since it was called last. It does not wait.
	Changes() changes
}

// changes are places where something changed.
type changes struct {
	paths   []string // of mods, or arguments of the command
	lost    bool     // and maybe anywhere else
	trouble error    // why something is not watched; told once
}

// How long a mod has to be left alone before it is read: editors and version control
// write in several steps.
const (
	quietFor  = 150 * time.Millisecond
	noisyMost = 2 * time.Second // then it is read all the same
)

// debounce keeps paths that change until they have not for a while.
type debounce struct {
	first, last map[string]time.Time
}

// note says that something changed at a path.
func (d *debounce) note(path string, now time.Time) {
	if d.last == nil {
		d.first, d.last = map[string]time.Time{}, map[string]time.Time{}
	}
	if _, known := d.last[path]; !known {
		d.first[path] = now
	}
	d.last[path] = now
}

// due returns the paths that have been quiet for long enough, and forgets them.
func (d *debounce) due(now time.Time) []string {
	var paths []string
	for path, last := range d.last {
		if now.Sub(last) >= quietFor || now.Sub(d.first[path]) >= noisyMost {
			paths = append(paths, path)
			delete(d.first, path)
			delete(d.last, path)
		}
	}
	slices.SortFunc(paths, strings.Compare)
	return paths
}
