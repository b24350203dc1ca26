package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"modrunner":  main,
		"exits":      exits,
		"onterminal": onTerminal,
	})
}

// TestScripts runs testdata/script: the whole behaviour of the command line,
// as a person would try it.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("MODS", filepath.Join(root, "testdata", "mods"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"json":  jsonCommand,
			"bytes": bytesCommand,
		},
	})
}

// exits is a program for scripts: exits N COMMAND [ARG...] succeeds if the
// command exits with status N. It passes signals on.
func exits() {
	want, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "exits:", err)
		os.Exit(1)
	}
	if got := pass(os.Args[2:], os.Stdin, os.Stdout, os.Stderr); got != want {
		fmt.Fprintf(os.Stderr, "exits: status %d, want %d\n", got, want)
		os.Exit(1)
	}
}

// onTerminal is a program for scripts: onterminal COMMAND [ARG...] runs the
// command with standard output and error on the controlling terminal.
func onTerminal() {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onterminal:", err)
		os.Exit(99)
	}
	os.Exit(pass(os.Args[1:], os.Stdin, tty, tty))
}

// pass runs a command and returns its status, 99 if that cannot be known.
func pass(args []string, stdin, stdout, stderr *os.File) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended meanwhile
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, err)
	return 99
}

// jsonCommand checks the last standard output, which must be one JSON document
// and nothing else.
//
//	json PATH VALUE   the value at a path such as mods.0.id is VALUE
//	json PATH         (with !) there is no such path
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	var doc any
	if err := decoder.Decode(&doc); err != nil {
		ts.Fatalf("standard output is not JSON: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		ts.Fatalf("standard output has more than one document: %v", err)
	}
	if len(args) == 0 {
		return
	}
	got, found := at(doc, args[0])
	switch {
	case neg && len(args) == 1:
		if found {
			ts.Fatalf("%s is %v", args[0], got)
		}
	case neg:
		if found && fmt.Sprint(got) == args[1] {
			ts.Fatalf("%s is %v", args[0], got)
		}
	case !found:
		ts.Fatalf("there is no %s", args[0])
	case len(args) > 1 && fmt.Sprint(got) != args[1]:
		ts.Fatalf("%s is %q, want %q", args[0], fmt.Sprint(got), args[1])
	}
}

// at follows a path such as "mods.0.id"; "#" at its end is the number of
// elements, "keys" the names of an object's fields, in order.
func at(doc any, path string) (any, bool) {
	for step := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			if step == "keys" {
				return strings.Join(slices.Sorted(maps.Keys(v)), " "), true
			}
			var ok bool
			if doc, ok = v[step]; !ok {
				return nil, false
			}
		case []any:
			if step == "#" {
				return len(v), true
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

// bytesCommand checks for exact bytes in an output: bytes stdout 'a\x00b'. The
// last argument is a Go string without its quotes.
func bytesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	want, err := strconv.Unquote(`"` + args[1] + `"`)
	if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if strings.Contains(ts.ReadFile(args[0]), want) == neg {
		ts.Fatalf("%s is %q", args[0], ts.ReadFile(args[0]))
	}
}
