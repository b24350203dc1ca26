package resolution

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// Candidate is one version of a mod or library, with what it says about others.
type Candidate struct {
	Version *semver.Version
	Yanked  bool // it was withdrawn by its publisher: nobody new is to get it
	Library bool
	API     manifest.Range // of the host; the zero Range is every version

	Dependencies []manifest.Requirement
	Optional     []manifest.Requirement
	Conflicts    []manifest.Requirement
	LoadAfter    []manifest.Requirement
	Libraries    []manifest.Requirement
}

// CandidateOf returns what a manifest says. The lists are shared with it.
func CandidateOf(man *manifest.Manifest) Candidate {
	return Candidate{
		Version: man.Version, Library: man.Library, API: man.API,
		Dependencies: man.Dependencies, Optional: man.OptionalDependencies, Conflicts: man.Conflicts,
		LoadAfter: man.LoadAfter, Libraries: man.Libraries,
	}
}

// Universe is all the versions that there are.
type Universe interface {
	// Versions returns the versions of a mod or library, in any order; none if there
	// is no such id. It is called at most once for each id in one [Resolve], and its
	// answer is not changed. An error ends the search.
	Versions(id string) ([]Candidate, error)
}

// Set is a [Universe] in memory, by id.
type Set map[string][]Candidate

// Versions returns those of the id.
func (s Set) Versions(id string) ([]Candidate, error) { return s[id], nil }

// Locked is what was chosen for a mod before.
type Locked struct {
	Version   string            // as [semver.Version.String] writes it
	Libraries map[string]string // their versions, by id
}

// Request is what is asked for.
type Request struct {
	// Roots are the mods that somebody wants, and the ranges. An id may be named
	// several times: all of its ranges hold.
	Roots []manifest.Requirement
	// Locked is what was chosen before, by the id of the mod. It is kept where that is
	// possible, and what nobody needs any more is left out.
	Locked map[string]Locked
	// Update names the mods and libraries of which the newest version is wanted in
	// spite of the lock. With a mod, its libraries are updated.
	Update    []string
	UpdateAll bool
	// API is the version that the host offers; nil if that is not known, and then
	// every range holds it.
	API *semver.Version

	Limits Limits
}

// Limits bound a search. A zero field is the default.
type Limits struct {
	Steps    int // see RATIONALE.md: 20,000,000
	IDs      int // mods and libraries that are looked at: 20,000
	Versions int // of one id: 2,000
}

// The defaults of [Limits].
const (
	DefaultSteps    = 20_000_000
	DefaultIDs      = 20_000
	DefaultVersions = 2_000
)

// LimitError is a search that was given up.
type LimitError struct {
	What string // "steps", "ids" or "versions"
	ID   string // whose versions they are
	Max  int
}

// Error says what there was too much of.
func (e *LimitError) Error() string {
	switch e.What {
	case "versions":
		return fmt.Sprintf("resolution: there are more than %d versions of %q", e.Max, e.ID)
	case "ids":
		return fmt.Sprintf("resolution: more than %d mods are needed or named by those that are", e.Max)
	}
	return fmt.Sprintf("resolution: given up after %d steps; ask for fewer mods at a time, or for exact versions", e.Max)
}

// UniverseError is a universe that could not be asked, or contradicts itself.
type UniverseError struct {
	ID     string
	Reason string // if it contradicts itself
	Err    error  // that it returned, or nil
}

// Error names the id.
func (e *UniverseError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("resolution: the versions of %q: %v", e.ID, e.Err)
	}
	return fmt.Sprintf("resolution: the versions of %q: %s", e.ID, e.Reason)
}

// Unwrap returns what the universe said.
func (e *UniverseError) Unwrap() error { return e.Err }

// candidate is a checked [Candidate].
type candidate struct {
	Candidate
	version string // in full
	// Of a mod, the libraries that it would have, once they were looked for.
	libraries []Library
	libraryOf error
	resolved  bool
}

// loader asks the universe for each id once, and checks and sorts the answer.
type loader struct {
	universe Universe
	limits   Limits
	loaded   map[string][]*candidate
}

// candidates returns the versions of an id, the newest first.
func (l *loader) candidates(id string) ([]*candidate, error) {
	if all, ok := l.loaded[id]; ok {
		return all, nil
	}
	if len(l.loaded) == l.limits.IDs {
		return nil, &LimitError{What: "ids", Max: l.limits.IDs}
	}
	var found []Candidate
	if goodID(id) {
		var err error
		if found, err = l.universe.Versions(id); err != nil {
			return nil, &UniverseError{ID: id, Err: err}
		}
	}
	if len(found) > l.limits.Versions {
		return nil, &LimitError{What: "versions", ID: id, Max: l.limits.Versions}
	}
	all := make([]*candidate, len(found))
	for i, c := range found {
		if c.Version == nil {
			return nil, &UniverseError{ID: id, Reason: "one has no version"}
		}
		for _, list := range []*[]manifest.Requirement{&c.Dependencies, &c.Optional, &c.Conflicts, &c.LoadAfter, &c.Libraries} {
			*list = sorted(*list)
		}
		all[i] = &candidate{Candidate: c, version: c.Version.String()}
	}
	slices.SortFunc(all, func(a, b *candidate) int { return newer(a.Version, b.Version) })
	for i := range all[:max(len(all)-1, 0)] {
		if all[i].version == all[i+1].version {
			return nil, &UniverseError{ID: id, Reason: fmt.Sprintf("%s is there twice", all[i].version)}
		}
	}
	l.loaded[id] = all
	return all, nil
}

// goodID reports whether an id can be one: ids that differ from another only in
// capital letters do not exist.
func goodID(id string) bool { return id != "" && id == strings.ToLower(id) }

// newer orders versions, the newest first. Build metadata, which has no rank, decides
// between versions of the same rank.
func newer(a, b *semver.Version) int {
	if order := b.Compare(a); order != 0 {
		return order
	}
	return strings.Compare(b.String(), a.String())
}

// sorted returns a sorted copy without what is there twice.
func sorted(list []manifest.Requirement) []manifest.Requirement {
	out := slices.Clone(list)
	slices.SortFunc(out, compareRequirements)
	return slices.CompactFunc(out, func(a, b manifest.Requirement) bool { return compareRequirements(a, b) == 0 })
}

func compareRequirements(a, b manifest.Requirement) int {
	if order := strings.Compare(a.ID, b.ID); order != 0 {
		return order
	}
	return strings.Compare(a.Range.Text, b.Range.Text)
}

// names reports whether a sorted list has the requirement.
func names(list []manifest.Requirement, r manifest.Requirement) bool {
	_, found := slices.BinarySearchFunc(list, r, compareRequirements)
	return found
}

// namesID reports whether a sorted list has a requirement for the id.
func namesID(list []manifest.Requirement, id string) bool {
	i, _ := slices.BinarySearchFunc(list, id, func(r manifest.Requirement, id string) int { return strings.Compare(r.ID, id) })
	return i < len(list) && list[i].ID == id
}

// isLimit reports whether err ends a search, and is no answer to it.
func isLimit(err error) bool {
	_, limit := errors.AsType[*LimitError](err)
	_, universe := errors.AsType[*UniverseError](err)
	return limit || universe
}
