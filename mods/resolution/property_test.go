package resolution_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

var (
	someMods      = []string{"a", "b", "c", "d"}
	someLibraries = []string{"x", "y", "z"}
	someRanges    = []string{"*", "^1", "^2", ">=1.1", "<2", "=1.0.0", "!=1.1.0", "^9", ">=1.0.0-0"}
	someVersions  = []string{"1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1"}
)

func drawRequirements(t *rapid.T, ids []string, most int, label string) []manifest.Requirement {
	var list []manifest.Requirement
	for range rapid.IntRange(0, most).Draw(t, label) {
		text := rapid.SampledFrom(someRanges).Draw(t, "range")
		c, err := semver.NewConstraint(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, manifest.Requirement{ID: rapid.SampledFrom(ids).Draw(t, "id"), Range: manifest.Range{Text: text, Constraints: c}})
	}
	return list
}

func drawUniverse(t *rapid.T) resolution.Set {
	u := resolution.Set{}
	draw := func(ids []string, library bool, most int) {
		for _, id := range ids {
			for _, version := range someVersions[:rapid.IntRange(0, most).Draw(t, "versions of "+id)] {
				c := resolution.Candidate{Version: semver.MustParse(version), Library: library}
				c.Yanked = rapid.IntRange(0, 5).Draw(t, "yanked") == 0
				c.Conflicts = drawRequirements(t, ids, 1, "conflicts")
				c.Libraries = drawRequirements(t, someLibraries, 2, "libraries")
				if !library {
					c.Dependencies = drawRequirements(t, ids, 2, "dependencies")
					c.Optional = drawRequirements(t, ids, 1, "optional")
					c.LoadAfter = drawRequirements(t, ids, 1, "load after")
				}
				u[id] = append(u[id], c)
			}
		}
	}
	draw(someMods, false, 4)
	draw(someLibraries, true, 2)
	return u
}

func drawRequest(t *rapid.T) resolution.Request {
	r := resolution.Request{Roots: drawRequirements(t, someMods, 3, "roots"), Locked: map[string]resolution.Locked{}}
	for _, id := range someMods {
		if rapid.Bool().Draw(t, "locked") {
			r.Locked[id] = resolution.Locked{Version: rapid.SampledFrom(someVersions).Draw(t, "version")}
		}
	}
	r.UpdateAll = rapid.IntRange(0, 3).Draw(t, "update") == 0
	return r
}

func find(u resolution.Set, id, version string) (resolution.Candidate, bool) {
	for _, c := range u[id] {
		if c.Version.String() == version {
			return c, true
		}
	}
	return resolution.Candidate{}, false
}

// wrong returns what a choice of mods violates, or "". It is written from the
// documentation, without the solver.
func wrong(request resolution.Request, u resolution.Set, choice map[string]string) string {
	for _, root := range request.Roots {
		c, ok := find(u, root.ID, choice[root.ID])
		if !ok || !root.Range.Contains(c.Version) {
			return "the root " + root.ID
		}
	}
	edges := map[string][]string{}
	for id, version := range choice {
		c, ok := find(u, id, version)
		switch {
		case !ok:
			return "there is no " + id + " " + version
		case c.Library:
			return "the library " + id
		case c.Yanked && request.Locked[id].Version != version:
			return "the yanked " + id
		}
		for _, need := range c.Dependencies {
			other, ok := find(u, need.ID, choice[need.ID])
			if !ok || !need.Range.Contains(other.Version) {
				return id + " needs " + need.ID
			}
			edges[id] = append(edges[id], need.ID)
		}
		for _, need := range c.Optional {
			if other, ok := find(u, need.ID, choice[need.ID]); ok && !need.Range.Contains(other.Version) {
				return id + " takes " + need.ID
			}
		}
		for _, not := range c.Conflicts {
			if other, ok := find(u, not.ID, choice[not.ID]); ok && not.Range.Contains(other.Version) {
				return id + " conflicts with " + not.ID
			}
		}
	}
	return circleIn(edges)
}

func circleIn(edges map[string][]string) string {
	left := len(edges)
	for range left {
		for id, needs := range edges {
			if !slices.ContainsFunc(needs, func(need string) bool { return edges[need] != nil }) {
				delete(edges, id)
			}
		}
	}
	if len(edges) > 0 {
		return "a circle"
	}
	return ""
}

// wrongLibraries is wrong for the libraries of a version of a mod.
func wrongLibraries(request resolution.Request, u resolution.Set, mod string, c resolution.Candidate, choice map[string]string) string {
	edges := map[string][]string{}
	check := func(who string, list []manifest.Requirement) string {
		for _, need := range list {
			other, ok := find(u, need.ID, choice[need.ID])
			if !ok || !other.Library || !need.Range.Contains(other.Version) {
				return who + " copies " + need.ID
			}
			if other.Yanked && request.Locked[mod].Libraries[need.ID] != choice[need.ID] {
				return "the yanked library " + need.ID
			}
			edges[who] = append(edges[who], need.ID)
		}
		return ""
	}
	if text := check(mod, c.Libraries); text != "" {
		return text
	}
	for id, version := range choice {
		library, _ := find(u, id, version)
		if text := check(id, library.Libraries); text != "" {
			return text
		}
		for _, not := range library.Conflicts {
			if other, ok := find(u, not.ID, choice[not.ID]); ok && not.Range.Contains(other.Version) {
				return id + " conflicts with " + not.ID
			}
		}
	}
	return circleIn(edges)
}

// possible calls yes with every choice of at most one version of each id, until it
// returns true.
func possible(u resolution.Set, ids []string, yes func(map[string]string) bool) bool {
	choice := map[string]string{}
	var try func(int) bool
	try = func(i int) bool {
		if i == len(ids) {
			return yes(choice)
		}
		delete(choice, ids[i])
		if try(i + 1) {
			return true
		}
		for _, c := range u[ids[i]] {
			choice[ids[i]] = c.Version.String()
			if try(i + 1) {
				return true
			}
		}
		delete(choice, ids[i])
		return false
	}
	return try(0)
}

func solvable(request resolution.Request, u resolution.Set) bool {
	hasLibraries := map[string]bool{}
	for _, id := range someMods {
		for _, c := range u[id] {
			hasLibraries[id+" "+c.Version.String()] = possible(u, someLibraries, func(choice map[string]string) bool {
				return wrongLibraries(request, u, id, c, choice) == ""
			})
		}
	}
	return possible(u, someMods, func(choice map[string]string) bool {
		for id, version := range choice {
			if !hasLibraries[id+" "+version] {
				return false
			}
		}
		return wrong(request, u, choice) == ""
	})
}

// checkResult checks a result against the documentation.
func checkResult(t interface{ Fatalf(string, ...any) }, request resolution.Request, u resolution.Set, r *resolution.Result) {
	choice := map[string]string{}
	place := map[string]int{}
	for i, m := range r.Mods {
		choice[m.ID] = m.Version
		place[m.ID] = i
	}
	if text := wrong(request, u, choice); text != "" {
		t.Fatalf("violates %s: %v", text, chosen(r))
	}
	wanted := map[string]bool{}
	for i := len(r.Mods) - 1; i >= 0; i-- {
		m := r.Mods[i]
		if !m.Asked && !wanted[m.ID] {
			t.Fatalf("nobody needs %s: %v", m.ID, chosen(r))
		}
		for _, d := range m.Dependencies {
			wanted[d.ID] = true
			if place[d.ID] >= i || choice[d.ID] != d.Version {
				t.Fatalf("%s does not come before %s: %v", d.ID, m.ID, chosen(r))
			}
		}
		c, _ := find(u, m.ID, m.Version)
		libraries := map[string]string{}
		for _, l := range m.Libraries {
			libraries[l.ID] = l.Version
		}
		if text := wrongLibraries(request, u, m.ID, c, libraries); text != "" || len(libraries) != len(m.Libraries) {
			t.Fatalf("the libraries of %s violate %s: %v", m.ID, text, chosen(r))
		}
	}
}

func TestResolveAgreesWithBruteForce(t *testing.T) {
	answers := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		u, request := drawUniverse(t), drawRequest(t)
		result, err := resolution.Resolve(request, u)
		can := solvable(request, u)
		answers[can]++
		if err == nil {
			checkResult(t, request, u, result)
		} else if conflict, ok := errors.AsType[*resolution.ConflictError](err); !ok || len(conflict.Facts) == 0 || conflict.Facts[0].Kind != resolution.Asked {
			t.Fatalf("%v", err)
		}
		if can != (err == nil) {
			t.Fatalf("solvable: %v, and the answer: %v", can, err)
		}
	})
	if answers[true] == 0 || answers[false] == 0 {
		t.Errorf("one kind of answer only: %v", answers)
	}
}

func shuffled(u resolution.Set, request resolution.Request, r *rand.Rand) (resolution.Set, resolution.Request) {
	mix := func(list []manifest.Requirement) []manifest.Requirement {
		list = slices.Clone(list)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list
	}
	out := resolution.Set{}
	for id, all := range u {
		for _, c := range all {
			c.Dependencies, c.Optional, c.Conflicts, c.LoadAfter, c.Libraries = mix(c.Dependencies), mix(c.Optional), mix(c.Conflicts), mix(c.LoadAfter), mix(c.Libraries)
			out[id] = append(out[id], c)
		}
		list := out[id]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	request.Roots = mix(request.Roots)
	return out, request
}

func TestOrderOfInputDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, request := drawUniverse(t), drawRequest(t)
		u2, request2 := shuffled(u, request, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		a, errA := resolution.Resolve(request, u)
		b, errB := resolution.Resolve(request2, u2)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatal(diff)
		}
		if fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Fatalf("%v\n%v", errA, errB)
		}
	})
}

// TestLockedStays: what was chosen is chosen again, whatever new versions there are,
// and whatever of the chosen ones was yanked. (That they change without a lock, the table
// of TestResolve shows.)
func TestLockedStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, request := drawUniverse(t), drawRequest(t)
		before, err := resolution.Resolve(request, u)
		if err != nil {
			return
		}
		request.UpdateAll = false
		request.Locked = map[string]resolution.Locked{}
		for _, m := range before.Mods {
			libraries := map[string]string{}
			for _, l := range m.Libraries {
				libraries[l.ID] = l.Version
			}
			request.Locked[m.ID] = resolution.Locked{Version: m.Version, Libraries: libraries}
		}
		later := resolution.Set{}
		for id, all := range u {
			for _, c := range all {
				c.Yanked = c.Yanked || rapid.Bool().Draw(t, "yanked later")
				later[id] = append(later[id], c)
			}
			newer := resolution.Candidate{Version: semver.MustParse("1.2.0"), Library: slices.Contains(someLibraries, id)}
			later[id] = append(later[id], newer)
		}
		after, err := resolution.Resolve(request, later)
		if diff := cmp.Diff(before, after); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}
