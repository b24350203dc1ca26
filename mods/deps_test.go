package mods_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDependencies: who uses this package does not compile a database, a
// network or a way to start processes with it.
func TestDependencies(t *testing.T) {
	deps := func(pkg string) []string {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Skip("go list: ", err)
		}
		return strings.Fields(string(out))
	}
	all := deps(".")
	for _, unwanted := range []string{"go.etcd.io/bbolt", "net", "os/exec", "plugin"} {
		if slices.Contains(all, unwanted) {
			t.Errorf("package mods depends on %s", unwanted)
		}
	}
	if !slices.Contains(deps("./storage/boltstore"), "go.etcd.io/bbolt") {
		t.Error("boltstore does not depend on bbolt; the test looks for the wrong name")
	}
}
