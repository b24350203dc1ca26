package drill

import (
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// inject runs a setup with the fault, and once more without it for as many ticks,
// and compares the bystanders in both. bound is for how many ticks in a row a
// bystander may have to wait, 0 where nothing may differ in any tick. The two runs
// are returned for the drill to look at; nil if one of them was ended by an error.
func (t *trial) inject(s setup, bound int64) (got, base *world) {
	got = t.play(s, !t.dud)
	if got.err != nil {
		t.problem("with the fault: %v", got.err)
		return nil, nil
	}
	if got.overrun > got.mostOverrun() {
		t.problem("a frame used %d instructions beyond its budget", got.overrun)
	}
	s.most, s.over = got.tick, nil
	base = t.play(s, false)
	if base.err != nil {
		t.problem("without the fault: %v", base.err)
		return nil, nil
	}
	t.compare(got, base, got.tick, bound)
	return got, base
}

// compare compares the bystanders of two runs up to a tick.
func (t *trial) compare(got, base *world, until, bound int64) {
	t.Others.Bound = bound
	for _, m := range got.bystanders {
		id := m.ID()
		a, b := got.marks[id], base.marks[id]
		a, b = a[:min(int64(len(a)), until)], b[:min(int64(len(b)), until)]
		if !sound(a) && sound(b) {
			t.problem("the bystander %s is %s: %s", id, m.State(), m.Report().Reason)
		}
		if t.exempt[id] {
			t.Others.Exempt = append(t.Others.Exempt, id)
			continue
		}
		if slices.EqualFunc(a, b, alike) {
			continue
		}
		t.Others.Affected++
		t.Others.Late = max(t.Others.Late, starved(a, b))
		if bound == 0 {
			t.problem("the bystander %s differs from a run without the fault from tick %d on", id, differs(a, b))
		}
	}
	t.require(t.Others.Late <= bound, "a bystander got nothing of its share for %d ticks in a row; at most %d", t.Others.Late, bound)
}

// alike reports whether a mod is the same in two runs. Of its instructions one in a
// hundred may differ: who receives events of several mods in one tick may receive them
// in another order, since a mod that is stopped is not in its place any more.
func alike(a, b mark) bool {
	if off := a.instructions - b.instructions; max(off, -off) > b.instructions/100 {
		return false
	}
	a.instructions = b.instructions
	return a == b
}

// sound reports whether a mod was stopped in no tick.
func sound(marks []mark) bool {
	return !slices.ContainsFunc(marks, func(m mark) bool {
		return m.state == mods.Quarantined || m.state == mods.Disabled || m.state == mods.Refused || m.state == mods.Unloaded
	})
}

// differs returns the first tick in which two runs of a mod differ.
func differs(a, b []mark) int {
	for i := range min(len(a), len(b)) {
		if !alike(a[i], b[i]) {
			return i + 1
		}
	}
	return min(len(a), len(b)) + 1
}

// starved returns for how many ticks in a row a had no instructions at most, of
// those in which b had some.
func starved(a, b []mark) int64 {
	var most, now int64
	for i := 1; i < min(len(a), len(b)); i++ {
		switch {
		case a[i].instructions > a[i-1].instructions:
			now = 0
		case b[i].instructions > b[i-1].instructions:
			now++
		}
		most = max(most, now)
	}
	return most
}

// exemptUsers exempts the bystanders that ask for a capability, and all that may
// notice what these do: who needs them, hears their events or calls their services.
func (t *trial) exemptUsers(capability string) {
	all := map[string]*manifest.Manifest{}
	for _, s := range t.options.Bystanders {
		if s.Bundle == nil {
			continue
		}
		if man, err := manifest.Parse(bundle.ManifestName, s.Bundle.Manifest()); err == nil {
			all[man.ID] = man
		}
	}
	for id, man := range all {
		if slices.ContainsFunc(man.Permissions, func(p manifest.Permission) bool { return p.Name == capability }) {
			t.exempt[id] = true
		}
	}
	for again := true; again; {
		again = false
		for id, man := range all {
			for other := range t.exempt {
				if !t.exempt[id] && notices(man, all[other]) {
					t.exempt[id], again = true, true
				}
			}
		}
	}
}

// notices reports whether a mod may notice what another does.
func notices(man, other *manifest.Manifest) bool {
	for _, needs := range [][]manifest.Requirement{man.Dependencies, man.OptionalDependencies} {
		if slices.ContainsFunc(needs, func(r manifest.Requirement) bool { return r.ID == other.ID }) {
			return true
		}
	}
	for _, pair := range [][2]*manifest.Manifest{{man, other}, {other, man}} { // a service has a caller and a callee
		if slices.ContainsFunc(words(pair[0], "services", "use"), func(name string) bool { return strings.HasPrefix(name, pair[1].ID+"/") }) {
			return true
		}
	}
	sent := words(other, "events", "emit")
	return slices.ContainsFunc(words(man, "events", "subscribe"), func(name string) bool { return slices.Contains(sent, name) })
}

// words returns an option of a request that is a list of names.
func words(man *manifest.Manifest, capability, option string) []string {
	var found []string
	for _, p := range man.Permissions {
		if p.Name != capability {
			continue
		}
		list, _ := p.Options[option].([]any)
		for _, item := range list {
			if text, ok := item.(string); ok {
				found = append(found, text)
			}
		}
	}
	return found
}
