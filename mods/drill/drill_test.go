package drill

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// The environment variables of the process that is killed: its folder, and how it
// keeps what it should.
const (
	childVariable = "MODRUNNER_DRILL_CHILD"
	modeVariable  = "MODRUNNER_DRILL_CHILD_MODE"

	honestMode  = ""
	liarMode    = "says that it saves"
	halfMode    = "saves half of it"
	amnesiaMode = "forgets quarantines"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(childVariable); folder != "" {
		err := child(os.Stdout, func() (storage.Store, error) {
			s, err := boltstore.Open(folder)
			return careless{s, os.Getenv(modeVariable)}, err
		})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// careless is a store that keeps what its mode says.
type careless struct {
	storage.Store
	mode string
}

func (c careless) Save(changes []storage.Change) error {
	switch c.mode {
	case liarMode:
		changes = nil
	case halfMode:
		changes = changes[:len(changes)/2]
	case amnesiaMode:
		changes = slices.DeleteFunc(slices.Clone(changes), func(c storage.Change) bool { return strings.HasPrefix(c.Mod, "@") })
	}
	return c.Store.Save(changes)
}

// restart starts the test's own program as the process that is killed.
func restart(ctx context.Context, folder string) *exec.Cmd {
	return childThat(honestMode)(ctx, folder)
}

func childThat(mode string) func(context.Context, string) *exec.Cmd {
	return func(ctx context.Context, folder string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+folder, modeVariable+"="+mode)
		return cmd
	}
}

func TestAllPass(t *testing.T) {
	report, err := Run(t.Context(), Options{Restart: restart})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		t.Logf("%-15s %v det=%v rec=%v cont=%q others=%+v wall=%v %q %s", r.Name, r.Passed, r.Detected, r.Recovered, r.Contained, r.Others, r.Wall, r.Problems, r.Skipped)
		if !r.Passed {
			t.Errorf("%s: %q", r.Name, r.Problems)
		}
	}
}
