package drill

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
)

func TestAlike(t *testing.T) {
	m := mark{state: mods.Active, share: 1, instructions: 1000, calls: 3, hostCalls: 2, text: 7}
	for what, test := range map[string]struct {
		change func(*mark)
		want   bool
	}{
		"the same":               {func(*mark) {}, true},
		"a hundredth more":       {func(m *mark) { m.instructions += 10 }, true},
		"a hundredth less":       {func(m *mark) { m.instructions -= 10 }, true},
		"more than a hundredth":  {func(m *mark) { m.instructions += 11 }, false},
		"another state":          {func(m *mark) { m.state = mods.Throttled }, false},
		"a call more":            {func(m *mark) { m.calls++ }, false},
		"a host call more":       {func(m *mark) { m.hostCalls++ }, false},
		"an event that was lost": {func(m *mark) { m.dropped++ }, false},
		"another text":           {func(m *mark) { m.text++ }, false},
		"something waits":        {func(m *mark) { m.waiting++ }, false},
		"less of a share":        {func(m *mark) { m.share = 0.5 }, false},
	} {
		other := m
		test.change(&other)
		if got := alike(other, m); got != test.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestStarved(t *testing.T) {
	run := func(instructions ...int64) (marks []mark) {
		for _, n := range instructions {
			marks = append(marks, mark{instructions: n})
		}
		return marks
	}
	for what, test := range map[string]struct {
		got, base []mark
		want      int64
	}{
		"in time":                {run(1, 2, 3, 4), run(1, 2, 3, 4), 0},
		"idle in both":           {run(1, 1, 1, 4), run(1, 1, 1, 4), 0},
		"one tick late":          {run(1, 1, 3, 4), run(1, 2, 3, 4), 1},
		"late twice":             {run(1, 1, 2, 2, 3), run(1, 2, 3, 4, 5), 1},
		"three ticks late":       {run(1, 1, 1, 1, 5), run(1, 2, 3, 4, 5), 3},
		"late, and idle between": {run(1, 1, 1, 1, 5), run(1, 2, 2, 4, 5), 2},
		"stopped":                {run(1, 2, 2, 2, 2), run(1, 2, 3, 4, 5), 3},
	} {
		if got := starved(test.got, test.base); got != test.want {
			t.Errorf("%s: %d, want %d", what, got, test.want)
		}
	}
}

// TestExempt: who takes part in a fault, and who may notice that.
func TestExempt(t *testing.T) {
	source := func(id, rest string) mods.Source {
		return unpacked(id+".zip", archive("mod.toml", fmt.Sprintf("[mod]\nid = %q\nversion = \"1.0.0\"\n%s", id, rest), "main.lua", ""))
	}
	tr := &trial{exempt: map[string]bool{}, options: Options{Bystanders: []mods.Source{
		source("stores", "[permissions.storage]\nreason = \"x\"\n[permissions.events]\nreason = \"x\"\nemit = [\"stored\"]\n"),
		source("hears", "[permissions.events]\nreason = \"x\"\nsubscribe = [\"stored\"]\nemit = [\"heard\"]\n"),
		source("hears-of-it", "[permissions.events]\nreason = \"x\"\nsubscribe = [\"heard\"]\n"),
		source("needs", "[dependencies]\nstores = \"*\"\n"),
		source("calls", "[permissions.services]\nreason = \"x\"\nuse = [\"needs/f\"]\n"),
		source("is-called", "[permissions.services]\nreason = \"x\"\nexport = [\"f\"]\n"),
		source("alone", "[permissions.events]\nreason = \"x\"\nsubscribe = [\"other\"]\n"),
		source("calls-alone", "[permissions.services]\nreason = \"x\"\nuse = [\"alone/f\"]\n"),
	}}}
	tr.exemptUsers("storage")
	if diff := cmp.Diff([]string{"calls", "hears", "hears-of-it", "needs", "stores"}, slices.Sorted(maps.Keys(tr.exempt))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
