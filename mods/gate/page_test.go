package gate_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/gate"
)

//go:generate go test -run TestPage . -args -update

var update = flag.Bool("update", false, "write RULES.md")

// RULES.md is what the table of rules says.
func TestPage(t *testing.T) {
	if *update {
		if err := os.WriteFile("RULES.md", []byte(gate.Page()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), gate.Page()); diff != "" {
		t.Errorf("go generate ./mods/gate: %s", diff)
	}
}

// Each rule is told completely, and once.
func TestRules(t *testing.T) {
	var ids []string
	for _, r := range gate.Rules() {
		if r.ID == "" || r.Title == "" || r.Explanation == "" || slices.Contains(ids, r.ID) {
			t.Errorf("%+v", r)
		}
		ids = append(ids, r.ID)
		if got, ok := gate.RuleByID(r.ID); !ok || got.Title != r.Title {
			t.Errorf("%s is not found by its id", r.ID)
		}
	}
	if _, ok := gate.RuleByID("nope"); ok {
		t.Error("there is a rule of any id")
	}
	gate.Rules()[0].ID = "changed"
	if gate.Rules()[0].ID == "changed" {
		t.Error("the rules can be changed")
	}
}
