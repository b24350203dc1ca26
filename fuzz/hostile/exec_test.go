package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

// build makes the command, once.
func build(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "modrunner")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", name, "../../cmd/modrunner")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// document is what exec --json writes.
type document struct {
	Status, Limit, Error, Traceback string
	Instructions                    int64 `json:"instructions"`
	MemoryPeakBytes                 int64 `json:"memory_peak_bytes"`
}

// byCommand runs s with modrunner exec --json in a process of its own.
func byCommand(modrunner, dir string, s *script) (*outcome, error) {
	args := []string{"exec", "--json", "--seed", "1"}
	for _, kind := range limits.Kinds() {
		if n := s.limits.Of(kind); n != 0 {
			args = append(args, "--limit", fmt.Sprintf("%v=%d", kind, n))
		}
	}
	args = append(args, "--limit", "time=1h", s.name+".lua")
	dir = filepath.Join(dir, s.class)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, s.name+".lua"), []byte(s.text()), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(modrunner, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), childSecret+"="+secret, "GOTRACEBACK=none")
	stdout, stderr := &bounded{max: 16 << 20}, &bounded{max: 16 << 20}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	status := map[string]int{"ok": 0, "error": 1, "limit": 3, "refused": 4}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(stdout.Bytes()))
	if bad := decoder.Decode(&d); bad != nil {
		return nil, fmt.Errorf("%w (%v)\n%.500s\n%.500s", bad, err, stdout, stderr)
	}
	if rest := strings.TrimSpace(stdout.String()[decoder.InputOffset():]); rest != "" {
		return nil, fmt.Errorf("behind the document on standard output: %.500q", rest)
	}
	if want, ok := status[d.Status]; !ok || cmd.ProcessState.ExitCode() != want {
		return nil, fmt.Errorf("status %q with exit status %d", d.Status, cmd.ProcessState.ExitCode())
	}
	return &outcome{
		Script: s.id(), Output: stderr.String(), Limit: d.Limit, Caught: d.Status == "error", Err: d.Error, Traceback: d.Traceback,
		Instructions: d.Instructions, Peak: d.MemoryPeakBytes,
	}, nil
}

// TestExec: the same through the command. Standard output has one document and
// nothing else, standard error what the script printed and nothing else.
func TestExec(t *testing.T) {
	if testing.Short() {
		t.Skip("TestSandbox runs the same scripts")
	}
	modrunner, dir := build(t), t.TempDir()
	gate := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for _, s := range scripts(t) {
		if s.class == "host-object-escape" {
			continue // there is no game
		}
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			o, err := byCommand(modrunner, dir, s)
			if err != nil {
				t.Errorf("%s: %v", s.id(), err)
				return
			}
			for _, w := range s.check(o) {
				t.Errorf("%s: %s", s.id(), w)
			}
		})
	}
	wg.Wait()
}
