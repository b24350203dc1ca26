package main

import (
	"maps"
	"slices"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

// libraries are those that mods can be given copies of, by where they are.
type libraries map[string]*bundle.Bundle

// equipAll takes the libraries out of sources, and gives each mod those that it needs.
func equipAll(all []mods.Source) ([]mods.Source, libraries) {
	l := libraries{}
	all = slices.DeleteFunc(all, l.take)
	for i := range all {
		all[i] = l.equip(all[i])
	}
	return all, l
}

// take takes a source if it is a library, and reports whether it is.
func (l libraries) take(from mods.Source) bool {
	man := manifestOf(from)
	if man == nil || !man.Library {
		return false
	}
	l[from.Path] = from.Bundle
	return true
}

// equip returns a mod with the libraries that it needs, in the newest versions that fit
// together. If there are none, the source's Err says why.
func (l libraries) equip(from mods.Source) mods.Source {
	man := manifestOf(from)
	if man == nil || len(man.Libraries) == 0 || man.Library {
		return from
	}
	universe, files := resolution.Set{}, map[string]*bundle.Bundle{}
	for _, path := range slices.Sorted(maps.Keys(l)) {
		lib := manifestOf(mods.Source{Bundle: l[path]})
		key := lib.ID + " " + lib.Version.String()
		if files[key] == nil {
			files[key] = l[path]
			universe[lib.ID] = append(universe[lib.ID], resolution.CandidateOf(lib))
		}
	}
	alone := resolution.CandidateOf(man) // what it needs beside libraries is for the host to see to
	alone.Dependencies, alone.Optional, alone.Conflicts, alone.LoadAfter = nil, nil, nil, nil
	universe[man.ID] = []resolution.Candidate{alone}
	exactly, err := manifest.ParseRange("=" + man.Version.String())
	var chosen *resolution.Result
	if err == nil {
		chosen, err = resolution.Resolve(resolution.Request{Roots: []manifest.Requirement{{ID: man.ID, Range: exactly}}}, universe)
	}
	if err != nil {
		from.Err = err
		return from
	}
	from.Libraries = nil
	for _, m := range chosen.Mods {
		for _, lib := range m.Libraries {
			from.Libraries = append(from.Libraries, files[lib.ID+" "+lib.Version])
		}
	}
	return from
}

// manifestOf returns the manifest of a source, nil if it cannot be read.
func manifestOf(from mods.Source) *manifest.Manifest {
	if from.Bundle == nil {
		return nil
	}
	man, err := manifest.Parse(bundle.ManifestName, from.Bundle.Manifest())
	if err != nil {
		return nil
	}
	return man
}
