package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// small are the limits of one run: what a program can do within them takes some
// milliseconds.
var small = limits.Limits{
	Instructions: 120_000, Memory: 1 << 20, Time: limits.UnlimitedTime, Depth: 150, Coroutines: 20,
	Output: 8 << 10, HostCalls: 200, String: 64 << 10, Source: 64 << 10,
}

// outcome is all that a run gives, but for wall times.
type outcome struct {
	Results string
	Err     string
	Call    luasandbox.Usage
	Total   luasandbox.Usage
	Census  luasandbox.Census
	Output  string
}

// modules are what require finds.
func modules(name string) (chunk, source string, ok bool) {
	switch name {
	case "good":
		return "good.lua", "local m = {...} m.n = 1 return m", true
	case "loop":
		return "loop.lua", "return require('loop')", true
	case "bad":
		return "bad.lua", "return return", true
	}
	return "", "", false
}

// run executes p in a new sandbox, in steps of fuel instructions, or by one call if
// fuel is 0, and checks what must hold of every run.
func run(t *testing.T, p *luasandbox.Program, fuel int64, args []any, grants ...*luasandbox.Grant) outcome {
	t.Helper()
	var out, log bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{
		Limits: small, Output: &out, Seed: 1, Modules: modules, Grants: grants, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	var results luasandbox.Results
	if fuel == 0 {
		results, err = s.Load(ctx, p, args...)
	} else {
		var task *luasandbox.Task
		if task, err = s.StartProgram(ctx, p, args...); err == nil {
			status := luasandbox.Paused
			for steps := int64(0); status == luasandbox.Paused && err == nil; steps++ {
				if steps > small.Instructions {
					t.Fatal("the task does not end")
				}
				status, err = task.Step(fuel)
			}
			results = task.Results()
		}
	}
	typed(t, err, log.String())
	o := outcome{Results: release(results), Call: s.LastCall(), Total: s.Usage(), Output: out.String()}
	if err != nil {
		o.Err = fmt.Sprintf("%T %v", err, err)
	}
	kept(t, s, &o)
	return o
}

// typed fails unless err is nil or of a type that luasandbox's documentation lists
// for a script's doing.
func typed(t *testing.T, err error, log string) {
	t.Helper()
	var internal *luasandbox.InternalError
	if errors.As(err, &internal) || strings.Contains(log, "internal error") {
		t.Fatalf("%v\n%s", err, log)
	}
	switch err.(type) {
	case nil, *luasandbox.ScriptError, *luasandbox.ResultError, *luasandbox.ArgumentError, *limits.Error:
	default:
		t.Fatalf("%T %v\n%s", err, err, log)
	}
}

// kept fails if the run passed a limit.
func kept(t *testing.T, s *luasandbox.Sandbox, o *outcome) {
	t.Helper()
	var err error
	if o.Census, err = s.Census(); err != nil {
		t.Fatal(err)
	}
	o.Call.Wall, o.Total.Wall = 0, 0
	const most = 5 * (1 << 20) / 4
	if o.Call.Instructions > small.Instructions || o.Call.Output > small.Output || int64(len(o.Output)) > small.Output ||
		o.Call.HostCalls > small.HostCalls || o.Total.MemoryPeak > most || s.Usage().MemoryPeak > most || o.Census.Bytes > most {
		t.Errorf("a limit was passed: %+v, %d bytes of output, %d live", o.Total, len(o.Output), o.Census.Bytes)
	}
}

// release returns v as text, and gives back the functions in it.
func release(v any) string {
	var b strings.Builder
	show(&b, v)
	return b.String()
}

func show(b *strings.Builder, v any) {
	switch v := v.(type) {
	case *luasandbox.Function:
		b.WriteString("function ")
		v.Release()
	case luasandbox.Results:
		show(b, []any(v))
	case []any:
		b.WriteString("[")
		for _, x := range v {
			show(b, x)
		}
		b.WriteString("] ")
	case map[string]any:
		showMap(b, v)
	case map[any]any:
		showMap(b, v)
	case string:
		fmt.Fprintf(b, "%q ", v)
	case float64, bool, nil:
		fmt.Fprintf(b, "%v ", v)
	default:
		fmt.Fprintf(b, "%T ", v)
	}
}

// showMap leaves the order of a map out of the text: functions are distinguished by
// nothing, and two keys that look the same may come in any order.
func showMap[K comparable](b *strings.Builder, m map[K]any) {
	fields := map[string]string{}
	for k, v := range m {
		key := release(k)
		fields[key] = max(fields[key], release(v))
	}
	fmt.Fprintf(b, "%d%v ", len(m), fields)
}

// check runs source in every way and compares.
func check(t *testing.T, source string, args []any, grants ...*luasandbox.Grant) outcome {
	t.Helper()
	p, err := luasandbox.Compile("fuzz.lua", source, small)
	if err != nil {
		var syntax *luasandbox.SyntaxError
		if !errors.As(err, &syntax) {
			t.Fatalf("%T %v", err, err)
		}
		if lines := strings.Count(source, "\n") + strings.Count(source, "\r") + 1; syntax.Line < 1 || syntax.Line > lines || syntax.Message == "" {
			t.Errorf("line %d of %d: %q", syntax.Line, lines, syntax.Message)
		}
		return outcome{Err: err.Error()}
	}
	want := run(t, p, 0, args, grants...)
	if diff := cmp.Diff(want, run(t, p, 0, args, grants...)); diff != "" {
		t.Errorf("a second sandbox differs (-first +second):\n%s\n%s", diff, source)
	}
	if diff := cmp.Diff(want, run(t, p, 3, args, grants...)); diff != "" {
		t.Errorf("in steps of 3 instructions it differs (-whole +steps):\n%s\n%s", diff, source)
	}
	return want
}

// seeds counts the files of a target.
func seeds(t testing.TB, target string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil || !bytes.HasPrefix(text, []byte("go test fuzz v1\n")) {
			t.Errorf("%s is no seed (%v)", f, err)
			continue
		}
		n++
	}
	return n
}

// TestSeedsExist fails when the corpus gets lost.
func TestSeedsExist(t *testing.T) {
	for target, least := range map[string]int{"FuzzSource": 60, "FuzzProgram": 60, "FuzzBorder": 40} {
		if n := seeds(t, target); n < least {
			t.Errorf("%s has %d seeds, want at least %d", target, n, least)
		}
	}
}
