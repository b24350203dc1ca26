package luasandbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// withHost returns a sandbox in which the function host calls f.
func withHost(t *testing.T, cfg luasandbox.Config, f any, source string) *luasandbox.Sandbox {
	t.Helper()
	cfg.Grants = []*luasandbox.Grant{luasandbox.NewGrant("", "", luasandbox.Func("host", f))}
	return newSandbox(t, cfg, source)
}

// A call from inside a host function, with the context it was given, is part of the
// running call.
func TestNestedCall(t *testing.T) {
	var s *luasandbox.Sandbox
	s = withHost(t, luasandbox.Config{}, func(ctx context.Context, n int) (string, error) {
		if n == 0 {
			return "0", nil
		}
		got, err := s.Call(ctx, "again", n-1)
		if err != nil {
			return "", err
		}
		return got[0].(string) + "<", nil
	}, `function again(n) for i = 1, 1000 do end return n .. host(n) end`)
	got, err := s.Call(context.Background(), "again", 3)
	if err != nil || got[0] != "32100<<<" {
		t.Fatalf("%v, %v", got, err)
	}
	u := s.LastCall()
	if u.Instructions < 4000 || u.HostCalls != 4 || u.Calls != 1 {
		t.Errorf("the nested calls are not charged to the call: %+v", u)
	}
	if r := s.Report(); r.Usage.Calls != 2 || len(r.Calls) != 2 {
		t.Errorf("nested calls were recorded as calls: %+v", r.Calls)
	}
}

// The limits around a nested call hold inside it, and a host function that hides
// the error does not hide the end.
func TestNestedCallIsLimited(t *testing.T) {
	var s *luasandbox.Sandbox
	s = withHost(t, luasandbox.Config{Limits: limits.Limits{Instructions: 50_000}}, func(ctx context.Context) {
		_, _ = s.Call(ctx, "spin")
	}, `after = false function spin() while true do end end function outer() pcall(host) after = true end`)
	_, err := s.Call(context.Background(), "outer")
	asLimit(t, err, limits.Instructions)
	if got := s.LastCall().Instructions; got != 50_000 {
		t.Errorf("%d instructions", got)
	}
	if after, err := s.Global("after"); after != false || err != nil {
		t.Errorf("the script went on: %v, %v", after, err)
	}
}

// A chain of host functions and scripts that call each other ends in an error, not
// in the end of Go's stack.
func TestNestedCallDepth(t *testing.T) {
	var s *luasandbox.Sandbox
	s = withHost(t, luasandbox.Config{}, func(ctx context.Context) error {
		_, err := s.Call(ctx, "again")
		return err
	}, `function again() host() end`)
	_, err := s.Call(context.Background(), "again")
	var script *luasandbox.ScriptError
	if !errors.As(err, &script) {
		t.Errorf("%v", err)
	}
}

// Inside a host function everything without its context is refused, and what would
// change the sandbox under the running call.
func TestBusyInsideHostFunction(t *testing.T) {
	var s *luasandbox.Sandbox
	var task *luasandbox.Task
	got := map[string]error{}
	s = withHost(t, luasandbox.Config{}, func(ctx context.Context) {
		_, got["Call"] = s.Call(context.Background(), "f")
		_, got["Load"] = s.Load(context.Background(), compile(t, ""))
		_, got["Start"] = s.Start(ctx, "f")
		_, got["Step"] = task.Step(1)
		_, got["Global"] = s.Global("f")
		got["SetGlobal"] = s.SetGlobal("f", nil)
		_, got["Census"] = s.Census()
		got["Close"] = s.Close()
	}, `function f() end function outer() host() return "fine" end`)
	task = start(t, s, "f")
	out, err := s.Call(context.Background(), "outer")
	if err != nil || out[0] != "fine" {
		t.Fatalf("%v, %v", out, err)
	}
	for name, err := range got {
		if err != luasandbox.ErrBusy {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(got) != 8 {
		t.Errorf("%d were tried", len(got))
	}
	if status, err := task.Step(1000); status != luasandbox.Done || err != nil {
		t.Errorf("%v, %v", status, err)
	}
}

// A context that outlives its host function is an ordinary one: it does not let
// anybody in while something else runs.
func TestLeakedContext(t *testing.T) {
	var s *luasandbox.Sandbox
	var leaked context.Context
	step := 0
	s = withHost(t, luasandbox.Config{}, func(ctx context.Context) string {
		step++
		if step == 1 {
			leaked = ctx
			return "kept"
		}
		if _, err := s.Call(leaked, "f"); err != nil {
			return err.Error()
		}
		return "got in"
	}, `function f() end function outer() return host(), host() end`)
	got, err := s.Call(context.Background(), "outer")
	if diff := cmp.Diff(luasandbox.Results{"kept", luasandbox.ErrBusy.Error()}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := s.Call(leaked, "f"); err != nil {
		t.Errorf("with the sandbox idle: %v", err)
	}
}

// A goroutine that a host function leaves behind never runs in the sandbox at the
// same time as the script: it gets in while the host function is there, and the
// function's return waits for it; or it gets ErrBusy.
func TestGoroutineWithLeakedContext(t *testing.T) {
	var s *luasandbox.Sandbox
	results := make(chan error, 1000)
	s = withHost(t, luasandbox.Config{}, func(ctx context.Context) {
		for range 4 {
			go func() {
				_, err := s.Call(ctx, "inc")
				results <- err
			}()
		}
		runtime.Gosched()
	}, `n = 0 function inc() for i = 1, 50 do n = n + 1 end end
		function outer() for i = 1, 50 do host() inc() end return n end`)
	if _, err := s.Call(context.Background(), "outer"); err != nil {
		t.Fatal(err)
	}
	in := 0
	for range 200 {
		switch err := <-results; err {
		case nil:
			in++
		case luasandbox.ErrBusy:
		default:
			t.Fatal(err)
		}
	}
	n, err := s.Global("n")
	if want := float64(50 * (50 + in)); n != want || err != nil {
		t.Errorf("n is %v, want %v (%v)", n, want, err)
	}
}

// Scripts' errors pass through a host function as they are.
func TestNestedErrors(t *testing.T) {
	var s *luasandbox.Sandbox
	s = withHost(t, luasandbox.Config{}, func(ctx context.Context) error {
		_, err := s.Call(ctx, "inner")
		return err
	}, `function inner() error({code = 7}) end
		function outer() local ok, e = pcall(host) return ok, type(e) == "table" and e.code end`)
	got, err := s.Call(context.Background(), "outer")
	if diff := cmp.Diff(luasandbox.Results{false, 7.0}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// A bug of ours, here a clock that panics inside the machine, ends the sandbox and
// nothing else: one opaque error for ever, and the detail in the log.
func TestInternalError(t *testing.T) {
	broken := false
	var log bytes.Buffer
	s := newSandbox(t, luasandbox.Config{
		Name: "mod",
		Wall: func() time.Time {
			if broken {
				panic("secret: clock")
			}
			return time.Unix(0, 0)
		},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}, `function f() end function spin() while true do end end`)
	task := start(t, s, "spin")
	if _, err := task.Step(1000); err != nil {
		t.Fatal(err)
	}
	broken = true
	var first, internal *luasandbox.InternalError
	_, err := s.Call(context.Background(), "f")
	if !errors.As(err, &first) || first.ID != "1" || strings.Contains(err.Error(), "secret") {
		t.Fatalf("%v", err)
	}
	broken = false
	for name, f := range map[string]func() error{
		"Call":   func() error { _, err := s.Call(context.Background(), "f"); return err },
		"Load":   func() error { _, err := s.Load(context.Background(), compile(t, "")); return err },
		"Start":  func() error { _, err := s.Start(context.Background(), "f"); return err },
		"Step":   func() error { _, err := task.Step(1); return err },
		"Census": func() error { _, err := s.Census(); return err },
	} {
		if err := f(); !errors.As(err, &internal) || internal != first {
			t.Errorf("%s: %v", name, err)
		}
	}
	task.Abandon()
	if r := s.Report(); r.State != "dead" {
		t.Errorf("%+v", r)
	}
	for _, part := range []string{"secret: clock", "sandbox=mod", "id=1", "stack="} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%q is not in the log: %s", part, log.String())
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := s.Call(context.Background(), "f"); err != luasandbox.ErrClosed {
		t.Errorf("after Close: %v", err)
	}
}

// A host function that ends its goroutine, as t.FailNow does, leaves a sandbox that
// is dead, and not one that is busy for ever or in an unknown state.
func TestGoexit(t *testing.T) {
	s := withHost(t, luasandbox.Config{}, func() { runtime.Goexit() }, `function f() host() end`)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.Call(context.Background(), "f")
		t.Error("the goroutine went on")
	}()
	<-done
	var internal *luasandbox.InternalError
	if _, err := s.Call(context.Background(), "f"); !errors.As(err, &internal) {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A panic in a host function is the script's to catch; the sandbox lives.
func TestHostPanic(t *testing.T) {
	s := withHost(t, luasandbox.Config{}, func() { panic("secret") }, `function f() host() end function g() return pcall(host) end`)
	_, err := s.Call(context.Background(), "f")
	var host *luasandbox.HostError
	if !errors.As(err, &host) || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if e := s.Report().Errors; len(e) != 1 || e[0].Kind != "host" || e[0].ID != host.ID {
		t.Errorf("%+v", e)
	}
	if got, err := s.Call(context.Background(), "g"); err != nil || got[0] != false {
		t.Errorf("%v, %v", got, err)
	}
}

// ---- answers that come later

func TestTaskWaits(t *testing.T) {
	var asked []*luasandbox.Pending
	s := withHost(t, luasandbox.Config{}, func() *luasandbox.Pending {
		p := luasandbox.Later()
		asked = append(asked, p)
		return p
	}, `
		function ask() local a, b = host() return a, b, (host()) end
		function try() return pcall(host) end
		function co() return coroutine.wrap(function() coroutine.yield(host()) end)() end`)
	task := start(t, s, "ask")
	for range 3 {
		if status, err := task.Step(limits.Unlimited); status != luasandbox.Waiting || err != nil {
			t.Fatalf("%v, %v", status, err)
		}
	}
	waited := task.Usage().Instructions
	if status, _ := task.Step(0); status != luasandbox.Waiting {
		t.Errorf("%v", status)
	}
	if got := task.Usage().Instructions; got != waited {
		t.Errorf("waiting cost %d instructions", got-waited)
	}
	// Others run meanwhile.
	other := start(t, s, "co")
	if status, err := other.Step(limits.Unlimited); status != luasandbox.Waiting || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	asked[1].Resolve("inside")
	if status, err := other.Step(limits.Unlimited); status != luasandbox.Done || err != nil || !cmp.Equal(other.Results(), luasandbox.Results{"inside"}) {
		t.Errorf("%v, %v, %v", status, err, other.Results())
	}
	asked[0].Resolve(1, "two")
	if status, err := task.Step(limits.Unlimited); status != luasandbox.Waiting || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	done := make(chan struct{})
	go func() { asked[2].Resolve(true); close(done) }()
	<-done
	if status, err := task.Step(limits.Unlimited); status != luasandbox.Done || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	if diff := cmp.Diff(luasandbox.Results{1.0, "two", true}, task.Results()); diff != "" {
		t.Error(diff)
	}

	task = start(t, s, "try")
	if _, err := task.Step(limits.Unlimited); err != nil {
		t.Fatal(err)
	}
	asked[3].Reject(luasandbox.Errorf("no luck"))
	if _, err := task.Step(limits.Unlimited); err != nil {
		t.Fatal(err)
	}
	if got := task.Results(); len(got) != 2 || got[0] != false || !strings.Contains(got[1].(string), "no luck") {
		t.Errorf("%v", got)
	}
}

// A waiting task ends with its context, and can be abandoned.
func TestWaitingTaskEnds(t *testing.T) {
	s := withHost(t, luasandbox.Config{}, func() *luasandbox.Pending { return luasandbox.Later() }, `function ask() pcall(host) end`)
	ctx, cancel := context.WithCancel(context.Background())
	task, err := s.Start(ctx, "ask")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := task.Step(1000); status != luasandbox.Waiting || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	cancel()
	if _, err := task.Step(1000); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	task = start(t, s, "ask")
	if _, err := task.Step(1000); err != nil {
		t.Fatal(err)
	}
	task.Abandon()
	if _, err := task.Step(1000); err != luasandbox.ErrFinished {
		t.Errorf("%v", err)
	}
	if got := s.Report().Unfinished; got != 0 {
		t.Errorf("%d unfinished", got)
	}
}

// A plain call waits for the answer, or for its context's end.
func TestCallWaits(t *testing.T) {
	asked := make(chan *luasandbox.Pending, 1)
	s := withHost(t, luasandbox.Config{}, func() *luasandbox.Pending {
		p := luasandbox.Later()
		asked <- p
		return p
	}, `function ask() return host() end`)
	go func() { (<-asked).Resolve("answer") }()
	if got, err := s.Call(context.Background(), "ask"); err != nil || got[0] != "answer" {
		t.Errorf("%v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	if _, err := s.Call(ctx, "ask"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if s.Report().Unfinished != 0 {
		t.Error("a call was left behind")
	}
	// Without an answer and without an end of the context: Limits.Time.
	hurried := withHost(t, luasandbox.Config{Limits: limits.Limits{Time: time.Millisecond}},
		func() *luasandbox.Pending { return luasandbox.Later() }, `function ask() return host() end`)
	_, err := hurried.Call(context.Background(), "ask")
	asLimit(t, err, limits.Time)
}

// What a script calls by way of a host function cannot wait: nobody could step it.
func TestNestedCallCannotWait(t *testing.T) {
	var s *luasandbox.Sandbox
	var got error
	s = newSandbox(t, luasandbox.Config{Grants: []*luasandbox.Grant{luasandbox.NewGrant("", "",
		luasandbox.Func("later", func() *luasandbox.Pending { return luasandbox.Later() }),
		luasandbox.Func("host", func(ctx context.Context) { _, got = s.Call(ctx, "ask") }),
	)}}, `function ask() return later() end function outer() host() return "on" end`)
	out, err := s.Call(context.Background(), "outer")
	if err != nil || out[0] != "on" || got != luasandbox.ErrWaits {
		t.Errorf("%v, %v; inside: %v", out, err, got)
	}
}
