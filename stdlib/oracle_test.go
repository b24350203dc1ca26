package stdlib

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

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

//go:generate go test -run "^Test(Oracle|StringOracle)$" . -args -update

var update = flag.Bool("update", false, "write golden files anew; recordings need lua5.1")

// The oracle is C Lua 5.1.5 (Debian's lua5.1): what it printed for each script in
// testdata/oracle is recorded beside it, and what the sandbox prints must be the
// same, messages and their places included.

const oracleDir = "testdata/oracle"

// oracleScripts lists the scripts compared line by line.
var oracleScripts = []string{"base", "coroutine", "table", "tables", "sort", "sorts", "numbers", "math_exact", "os", "dates"}

// oracleText returns a script with the prelude before it.
func oracleText(t *testing.T, name string) string {
	t.Helper()
	text := ""
	for _, part := range []string{"prelude", name} {
		b, err := os.ReadFile(filepath.Join(oracleDir, part+".lua"))
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	return text
}

// runLua51 returns what C Lua prints for text, which it calls "stdin".
func runLua51(t *testing.T, text string) string {
	t.Helper()
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed: recordings not checked")
	}
	cmd := exec.Command(path, "-")
	cmd.Env = []string{"TZ=UTC", "LC_ALL=C"}
	cmd.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lua5.1: %v\n%s", err, &stderr)
	}
	return string(out)
}

// recording returns what C Lua printed for a script, anew with -update.
func recording(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(oracleDir, name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(runLua51(t, oracleText(t, name))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oracleCase is one case of a recording.
type oracleCase struct{ source, result string }

// oracleCases splits what a script printed into its cases.
func oracleCases(printed string) []oracleCase {
	var all []oracleCase
	for part := range strings.SplitSeq("\n"+printed, "\n> ") {
		if part == "" {
			continue
		}
		// A source may itself have several lines; a result is marked at its first.
		at := len(part)
		for _, mark := range []string{"\n    ", "\n  ! ", "\n  ? "} {
			if i := strings.Index(part, mark); i >= 0 && i < at {
				at = i
			}
		}
		all = append(all, oracleCase{part[:at], strings.TrimPrefix(part[at:], "\n")})
	}
	return all
}

// newMachine returns a machine with the library and generous limits.
func newMachine(t testing.TB, l limits.Limits, o Options) *vm.Machine {
	t.Helper()
	if l.Instructions == 0 {
		l.Instructions = 2_000_000_000
	}
	if l.Output == 0 {
		l.Output = limits.Unlimited
	}
	if l.Time == 0 {
		l.Time = limits.UnlimitedTime
	}
	m := vm.New(vm.Config{Limits: l})
	if err := Open(m, o); err != nil {
		t.Fatal(err)
	}
	return m
}

// loadText compiles and loads a chunk.
func loadText(t testing.TB, m *vm.Machine, chunk, text string) vm.Value {
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

// runPrinting runs text and returns what it printed. Stepped in slices of fuel
// instructions, if fuel is not 0.
func runPrinting(t testing.TB, text string, fuel int64) string {
	t.Helper()
	var out strings.Builder
	m := newMachine(t, limits.Limits{}, Options{Print: func(_ *vm.Call, line string) error {
		out.WriteString(line + "\n")
		return nil
	}})
	if fuel == 0 {
		fuel = limits.Unlimited
	}
	r, err := m.Start(context.Background(), loadText(t, m, "stdin", text))
	for status := vm.Paused; err == nil && status == vm.Paused; {
		status, err = r.Step(fuel)
	}
	if err != nil {
		var internal *vm.InternalError
		if errors.As(err, &internal) {
			t.Errorf("%s\n%s", internal.Detail, internal.Stack)
		}
		t.Errorf("%v; printed before: %s", err, tail(out.String()))
	}
	return out.String()
}

func tail(s string) string { return s[max(0, len(s)-500):] }

// compareCases reports the cases in which got is not want, the first few in full.
func compareCases(t *testing.T, want, got string) (cases, same int) {
	t.Helper()
	wants, gots := oracleCases(want), oracleCases(got)
	if len(wants) != len(gots) {
		t.Errorf("%d cases, want %d", len(gots), len(wants))
	}
	shown := 0
	for i, w := range wants {
		if i >= len(gots) {
			break
		}
		if gots[i] == w {
			same++
			continue
		}
		if shown++; shown <= 40 {
			t.Errorf("%s\n got %s\nwant %s", w.source, gots[i].result, w.result)
		}
	}
	if shown > 40 {
		t.Errorf("and %d more", shown-40)
	}
	return len(wants), same
}

func TestOracle(t *testing.T) {
	for _, name := range oracleScripts {
		t.Run(name, func(t *testing.T) {
			want := recording(t, name)
			cases, same := compareCases(t, want, runPrinting(t, oracleText(t, name), 0))
			t.Logf("%d of %d cases are C Lua's", same, cases)
		})
	}
}
