package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// jailed is an outcome in a sandbox, with all its figures.
type jailed struct {
	outcome
	Call, Total luasandbox.Usage
	Held        luasandbox.Census
	Gap         int64         // the most instructions spent between two looks at the clock
	Took        time.Duration // of processors
}

// clock is a wall clock that notes how much was spent between two looks at it.
type clock struct {
	spent     *limits.Budget
	time      func() time.Duration // what it shows; nil: it stands still
	last, gap int64
}

func (c *clock) now() time.Time {
	n := c.spent.Use().Current
	c.gap = max(c.gap, n-c.last)
	c.last = n
	t := time.Unix(1e9, 0)
	if c.time != nil {
		t = t.Add(c.time())
	}
	return t
}

func (c *clock) reset() { c.last, c.gap = c.spent.Use().Current, 0 }

// jail runs s in a new sandbox, in steps of fuel instructions or by one call if fuel
// is 0. Its wall clock shows what shown tells, or stands still if that is nil.
func jail(s *script, fuel int64, shown func() time.Duration) *jailed {
	text := s.text()
	r := &jailed{outcome: outcome{Script: s.id()}}
	before := runtime.NumGoroutine()
	damage := func(format string, args ...any) { r.Damage += fmt.Sprintf(format, args...) + "\n" }
	neighbourBefore := neighbour()

	var grants []*luasandbox.Grant
	g := newGame()
	if s.class == "host-object-escape" {
		grants = g.grants()
	}
	budget := limits.NewMeter(limits.None(), nil)
	wall := &clock{spent: budget.Instructions(), time: shown}
	var log bytes.Buffer
	output := &bounded{max: 4 << 20}
	sandbox, err := luasandbox.New(luasandbox.Config{
		Limits: s.limits, Budget: budget, Grants: grants, Output: output, Seed: 1, Wall: wall.now,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		damage("the sandbox could not be made: %v", err)
		return r
	}
	program, err := luasandbox.Compile(s.name+".lua", text, s.limits)
	began := used()
	if err == nil {
		wall.reset()
		err = start(sandbox, program, fuel)
	}
	r.Took = used() - began
	r.fail(err)
	r.Output = output.String()
	r.Gap = wall.gap
	r.Call, r.Total = sandbox.LastCall(), sandbox.Usage()
	r.Call.Wall, r.Total.Wall = 0, 0
	if r.Held, err = sandbox.Census(); err != nil {
		damage("no census: %v", err)
	}
	r.Instructions, r.Peak = r.Call.Instructions, max(r.Total.MemoryPeak, sandbox.Usage().MemoryPeak, r.Held.Bytes)

	// The script is over, and its sandbox is still one.
	if err := aftermath(sandbox); err != nil {
		damage("the next call in the sandbox: %v", err)
	}
	if err := sandbox.Close(); err != nil {
		damage("closing: %v", err)
	}
	for _, f := range g.player.later {
		func() {
			defer func() { _ = recover() }() // luar's way to tell that the script is gone
			f()
		}()
	}
	if d := g.damaged(); d != "" {
		damage("%s", d)
	}
	if strings.Contains(log.String(), "internal error") {
		damage("%s", log.String())
	}
	if now := neighbour(); now != neighbourBefore {
		damage("a neighbour sees\n%s\nand saw\n%s", now, neighbourBefore)
	}
	if n := runtime.NumGoroutine(); n > before {
		damage("%d goroutines, from %d", n, before)
	}
	return r
}

func start(sandbox *luasandbox.Sandbox, program *luasandbox.Program, fuel int64) error {
	ctx := context.Background()
	if fuel == 0 {
		_, err := sandbox.Load(ctx, program)
		return err
	}
	task, err := sandbox.StartProgram(ctx, program)
	for status := luasandbox.Paused; status == luasandbox.Paused && err == nil; {
		status, err = task.Step(fuel)
	}
	return err
}

// fail notes the error that ended a run.
func (o *outcome) fail(err error) {
	if err == nil {
		return
	}
	o.Err = err.Error()
	if e, ok := errors.AsType[*limits.Error](err); ok {
		o.Limit = e.Kind.String()
	}
	switch e := err.(type) {
	case *luasandbox.ScriptError:
		o.Traceback, o.Caught = e.Traceback, true
	case *luasandbox.SyntaxError:
		o.Caught = o.Limit != limits.Source.String() // which no load within a script reports so
	case *limits.Error, *luasandbox.ResultError:
	default:
		o.Damage = fmt.Sprintf("an error of type %T: %v\n", err, err)
	}
}

// probe shows all that a sandbox has: a script that gets at what sandboxes share
// would show in another one.
const probe = `
local seen, list = {}, {}
local function walk(name, t)
  if seen[t] then return end
  seen[t] = true
  for k, v in pairs(t) do
    list[#list + 1] = name .. "." .. tostring(k) .. "=" .. (type(v) == "table" and "table" or tostring(v))
    if type(v) == "table" then walk(name .. "." .. tostring(k), v) end
  end
  local mt = getmetatable(t)
  if type(mt) == "table" then walk(name .. "!", mt) end
end
walk("_G", _G)
walk("string!", getmetatable(""))
list[#list + 1] = ("%5.2f|%s|%q"):format(1 / 3, "x", "a\nb")
list[#list + 1] = ("abc"):upper():rep(2, ""):gsub("B", "%0%0")
list[#list + 1] = table.concat({3, 1, 2}, ",") .. select("#", unpack({1, 2, 3}))
list[#list + 1] = tostring(pcall(error, "x")) .. tostring(rawget(_G, "x")) .. math.random(1000)
list[#list + 1] = tostring(getmetatable(1)) .. tostring(getmetatable(print)) .. tostring(getmetatable(coroutine.create(print)))
list[#list + 1] = tostring({})
return table.concat(list, "\n")`

var compileProbe = sync.OnceValues(func() (*luasandbox.Program, error) {
	return luasandbox.Compile("probe.lua", probe, limits.Limits{})
})

// neighbour returns what a new sandbox sees, with what it took to see it.
func neighbour() string {
	program, err := compileProbe()
	if err != nil {
		return err.Error()
	}
	sandbox, err := luasandbox.New(luasandbox.Config{Seed: 2})
	if err != nil {
		return err.Error()
	}
	defer sandbox.Close()
	results, err := sandbox.Load(context.Background(), program)
	u := sandbox.LastCall()
	return fmt.Sprintln(results, err, u.Instructions, u.Memory)
}

// aftermath runs a small program in a sandbox that was attacked. Its globals may be
// gone; the sandbox may not, and what it promises.
func aftermath(sandbox *luasandbox.Sandbox) error {
	program, err := luasandbox.Compile("after.lua", "local t = {1, 2, 3} for i = 1, 10 do t[#t + 1] = i end return #t", limits.Limits{})
	if err != nil {
		return err
	}
	results, err := sandbox.Load(context.Background(), program)
	if e, ok := errors.AsType[*limits.Error](err); ok && (e.Kind == limits.Memory || e.Kind == limits.Instructions) {
		return nil // what the script left leaves no room
	}
	if err != nil {
		return err
	}
	var n int
	if err := results.Scan(&n); err != nil || n != 13 {
		return fmt.Errorf("%v, %v", results, err)
	}
	return nil
}

// inSandbox runs the scripts in children of a role, and in new ones behind a script
// that takes its child down.
func inSandbox(t *testing.T, role string, all []*script) map[string]*jailed {
	t.Helper()
	byName := map[string]*jailed{}
	for rest := all; len(rest) > 0; {
		e := spawn(t, role, rest, 10*time.Minute)
		if e.stdout != "" {
			t.Errorf("there is on standard output: %.2000s", e.stdout)
		}
		if e.stderr != "" {
			t.Errorf("there is on standard error: %.2000s", e.stderr)
		}
		for _, line := range e.results {
			r := &jailed{}
			if err := json.Unmarshal(line, r); err != nil {
				t.Fatal(err)
			}
			byName[r.Script] = r
		}
		if e.err == nil {
			break
		}
		if len(e.started) == len(e.results) {
			t.Fatalf("the child did not begin: %v", e.err)
		}
		lost := e.started[len(e.started)-1]
		t.Errorf("%s: a process was lost: %v\n%.2000s", lost, e.err, e.stderr)
		byName[lost] = &jailed{outcome: outcome{Script: lost, Err: "process lost"}}
		rest = rest[len(e.started):]
	}
	return byName
}

// TestSandbox: what each script says of itself is so, on two runs in two processes,
// one of them in slices; nothing is lost, damaged or written.
func TestSandbox(t *testing.T) {
	all := scripts(t)
	if testing.Short() {
		all = sample(all)
	}
	runs := map[string]map[string]*jailed{}
	var mu sync.Mutex
	t.Run("runs", func(t *testing.T) {
		for _, role := range []string{"whole", "sliced"} {
			t.Run(role, func(t *testing.T) {
				t.Parallel()
				r := inSandbox(t, role, all)
				mu.Lock()
				defer mu.Unlock()
				runs[role] = r
			})
		}
	})
	for _, s := range all {
		t.Run(s.id(), func(t *testing.T) {
			whole, sliced := runs["whole"][s.id()], runs["sliced"][s.id()]
			if whole == nil || sliced == nil {
				t.Fatal("it was not run")
			}
			for _, w := range s.check(&whole.outcome) {
				t.Error(w)
			}
			if whole.Damage != "" {
				t.Error(whole.Damage)
			}
			if got := whole.Gap > mostUnwatched; got != s.unwatched {
				t.Errorf("%d instructions without a look at the clock; marked as more than %d: %v", whole.Gap, mostUnwatched, s.unwatched)
			}
			sliced.Gap, sliced.Took = whole.Gap, whole.Took // each step looks at the clock
			diff := cmp.Diff(whole, sliced, cmp.AllowUnexported(jailed{}, outcome{}))
			switch {
			case s.varies && diff == "":
				t.Error("the figures do not vary any more: take the mark away")
			case s.varies:
				for _, w := range s.check(&sliced.outcome) {
					t.Error(w)
				}
			case diff != "":
				t.Errorf("in slices, in another process (-whole +sliced):\n%s", diff)
			}
		})
	}
}

// mostUnwatched is how many instructions may be spent between two looks at the
// clock: a quantum of plain ones, or one piece of work that is charged at once.
const mostUnwatched = 2_000_000

// sample is every fourth script of each class, where the whole corpus would take too
// long.
func sample(all []*script) (some []*script) {
	for i, s := range all {
		if i%4 == 0 {
			some = append(some, s)
		}
	}
	return some
}
