package luasandbox_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// TestAnswered drives tasks by what Config.Answered says, without polling.
func TestAnswered(t *testing.T) {
	var pendings []*luasandbox.Pending
	var told []*luasandbox.Task
	grant := luasandbox.NewGrant("", "", luasandbox.Func("ask", func() *luasandbox.Pending {
		p := luasandbox.Later()
		pendings = append(pendings, p)
		return p
	}))
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}, Answered: func(t *luasandbox.Task) { told = append(told, t) }},
		`function twice() return ask() + ask() end function fails() return pcall(ask) end`)
	wait := func(task *luasandbox.Task) {
		t.Helper()
		if status, err := task.Step(limits.Unlimited); status != luasandbox.Waiting || err != nil {
			t.Fatal(status, err)
		}
	}
	expect := func(what string, want ...*luasandbox.Task) {
		t.Helper()
		if len(told) != len(want) {
			t.Fatalf("%s: told %d times, want %d", what, len(told), len(want))
		}
		for i := range want {
			if told[i] != want[i] {
				t.Errorf("%s: told of another task", what)
			}
		}
		told = nil
	}
	a, b := start(t, s, "twice"), start(t, s, "fails")
	wait(a)
	wait(b)
	wait(a) // looks again
	expect("nothing is answered")
	pendings[1].Reject(luasandbox.Errorf("no"))
	pendings[1].Resolve(1)
	expect("the second", b)
	pendings[0].Resolve(1)
	pendings[0].Resolve(1)
	expect("the first", a)
	wait(a)
	expect("it waits again")
	pendings[2].Resolve(2)
	expect("the first again", a)
	for _, task := range []*luasandbox.Task{a, b} {
		if status, err := task.Step(limits.Unlimited); status != luasandbox.Done || err != nil {
			t.Fatal(status, err)
		}
	}
	if diff := cmp.Diff(luasandbox.Results{3.0}, a.Results()); diff != "" {
		t.Error(diff)
	}
	expect("all is done")

	// Nobody waits any more.
	pendings = nil
	ctx, cancel := context.WithCancel(context.Background())
	c, err := s.Start(ctx, "twice")
	if err != nil {
		t.Fatal(err)
	}
	d, e := start(t, s, "twice"), start(t, s, "twice")
	wait(c)
	wait(d)
	wait(e)
	cancel()
	if _, err := c.Step(1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	d.Abandon()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range pendings {
		p.Resolve(1)
	}
	expect("cancelled, abandoned, closed")
}

// A call that waits by itself tells nobody.
func TestAnsweredIsForTasks(t *testing.T) {
	grant := luasandbox.NewGrant("", "", luasandbox.Func("ask", func() *luasandbox.Pending {
		p := luasandbox.Later()
		time.AfterFunc(time.Millisecond, func() { p.Resolve(1) })
		return p
	}))
	s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}, Answered: func(*luasandbox.Task) { t.Error("told") }}, `function run() return ask() end`)
	if r, err := s.Call(context.Background(), "run"); err != nil || !cmp.Equal(r, luasandbox.Results{1.0}) {
		t.Fatal(r, err)
	}
}

// Answers from other goroutines, as early as can be, arrive exactly once for each wait.
func TestAnsweredWhileStepping(t *testing.T) {
	const waits = 2000
	var told atomic.Int64
	ready := make(chan *luasandbox.Task, 1)
	var wg sync.WaitGroup
	grant := luasandbox.NewGrant("", "", luasandbox.Func("ask", func(n int) *luasandbox.Pending {
		p := luasandbox.Later()
		wg.Go(func() { p.Resolve(n) })
		return p
	}))
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{HostCalls: limits.Unlimited}, Grants: []*luasandbox.Grant{grant},
		Answered: func(task *luasandbox.Task) { told.Add(1); ready <- task }},
		`function run(n) local sum = 0 for i = 1, n do sum = sum + ask(i) end return sum end`)
	task := start(t, s, "run", waits)
	waited := int64(0)
	for {
		status, err := task.Step(limits.Unlimited)
		if err != nil {
			t.Fatal(err)
		}
		if status == luasandbox.Done {
			break
		}
		waited++
		select {
		case got := <-ready:
			if got != task {
				t.Fatal("another task")
			}
		case <-time.After(time.Minute):
			t.Fatal("not told of an answer")
		}
	}
	wg.Wait()
	if got := told.Load(); got != waited || waited == 0 || len(ready) != 0 {
		t.Errorf("told %d times, waited %d times", got, waited)
	}
	if diff := cmp.Diff(luasandbox.Results{waits * (waits + 1) / 2.0}, task.Results()); diff != "" {
		t.Error(diff)
	}
}

// One answer can be what several tasks wait for, of several sandboxes.
func TestAnsweredToSeveral(t *testing.T) {
	p := luasandbox.Later()
	told := map[*luasandbox.Task]int{}
	grant := luasandbox.NewGrant("", "", luasandbox.Func("ask", func() *luasandbox.Pending { return p }))
	want := map[*luasandbox.Task]int{}
	for range 2 {
		s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}, Answered: func(task *luasandbox.Task) { told[task]++ }}, `function run() return ask() end`)
		for range 2 {
			task := start(t, s, "run")
			if status, err := task.Step(limits.Unlimited); status != luasandbox.Waiting || err != nil {
				t.Fatal(status, err)
			}
			want[task] = 1
		}
	}
	p.Resolve(1)
	if len(told) != len(want) {
		t.Errorf("%d tasks told of %d", len(told), len(want))
	}
	for task := range want {
		if told[task] != 1 {
			t.Errorf("told %d times", told[task])
		}
		if status, err := task.Step(limits.Unlimited); status != luasandbox.Done || err != nil {
			t.Error(status, err)
		}
	}
}

// Abandoning and closing at the time of the answer does not race, and never leads to
// two notices for one wait.
func TestAnsweredWhileAbandoned(t *testing.T) {
	for i := range 300 {
		p := luasandbox.Later()
		var told atomic.Int64
		grant := luasandbox.NewGrant("", "", luasandbox.Func("ask", func() *luasandbox.Pending { return p }))
		s := newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{grant}, Answered: func(*luasandbox.Task) { told.Add(1) }},
			`function run() return ask() end`)
		a, b := start(t, s, "run"), start(t, s, "run")
		for _, task := range []*luasandbox.Task{a, b} {
			if status, err := task.Step(limits.Unlimited); status != luasandbox.Waiting || err != nil {
				t.Fatal(status, err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { p.Resolve(1) })
		wg.Go(func() {
			a.Abandon()
			if i%2 == 0 {
				_ = s.Close()
			}
		})
		wg.Wait()
		if got := told.Load(); got > 2 || i%2 == 1 && got == 0 {
			t.Fatalf("told %d times", got)
		}
	}
}

func TestAnsweredInTurns(t *testing.T) {
	var p *luasandbox.Pending
	var told []*luasandbox.Task
	grant := luasandbox.NewGrant("", "", luasandbox.Func("ask", func() *luasandbox.Pending { p = luasandbox.Later(); return p }))
	s := newSandbox(t, luasandbox.Config{Turns: true, Grants: []*luasandbox.Grant{grant}, Answered: func(t *luasandbox.Task) { told = append(told, t) }},
		`function run() return ask() end`)
	task := start(t, s, "run")
	for i, step := range []struct {
		do   func() (luasandbox.Status, error)
		want luasandbox.Status
	}{
		{func() (luasandbox.Status, error) { return task.Step(1000) }, luasandbox.Turn},
		{task.TakeTurn, luasandbox.Waiting},
		{func() (luasandbox.Status, error) { return task.Step(1000) }, luasandbox.Waiting},
		{func() (luasandbox.Status, error) { p.Resolve(5); return task.Step(1000) }, luasandbox.Turn},
		{task.TakeTurn, luasandbox.Paused},
		{func() (luasandbox.Status, error) { return task.Step(1000) }, luasandbox.Done},
	} {
		if status, err := step.do(); status != step.want || err != nil {
			t.Fatalf("step %d: %v, %v, want %v", i+1, status, err, step.want)
		}
	}
	if len(told) != 1 || told[0] != task || !cmp.Equal(task.Results(), luasandbox.Results{5.0}) {
		t.Errorf("told %d times, %v", len(told), task.Results())
	}
}
