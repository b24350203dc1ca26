package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/luasandbox/modrunner/mods/trust"
)

func TestMain(m *testing.M) {
	commands := map[string]func(){"modrunner": main}
	for name, program := range programs {
		commands[name] = func() { os.Exit(program(os.Args[1:])) }
	}
	testscript.Main(m, commands)
}

// scriptDir returns the folder of all scripts, if no others are named.
func scriptDir(files []string) string {
	if files != nil {
		return ""
	}
	return "testdata/script"
}

// TestScripts runs testdata/script: the whole behaviour of the command line,
// as a person would try it. Short runs those alone in which several goroutines meet.
func TestScripts(t *testing.T) {
	var files []string
	if testing.Short() {
		for _, name := range []string{"exec_interrupt", "run_audit", "run_interrupt", "run_replay", "run_schedule", "run_watch"} {
			files = append(files, filepath.Join("testdata", "script", name+".txtar"))
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 scriptDir(files),
		Files:               files,
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
			"json":    jsonCommand,
			"bytes":   bytesCommand,
			"figures": figuresCommand,
		},
	})
}

// programs are small programs for the scripts, most of which run another one
// under some condition.
var programs = map[string]func(args []string) int{
	// exits N COMMAND...: succeeds if the command exits with status N.
	"exits": func(args []string) int {
		if got := pass(os.Stdin, os.Stdout, os.Stderr, args[1:]); strconv.Itoa(got) != args[0] {
			fmt.Fprintf(os.Stderr, "exits: status %d, want %s\n", got, args[0])
			return 1
		}
		return 0
	},
	// onterminal COMMAND...: output and errors go to the controlling terminal.
	"onterminal": func(args []string) int { return redirected("/dev/tty", args) },
	// full COMMAND...: output goes to a device that is full.
	"full": func(args []string) int {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			return failed(err)
		}
		return pass(os.Stdin, full, os.Stderr, args)
	},
	// together COMMAND...: errors go where output goes.
	"together": func(args []string) int { return pass(os.Stdin, os.Stdout, os.Stdout, args) },
	// raw COMMAND...: arguments are Go strings without quotes.
	"raw": func(args []string) int {
		for i, a := range args {
			args[i] = unquoted(a)
		}
		return pass(os.Stdin, os.Stdout, os.Stderr, args)
	},
	// write FILE CONTENT: both are Go strings without quotes.
	"write": func(args []string) int {
		if err := os.WriteFile(unquoted(args[0]), []byte(unquoted(args[1])), 0o666); err != nil {
			return failed(err)
		}
		return 0
	},
	// damage FOLDER: overwrites all files in it.
	"damage": func(args []string) int {
		entries, err := os.ReadDir(args[0])
		if err != nil || len(entries) == 0 {
			return failed(fmt.Errorf("nothing in %s: %v", args[0], err))
		}
		for _, entry := range entries {
			if err := os.WriteFile(filepath.Join(args[0], entry.Name()), bytes.Repeat([]byte("damaged "), 8192), 0o666); err != nil {
				return failed(err)
			}
		}
		return 0
	},
	// zip FILE [NAME CONTENT]...: writes an archive; all are Go strings without
	// quotes.
	"zip": func(args []string) int {
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		for i := 1; i < len(args); i += 2 {
			f, err := w.Create(unquoted(args[i]))
			if err == nil {
				_, err = f.Write([]byte(unquoted(args[i+1])))
			}
			if err != nil {
				return failed(err)
			}
		}
		if err := w.Close(); err != nil {
			return failed(err)
		}
		if err := os.WriteFile(args[0], archive.Bytes(), 0o666); err != nil {
			return failed(err)
		}
		return 0
	},
	// altered FILE: changes a digit in the middle of a text file.
	"altered": func(args []string) int {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return failed(err)
		}
		at := len(text)/2 + bytes.IndexAny(text[len(text)/2:], "123456789")
		text[at]--
		if err := os.WriteFile(args[0], text, 0o666); err != nil {
			return failed(err)
		}
		return 0
	},
	// withkey PUBLIC-KEY-FILE COMMAND...: KEYID in the arguments is the key's id.
	"withkey": func(args []string) int {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return failed(err)
		}
		key, err := trust.ReadPublicKey(text)
		if err != nil {
			return failed(err)
		}
		for i, a := range args {
			args[i] = strings.ReplaceAll(a, "KEYID", key.ID())
		}
		return pass(os.Stdin, os.Stdout, os.Stderr, args[1:])
	},
	// interrupted COMMAND...: is interrupted when it has written "started" to
	// standard error.
	"interrupted": func(args []string) int {
		return following(args, func(line string, interrupt func() error) error {
			if strings.Contains(line, "started") {
				return interrupt()
			}
			return nil
		})
	},
	// edited TEXT FROM TO TEXT COMMAND...: when the command has written the first
	// text to standard error, the file FROM gets the name TO; when it has written the
	// second, it is interrupted.
	"edited": func(args []string) int {
		done := false
		return following(args[4:], func(line string, interrupt func() error) error {
			switch {
			case !done && strings.Contains(line, args[0]):
				done = true
				return os.Rename(args[1], args[2])
			case done && strings.Contains(line, args[3]):
				return interrupt()
			}
			return nil
		})
	},
}

// following runs a command, shows each line that it writes to standard error, and
// tells see of it.
func following(args []string, see func(line string, interrupt func() error) error) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout = os.Stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return failed(err)
	}
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(os.Stderr, lines.Text())
		if err := see(lines.Text(), func() error { return cmd.Process.Signal(os.Interrupt) }); err != nil {
			_ = cmd.Process.Kill()
			return failed(err)
		}
	}
	return statusOf(cmd.Wait())
}

// redirected runs a command with output and errors to a file.
func redirected(path string, args []string) int {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return failed(err)
	}
	return pass(os.Stdin, file, file, args)
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 99
}

func unquoted(text string) string {
	s, err := strconv.Unquote(`"` + text + `"`)
	if err != nil {
		panic(err)
	}
	return s
}

// pass runs a command and returns its status.
func pass(stdin, stdout, stderr *os.File, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return statusOf(cmd.Run())
}

func statusOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return failed(err)
	}
	return 0
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

// at follows a path such as "mods.0.id"; "len" at its end is the number of
// elements, or of a text's bytes, "keys" the names of an object's fields, in order.
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
		case string:
			if step != "len" {
				return nil, false
			}
			doc = json.Number(strconv.Itoa(len(v)))
		case []any:
			if step == "len" {
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
	if strings.Contains(ts.ReadFile(args[0]), unquoted(args[1])) == neg {
		ts.Fatalf("%s is %q", args[0], ts.ReadFile(args[0]))
	}
}

// figuresCommand compares the figures in the last standard output that are the
// same on every run with those in a file.
func figuresCommand(ts *testscript.TestScript, neg bool, args []string) {
	figures := func(file string) map[string]any {
		var doc map[string]any
		if err := json.Unmarshal([]byte(ts.ReadFile(file)), &doc); err != nil {
			ts.Fatalf("%s: %v", file, err)
		}
		delete(doc, "wall_ms")
		mods, _ := doc["mods"].([]any)
		for _, m := range mods {
			delete(m.(map[string]any), "wall_ms")
		}
		return doc
	}
	if equal := cmp.Equal(figures("stdout"), figures(args[0])); equal == neg {
		ts.Fatalf("%s", cmp.Diff(figures(args[0]), figures("stdout")))
	}
}
