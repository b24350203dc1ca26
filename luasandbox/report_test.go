package luasandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

var ignoreWall = cmp.Options{
	cmpopts.IgnoreFields(luasandbox.Usage{}, "Wall"),
	cmpopts.IgnoreFields(luasandbox.CallRecord{}, "Wall"),
}

func TestReport(t *testing.T) {
	run := func() luasandbox.Report {
		s := newSandbox(t, luasandbox.Config{
			Name: "mod", Limits: limits.Limits{Instructions: 20_000, Output: 50, Depth: 100},
		}, `
			function ok() print("fine") end
			function bad() error("broken") end
			function spin() while true do end end
			function deep() return 1 + deep() end
			function chatter() while true do print("0123456789") end end`)
		ctx := context.Background()
		for range 3 {
			_, _ = s.Call(ctx, "ok")
		}
		_, _ = s.Call(ctx, "bad")
		_, _ = s.Call(ctx, "spin")
		_, _ = s.Call(ctx, "spin")
		_, _ = s.Call(ctx, "deep")
		_, _ = s.Call(ctx, "chatter")
		_, _ = s.Call(ctx, "missing")
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, _ = s.Call(cancelled, "ok")
		if _, err := s.Start(ctx, "ok"); err != nil {
			t.Fatal(err)
		}
		return s.Report()
	}
	r := run()
	if r.Name != "mod" || r.State != "open" || r.Unfinished != 1 || r.Limits.Depth != 100 || r.Limits.Memory != limits.DefaultMemory {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(r, run(), ignoreWall); diff != "" {
		t.Errorf("a second run's report differs: %s", diff)
	}
	type count struct {
		Function              string
		Count, Failed, Orphan int64
	}
	var counts []count
	for _, c := range r.Calls {
		counts = append(counts, count{c.Function, c.Count, c.Failed, c.Abandoned})
	}
	if diff := cmp.Diff([]count{{"test.lua", 1, 0, 0}, {"ok", 4, 1, 0}, {"bad", 1, 1, 0}, {"spin", 2, 2, 0}, {"deep", 1, 1, 0}, {"chatter", 1, 1, 0}}, counts); diff != "" {
		t.Error(diff)
	}
	violations := map[limits.Kind]int64{}
	for _, v := range r.Violations {
		violations[v.Limit] = v.Count
		if v.Used > v.Max || v.Function == "" {
			t.Errorf("%+v", v)
		}
	}
	if diff := cmp.Diff(map[limits.Kind]int64{limits.Instructions: 2, limits.Depth: 1, limits.Output: 1}, violations); diff != "" {
		t.Error(diff)
	}
	var kinds []string
	for _, e := range r.Errors {
		kinds = append(kinds, e.Function+": "+e.Kind)
	}
	if diff := cmp.Diff([]string{"bad: script", "spin: limit", "spin: limit", "deep: script", "chatter: limit", "missing: use", "ok: cancelled"}, kinds); diff != "" {
		t.Error(diff)
	}
	if r.Errors[0].Message != "test.lua:3: broken" || !strings.Contains(r.Errors[0].Traceback, "stack traceback:") {
		t.Errorf("%+v", r.Errors[0])
	}
	if r.Usage.Calls != 11 || r.Usage.Output < 3*5+40 || r.Usage.Instructions < 40_000 {
		t.Errorf("%+v", r.Usage)
	}
}

// The stack of a call is known also when a limit stopped it.
func TestTraceback(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 10_000}}, `
		local function endless() while true do end end
		function spin() endless() end
		function bad() error("x") end
		function fine() end`)
	if got := s.Traceback(); got != "" {
		t.Errorf("before any error: %q", got)
	}
	for _, tt := range []struct{ function, line string }{{"spin", "test.lua:2:"}, {"bad", "test.lua:4:"}, {"fine", "test.lua:4:"}, {"missing", ""}} {
		_, _ = s.Call(context.Background(), tt.function)
		if got := s.Traceback(); !strings.Contains(got, tt.line) || (tt.line == "") != (got == "") {
			t.Errorf("after %s: %q", tt.function, got)
		}
	}
	if e := s.Report().Errors; len(e) != 3 || !strings.Contains(e[0].Traceback, "test.lua:3:") || !strings.Contains(e[1].Traceback, "test.lua:4:") {
		t.Errorf("%+v", e)
	}
}

// A report grows to a bound and no further, whatever the script does.
func TestReportIsBounded(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `
		function fail() error(("\255\0<"):rep(1e5)) end
		setmetatable(_G, {__index = function() return fail end})
		local function deep(n) if n == 0 then fail() end deep(n - 1) return 1 end
		function far() deep(1000) end`)
	for i := range 500 {
		name := fmt.Sprintf("f%d", i)
		if err := s.SetGlobal(name, nil); err != nil {
			t.Fatal(err)
		}
		p, err := luasandbox.Compile(strings.Repeat("n", i*10)+name, "far()", limits.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(context.Background(), p); err == nil {
			t.Fatal("no error")
		}
	}
	r := s.Report()
	if len(r.Calls) > 65 || len(r.Errors) != 32 || r.Earlier != 468 {
		t.Errorf("%d calls, %d errors, %d earlier", len(r.Calls), len(r.Errors), r.Earlier)
	}
	if last := r.Calls[len(r.Calls)-1]; last.Function != "(others)" || last.Count != 501-64 {
		t.Errorf("%+v", last)
	}
	text, err := json.Marshal(r)
	if err != nil || len(text) > 1<<20 {
		t.Errorf("%v, %d bytes", err, len(text))
	}
	var back luasandbox.Report
	if err := json.Unmarshal(text, &back); err != nil || back.Earlier != 468 {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(text, mustMarshal(t, s.Report())) {
		t.Error("the report changed by being read")
	}
}

func mustMarshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Reports of an empty sandbox have lists, not nulls, for those who read the JSON.
func TestReportHasNoNulls(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, "")
	if text := mustMarshal(t, s.Report()); bytes.Contains(text, []byte("null")) {
		t.Errorf("%s", text)
	}
}

// The totals are the sum of the calls, and of what the host had the sandbox do.
func TestUsageAddsUp(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function f(n) local t = {} for i = 1, n do t[i] = tostring(i) print(i) end end`)
	start := s.Usage()
	var sum luasandbox.Usage
	for n := range 20 {
		if _, err := s.Call(context.Background(), "f", n*10); err != nil {
			t.Fatal(err)
		}
		u := s.LastCall()
		sum.Calls += u.Calls
		sum.Instructions += u.Instructions
		sum.Output += u.Output
		sum.Allocated += u.Allocated
		sum.Wall += u.Wall
	}
	end := s.Usage()
	if end.Calls-start.Calls != sum.Calls || end.Output-start.Output != sum.Output || end.Allocated-start.Allocated != sum.Allocated || end.Wall-start.Wall != sum.Wall {
		t.Errorf("from %+v to %+v, the calls %+v", start, end, sum)
	}
	// Making a call's stack is charged to the sandbox, not to the call.
	if outside := end.Instructions - start.Instructions - sum.Instructions; outside < 0 || outside > 20*1000 {
		t.Errorf("%d instructions outside of calls", outside)
	}
}
