package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// The test binary runs itself where a script could take the process with it, or where
// what the process writes must be nothing but what the host writes. A child gets the
// names of scripts on standard input and adds, to the file named by childReport, a
// line "start name" before each and the outcome as JSON after it.
const (
	childRole   = "HOSTILE_CHILD"  // what the child is, and nothing in the parent
	childReport = "HOSTILE_REPORT" // the file's name
	childSecret = "HOSTILE_SECRET" // what a script must not learn
	secret      = "hunter2-of-the-host"
)

// roles are what a child can be: a function that runs one script.
var roles = map[string]func(*script) any{
	"whole":  func(s *script) any { return jail(s, 0, nil) },
	"sliced": func(s *script) any { return jail(s, 7919, nil) },
	"slow":   func(s *script) any { return generous(s, limits.UnlimitedTime) },
	"timed":  func(s *script) any { return generous(s, timedLimit) },
	"stock":  stock,
	"heap":   func(s *script) any { return heap(s, heapLimit) },

	"heap without limit": func(s *script) any { return heap(s, limits.Unlimited) },
}

func TestMain(m *testing.M) {
	role := os.Getenv(childRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := child(roles[role]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(run func(*script) any) error {
	report, err := os.OpenFile(os.Getenv(childReport), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	all, err := load()
	if err != nil {
		return err
	}
	byName := map[string]*script{}
	for _, s := range all {
		byName[s.id()] = s
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		s := byName[in.Text()]
		if s == nil {
			return errors.New("no script " + in.Text())
		}
		fmt.Fprintf(report, "start %s\n", s.id())
		line, err := json.Marshal(run(s))
		if err != nil {
			return err
		}
		if _, err := report.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return report.Close()
}

// ended is how a child ended.
type ended struct {
	started []string          // the scripts it began
	results []json.RawMessage // of those it finished
	stdout  string
	stderr  string
	err     error // how the process ended, if not well
	timeout bool
}

// spawn runs a child for the scripts.
func spawn(t testing.TB, role string, all []*script, timeout time.Duration) *ended {
	t.Helper()
	report, err := os.CreateTemp(t.TempDir(), "report")
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childReport+"="+report.Name(), childSecret+"="+secret,
		"GOTRACEBACK=none", "GOGC=100", "GOMEMLIMIT=off")
	var names strings.Builder
	for _, s := range all {
		fmt.Fprintln(&names, s.id())
	}
	stdout, stderr := &bounded{max: 1 << 20}, &bounded{max: 1 << 20}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(names.String()), stdout, stderr
	cmd.WaitDelay = 5 * time.Second
	e := &ended{err: cmd.Run(), timeout: ctx.Err() != nil}
	e.stdout, e.stderr = stdout.String(), stderr.String()
	if stdout.dropped > 0 {
		e.stdout += "…"
	}
	text, err := os.ReadFile(report.Name())
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if name, ok := bytes.CutPrefix(line, []byte("start ")); ok {
			e.started = append(e.started, strings.TrimSpace(string(name)))
		} else {
			e.results = append(e.results, json.RawMessage(line))
		}
	}
	return e
}
