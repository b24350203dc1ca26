package luasandbox_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/luasandbox"
)

// The promise: what a sandbox with the whole library holds on Go's heap, and what it
// is charged for: before it runs anything; after it has run a small script; and after
// that, trimmed. The last two are with what the script made, its globals above all.
// leastTrim is what the smallest stack and its frames are charged for, which Trim
// gives back at least.
const (
	mostFresh   = 5 << 10
	mostKept    = 9 << 10
	mostTrimmed = 8 << 10
	leastTrim   = 800
)

// idleSandboxes is how many sandboxes the tests keep. A hundred thousand are a
// supported use: what one takes does not depend on how many there are.
func idleSandboxes() int {
	if testing.Short() {
		return 2_000
	}
	return 20_000
}

func heapInUse() (bytes int64) {
	var m runtime.MemStats
	for range 3 { // what the first ones found in pools
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// idle makes n sandboxes that stay, does something with each, and returns them and
// what each one takes of Go's heap.
func idle(t *testing.T, n int, cfg luasandbox.Config, do func(*luasandbox.Sandbox)) (all []*luasandbox.Sandbox, each int64) {
	t.Helper()
	all = make([]*luasandbox.Sandbox, n)
	do(newSandbox(t, cfg, "")) // what is made once in the process
	before := heapInUse()
	for i := range all {
		s, err := luasandbox.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		do(s)
		all[i] = s
	}
	return all, (heapInUse() - before) / int64(n)
}

func exactBytes(t *testing.T, s *luasandbox.Sandbox) int64 {
	t.Helper()
	c, err := s.Census()
	if err != nil {
		t.Fatal(err)
	}
	return c.Bytes
}

func TestFreshSandboxesAreSmall(t *testing.T) {
	n := idleSandboxes()
	all, each := idle(t, n, luasandbox.Config{}, func(*luasandbox.Sandbox) {})
	charged, live := all[0].Usage().Memory, exactBytes(t, all[0])
	t.Logf("%d sandboxes: each has %d bytes of heap, is charged for %d, and %d are live", n, each, charged, live)
	if each > mostFresh {
		t.Errorf("a fresh sandbox takes %d bytes of heap, want at most %d", each, mostFresh)
	}
	if charged > mostFresh || live > charged || live == 0 {
		t.Errorf("a fresh sandbox is charged for %d bytes, of which %d are live, want at most %d", charged, live, mostFresh)
	}
	// They are all open, and each is a world of its own.
	write := compile(t, `
		local n = ...
		own, string.own, _G[n] = n, n, true
		string.upper, math.pi, _VERSION = nil, n, n`)
	read := compile(t, `
		local names = 0
		for k in pairs(_G) do names = names + 1 end
		return own, string.own, string.upper ~= nil, math.pi > 3.1 and math.pi < 3.2, _VERSION, names, ("x"):upper(), _G.string == string, string.format("%d", 7)`)
	fresh, err := all[n-1].Load(context.Background(), read)
	if err != nil {
		t.Fatal(err)
	}
	names, _ := fresh[5].(float64)
	if diff := cmp.Diff(luasandbox.Results{nil, nil, true, true, "Lua 5.1", names, "X", true, "7"}, fresh); diff != "" || names < 30 {
		t.Fatalf("a fresh sandbox is not as it should be: %s", diff)
	}
	for i := 0; i < n; i += 2 {
		if i%200 != 0 && i > 1000 {
			continue
		}
		if _, err := all[i].Load(context.Background(), write, i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range min(n, 1000) {
		got, err := all[i].Load(context.Background(), read)
		if err != nil {
			t.Fatal(err)
		}
		want := fresh
		if i%2 == 0 {
			id := float64(i)
			want = luasandbox.Results{id, id, false, false, id, names + 2, "X", true, "7"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("sandbox %d: %s", i, diff)
		}
	}
	runtime.KeepAlive(all)
}

// After a call a sandbox keeps a stack for the next one; Trim gives it up.
func TestTrimmedSandboxesAreSmall(t *testing.T) {
	p := compile(t, `local n = 0 function count() n = n + 1 return n end`)
	run := func(s *luasandbox.Sandbox) {
		if _, err := s.Load(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Call(context.Background(), "count"); err != nil || got[0] != 1.0 {
			t.Fatal(got, err)
		}
	}
	n := min(idleSandboxes(), 2_000)
	kept, untrimmed := idle(t, n, luasandbox.Config{}, run)
	trimmed, each := idle(t, n, luasandbox.Config{}, func(s *luasandbox.Sandbox) {
		run(s)
		if err := s.Trim(); err != nil {
			t.Fatal(err)
		}
	})
	before, live := exactBytes(t, kept[0]), exactBytes(t, trimmed[0])
	t.Logf("after a call each has %d bytes of heap, %d live; trimmed %d, %d live", untrimmed, before, each, live)
	if each > mostTrimmed || untrimmed > mostKept || each > untrimmed-leastTrim {
		t.Errorf("a trimmed sandbox takes %d bytes of heap, one that was not %d; want at most %d and %d, and %d between them", each, untrimmed, mostTrimmed, mostKept, leastTrim)
	}
	if live > mostTrimmed || before > mostKept || live > before-leastTrim {
		t.Errorf("a trimmed sandbox has %d bytes live, one that was not %d; want at most %d and %d, and %d between them", live, before, mostTrimmed, mostKept, leastTrim)
	}
	for _, s := range []*luasandbox.Sandbox{kept[0], trimmed[0]} {
		got, err := s.Call(context.Background(), "count")
		if err != nil || got[0] != 2.0 {
			t.Errorf("%v, %v", got, err)
		}
	}
	if a, b := kept[0].LastCall().Instructions, trimmed[0].LastCall().Instructions; a != b {
		t.Errorf("after Trim a call takes %d instructions, without %d", b, a)
	}
	if a, b := kept[0].Usage().Allocated, trimmed[0].Usage().Allocated; b < a+leastTrim {
		t.Errorf("the stack that Trim dropped was not charged for again: %d bytes allocated, without %d", b, a)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(trimmed)
}

// A large call leaves no large stack behind, trimmed or not.
func TestIdleSandboxesKeepNoLargeStack(t *testing.T) {
	const most = 32 << 10
	p := compile(t, `
		local function deep(n, a, b, c, d) if n > 0 then return (deep(n - 1, n, n, n, n)) end return n end
		function run(n) return deep(n) end`)
	for _, depth := range []int{1, 10, 50, 300, 5_000} {
		s := newSandbox(t, luasandbox.Config{}, "")
		if _, err := s.Load(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Call(context.Background(), "run", depth); err != nil {
			t.Fatal(err)
		}
		if got := exactBytes(t, s); got > most {
			t.Errorf("after a call %d deep %d bytes are live, want at most %d", depth, got, most)
		}
	}
}

// An idle sandbox is memory and nothing else.
func TestIdleSandboxesHoldNoGoroutine(t *testing.T) {
	const n = 200
	before := runtime.NumGoroutine()
	all, _ := idle(t, n, luasandbox.Config{}, func(s *luasandbox.Sandbox) {
		if _, err := s.Load(context.Background(), compile(t, `co = coroutine.wrap(function() coroutine.yield() end) co()`)); err != nil {
			t.Fatal(err)
		}
		task, err := s.StartProgram(context.Background(), compile(t, `while true do end`))
		if err != nil {
			t.Fatal(err)
		}
		if status, err := task.Step(100); status != luasandbox.Paused || err != nil {
			t.Fatal(status, err)
		}
	})
	if after := runtime.NumGoroutine(); after >= before+n/2 {
		t.Errorf("%d goroutines before %d sandboxes, %d after", before, n, after)
	}
	runtime.KeepAlive(all)
}

// What is used for one call after the other tells nothing of the call before.
func TestReusedCallsAreIndependent(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{Output: &discarding{}}, `
		function work(n) for i = 1, n do local s = "x" .. i print(s) end return n end
		function fail(n) work(n) error("fail " .. n) end
		function rest(...) return select("#", ...), ... end`)
	run := func(s *luasandbox.Sandbox, name string, arg int) string {
		_, err := s.Call(context.Background(), name, arg)
		u := s.LastCall()
		u.Wall, u.Memory, u.MemoryPeak, u.Allocated = 0, 0, 0, 0 // whether a stack was there
		return fmt.Sprintf("%+v %v", u, err)
	}
	want := map[string]string{}
	for _, name := range []string{"work", "fail", "rest"} {
		want[name] = run(s, name, 20)
	}
	for _, name := range []string{"rest", "work", "fail", "fail", "work", "rest", "work"} {
		got := run(s, name, 20)
		if diff := cmp.Diff(want[name], got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// Many arguments, then none: nothing is left of them.
	many := make([]any, 100)
	for i := range many {
		many[i] = "left over"
	}
	if got, err := s.Call(context.Background(), "rest", many...); err != nil || got[0] != 100.0 || got[100] != "left over" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := s.Call(context.Background(), "rest"); err != nil || !cmp.Equal(got, luasandbox.Results{0.0}) {
		t.Errorf("%v, %v", got, err)
	}
}

type discarding struct{}

func (*discarding) Write(p []byte) (int, error) { return len(p), nil }
