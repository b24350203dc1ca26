package vm_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/stdlib"
)

// cramped are the limits that fuzzed scripts run under.
var cramped = limits.Limits{
	Instructions: 60_000,
	Memory:       400_000,
	Time:         limits.UnlimitedTime,
	Depth:        300,
	Coroutines:   30,
	Output:       20_000,
	String:       50_000,
	Source:       1 << 16,
}

// outcome is everything about a run that must be the same on every run.
type outcome struct {
	output       string
	err          error
	instructions int64
	allocated    int64
	live         int64
	peak         int64
}

// String has all of it, for comparison.
func (o outcome) String() string {
	return fmt.Sprintf("error %v, %d instructions, %d bytes allocated, %d live, peak %d\n%s", o.err, o.instructions, o.allocated, o.live, o.peak, o.output)
}

// jail executes a program in a sandbox of its own, in steps of fuel instructions.
// With census set, a census is taken between the steps.
func jail(t testing.TB, p *vm.Program, l limits.Limits, fuel int64, census bool) outcome {
	t.Helper()
	var out strings.Builder
	l = l.WithDefaults()
	m := vm.New(vm.Config{Limits: l})
	err := stdlib.Open(m, stdlib.Options{Print: func(_ *vm.Call, line string) error {
		out.WriteString(line)
		out.WriteByte('\n')
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Load(p, m.Globals())
	if err != nil {
		return outcome{err: err}
	}
	r, err := m.Start(context.Background(), f.Value())
	for status := vm.Paused; err == nil && status == vm.Paused; {
		if census {
			m.Census()
		}
		status, err = r.Step(fuel)
		if status == vm.Waiting {
			t.Fatal("the script waits")
		}
	}
	o := outcome{output: out.String(), err: err, instructions: r.Use().Instructions.Current, allocated: m.Allocated(), peak: m.Peak()}
	typed(t, err, o.instructions, l)
	if o.instructions > l.Instructions {
		t.Fatalf("%d instructions of %d", o.instructions, l.Instructions)
	}
	if len(o.output) > int(l.Output) {
		t.Fatalf("%d bytes of output, limit %d", len(o.output), l.Output)
	}
	if m.Dead() != nil {
		t.Fatal("the machine is dead")
	}
	o.live = m.Census()
	if o.live > l.Memory+l.Memory/4 || o.peak > l.Memory+l.Memory/4 {
		t.Fatalf("%d bytes are live, peak %d, limit %d", o.live, o.peak, l.Memory)
	}
	if inv := m.Inventory(3); inv.Bytes != o.live {
		t.Fatalf("the inventory has %d bytes, the census %d", inv.Bytes, o.live)
	}
	alive(t, m)
	return o
}

// typed fails if err is not one of the errors that a call may end with.
func typed(t testing.TB, err error, used int64, l limits.Limits) {
	t.Helper()
	var lua *vm.Error
	var limit *limits.Error
	var bug *vm.InternalError
	switch {
	case err == nil:
	case errors.As(err, &bug):
		t.Fatalf("%s\n%s", bug.Detail, bug.Stack)
	case errors.As(err, &lua):
		if lua.Traceback == "" {
			t.Fatalf("an error without a traceback: %v", err)
		}
	case errors.As(err, &limit):
		if limit.Kind == limits.Instructions && (limit.Used != l.Instructions || used != l.Instructions) {
			t.Fatalf("stopped after %d instructions of %d: %v", used, l.Instructions, err)
		}
	default:
		t.Fatalf("an error of type %T: %v", err, err)
	}
}

// alive fails unless m still executes scripts.
func alive(t testing.TB, m *vm.Machine) {
	t.Helper()
	p, err := vm.Compile("alive", "local function f(n) return n + 1 end return f(41)", limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Load(p, m.Globals())
	if err != nil {
		return // the jail is full
	}
	vs, err := m.Call(context.Background(), f.Value())
	var limit *limits.Error
	if errors.As(err, &limit) {
		return
	}
	if err != nil || len(vs) != 1 || vs[0] != vm.Int(42) {
		t.Fatalf("the machine does not work any more: %v, %v", vs, err)
	}
}

// sameEverywhere runs p in several sandboxes, whole and in slices.
func sameEverywhere(t testing.TB, p *vm.Program) outcome {
	t.Helper()
	whole := jail(t, p, cramped, limits.Unlimited, false)
	for _, fuel := range []int64{limits.Unlimited, 3} {
		if again := jail(t, p, cramped, fuel, false); again.String() != whole.String() {
			t.Fatalf("in slices of %d:\n%v\nbefore:\n%v", fuel, again, whole)
		}
	}
	return whole
}

// compiled compiles text, which may be anything, and checks the error.
func compiled(t testing.TB, chunk, text string, l limits.Limits) *vm.Program {
	t.Helper()
	p, err := vm.Compile(chunk, text, l)
	if err == nil {
		return p
	}
	var e *vm.SyntaxError
	if !errors.As(err, &e) {
		t.Fatalf("an error of type %T: %v", err, err)
	}
	if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1; e.Line < 1 || e.Line > lines || e.Chunk != chunk || e.Message == "" || e.Column < 0 {
		t.Fatalf("a syntax error without a place: %+v, in a text of %d lines", e, lines)
	}
	for _, c := range []byte(e.Near) {
		if c < ' ' || c >= 0x7f {
			t.Fatalf("a token that does not print: %q", e.Near)
		}
	}
	return nil
}

// FuzzSource: any text is refused with a place, or is a program that keeps its
// budget and does the same everywhere.
func FuzzSource(f *testing.F) {
	for _, dir := range []string{oracleDir, "testdata/expect"} {
		for _, name := range scripts(f, dir) {
			for _, chunk := range strings.Split(readFile(f, dir, name), "\n---\n") {
				f.Add(chunk)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p := compiled(t, "source.lua", text, cramped); p != nil {
			sameEverywhere(t, p)
		}
	})
}

// FuzzProgram: a valid program, chosen by bytes, keeps its budget and does the
// same everywhere, also if a census is taken between any two of its instructions.
func FuzzProgram(f *testing.F) {
	for i := range 20 {
		f.Add(randomBytes(uint64(i), 100+50*i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := generated(data, false)
		p := compiled(t, "generated.lua", text, limits.Limits{})
		if p == nil {
			_, err := vm.Compile("generated.lua", text, limits.Limits{})
			t.Fatalf("%v\n%s", err, text)
		}
		whole := sameEverywhere(t, p)
		if with := jail(t, p, cramped, 1, true); whole.err == nil && (with.err != nil || with.output != whole.output) {
			t.Fatalf("with a census between instructions:\n%v\nwithout:\n%v\n%s", with, whole, text)
		}
	})
}

// TestProgramsAgainstLua runs programs of the generator in C Lua 5.1 too.
func TestProgramsAgainstLua(t *testing.T) {
	lua, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed")
	}
	programs := 300
	if testing.Short() {
		programs = 30
	}
	compared := 0
	for seed := range programs {
		text := generated(randomBytes(uint64(seed), 400), true)
		p := compiled(t, "generated.lua", text, limits.Limits{})
		if p == nil {
			_, err := vm.Compile("generated.lua", text, limits.Limits{})
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		ours := jail(t, p, limits.Limits{Time: limits.UnlimitedTime, Output: limits.Unlimited}, limits.Unlimited, false)
		var limit *limits.Error
		if errors.As(ours.err, &limit) {
			continue
		}
		cmd := exec.Command(lua, "-")
		cmd.Stdin = strings.NewReader(text)
		theirs, err := cmd.Output()
		want := strings.ReplaceAll(string(theirs), "stdin:", "generated.lua:")
		if strings.Contains(want+ours.output, "stack overflow") || strings.Contains(want, ": 0x") {
			continue // how deep a stack is, and what an address is, differ
		}
		if (err == nil) != (ours.err == nil) || want != ours.output {
			t.Errorf("seed %d: %v here, %v in lua5.1\n%s", seed, ours.err, err, firstDifference(ours.output, want))
			continue
		}
		compared++
	}
	if compared < programs*3/4 {
		t.Errorf("only %d of %d programs were compared", compared, programs)
	}
}

func firstDifference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			other := "(nothing)"
			if i < len(b) {
				other = b[i]
			}
			return fmt.Sprintf("line %d\nours   %s\ntheirs %s", i+1, a[i], other)
		}
	}
	return "theirs is longer"
}
