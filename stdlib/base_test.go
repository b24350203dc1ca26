package stdlib

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// evaluate runs text and returns its results as tostring and the kinds show them.
func evaluate(t testing.TB, m *vm.Machine, text string) ([]string, error) {
	t.Helper()
	results, err := m.Call(context.Background(), loadText(t, m, "test.lua", text))
	var internal *vm.InternalError
	if errors.As(err, &internal) {
		t.Fatalf("%s\n%s", internal.Detail, internal.Stack)
	}
	var out []string
	for _, v := range results {
		out = append(out, plain(v))
	}
	return out, err
}

func plain(v vm.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if f, ok := v.AsNumber(); ok {
		return vm.FormatNumber(f)
	}
	if b, ok := v.AsBool(); ok {
		return fmt.Sprint(b)
	}
	return v.Kind().String()
}

// evalTest is a text with its results.
type evalTest struct {
	name, text string
	want       []string
}

func runEvalTests(t *testing.T, l limits.Limits, o Options, tests []evalTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := evaluate(t, newMachine(t, l, o), tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

// wantLimit fails unless err is the end of a budget of kind k.
func wantLimit(t *testing.T, err error, k limits.Kind) {
	t.Helper()
	var limit *limits.Error
	if !errors.As(err, &limit) || limit.Kind != k {
		t.Fatalf("error is %v, want the limit on %v", err, k)
	}
}

func TestCollectGarbage(t *testing.T) {
	runEvalTests(t, limits.Limits{}, Options{}, []evalTest{
		{"step says that a cycle is over", "return collectgarbage('step')", []string{"true"}},
		{"step ends loops", "repeat until collectgarbage('step', 1) return 1", []string{"1"}},
		{"a mode of Lua 5.4", "return collectgarbage('incremental')", []string{"0"}},
		{"count grows with what is kept", "local a = collectgarbage('count') local t = ('x'):rep(1e6) return collectgarbage('count') - a > 900, #t", []string{"true", "1000000"}},
		{"parameters are each machine's own", "return collectgarbage('setpause', 5), collectgarbage('setpause', 6)", []string{"200", "5"}},
	})
}

func TestCountIsTheAccountedMemory(t *testing.T) {
	m := newMachine(t, limits.Limits{}, Options{})
	got, err := evaluate(t, m, "local t = {} for i = 1, 1000 do t[i] = {} end return collectgarbage('count') * 1024")
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	fmt.Sscan(got[0], &n)
	if used := m.Memory(); n < used/2 || n > used {
		t.Errorf("count told %d bytes, the machine %d", n, used)
	}
}

func TestLoad(t *testing.T) {
	runEvalTests(t, limits.Limits{Source: 1000}, Options{}, []evalTest{
		{"the reader may yield", `
			local co = coroutine.wrap(function()
				return load(function() return coroutine.yield("more") end)
			end)
			local asked = co()
			co("return ") co("4") co("2")
			return asked, co(nil)()`, []string{"more", "42"}},
		{"errors of the reader are results", "return load(function() error('x', 0) end)", []string{"nil", "x"}},
		{"any error object", "local _, e = load(function() error({7}) end) return e[1]", []string{"7"}},
		{"bytecode", `return load(function() return "\27Lua" end)`, []string{"nil", "attempt to load a binary chunk (only text is accepted)"}},
		{"bytecode in pieces", `local n = 0 return load(function() n = n + 1 return ("\27Lua"):sub(n, n) end)`,
			[]string{"nil", "attempt to load a binary chunk (only text is accepted)"}},
		{"the environment is the globals", "x = 1 local f = setfenv(function() x = 2 return load(function() return nil end) end, setmetatable({}, {__index = _G})) return getfenv(f()) == _G", []string{"true"}},
		{"loading in a reader", `
			local n = 0
			local f = load(function()
				n = n + 1
				if n == 1 then return "return " .. tostring(loadstring("return 6")()) .. "" end
			end)
			return f()`, []string{"6"}},
		{"a text too large", `
			local n = 0
			local f, e = load(function() n = n + 1 return ("x"):rep(100) end)
			return f, e:match('^%(load%):1: source is too large') ~= nil, n`, []string{"nil", "true", "11"}},
	})
}

func TestLoadString(t *testing.T) {
	runEvalTests(t, limits.Limits{Source: 1000}, Options{}, []evalTest{
		{"bytecode", `return loadstring("\27Lua")`, []string{"nil", "attempt to load a binary chunk (only text is accepted)"}},
		{"a text too large", `local f, e = loadstring((" "):rep(1001)) return f, e:match('source is too large')`, []string{"nil", "source is too large"}},
		{"a text just large enough", `return type(loadstring((" "):rep(1000)))`, []string{"function"}},
	})
}

// TestChunkNames: no name that a script gives looks like a file's in a message.
func TestChunkNames(t *testing.T) {
	tests := []struct{ name, want string }{
		{"'/host/core.lua'", `[string ".host.core.lua"]`},
		{"'@/host/core.lua'", `[string ".host.core.lua"]`},
		{"'=core.lua:1: stack'", `[string "core.lua.1. stack"]`},
		{`'x"]:1: forged\nline'`, `[string "x...1. forged.line"]`},
		{`'a\0b'`, `[string "a"]`},
		{`'\27[31m\200'`, `[string "..31m."]`},
		{"''", `[string ""]`},
		{"'='", `[string ""]`},
		{"('n'):rep(44)", `[string "` + strings.Repeat("n", 43) + `..."]`},
		{"('n'):rep(1e6)", `[string "` + strings.Repeat("n", 43) + `..."]`},
		{"nil", `[string "error('x')"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{}, Options{})
			got, err := evaluate(t, m, "local _, e = pcall(loadstring(\"error('x')\", "+tt.name+")) return e")
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.want + ":1: x"; got[0] != want {
				t.Errorf("message %q, want %q", got[0], want)
			}
		})
	}
	// The text itself is no way around it.
	for _, text := range []string{"@/host/core.lua", "=/host/core.lua"} {
		m := newMachine(t, limits.Limits{}, Options{})
		got, err := evaluate(t, m, "local _, e = loadstring("+fmt.Sprintf("%q", text)+") return e")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got[0], `[string "`+text) {
			t.Errorf("message %q", got[0])
		}
	}
}

func TestPrint(t *testing.T) {
	var lines []string
	keep := Options{Print: func(_ *vm.Call, line string) error {
		lines = append(lines, line)
		return nil
	}}
	t.Run("lines", func(t *testing.T) {
		lines = nil
		m := newMachine(t, limits.Limits{}, keep)
		_, err := evaluate(t, m, `
			print("a", 1, nil, true, 1.5)
			print()
			print("a\0b\n")
			print(setmetatable({}, {__tostring = function() return "meta" end}), 2)
			coroutine.wrap(function() print(setmetatable({}, {__tostring = function() coroutine.yield() return "late" end})) end)()`)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"a\t1\tnil\ttrue\t1.5", "", "a\x00b\n", "meta\t2"}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
	t.Run("a yield inside", func(t *testing.T) {
		lines = nil
		m := newMachine(t, limits.Limits{}, keep)
		_, err := evaluate(t, m, `
			local co = coroutine.wrap(function() print("x", setmetatable({}, {__tostring = function() return coroutine.yield() end}), "y") end)
			co() co("late")`)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"x\tlate\ty"}, lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
	for name, o := range map[string]Options{"kept": keep, "dropped": {}} {
		t.Run("charged before it is written, "+name, func(t *testing.T) {
			lines = nil
			m := newMachine(t, limits.Limits{Output: 10}, o)
			if _, err := evaluate(t, m, "print('12345678', 9) pcall(print) print('x')"); err == nil {
				t.Fatal("no error")
			} else {
				wantLimit(t, err, limits.Output)
			}
			if len(lines) > 0 {
				t.Errorf("wrote %q", lines)
			}
			// The negative control: what fits is written.
			m = newMachine(t, limits.Limits{Output: 11}, o)
			if _, err := evaluate(t, m, "print('12345678', 9)"); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("an error of the host's", func(t *testing.T) {
		full := errors.New("disk full")
		m := newMachine(t, limits.Limits{}, Options{Print: func(c *vm.Call, _ string) error { return c.Errorf("%v", full) }})
		got, err := evaluate(t, m, "return pcall(print, 1)")
		if err != nil || len(got) != 2 || !strings.Contains(got[1], "disk full") {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// Where files come from several hands, what a name means depends on who asks.
func TestRequireResolve(t *testing.T) {
	files := map[string]string{
		"lib":       "return require('part') .. tostring(pcall(require, 'own')) .. type(require('string'))",
		"lib.part":  "return 'part of lib as ' .. ... .. ' '",
		"own":       "return 'own'",
		"part":      "return 'own part'",
		"undefined": "return 1",
	}
	o := Options{
		Require: func(name string) (string, string, bool) {
			text, ok := files[name]
			return name + ":x.lua", text, ok
		},
		Resolve: func(name, chunk string) (string, bool) {
			if owner, _, _ := strings.Cut(chunk, ":"); owner == "lib" {
				_, ok := files["lib."+name]
				return "lib." + name, ok
			}
			return name, name != "undefined"
		},
	}
	runEvalTests(t, limits.Limits{}, o, []evalTest{
		{"a library's own", "return require('lib')", []string{"part of lib as lib.part falsetable"}},
		{"the caller's own", "return require('part'), require('own')", []string{"own part", "own"}},
		{"through pcall", "return select(2, pcall(require, 'lib'))", []string{"part of lib as lib.part falsetable"}},
		{"one module, one run", "return require('lib.part') == require('lib.part')", []string{"true"}},
		{"a name that means nothing", "return pcall(require, 'undefined')", []string{"false", "module 'undefined' not found"}},
		{"a library all the same", "undefined = {} return require('math') == math", []string{"true"}},
	})
}

func TestRequire(t *testing.T) {
	files := map[string]string{
		"a":          "local name = ... return {name = name}",
		"lib.b":      "count = (count or 0) + 1",
		"false":      "count = (count or 0) + 1 return false",
		"fails":      "error('broken', 0)",
		"syntax":     "return )",
		"loop1":      "return require('loop2')",
		"loop2":      "return require('loop1')",
		"yields":     "return coroutine.yield('from the module')",
		"dir/c":      "return 'slash'",
		"bit32":      "return 'own'",
		"changes":    "string = nil return 'changed'",
		"bytecode":   "\x1bLua",
		"spoof":      "error('x')",
		"deep.level": "return (require('a')).name",
	}
	var asked []string
	o := Options{Require: func(name string) (string, string, bool) {
		asked = append(asked, name)
		text, ok := files[name]
		return name + ".lua", text, ok
	}}
	runEvalTests(t, limits.Limits{}, o, []evalTest{
		{"gets its name", "return require('a').name", []string{"a"}},
		{"runs once", "local a = require('a') return a == require('a'), require('lib.b'), require('lib.b'), count", []string{"true", "true", "true", "1"}},
		{"false runs again", "return require('false'), require('false'), count", []string{"false", "false", "2"}},
		{"an unknown module", "return pcall(require, 'none')", []string{"false", "module 'none' not found"}},
		{"the library's tables", `for k, v in pairs(_G) do if type(v) == "table" and k ~= "bit32" then assert(require(k) == v, k) n = (n or 0) + 1 end end
			return n >= 7, require("string").upper("x"), require("_G") == _G`, []string{"true", "X", "true"}},
		{"the table that there was at first", "local s, m = string, math string, math = {}, nil return require('string') == s, require('math') == m, string == s",
			[]string{"true", "true", "false"}},
		{"what a script put into it", "string.own = 1 table = {} return require('string').own, require('table').own", []string{"1", "nil"}},
		{"a library's table is kept as a module's is", "local s = require('os') os = nil return s == require('os'), s.time ~= nil", []string{"true", "true"}},
		{"a module before the library", "return require('bit32'), bit32 ~= 'own'", []string{"own", "true"}},
		{"no library that is absent", "return pcall(require, 'io')", []string{"false", "module 'io' not found"}},
		{"no package", "return pcall(require, 'package')", []string{"false", "module 'package' not found"}},
		{"no other global", "game = {} return pcall(require, 'game')", []string{"false", "module 'game' not found"}},
		{"no function", "return pcall(require, 'print')", []string{"false", "module 'print' not found"}},
		{"nothing inside a library", "return pcall(require, 'string.upper')", []string{"false", "module 'string.upper' not found"}},
		{"an error in a module", "return pcall(require, 'fails')", []string{"false", "broken"}},
		{"an error before", "pcall(require, 'fails') return pcall(require, 'fails')", []string{"false", "loop or previous error loading module 'fails'"}},
		{"a loop", "return pcall(require, 'loop1')", []string{"false", "loop2.lua:1: loop or previous error loading module 'loop1'"}},
		{"a syntax error", "return (select(2, pcall(require, 'syntax')):gsub(':%d+:.*', ''))", []string{"error loading module 'syntax':\n\tsyntax.lua"}},
		{"bytecode", "return pcall(require, 'bytecode')", []string{"false", "error loading module 'bytecode':\n\tattempt to load a binary chunk (only text is accepted)"}},
		{"a yield in a module", "local co = coroutine.wrap(function() return require('yields') end) local a = co() return a, co(5), require('yields')", []string{"from the module", "5", "5"}},
		{"slashes", "return require('dir/c')", []string{"slash"}},
		{"modules share the globals", "local s = string require('changes') return string == nil, s ~= nil", []string{"true", "true"}},
		{"places in messages are the module's", "return pcall(require, 'spoof')", []string{"false", "spoof.lua:1: x"}},
		{"modules of modules", "return require('deep.level')", []string{"a"}},
	})
	asked = nil
	for _, name := range []string{"", "../../etc/passwd\x00.lua", "a b", "a\nb", "a\\b", "c:d", "é", strings.Repeat("x", 201), "*", "..", "../a", "a/../b", "/a", "a/", ".a", "a.", "a..b", "a//b", "a/.b"} {
		m := newMachine(t, limits.Limits{}, o)
		got, err := evaluate(t, m, fmt.Sprintf("return pcall(require, %q)", strings.ReplaceAll(name, "\x00", "~")))
		if err != nil || got[0] != "false" || !strings.Contains(got[1], "not found") {
			t.Errorf("require(%q): %q, %v", name, got, err)
		}
	}
	if len(asked) != 0 {
		t.Errorf("the host was asked for %q", asked)
	}
	t.Run("absent without modules", func(t *testing.T) {
		got, err := evaluate(t, newMachine(t, limits.Limits{}, Options{}), "return require")
		if diff := cmp.Diff([]string{"nil"}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestTraceback(t *testing.T) {
	runEvalTests(t, limits.Limits{}, Options{}, []evalTest{
		{"names and lines", "local function f() return (debug.traceback('msg')) end\nlocal s = f()\nreturn s:match('^msg\\nstack traceback:\\n') ~= nil, s:find('test.lua:1', 1, true) ~= nil, s:find('test.lua:2', 1, true) ~= nil",
			[]string{"true", "true", "true"}},
		{"other values pass", "return debug.traceback({}) ~= nil, debug.traceback(nil) == nil", []string{"true", "true"}},
		{"a handler", "local ok, s = xpcall(function() error('x') end, debug.traceback) return ok, s:match('^[^\\n]*')", []string{"false", "test.lua:1: x"}},
	})
}

// TestYieldEverywhere yields from within each function of the library that calls back.
func TestYieldEverywhere(t *testing.T) {
	const y = "coroutine.yield"
	tests := map[string]string{
		"pcall":          `local ok, v = pcall(function() return ` + y + `() end) return v`,
		"xpcall":         `local ok, v = xpcall(function() return ` + y + `() end, print) return v`,
		"table.sort":     `local t = {3, 1, 2} table.sort(t, function(a, b) if first then first = nil v = ` + y + `() end return a < b end) return t[1] + t[2] * 10 + t[3] * 100 == 321 and v`,
		"sort by __lt":   `local mt = {__lt = function(a, b) if first then first = nil v = ` + y + `() end return a[1] < b[1] end} local t = {setmetatable({2}, mt), setmetatable({1}, mt)} table.sort(t) return t[1][1] == 1 and v`,
		"table.foreach":  `return table.foreach({1}, function() return ` + y + `() end)`,
		"table.foreachi": `return table.foreachi({1}, function() return ` + y + `() end)`,
		"string.gsub":    `local s = ("x"):gsub("x", function() return ` + y + `() end) return s`,
		"gsub by table":  `local s = ("x"):gsub("x", setmetatable({}, {__index = function() return ` + y + `() end})) return s`,
		"tostring":       `return tostring(setmetatable({}, {__tostring = function() return ` + y + `() end}))`,
		"load":           `return load(function() if first then first = nil return "return '" .. ` + y + `() .. "'" end end)()`,
		"an iterator":    `for v in function() return ` + y + `() end do return v end`,
		"a metamethod":   `return setmetatable({}, {__index = function() return ` + y + `() end}).x`,
		"os.time":        `local v local n = os.time(setmetatable({month = 1, day = 1}, {__index = function(_, k) if k == "year" then v = ` + y + `() return 2000 end end})) return n == 946728000 and v`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{}, Options{})
			got, err := evaluate(t, m, "first = true local co = coroutine.create(function() "+text+" end)\n"+
				"local ok, e = coroutine.resume(co) if not ok then return e end\n"+
				"local state = coroutine.status(co)\nreturn state, select(2, coroutine.resume(co, 'answer'))")
			if diff := cmp.Diff([]string{"suspended", "answer"}, got); err != nil || diff != "" {
				t.Errorf("%v\n(-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestStringMethods: strings have the library's methods, whatever a script does.
func TestStringMethods(t *testing.T) {
	runEvalTests(t, limits.Limits{}, Options{}, []evalTest{
		{"the same functions", "return ('x'):rep(3), ('x').rep == string.rep, getmetatable('').__index == string", []string{"xxx", "true", "true"}},
		{"overwriting", "string.upper = function() return 'mine' end return ('x'):upper(), string.upper('x')", []string{"X", "mine"}},
		{"overwriting the library", "string = {upper = function() return 'mine' end} return ('x'):upper()", []string{"X"}},
		{"adding", "function string.trim(s) return (s:gsub('^%s+', '')) end return ('  x'):trim()", []string{"x"}},
		{"the metatable is read-only", "return pcall(function() getmetatable('').__index = nil end)", []string{"false", "test.lua:1: attempt to modify a read-only table"}},
		{"rawset", "return (pcall(rawset, getmetatable(''), '__index', 1)), ('x'):upper()", []string{"false", "X"}},
		{"its metatable", "return (pcall(setmetatable, getmetatable(''), {}))", []string{"false"}},
		{"table functions", "return (pcall(table.insert, getmetatable(''), 1)), (pcall(table.sort, getmetatable('')))", []string{"false", "true"}},
	})
}

// TestSandboxesShareNothing: what one script does to the library, another does not see.
func TestSandboxesShareNothing(t *testing.T) {
	a, b := newMachine(t, limits.Limits{}, Options{}), newMachine(t, limits.Limits{}, Options{})
	_, err := evaluate(t, a, `
		for _, lib in pairs({string, table, math, os, coroutine, bit32, debug}) do
			for k in pairs(lib) do lib[k] = nil end
			lib.planted = true
			setmetatable(lib, {__index = function() return "planted" end})
		end`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := evaluate(t, b, `
		for _, lib in pairs({string, table, math, os, coroutine, bit32, debug}) do
			if lib.planted or lib.absent or next(lib) == nil then return "ESCAPED" end
		end
		return math.max(1, 2), #string.rep("x", 3)`)
	if diff := cmp.Diff([]string{"2", "3"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if len(reachable(b)) < 90 {
		t.Errorf("%d functions left", len(reachable(b)))
	}
}
