package luasandbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

func TestCallPaths(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `
		function top(...) return select("#", ...), ... end
		hooks = {tick = function() return "tick" end, n = {deep = function() return "deep" end}}
		number = 5
		callable = setmetatable({}, {__call = function(self, x) return "called", x end})
		ghost = setmetatable({}, {__index = function() return function() return "never" end end})
		_G[""] = print
	`)
	for _, tt := range []struct {
		path string
		args []any
		want luasandbox.Results
		err  *luasandbox.PathError
	}{
		{path: "top", want: luasandbox.Results{0.0}},
		{path: "top", args: []any{1, "x", nil, true, nil}, want: luasandbox.Results{5.0, 1.0, "x", nil, true, nil}},
		{path: "hooks.tick", want: luasandbox.Results{"tick"}},
		{path: "hooks.n.deep", want: luasandbox.Results{"deep"}},
		{path: "string.upper", args: []any{"up"}, want: luasandbox.Results{"UP"}},
		{path: "callable", args: []any{1}, want: luasandbox.Results{"called", 1.0}},
		{path: "absent", err: &luasandbox.PathError{Path: "absent", At: "absent", Found: "nil", Want: "a function"}},
		{path: "hooks", err: &luasandbox.PathError{Path: "hooks", At: "hooks", Found: "table", Want: "a function"}},
		{path: "ghost.f", err: &luasandbox.PathError{Path: "ghost.f", At: "ghost.f", Found: "nil", Want: "a function"}},
		{path: "number.f", err: &luasandbox.PathError{Path: "number.f", At: "number", Found: "number", Want: "a table"}},
		{path: "hooks.n.x.y", err: &luasandbox.PathError{Path: "hooks.n.x.y", At: "hooks.n.x.y", Found: "nil", Want: "a function"}},
		{path: "", err: &luasandbox.PathError{Path: "", Want: "names joined by dots"}},
		{path: "hooks.", err: &luasandbox.PathError{Path: "hooks.", Want: "names joined by dots"}},
		{path: ".tick", err: &luasandbox.PathError{Path: ".tick", Want: "names joined by dots"}},
	} {
		got, err := s.Call(context.Background(), tt.path, tt.args...)
		if tt.err == nil {
			if err != nil {
				t.Errorf("%q: %v", tt.path, err)
			} else if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%q: %s", tt.path, diff)
			}
			continue
		}
		var path *luasandbox.PathError
		if !errors.As(err, &path) {
			t.Errorf("%q: %v, %v", tt.path, got, err)
		} else if diff := cmp.Diff(tt.err, path); diff != "" {
			t.Errorf("%q: %s", tt.path, diff)
		}
	}
}

func TestCallRefusesArguments(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `n = 0 function f() n = n + 1 end`)
	_, err := s.Call(context.Background(), "f", 1, make(chan int))
	var arg *luasandbox.ArgumentError
	if !errors.As(err, &arg) || arg.Function != "f" || arg.Index != 2 {
		t.Errorf("%v", err)
	}
	if err := s.SetGlobal("c", make(chan int)); !errors.As(err, &arg) {
		t.Errorf("SetGlobal: %v", err)
	}
	for name, f := range map[string]func() error{
		"Load":          func() error { _, err := s.Load(context.Background(), nil); return err },
		"LoadText":      func() error { _, err := s.LoadText(context.Background(), nil); return err },
		"CallFunction":  func() error { _, err := s.CallFunction(context.Background(), nil); return err },
		"StartProgram":  func() error { _, err := s.StartProgram(context.Background(), nil); return err },
		"StartFunction": func() error { _, err := s.StartFunction(context.Background(), nil); return err },
	} {
		if err := f(); !errors.As(err, &arg) {
			t.Errorf("%s of nil: %v", name, err)
		}
	}
	if n, err := s.Global("n"); n != 0.0 || err != nil {
		t.Errorf("something was called: %v, %v", n, err)
	}
}

func TestLoadArguments(t *testing.T) {
	p := compile(t, `
		local all = {...}
		local shown = {arg and arg[0] or "none", arg and #arg or -1}
		for i = 1, select("#", ...) do shown[#shown + 1] = tostring(all[i]) end
		return table.concat(shown, " ")
	`)
	for _, tt := range []struct {
		config []string
		args   []any
		want   string
	}{
		{nil, nil, "none -1"},
		{nil, []any{1, "b"}, "none -1 1 b"},
		{[]string{}, nil, "test.lua 0"},
		{[]string{"x", "y z"}, nil, "test.lua 2 x y z"},
		{[]string{"x"}, []any{"given"}, "none -1 given"},
	} {
		s := newSandbox(t, luasandbox.Config{Args: tt.config}, "")
		got, err := s.Load(context.Background(), p, tt.args...)
		if err != nil || got[0] != tt.want {
			t.Errorf("%q %v: %v, %v; want %q", tt.config, tt.args, got, err, tt.want)
		}
	}
}

func TestLoadText(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `tostring = function() return "mine" end`)
	got, err := s.LoadText(context.Background(), compile(t, `
		return nil, true, 1e15, 0.1, "text\0", print, {}, setmetatable({}, {__tostring = function() return "shown" end}),
			coroutine.create(function() end)`))
	want := []string{"nil", "true", "1e+15", "0.1", "text\x00", "function: library: print", "table: 00000001", "shown", "thread: 00000002"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := s.LoadText(context.Background(), compile(t, ``)); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	var script *luasandbox.ScriptError
	for _, source := range []string{`error("x")`, `return setmetatable({}, {__tostring = function() return {} end})`} {
		if _, err := s.LoadText(context.Background(), compile(t, source)); !errors.As(err, &script) {
			t.Errorf("%s: %v", source, err)
		}
	}
	s = newSandbox(t, luasandbox.Config{Limits: limits.Limits{Instructions: 10_000}}, "")
	_, err = s.LoadText(context.Background(), compile(t, `return setmetatable({}, {__tostring = function() while true do end end})`))
	asLimit(t, err, limits.Instructions)
}

func TestGlobals(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `a = {b = {c = "deep"}, list = {1, 2}} n = 1`)
	for _, tt := range []struct {
		path string
		want any
	}{
		{"n", 1.0},
		{"a.b.c", "deep"},
		{"a.list", []any{1.0, 2.0}},
		{"nothing", nil},
		{"nothing.at.all", nil},
		{"a.x.y", nil},
	} {
		got, err := s.Global(tt.path)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", tt.path, err, diff)
		}
	}
	var path *luasandbox.PathError
	for _, bad := range []string{"n.x", "", "a..b", "a.b.c.d"} {
		if got, err := s.Global(bad); !errors.As(err, &path) || path.Path != bad {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
	var result *luasandbox.ResultError
	if _, err := s.Load(context.Background(), compile(t, `co = coroutine.create(print and function() end)`)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Global("co"); !errors.As(err, &result) {
		t.Errorf("a coroutine: %v, %v", got, err)
	}
	for _, v := range []any{"text", 7.5, true, nil} {
		if err := s.SetGlobal("odd.name", v); err != nil {
			t.Fatal(err)
		}
		got, err := s.Load(context.Background(), compile(t, `return _G["odd.name"]`))
		if err != nil || !cmp.Equal(got, luasandbox.Results{v}) {
			t.Errorf("%v became %v, %v", v, got, err)
		}
	}
	small := newSandbox(t, luasandbox.Config{Limits: limits.Limits{Memory: 64 << 10}}, "")
	asLimit(t, small.SetGlobal("big", string(make([]byte, 1<<20))), limits.Memory)
}

func TestModules(t *testing.T) {
	files := map[string]string{"lib.math": `return {double = function(x) return 2 * x end}`, "bad": `x = = 1`}
	asked := 0
	s := newSandbox(t, luasandbox.Config{Modules: func(name string) (string, string, bool) {
		asked++
		if name == "boom" {
			panic("secret path /home/host")
		}
		text, ok := files[name]
		return name + ".lua", text, ok
	}}, `
		assert(require("lib.math").double(4) == 8)
		assert(require("lib.math") == require("lib.math"))
		messages = {}
		for i, name in ipairs{"bad", "none", "boom", "../../etc/passwd\0"} do
			local ok, err = pcall(require, name)
			messages[i] = tostring(ok) .. " " .. err
		end
	`)
	got, err := s.Global("messages")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range got.([]any) {
		if text := m.(string); text[:6] != "false " || containsAny(text, "secret", "/home") {
			t.Errorf("%d: %q", i, text)
		}
	}
	if asked != 4 {
		t.Errorf("Modules was asked %d times", asked)
	}
}

// A function that the host was given is called in its own sandbox only.
func TestCallFunction(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `local n = 0 function make() return function(k) n = n + k return n end end`)
	got, err := s.Call(context.Background(), "make")
	if err != nil {
		t.Fatal(err)
	}
	var fn *luasandbox.Function
	if err := got.Scan(&fn); err != nil {
		t.Fatal(err)
	}
	if got, err := s.CallFunction(context.Background(), fn, 5); err != nil || got[0] != 5.0 {
		t.Errorf("%v, %v", got, err)
	}
	task, err := s.StartFunction(context.Background(), fn, 2)
	if err != nil {
		t.Fatal(err)
	}
	fn.Release()
	if _, err := task.Step(limits.Unlimited); err != nil || task.Results()[0] != 7.0 {
		t.Errorf("%v, %v", task.Results(), err)
	}
	if _, err := s.CallFunction(context.Background(), fn, 1); err != luasandbox.ErrReleased {
		t.Errorf("after Release: %v", err)
	}
	other := newSandbox(t, luasandbox.Config{}, "")
	var arg *luasandbox.ArgumentError
	if _, err := other.CallFunction(context.Background(), fn); !errors.As(err, &arg) {
		t.Errorf("in another sandbox: %v", err)
	}
	if r := s.Report().Calls; r[len(r)-1].Function != "(function)" || r[len(r)-1].Count != 2 {
		t.Errorf("%+v", r)
	}
}
