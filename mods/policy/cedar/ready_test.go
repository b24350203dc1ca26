package cedar_test

import (
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
	"github.com/luasandbox/modrunner/mods/policy/policytest"
)

// Each ready-made policy passes its tests, and each of its rules decides in one.
func TestReady(t *testing.T) {
	if names := cedar.ReadyNames(); len(names) != 4 {
		t.Fatalf("%q", names)
	}
	for _, name := range cedar.ReadyNames() {
		t.Run(name, func(t *testing.T) {
			p, err := cedar.Ready(name)
			if err != nil {
				t.Fatal(err)
			}
			_, tests, _ := cedar.ReadyText(name)
			table, err := policytest.Read(name+".test.toml", []byte(tests))
			if err != nil {
				t.Fatal(err)
			}
			decided := map[string]bool{}
			for _, result := range table.Run(p) {
				for _, d := range result.Differences {
					t.Errorf("%s: %v (rules %v)", result.Name, d, result.Decision.Mod.Rules)
				}
				for _, rule := range result.Decision.Mod.Rules {
					decided[rule] = true
				}
				for _, p := range result.Decision.Permissions {
					for _, rule := range p.Ruling.Rules {
						decided[rule] = true
					}
				}
			}
			for _, rule := range p.Rules() {
				if !decided[rule.Name] {
					t.Errorf("no test in which the rule %s decides", rule.Name)
				}
			}
		})
	}
	if _, err := cedar.Ready("strict-serer"); err == nil {
		t.Error("there is no such policy")
	} else if _, ok := errors.AsType[*cedar.UnknownError](err); !ok {
		t.Error(err)
	}
}

// The tests of one policy fail with another: they are not ones that always pass.
func TestReadyTestsTellThemApart(t *testing.T) {
	for _, name := range cedar.ReadyNames() {
		_, tests, _ := cedar.ReadyText(name)
		table, err := policytest.Read(name, []byte(tests))
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range cedar.ReadyNames() {
			p, _ := cedar.Ready(other)
			failed := 0
			for _, result := range table.Run(p) {
				if len(result.Differences) > 0 {
					failed++
				}
			}
			if (failed == 0) != (name == other) {
				t.Errorf("the tests of %s with %s: %d fail", name, other, failed)
			}
		}
	}
}

// The rules of the static check that ready-made policies name are rules of the static
// check.
func TestReadyNamesRules(t *testing.T) {
	named := 0
	for _, name := range cedar.ReadyNames() {
		text, _, _ := cedar.ReadyText(name)
		for _, list := range regexp.MustCompile(`findings\.rules\.contains\w*\(\[?([^\])]*)`).FindAllStringSubmatch(text, -1) {
			for _, id := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(list[1], -1) {
				if named++; !slices.ContainsFunc(gate.Rules(), func(r gate.Rule) bool { return r.ID == id[1] }) {
					t.Errorf("%s: there is no rule %q", name, id[1])
				}
			}
		}
	}
	if named < 3 {
		t.Errorf("%d are named: the test does not find them", named)
	}
}
