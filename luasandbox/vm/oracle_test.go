package vm_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/stdlib"
)

// The oracle is C Lua 5.1.5, Debian's lua5.1. What it prints for each script in
// testdata/lua is recorded beside it, and the machine must print the same,
// messages and their places included. Where the machine differs on purpose the
// script is in testdata/expect instead.
//
// A change of a script, or a new one, is recorded with
//
//	go test ./luasandbox/vm -run Oracle -update
var update = flag.Bool("update", false, "record testdata/lua/*.golden anew; needs lua5.1")

const oracleDir = "testdata/lua"

// scripts lists the Lua files of a folder by name.
func scripts(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s (%v)", dir, err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return files
}

// long lists the scripts that go test -short leaves out where a script is run many
// times.
var long = map[string]bool{"calls.lua": true, "concat.lua": true, "fornum.lua": true, "numbers.lua": true, "programs.lua": true, "tables.lua": true, "varargs.lua": true, "xpcall.lua": true}

// skipLong skips a test of a long script under go test -short.
func skipLong(t *testing.T, name string) {
	t.Helper()
	if testing.Short() && long[name] {
		t.Skip("long")
	}
}

func readFile(t testing.TB, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lua51 returns what C Lua prints for a script, or skips the test.
func lua51(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed: the recordings are not checked against it")
	}
	cmd := exec.Command(path, name)
	cmd.Dir = oracleDir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lua5.1 %s: %v\n%s", name, err, &stderr)
	}
	return string(out)
}

func golden(name string) string { return strings.TrimSuffix(name, ".lua") + ".golden" }

// TestOracleRecordings fails when C Lua does not print what is recorded.
func TestOracleRecordings(t *testing.T) {
	for _, name := range scripts(t, oracleDir) {
		t.Run(name, func(t *testing.T) {
			got := lua51(t, name)
			if *update {
				if err := os.WriteFile(filepath.Join(oracleDir, golden(name)), []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(strings.Split(readFile(t, oracleDir, golden(name)), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("lua5.1 prints something else than is recorded (-recorded +lua5.1); if the script was changed, record it with -update:\n%s", diff)
			}
		})
	}
}

// TestOracle fails when the machine does not print what is recorded.
func TestOracle(t *testing.T) {
	for _, name := range scripts(t, oracleDir) {
		t.Run(name, func(t *testing.T) {
			r := runFile(t, name, readFile(t, oracleDir, name), generous, limits.Unlimited)
			if r.err != nil {
				t.Error(r.err)
			}
			if diff := cmp.Diff(strings.Split(readFile(t, oracleDir, golden(name)), "\n"), strings.Split(r.output, "\n")); diff != "" {
				t.Errorf("-lua5.1 +ours:\n%s", diff)
			}
		})
	}
}

// generous are limits that no honest test script meets.
var generous = limits.Limits{
	Instructions: 2_000_000_000, Memory: 512 << 20, Output: limits.Unlimited, Time: limits.UnlimitedTime,
}

// newMachine returns a machine with the library; what it prints goes to out.
func newMachine(t testing.TB, l limits.Limits, out *strings.Builder) *vm.Machine {
	t.Helper()
	m := vm.New(vm.Config{Limits: l})
	err := stdlib.Open(m, stdlib.Options{Print: func(_ *vm.Call, line string) error {
		if out != nil {
			out.WriteString(line)
			out.WriteByte('\n')
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// load compiles text for m, with m's globals.
func load(t testing.TB, m *vm.Machine, chunk, text string) vm.Value {
	t.Helper()
	p, err := vm.Compile(chunk, text, m.Limits())
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Load(p, m.Globals())
	if err != nil {
		t.Fatal(err)
	}
	return f.Value()
}

// result is everything about a run that must be the same on every run.
type result struct {
	output       string
	err          error
	instructions int64
	allocated    int64
	memory       int64 // upper bound at the end
	live         int64 // by a census at the end
	peak         int64
	steps        int
}

// runFile runs text to its end in steps of fuel instructions.
func runFile(t testing.TB, chunk, text string, l limits.Limits, fuel int64) result {
	t.Helper()
	var out strings.Builder
	m := newMachine(t, l, &out)
	return finish(t, m, &out, load(t, m, chunk, text), fuel)
}

func finish(t testing.TB, m *vm.Machine, out *strings.Builder, fn vm.Value, fuel int64) (res result) {
	t.Helper()
	r, err := m.Start(context.Background(), fn)
	for status := vm.Paused; err == nil && status == vm.Paused; res.steps++ {
		status, err = r.Step(fuel)
		if status == vm.Waiting {
			t.Fatal("the script waits")
		}
	}
	noBug(t, err)
	res.output, res.err = out.String(), err
	res.instructions = m.Total().Snapshot().Instructions.Current
	res.allocated, res.memory, res.peak = m.Allocated(), m.Memory(), m.Peak()
	if m.Dead() == nil {
		res.live = m.Census()
	}
	return res
}

// noBug fails if err is the machine's own fault.
func noBug(t testing.TB, err error) {
	t.Helper()
	var bug *vm.InternalError
	if errors.As(err, &bug) {
		t.Fatalf("%s\n%s", bug.Detail, bug.Stack)
	}
}
