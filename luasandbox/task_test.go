package luasandbox_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// start returns a task, or ends the test.
func start(t testing.TB, s *luasandbox.Sandbox, path string, args ...any) *luasandbox.Task {
	t.Helper()
	task, err := s.Start(context.Background(), path, args...)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestStep(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function sum(n) local s = 0 for i = 1, n do s = s + i end return s, "end" end`)
	task := start(t, s, "sum", 1000)
	for range 3 {
		if status, err := task.Step(0); status != luasandbox.Paused || err != nil {
			t.Fatalf("Step(0): %v, %v", status, err)
		}
	}
	if u := task.Usage(); u.Instructions != 0 {
		t.Errorf("Step(0) ran %d instructions", u.Instructions)
	}
	steps, first := int64(0), int64(0)
	for {
		status, err := task.Step(100)
		if err != nil {
			t.Fatal(err)
		}
		steps++
		if status == luasandbox.Done {
			break
		}
		if steps > 1000 {
			t.Fatal("the task does not end")
		}
		got := task.Usage().Instructions
		if steps == 1 {
			first = got // making the stack cannot be cut: the next steps pay for it
		}
		if want := max(first, 100*steps); got != want {
			t.Fatalf("after step %d: %d instructions, want %d", steps, got, want)
		}
		if task.Results() != nil {
			t.Fatal("results before the end")
		}
	}
	if diff := cmp.Diff(luasandbox.Results{500500.0, "end"}, task.Results()); diff != "" {
		t.Error(diff)
	}
	if want := task.Usage().Instructions/100 + 1; steps != want {
		t.Errorf("%d steps for %d instructions", steps, task.Usage().Instructions)
	}
	if status, err := task.Step(1); err != luasandbox.ErrFinished {
		t.Errorf("Step after the end: %v, %v", status, err)
	}
	task.Abandon()
	if task.Results() == nil {
		t.Error("Abandon after the end took the results")
	}
}

// Tasks of one sandbox take turns and share its globals.
func TestTasksTakeTurns(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `
		log = {}
		function worker(name) for i = 1, 5 do log[#log + 1] = name for j = 1, 2000 do end end return name end`)
	tasks := []*luasandbox.Task{start(t, s, "worker", "a"), start(t, s, "worker", "b"), start(t, s, "worker", "c")}
	if got := s.Report().Unfinished; got != 3 {
		t.Errorf("%d unfinished", got)
	}
	for done, round := 0, 0; done < len(tasks); round++ {
		if round > 1000 {
			t.Fatal("the tasks do not end")
		}
		for _, task := range tasks {
			status, err := task.Step(1900)
			if err == luasandbox.ErrFinished {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if status == luasandbox.Done {
				done++
			}
		}
	}
	got, err := s.Global("log")
	if err != nil {
		t.Fatal(err)
	}
	log := got.([]any)
	if len(log) != 15 || log[0] != "a" || !slices.Contains(log[:5], any("b")) || !slices.Contains(log[:5], any("c")) || log[14] == "a" {
		t.Errorf("%v", log)
	}
	// A plain call goes in between.
	task := start(t, s, "worker", "d")
	if _, err := task.Step(10); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Call(context.Background(), "worker", "e"); err != nil || got[0] != "e" {
		t.Errorf("%v, %v", got, err)
	}
	if status, err := task.Step(limits.Unlimited); status != luasandbox.Done || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	if task.Results()[0] != "d" {
		t.Errorf("%v", task.Results())
	}
}

func TestAbandon(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `
		caught = 0
		function spin()
			local junk = {}
			for i = 1, 1000 do junk[i] = {i} end
			while true do
				local ok = pcall(function() while true do end end)
				caught = caught + 1
			end
		end`)
	before, err := s.Census()
	if err != nil {
		t.Fatal(err)
	}
	spent, ran := s.Usage().Instructions, int64(0)
	for range 10 {
		task := start(t, s, "spin")
		if status, err := task.Step(50_000); status != luasandbox.Paused || err != nil {
			t.Fatalf("%v, %v", status, err)
		}
		u := s.Usage()
		if during, err := s.Census(); err != nil || during.Bytes < before.Bytes+1000*limits.TableHeader {
			t.Errorf("what a paused task holds is not counted: %d after %d bytes, %v", during.Bytes, before.Bytes, err)
		}
		task.Abandon()
		task.Abandon()
		if got := s.Usage().Instructions; got != u.Instructions {
			t.Errorf("Abandon ran %d instructions", got-u.Instructions)
		}
		if status, err := task.Step(1); err != luasandbox.ErrFinished {
			t.Errorf("Step after Abandon: %v, %v", status, err)
		}
		if task.Results() != nil {
			t.Errorf("results: %v", task.Results())
		}
		ran += task.Usage().Instructions
	}
	after, err := s.Census()
	if after.Bytes > before.Bytes || err != nil {
		t.Errorf("abandoned tasks hold memory: %d bytes before, %d after, %v", before.Bytes, after.Bytes, err)
	}
	if got := s.Usage().Instructions - spent; got < ran || ran < 500_000 || ran > 510_000 {
		t.Errorf("ten tasks of 50,000 instructions ran %d, %d were charged", ran, got)
	}
	if caught, err := s.Global("caught"); caught != 0.0 || err != nil {
		t.Errorf("the script noticed: %v, %v", caught, err)
	}
	r := s.Report()
	if r.Unfinished != 0 || r.Calls[1].Abandoned != 10 || len(r.Errors) != 0 {
		t.Errorf("%+v", r)
	}
}

// Limits count over all steps of a task.
func TestTaskLimits(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSandbox(t, luasandbox.Config{
		Limits: limits.Limits{Instructions: 10_000, Time: time.Minute},
		Wall:   func() time.Time { now = now.Add(time.Millisecond); return now },
	}, `function spin() while true do end end`)
	task := start(t, s, "spin")
	for i := 0; ; i++ {
		status, err := task.Step(1_000)
		if err == nil && status == luasandbox.Paused && i < 10 {
			now = now.Add(time.Hour) // between two steps: not the task's time
			continue
		}
		if i != 9 && i != 10 {
			t.Errorf("step %d: %v, %v", i, status, err)
		}
		limit := asLimit(t, err, limits.Instructions)
		if limit.Used != 10_000 || task.Usage().Instructions != 10_000 {
			t.Errorf("%v; %+v", limit, task.Usage())
		}
		break
	}
	if _, err := task.Step(1); err != luasandbox.ErrFinished {
		t.Errorf("after the limit: %v", err)
	}
	slow := start(t, s, "spin")
	var err error
	for step := 0; err == nil && step < 1000; step++ {
		_, err = slow.Step(50)
	}
	asLimit(t, err, limits.Instructions)
}

func TestTaskContext(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function spin() while true do end end`)
	ctx, cancel := context.WithCancel(context.Background())
	task, err := s.Start(ctx, "spin")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := task.Step(1000); status != luasandbox.Paused || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	cancel()
	if status, err := task.Step(1000); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", status, err)
	}
	if got := task.Usage().Instructions; got != 1000 {
		t.Errorf("%d instructions, want the 1000 before the cancellation", got)
	}
	if s.Report().Unfinished != 0 {
		t.Error("the task is not finished")
	}
}

// A task that fails leaves the sandbox and its other tasks as they are.
func TestTaskFails(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function bad() error("no") end function good() return coroutine.wrap(function() coroutine.yield() return 1 end)() end`)
	bad, good := start(t, s, "bad"), start(t, s, "good")
	if status, err := good.Step(3); status != luasandbox.Paused || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	_, err := bad.Step(limits.Unlimited)
	var script *luasandbox.ScriptError
	if !errors.As(err, &script) || script.Message != "test.lua:1: no" {
		t.Errorf("%v", err)
	}
	if status, err := good.Step(limits.Unlimited); status != luasandbox.Done || err != nil {
		t.Errorf("%v, %v", status, err)
	}
}

func TestStartProgram(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{Args: []string{"a"}}, "")
	p := compile(t, `local first = ... return first, arg[0]`)
	for i, want := range []string{"a", "given"} {
		var args []any
		if i > 0 {
			args = append(args, "given")
		}
		task, err := s.StartProgram(context.Background(), p, args...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := task.Step(limits.Unlimited); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(luasandbox.Results{want, "test.lua"}, task.Results()); diff != "" {
			t.Error(diff)
		}
	}
}
