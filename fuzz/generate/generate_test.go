package generate_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/fuzz/generate"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// TestProgramsCompile: whatever the bytes are.
func TestProgramsCompile(t *testing.T) {
	for seed := range uint64(400) {
		for _, d := range []generate.Dialect{generate.Portable, generate.Anything} {
			text := generate.Program(generate.Bytes(seed, int(seed)%700), d)
			if _, err := luasandbox.Compile("generated.lua", text, limits.Limits{}); err != nil {
				t.Fatalf("seed %d, dialect %d: %v\n%s", seed, d, err, text)
			}
		}
	}
}

// TestPortableProgramsAreComparable keeps the dialect's promise: what a portable
// program prints, C Lua prints too.
func TestPortableProgramsAreComparable(t *testing.T) {
	lua, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed")
	}
	programs := uint64(150)
	if testing.Short() {
		programs = 20
	}
	compared := uint64(0)
	for seed := range programs {
		text := generate.Program(generate.Bytes(seed, 400), generate.Portable)
		program, err := luasandbox.Compile("stdin", text, limits.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var ours strings.Builder
		s, err := luasandbox.New(luasandbox.Config{Output: &ours})
		if err != nil {
			t.Fatal(err)
		}
		_, failed := s.Load(context.Background(), program)
		var script *luasandbox.ScriptError
		if failed != nil && !errors.As(failed, &script) {
			t.Fatalf("seed %d: %v\n%s", seed, failed, text)
		}
		cmd := exec.Command(lua, "-")
		cmd.Stdin = strings.NewReader(text)
		theirs, err := cmd.Output()
		if strings.Contains(ours.String()+string(theirs), "stack overflow") {
			continue // how deep a stack is, differs
		}
		if (err == nil) != (failed == nil) || string(theirs) != ours.String() {
			t.Errorf("seed %d: %v here, %v in lua5.1\n%s", seed, failed, err, firstDifference(ours.String(), string(theirs)))
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
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "ours   " + a[i] + "\ntheirs " + b[i]
		}
	}
	return "one is longer"
}
