package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// corpus are the scripts that have to repeat themselves, by pattern: those of other
// tests, and some that look at what a census does.
var corpus = []string{
	"testdata/repetition/*.lua", "../../stdlib/testdata/oracle/*.lua", "../../luasandbox/vm/testdata/lua/*.lua",
}

// jails are limits that scripts run into: in the middle of an instruction's work, in
// the middle of a library function, while the jail is full.
var jails = []limits.Limits{
	{Instructions: 20_011, Memory: 1 << 20},
	{Instructions: 400_000, Memory: 192 << 10, Coroutines: 9},
	{Instructions: 300_007, Memory: 700_001, Depth: 77, String: 5000},
}

// repeated runs all of the corpus and returns a line for each run: everything that it
// gave but wall times. It may be called on several goroutines at once.
func repeated(t testing.TB) []string {
	var lines []string
	for _, pattern := range corpus {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Errorf("no script is %s (%v)", pattern, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			for _, l := range jails {
				lines = append(lines, fmt.Sprintf("%s %d: %s", filepath.Base(file), l.Instructions, once(t, string(source), l)))
			}
		}
	}
	return slices.Concat(lines, session(t, 0), session(t, 4))
}

// once runs one script in a sandbox of its own.
func once(t testing.TB, source string, l limits.Limits) string {
	l.Time = limits.UnlimitedTime
	p, err := luasandbox.Compile("script.lua", source, l)
	if err != nil {
		return "does not compile: " + err.Error()
	}
	out := sha256.New()
	s, err := luasandbox.New(luasandbox.Config{Limits: l, Output: out, Seed: 7})
	if err != nil {
		t.Error(err)
		return ""
	}
	defer s.Close()
	results, failed := s.LoadText(context.Background(), p)
	last := s.LastCall()
	census, err := s.Census()
	if err != nil {
		t.Error(err)
	}
	total := s.Usage()
	last.Wall, total.Wall = 0, 0
	return fmt.Sprintf("%q %v %q %+v %+v %+v %x", results, failed, s.Traceback(), last, total, census, out.Sum(nil))
}

// session runs the mods of testdata through some ticks, in which some are quarantined
// and come back, on so many workers.
func session(t testing.TB, workers int) []string {
	out := sha256.New()
	h, err := mods.Open(mods.Config{Policy: mods.PolicyAll, Output: out, Seed: 7,
		Frame:  mods.Frame{Guard: limits.UnlimitedTime, Workers: workers},
		Limits: limits.Limits{Instructions: 2_000_000, Memory: 4 << 20, Time: limits.UnlimitedTime}})
	if err != nil {
		t.Error(err)
		return nil
	}
	defer h.Close()
	folders, err := filepath.Glob("../../testdata/mods/*/mod.toml")
	if err != nil || len(folders) == 0 {
		t.Errorf("no mods (%v)", err)
	}
	var sources []mods.Source
	for _, f := range folders {
		b, err := bundle.OpenPath(filepath.Dir(f), bundle.Limits{})
		sources = append(sources, mods.Source{Bundle: b, Path: filepath.Base(filepath.Dir(f)), Err: err})
	}
	if _, err := h.Load(sources...); err != nil {
		t.Error(err)
	}
	for range 30 {
		if err := h.Tick(context.Background(), 50*time.Millisecond); err != nil {
			t.Error(err)
		}
	}
	lines := []string{fmt.Sprintf("mods print %x", out.Sum(nil))}
	for _, m := range h.Mods() {
		r := m.Report()
		r.WallMS = 0
		text, err := json.Marshal(r)
		if err != nil {
			t.Error(err)
		}
		lines = append(lines, "mod "+string(text))
	}
	return lines
}

// differ reports where two runs of the corpus differ.
func differ(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-alone +there):\n%.4000s", what, diff)
	}
}

// TestRepetition runs the corpus many times: alone; on several goroutines with one,
// two and four processors while the collector never rests.
func TestRepetition(t *testing.T) {
	want := repeated(t)
	for _, kind := range []string{"instruction limit", "memory limit", "stack overflow"} {
		if !strings.Contains(strings.Join(want, "\n"), kind) {
			t.Errorf("nothing in the corpus runs into the %s", kind)
		}
	}
	differ(t, "a second time", want, repeated(t))
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(processors)
		stop := make(chan struct{})
		var stress, runs sync.WaitGroup
		stress.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		})
		got := make([][]string, 3)
		for i := range got {
			runs.Go(func() { got[i] = repeated(t) })
		}
		runs.Wait()
		close(stop)
		stress.Wait()
		for _, g := range got {
			differ(t, fmt.Sprintf("with %d processors", processors), want, g)
		}
		if testing.Short() {
			break
		}
	}
}

const repetitionChild = "ACCOUNTS_REPETITION_CHILD"

// TestRepetitionAcrossProcesses compares with other processes, in which every seed of
// a hash, and every address, is another.
func TestRepetitionAcrossProcesses(t *testing.T) {
	if file := os.Getenv(repetitionChild); file != "" {
		if err := os.WriteFile(file, []byte(strings.Join(repeated(t), "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := repeated(t)
	for i := range 2 {
		file := filepath.Join(t.TempDir(), "lines")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRepetitionAcrossProcesses$")
		cmd.Env = append(os.Environ(), repetitionChild+"="+file, fmt.Sprintf("GOGC=%d", 20+400*i))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		differ(t, "in another process", want, strings.Split(string(got), "\n"))
	}
}
