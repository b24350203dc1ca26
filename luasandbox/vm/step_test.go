package vm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// sameRun reports how two runs differ in what must be the same.
func sameRun(a, b result) string {
	return cmp.Diff(a, b, cmp.AllowUnexported(result{}), cmpopts.IgnoreFields(result{}, "steps"),
		cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }))
}

// fuels are the fuels that runs are cut into.
var fuels = []int64{1, 2, 3, 7, 50}

// TestStepped runs every script of the oracle whole, again, and in slices: the
// output, the instructions and the memory figures are the same.
func TestStepped(t *testing.T) {
	for _, name := range scripts(t, oracleDir) {
		t.Run(name, func(t *testing.T) {
			skipLong(t, name)
			text := readFile(t, oracleDir, name)
			whole := runFile(t, name, text, generous, limits.Unlimited)
			if diff := sameRun(whole, runFile(t, name, text, generous, limits.Unlimited)); diff != "" {
				t.Errorf("a second run differs:\n%s", diff)
			}
			for _, fuel := range fuels {
				if whole.instructions/fuel > 3_000_000 {
					continue
				}
				got := runFile(t, name, text, generous, fuel)
				if diff := sameRun(whole, got); diff != "" {
					t.Errorf("in slices of %d (-whole +sliced):\n%s", fuel, diff)
				}
				if least := whole.instructions / fuel / 200; int64(got.steps) < least {
					t.Errorf("in slices of %d: %d steps for %d instructions", fuel, got.steps, whole.instructions)
				}
			}
		})
	}
}

// TestCensusAnywhere takes a census at every allocation, and from outside between
// any two instructions. A register or an object that a census took for unused and
// that was used after all changes what a script prints.
func TestCensusAnywhere(t *testing.T) {
	for _, name := range scripts(t, oracleDir) {
		t.Run(name, func(t *testing.T) {
			skipLong(t, name)
			text := readFile(t, oracleDir, name)
			want := runFile(t, name, text, generous, limits.Unlimited)
			censuses := 30_000
			if testing.Short() {
				censuses = 2_000
			}
			for _, outside := range []bool{false, true} {
				var out strings.Builder
				m := newMachine(t, generous, &out)
				r, err := m.Start(context.Background(), load(t, m, name, text))
				n := 0
				for status := vm.Paused; err == nil && status == vm.Paused; n++ {
					if n < censuses {
						if outside {
							m.Census()
						}
						m.ForceCensus()
					}
					status, err = r.Step(1)
				}
				noBug(t, err)
				if err != nil {
					t.Errorf("outside %v: %v", outside, err)
				}
				if diff := cmp.Diff(strings.Split(want.output, "\n"), strings.Split(out.String(), "\n")); diff != "" {
					t.Errorf("outside %v (-no census +census):\n%s", outside, diff)
				}
			}
		})
	}
}
