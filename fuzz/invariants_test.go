package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// What must hold of every run, whatever was run. Targets that execute Lua come here
// through check or examine; those that do not have their own typed errors.

// small are the limits of one run: what a program can do within them takes some
// milliseconds.
var small = limits.Limits{
	Instructions: 120_000, Memory: 1 << 20, Time: limits.UnlimitedTime, Depth: 150, Coroutines: 20,
	Output: 8 << 10, HostCalls: 200, String: 64 << 10, Source: 64 << 10,
}

// conditions are what a program is examined under.
type conditions struct {
	limits limits.Limits
	fuels  []int64 // of the steps of a run that is paused, over and over
	census bool    // take a census wherever it is paused, the first mostCensuses times
}

// mostCensuses keeps a run short enough for a fuzzer.
const mostCensuses = 1000

// usual are the conditions where nothing chooses them.
var usual = conditions{limits: small, fuels: []int64{3}}

// chosen returns the conditions that data chooses: none of it is usual; then limits,
// any of which may be tight, and last the fuels, so that a single 1 pauses between
// any two instructions.
func chosen(data []byte) conditions {
	c := conditions{limits: small}
	at := func(i int) int64 {
		if i < len(data) {
			return int64(data[i])
		}
		return 0
	}
	l := &c.limits
	if n := at(0) | at(1)<<8; n > 0 {
		l.Instructions = 2 * n
	}
	if n := at(2); n > 0 {
		l.Memory = 24<<10 + n<<11
	}
	if n := at(3); n > 0 {
		l.Depth = n
	}
	if n := at(4); n > 0 {
		l.Coroutines, l.String = n%32, 1<<(4+n/32*2)
	}
	if n := at(5); n > 0 {
		l.Output = 4 * n
	}
	c.census = at(6)&1 == 1
	for i := 7; i < len(data); i++ {
		c.fuels = append(c.fuels, max(at(i), 1))
	}
	if c.fuels == nil {
		c.fuels = usual.fuels
	}
	return c
}

// outcome is all that a run gives, but for wall times.
type outcome struct {
	Results string
	Err     string
	Call    luasandbox.Usage
	Total   luasandbox.Usage
	Census  luasandbox.Census
	Output  string
	limit   limits.Kind // that it ended at, or 0
	refused bool        // it is no program
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

// job is a program with what it is given.
type job struct {
	program *luasandbox.Program
	args    []any
	grants  []*luasandbox.Grant
}

// never is a number of steps that no run makes.
const never = limits.Unlimited

// run executes a job in a new sandbox, in steps of c.fuels, or by one call if there
// are none, and checks what must hold of every run. After the given number of steps
// it is abandoned, and the program is loaded once more, and again.
func run(t *testing.T, j job, c conditions, steps int64) outcome {
	t.Helper()
	var out, log bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{
		Limits: c.limits, Output: &out, Seed: 1, Modules: modules, Grants: j.grants, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		var limit *limits.Error
		if !errors.As(err, &limit) {
			t.Fatalf("%T %v", err, err)
		}
		return outcome{Err: fmt.Sprintf("%T %v", err, err), limit: limit.Kind}
	}
	defer s.Close()
	ctx := context.Background()
	var results luasandbox.Results
	var before, after runtime.MemStats
	if c.fuels == nil {
		runtime.ReadMemStats(&before)
		results, err = s.Load(ctx, j.program, j.args...)
		runtime.ReadMemStats(&after)
	} else {
		var task *luasandbox.Task
		if task, err = s.StartProgram(ctx, j.program, j.args...); err == nil {
			results, err = paced(t, s, task, c, steps)
		}
	}
	o := outcome{Results: release(results), Call: s.LastCall(), Total: s.Usage(), Output: out.String()}
	o.limit = typed(t, err, log.String())
	if err != nil {
		o.Err = fmt.Sprintf("%T %v", err, err)
	}
	kept(t, s, &o, c.limits)
	if c.fuels == nil && j.grants == nil && !raceDetector { // what host functions allocate is theirs
		affordable(t, o.Call, err != nil && o.limit == 0, int64(after.TotalAlloc-before.TotalAlloc))
	}
	for range 2 {
		if steps == never {
			break
		}
		results, err := s.Load(ctx, j.program, j.args...)
		release(results)
		again := outcome{Call: s.LastCall(), Total: s.Usage(), limit: typed(t, err, log.String())}
		kept(t, s, &again, c.limits)
	}
	alive(t, s)
	return o
}

// paced steps a task to its end, or abandons it.
func paced(t *testing.T, s *luasandbox.Sandbox, task *luasandbox.Task, c conditions, most int64) (luasandbox.Results, error) {
	t.Helper()
	for steps := int64(0); steps < most; steps++ {
		if steps > c.limits.Instructions {
			t.Fatal("the task does not end")
		}
		status, err := task.Step(c.fuels[steps%int64(len(c.fuels))])
		if err != nil || status != luasandbox.Paused {
			return task.Results(), err
		}
		if c.census && steps < mostCensuses {
			if _, err := s.Census(); err != nil {
				t.Fatal(err)
			}
		}
	}
	task.Abandon()
	if _, err := task.Step(1); err != luasandbox.ErrFinished {
		t.Fatalf("an abandoned task goes on: %v", err)
	}
	return nil, nil
}

// typed fails unless err is nil or of a type that luasandbox's documentation lists
// for a script's doing. It returns the limit that the call ended at.
func typed(t *testing.T, err error, log string) limits.Kind {
	t.Helper()
	var internal *luasandbox.InternalError
	if errors.As(err, &internal) || strings.Contains(log, "internal error") {
		t.Fatalf("%v\n%s", err, log)
	}
	switch e := err.(type) {
	case nil, *luasandbox.ResultError, *luasandbox.ArgumentError:
	case *luasandbox.ScriptError:
		if e.Traceback == "" {
			t.Errorf("an error without a traceback: %v", err)
		}
	case *limits.Error:
		if e.Used > e.Max || e.Kind == limits.Instructions && e.Used != e.Max {
			t.Errorf("stopped at %d of %d: %v", e.Used, e.Max, err)
		}
		return e.Kind
	default:
		t.Fatalf("%T %v\n%s", err, err, log)
	}
	return 0
}

// kept fails if the run passed a limit, and takes the census.
func kept(t *testing.T, s *luasandbox.Sandbox, o *outcome, l limits.Limits) {
	t.Helper()
	var err error
	if o.Census, err = s.Census(); err != nil {
		t.Fatal(err)
	}
	o.Call.Wall, o.Total.Wall = 0, 0
	most := l.Memory + l.Memory/4
	if o.Call.Instructions > l.Instructions || o.limit == limits.Instructions && o.Call.Calls > 0 && o.Call.Instructions != l.Instructions {
		t.Errorf("%d instructions of %d, stopped by the limit of %v", o.Call.Instructions, l.Instructions, o.limit)
	}
	if o.Call.Output > l.Output || int64(len(o.Output)) > l.Output || o.Call.HostCalls > l.HostCalls || o.Total.MemoryPeak > most || s.Usage().MemoryPeak > most || o.Census.Bytes > most {
		t.Errorf("a limit was passed: %+v, %d bytes of output, %d live, %+v", o.Total, len(o.Output), o.Census.Bytes, l)
	}
}

// affordable fails if Go allocated more than the script was charged for, beyond what
// SECURITY.md leaves: a quarter, 4 KiB for the call, and as much for an error that
// ends it. The host's buffer of the output is the host's.
func affordable(t *testing.T, u luasandbox.Usage, uncaught bool, allocated int64) {
	t.Helper()
	most := u.Allocated + u.Allocated/4 + 4*u.Output + 4<<10
	if uncaught {
		most += 4 << 10
	}
	if allocated > most {
		t.Errorf("Go allocated %d bytes, for which %d bytes and %d instructions were charged", allocated, u.Allocated, u.Instructions)
	}
}

var stillAlive = func() *luasandbox.Program {
	p, err := luasandbox.Compile("alive.lua", "local function f(n) return n + 1 end return f(41)", limits.Limits{})
	if err != nil {
		panic(err)
	}
	return p
}()

// alive fails unless s still executes scripts, or is full.
func alive(t *testing.T, s *luasandbox.Sandbox) {
	t.Helper()
	results, err := s.Load(context.Background(), stillAlive)
	var limit *limits.Error
	if errors.As(err, &limit) {
		return
	}
	if err != nil || len(results) != 1 || results[0] != 42.0 {
		t.Fatalf("the sandbox does not work any more: %v, %v", results, err)
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

// check examines source under the usual conditions.
func check(t *testing.T, source string, args []any, grants ...*luasandbox.Grant) outcome {
	t.Helper()
	return examine(t, source, usual, args, grants...)
}

// examine runs source in every way and compares.
func examine(t *testing.T, source string, c conditions, args []any, grants ...*luasandbox.Grant) outcome {
	t.Helper()
	p, err := luasandbox.Compile("fuzz.lua", source, c.limits)
	if err != nil {
		var syntax *luasandbox.SyntaxError
		if !errors.As(err, &syntax) {
			t.Fatalf("%T %v", err, err)
		}
		if lines := strings.Count(source, "\n") + strings.Count(source, "\r") + 1; syntax.Line < 1 || syntax.Line > lines || syntax.Message == "" || syntax.Column < 0 {
			t.Errorf("line %d, column %d of %d lines: %q", syntax.Line, syntax.Column, lines, syntax.Message)
		}
		for _, b := range []byte(syntax.Near) {
			if b < ' ' || b >= 0x7f {
				t.Errorf("a token that does not print: %q", syntax.Near)
			}
		}
		o := outcome{Err: err.Error()}
		if limit := (*limits.Error)(nil); errors.As(err, &limit) {
			o.limit = limit.Kind
		}
		o.refused = o.limit == 0
		return o
	}
	j := job{program: p, args: args, grants: grants}
	whole := conditions{limits: c.limits}
	same := func(how string, want, got outcome) {
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s, it differs (- as at first, + now):\n%s\n%s", how, diff, source)
		}
	}
	want := run(t, j, whole, never)
	same("in a second sandbox", want, run(t, j, whole, never))
	stepped := c
	stepped.census = false
	same(fmt.Sprintf("in steps of %v instructions", c.fuels), want, run(t, j, stepped, never))
	if c.census {
		run(t, j, c, never)
	}
	if want.Call.Calls == 0 {
		return want
	}
	run(t, j, stepped, 1+want.Call.Instructions/(2*c.fuels[0])) // abandoned about half-way
	// A traceback is charged for as far as the budget goes, so that the error that
	// ends a call does not become another one.
	if used := want.Call.Instructions; want.Err == "" && used > 1 {
		exact := whole
		exact.limits.Instructions = used
		same("with no instruction more than it needs", want, run(t, j, exact, never))
		exact.limits.Instructions = used - 1
		if less := run(t, j, exact, never); less.limit != limits.Instructions || !strings.HasPrefix(want.Output, less.Output) {
			t.Errorf("with one instruction less than the %d that it needs it ends with %q, after the output %q\n%s", used, less.Err, less.Output, source)
		}
	}
	return want
}
