//go:build linux && !race

package manifest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// The negative control of the bounds: without them these texts end the
// process, in a way that nothing in it can recover. A child runs the bare
// decoder with as much memory as a small server gives; another one, with the
// same memory, runs Parse. (The race detector needs more memory than that.)
func TestBareDecoderDies(t *testing.T) {
	tests := []struct{ bomb, dying string }{
		{"5 MB of brackets", "stack overflow"},
		{"dotted key", "memory"}, // "out of memory", or "cannot allocate memory" of Go's runtime
		{"inline tables", "memory"},
	}
	for _, test := range tests {
		t.Run(test.bomb, func(t *testing.T) {
			t.Parallel()
			output, err := child(t, "decode", test.bomb)
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() == 0 || !bytes.Contains(output, []byte(test.dying)) {
				t.Errorf("the bare decoder did not die of %q (%v), so the guard is not shown to matter:\n%.500s", test.dying, err, output)
			}
			if output, err := child(t, "parse", test.bomb); err != nil || !bytes.Contains(output, []byte("refused")) {
				t.Errorf("Parse did not refuse it in peace: %v\n%.500s", err, output)
			}
		})
	}
}

const childVariable = "MANIFEST_TEST_CHILD"

func child(t *testing.T, what, bomb string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+what+":"+bomb, "GOTRACEBACK=none")
	return cmd.CombinedOutput()
}

func TestChild(t *testing.T) {
	what, bomb, ok := strings.Cut(os.Getenv(childVariable), ":")
	if !ok {
		t.Skip("runs in a child of TestBareDecoderDies")
	}
	const memory = 512 << 20
	// RLIMIT_DATA counts what is written to, and not what is only reserved.
	if err := syscall.Setrlimit(2, &syscall.Rlimit{Cur: memory, Max: memory}); err != nil {
		t.Fatal(err)
	}
	debug.SetMaxStack(128 << 20) // an eighth of Go's own limit, to die sooner
	text := bombs()[bomb]
	if text == "" {
		t.Fatalf("no bomb %q", bomb)
	}
	if what == "decode" {
		var into map[string]any
		_, err := toml.Decode(text, &into)
		fmt.Println("decoded:", err)
		return
	}
	if _, err := manifest.Parse("mod.toml", []byte(text)); err != nil {
		fmt.Println("refused")
	}
}
