package mods_test

import (
	"testing"

	"github.com/luasandbox/modrunner/mods"
)

// Forget is for mods that were refused, and for those alone.
func TestForget(t *testing.T) {
	w := newWorld(t, mods.Config{})
	good := w.mod("good", "")
	bad, err := w.try("bad", "api = '^9.0'\n", "")
	if err == nil || len(w.Mods()) != 2 {
		t.Fatalf("%v, %d mods", err, len(w.Mods()))
	}
	w.Forget(good)
	w.Forget(bad)
	w.Forget(bad)
	if all := w.Mods(); len(all) != 1 || all[0] != good {
		t.Errorf("%d mods are left", len(all))
	}
	w.run(1)
	w.well(good)
}
