// Package lockfile reads and writes mods.lock: exactly which mods are installed, in
// which bytes, who signed them, and what each of them was granted.
//
// [Lock.Format] is canonical: the same content is the same bytes, whoever wrote it.
// [Parse] is strict: what it does not know, or what contradicts itself, it refuses, with
// the place. A lock that Parse would refuse cannot be written.
package lockfile

import (
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Name is the name of the file in an installation.
const Name = "mods.lock"

// Lock is what is installed.
type Lock struct {
	Mods []Mod // sorted by id
}

// Mod is one mod that is installed.
type Mod struct {
	ID      string
	Version string // as [semver.Version.String] writes it
	Digest  string // of the bundle, "h1:..."

	// Asked: somebody wants this mod, and not only what needs it. Range is which versions
	// they want; "" if they did not say.
	Asked bool
	Range string

	Publisher string   // to whom the trust store said that the keys belong; may be empty
	Keys      []string // ids of the keys with good signatures, sorted
	Source    string   // where it came from, in words or as an address; may be empty

	// Grants are all that it may use, sorted by capability.
	Grants []policy.Grant
	// Limits are the most that it gets; a zero field is as the host has it.
	Limits limits.Limits

	Dependencies []Dependency // that it needs, sorted by id
	Libraries    []Library    // that are copied into it, sorted by id
}

// Dependency is a mod that another one needs, in the version that is installed.
type Dependency struct{ ID, Version string }

// Library is a library that is copied into one mod.
type Library struct {
	ID, Version, Digest string
	Publisher           string
	Keys                []string
	Source              string
	Libraries           []string // the ids of those that it names itself, sorted
}

// Mod returns the mod with that id.
func (l *Lock) Mod(id string) (Mod, bool) {
	if l == nil {
		return Mod{}, false
	}
	i, there := slices.BinarySearchFunc(l.Mods, id, func(m Mod, id string) int { return strings.Compare(m.ID, id) })
	if !there {
		return Mod{}, false
	}
	return l.Mods[i], true
}

// Chain returns why a mod is there: the ids from one that somebody asked for, along
// what needs what, to it. Of several ways it is a shortest one, and the first by the
// ids. It is nil if nobody asked for it, or it is not there.
func (l *Lock) Chain(id string) []string {
	var roots []string
	for _, m := range l.Mods {
		if m.Asked {
			roots = append(roots, m.ID)
		}
	}
	return shortest(roots, id, func(id string) []string {
		m, _ := l.Mod(id)
		ids := make([]string, len(m.Dependencies))
		for i, d := range m.Dependencies {
			ids[i] = d.ID
		}
		return ids
	})
}

// LibraryChain returns why a library is in the mod: the ids from a library that no
// other one names, to it. It is nil if it is not there.
func (m Mod) LibraryChain(id string) []string {
	inner := map[string]bool{}
	names := map[string][]string{}
	for _, lib := range m.Libraries {
		names[lib.ID] = lib.Libraries
		for _, named := range lib.Libraries {
			inner[named] = true
		}
	}
	var roots []string
	for _, lib := range m.Libraries {
		if !inner[lib.ID] {
			roots = append(roots, lib.ID)
		}
	}
	return shortest(roots, id, func(id string) []string { return names[id] })
}

// shortest returns a shortest way from one of the roots to an id.
func shortest(roots []string, to string, next func(string) []string) []string {
	from := map[string]string{}
	for _, id := range roots {
		from[id] = ""
	}
	for open := slices.Clone(roots); len(open) > 0; open = open[1:] {
		id := open[0]
		if id == to {
			var way []string
			for ; id != ""; id = from[id] {
				way = append(way, id)
			}
			slices.Reverse(way)
			return way
		}
		for _, other := range next(id) {
			if _, seen := from[other]; !seen {
				from[other] = id
				open = append(open, other)
			}
		}
	}
	return nil
}
