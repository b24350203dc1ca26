package luasandbox_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

//go:generate go test -run "^TestPrograms$" . -args -update

var update = flag.Bool("update", false, "write the recorded results of testdata/bench/programs anew; needs lua5.1")

const (
	programsDir     = "../testdata/bench/programs"
	programsResults = programsDir + "/results.txt"
)

// programs are the benchmark programs, each with the size at which tests run it.
// Benchmarks run it at its own size.
var programs = []struct {
	name  string
	small int
}{
	{"binary_trees", 6},
	{"closures", 1000},
	{"coroutines", 1000},
	{"fannkuch", 6},
	{"fib", 15},
	{"game_frame", 12},
	{"heapsort", 1000},
	{"json_decode", 20},
	{"json_encode", 20},
	{"load_data", 50},
	{"loops", 50},
	{"mandelbrot", 20},
	{"methods", 1000},
	{"nbody", 200},
	{"patterns", 3},
	{"queens", 6},
	{"sieve", 1},
	{"sort", 1000},
	{"sort_comparator", 500},
	{"spectral_norm", 20},
	{"string_building", 500},
}

// programLimits are what a host might set for a long computation: everything is
// counted, and nothing is reached.
var programLimits = limits.Limits{
	Instructions: 100_000_000_000,
	Memory:       256 << 20,
	Time:         10 * time.Minute,
}

// TestPrograms runs each program at its small size and compares what it returns
// with what C Lua 5.1 was recorded to return.
func TestPrograms(t *testing.T) {
	files, err := filepath.Glob(programsDir + "/*.lua")
	if err != nil || len(files) != len(programs) {
		t.Fatalf("%d programs in %s and %d in the list (%v)", len(files), programsDir, len(programs), err)
	}
	if *update {
		recordPrograms(t)
	}
	want := recordedResults(t)
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			got, _ := runProgram(t, compileProgram(t, p.name), p.small)
			if want := want[resultKey(p.name, p.small)]; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// BenchmarkPrograms is one run of each program in a fresh sandbox, with everything
// counted and limited, and compared with what C Lua 5.1 was recorded to return. The
// command in testdata/bench compares the times with those of other engines.
func BenchmarkPrograms(b *testing.B) {
	want := recordedResults(b)
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			program := compileProgram(b, p.name)
			var instructions int64
			b.ReportAllocs()
			for b.Loop() {
				var got string
				got, instructions = runProgram(b, program, 0)
				if want := want[resultKey(p.name, 0)]; got != want {
					b.Fatalf("got %q, want %q", got, want)
				}
			}
			b.ReportMetric(float64(instructions), "instructions/op")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(instructions), "ns/instruction")
		})
	}
}

func compileProgram(t testing.TB, name string) *luasandbox.Program {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(programsDir, name+".lua"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := luasandbox.Compile(name, string(source), programLimits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runProgram runs a program at a size, or at its own if that is 0, and returns its
// result and the instructions that it took.
func runProgram(t testing.TB, p *luasandbox.Program, size int) (string, int64) {
	t.Helper()
	s, err := luasandbox.New(luasandbox.Config{Limits: programLimits})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var args []any
	if size != 0 {
		args = append(args, size)
	}
	results, err := s.Load(context.Background(), p, args...)
	if err != nil {
		t.Fatal(err)
	}
	var result string
	if err := results.Scan(&result); err != nil {
		t.Fatal(err)
	}
	return result, s.LastCall().Instructions
}

func resultKey(name string, size int) string { return fmt.Sprintf("%s %d", name, size) }

// recordedResults returns the result for each program and size. A line of the file
// is the program's name, the size or 0 for its own, a tab, and the result.
func recordedResults(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(programsResults)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, result, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || result == "" {
			t.Fatalf("%s: no result in %q", programsResults, line)
		}
		results[key] = result
	}
	return results
}

func recordPrograms(t *testing.T) {
	lua, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed: results not recorded")
	}
	var recorded bytes.Buffer
	for _, p := range programs {
		for _, size := range []int{p.small, 0} {
			cmd := exec.Command(lua, "-e", fmt.Sprintf("arg = {%d} if arg[1] == 0 then arg = {} end print(assert(loadfile(%q))(unpack(arg)))",
				size, filepath.Join(programsDir, p.name+".lua")))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			fmt.Fprintf(&recorded, "%s\t%s", resultKey(p.name, size), out)
		}
	}
	if err := os.WriteFile(programsResults, recorded.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
