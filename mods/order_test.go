package mods_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
)

// A mod in these tests is written "id@version needs x ^1; wants y *; not z *".
func loadAll(t *testing.T, w *world, all []string) ([]*mods.Mod, error) {
	t.Helper()
	var sources []mods.Source
	for _, text := range all {
		head, rest, _ := strings.Cut(text, " ")
		id, version, _ := strings.Cut(head, "@")
		sections := map[string]string{"needs": "", "wants": "", "not": ""}
		for clause := range strings.SplitSeq(rest, "; ") {
			if clause == "" {
				continue
			}
			words := strings.SplitN(clause, " ", 3)
			sections[words[0]] += fmt.Sprintf("%s = %q\n", words[1], words[2])
		}
		manifest := fmt.Sprintf("[mod]\nid = %q\nversion = %q\n[dependencies]\n%s[optional_dependencies]\n%s[conflicts]\n%s",
			id, version, sections["needs"], sections["wants"], sections["not"])
		sources = append(sources, mods.Source{Bundle: bundleOf(t, "mod.toml", manifest, "main.lua", "print('here')"), Path: id})
	}
	return w.Load(sources...)
}

func TestOrder(t *testing.T) {
	for name, test := range map[string]struct {
		mods    []string
		order   string            // ids of those that run
		refused map[string]string // id -> reason and other mod
	}{
		"by id":              {mods: []string{"ccc@1.0.0", "aaa@1.0.0", "bbb@1.0.0"}, order: "aaa bbb ccc"},
		"a chain":            {mods: []string{"aaa@1.0.0 needs bbb *", "bbb@1.0.0 needs ccc ^1", "ccc@1.9.0"}, order: "ccc bbb aaa"},
		"a diamond":          {mods: []string{"aaa@1.0.0 needs bbb *; needs ccc *", "bbb@1.0.0 needs ddd *", "ccc@1.0.0 needs ddd *", "ddd@1.0.0"}, order: "ddd bbb ccc aaa"},
		"an optional one":    {mods: []string{"aaa@1.0.0 wants zzz *", "zzz@1.0.0"}, order: "zzz aaa"},
		"optional, not here": {mods: []string{"aaa@1.0.0 wants zzz *"}, order: "aaa"},
		"optional, refused":  {mods: []string{"aaa@1.0.0 wants zzz *", "zzz@1.0.0 needs nothere *"}, order: "aaa", refused: map[string]string{"zzz": "missing nothere"}},
		"optional, other version": {mods: []string{"aaa@1.0.0 wants zzz ^2", "zzz@1.0.0"}, order: "zzz",
			refused: map[string]string{"aaa": "version zzz"}},
		"missing":       {mods: []string{"aaa@1.0.0 needs weahter *", "weather@1.0.0"}, order: "weather", refused: map[string]string{"aaa": "missing weahter"}},
		"other version": {mods: []string{"aaa@1.0.0 needs bbb >=1.0, <2.0", "bbb@2.0.0"}, order: "bbb", refused: map[string]string{"aaa": "version bbb"}},
		"prerelease":    {mods: []string{"aaa@1.0.0 needs bbb *", "bbb@2.0.0-beta.1"}, order: "bbb", refused: map[string]string{"aaa": "version bbb"}},
		"refusals spread": {mods: []string{"aaa@1.0.0 needs bbb *", "bbb@1.0.0 needs ccc *", "ccc@1.0.0 needs ddd *", "eee@1.0.0"}, order: "eee",
			refused: map[string]string{"aaa": "refused bbb", "bbb": "refused ccc", "ccc": "missing ddd"}},
		"a circle": {mods: []string{"aaa@1.0.0 needs bbb *", "bbb@1.0.0 needs ccc *", "ccc@1.0.0 needs aaa *", "ddd@1.0.0 needs ccc *", "eee@1.0.0"}, order: "eee",
			refused: map[string]string{"aaa": "cycle bbb aaa>bbb>ccc>aaa", "bbb": "cycle ccc bbb>ccc>aaa>bbb", "ccc": "cycle aaa ccc>aaa>bbb>ccc", "ddd": "refused ccc"}},
		"two circles": {mods: []string{"aaa@1.0.0 needs bbb *", "bbb@1.0.0 needs aaa *", "xxx@1.0.0 needs yyy *", "yyy@1.0.0 needs xxx *; needs aaa *"},
			refused: map[string]string{"aaa": "cycle bbb aaa>bbb>aaa", "bbb": "cycle aaa bbb>aaa>bbb", "xxx": "refused yyy", "yyy": "refused aaa"}},
		"an optional circle": {mods: []string{"aaa@1.0.0 needs bbb *", "bbb@1.0.0 wants aaa *"}, order: "bbb aaa"},
		"two optional":       {mods: []string{"aaa@1.0.0 wants bbb *", "bbb@1.0.0 wants aaa *"}, order: "aaa bbb"},
		"a conflict":         {mods: []string{"aaa@1.0.0 not bbb <2", "bbb@1.0.0"}, order: "bbb", refused: map[string]string{"aaa": "conflict bbb"}},
		"no conflict":        {mods: []string{"aaa@1.0.0 not bbb <2", "bbb@2.0.0"}, order: "aaa bbb"},
		"both conflict":      {mods: []string{"aaa@1.0.0 not bbb *", "bbb@1.0.0 not aaa *"}, refused: map[string]string{"aaa": "conflict bbb", "bbb": "conflict aaa"}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 { // whatever the order of the sources
				w := newWorld(t, mods.Config{})
				_, _ = loadAll(t, w, test.mods)
				rand.Shuffle(len(test.mods), func(i, j int) { test.mods[i], test.mods[j] = test.mods[j], test.mods[i] })
				w.run(1)
				var order []string
				refused := map[string]string{}
				for _, m := range w.Mods() {
					if m.State() == mods.Active {
						order = append(order, m.ID())
						continue
					}
					var e *mods.DependencyError
					if !errors.As(m.Err(), &e) || e.Mod != m.ID() || e.Err.Line < 5 || e.Want == "" {
						t.Fatalf("%s is %s: %v", m.ID(), m.State(), m.Err())
					}
					refused[m.ID()] = strings.TrimSpace(fmt.Sprint(e.Reason, " ", e.On, " ", strings.Join(e.Cycle, ">")))
				}
				if got := strings.Join(order, " "); got != test.order {
					t.Errorf("order %q, want %q", got, test.order)
				}
				if test.refused == nil {
					test.refused = map[string]string{}
				}
				if diff := cmp.Diff(test.refused, refused); diff != "" {
					t.Errorf("refused (-want +got):\n%s", diff)
				}
				want := strings.Fields(test.order)
				for i, id := range want {
					want[i] = "[" + id + "] here"
				}
				w.wantPrinted(want...)
			}
		})
	}
}

func TestMissingDependencySuggests(t *testing.T) {
	w := newWorld(t, mods.Config{})
	_, _ = loadAll(t, w, []string{"aaa@1.0.0 needs weahter ^1", "weather@1.0.0"})
	w.run(1)
	want := `mod.toml:5:1: the mod "weahter" is not there; version ^1 is needed; did you mean "weather"?`
	if got, _, _ := strings.Cut(w.Mods()[1].Err().Error(), "\n"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestAnyGraph holds what must be true of every set of mods: who runs has all
// that it needs before it, and who is refused has a reason.
func TestAnyGraph(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 60 {
		n := 2 + random.IntN(12)
		var all []string
		needs := map[string][]string{}
		for i := range n {
			id := fmt.Sprintf("mod%02d", i)
			var clauses []string
			used := map[int]bool{i: true}
			for range random.IntN(3) {
				j := random.IntN(n)
				if used[j] {
					continue
				}
				used[j] = true
				other := fmt.Sprintf("mod%02d", j)
				kind := []string{"needs", "needs", "wants"}[random.IntN(3)]
				clauses = append(clauses, kind+" "+other+" *")
				if kind == "needs" {
					needs[id] = append(needs[id], other)
				}
			}
			all = append(all, id+"@1.0.0 "+strings.Join(clauses, "; "))
		}
		w := newWorld(t, mods.Config{})
		_, _ = loadAll(t, w, all)
		w.run(1)
		running := map[string]bool{}
		for _, m := range w.Mods() {
			if m.State() == mods.Active {
				for _, other := range needs[m.ID()] {
					if !running[other] {
						t.Fatalf("%s runs before %s in %v", m.ID(), other, all)
					}
				}
				running[m.ID()] = true
				continue
			}
			var e *mods.DependencyError
			if !errors.As(m.Err(), &e) || running[e.On] || e.Reason != mods.DependencyCycle && e.Reason != mods.DependencyRefused {
				t.Fatalf("%s: %v in %v", m.ID(), m.Err(), all)
			}
		}
	}
}
