package gate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/gate"
)

const (
	withStorage  = "[permissions.storage]\nreason = \"Keeps the score between sessions.\"\n"
	withOptional = withStorage + "optional = true\n"
	withWorld    = "[permissions.\"world.edit\"]\nreason = \"Builds a house for the player.\"\n"
)

// What a name means, and what is known of it where it stands.
func TestScopes(t *testing.T) {
	const (
		undeclared = " error undeclared-capability"
		unchecked  = " note optional-unchecked"
		unknown    = " warning unknown-global"
	)
	for _, tt := range []struct {
		name, manifest, lua string
		want                []string
	}{
		{"a local of that name", "", "local storage = {}\nstorage.set()", nil},
		{"a parameter", "", "return function(storage) return storage.get() end", nil},
		{"the variable of a for", "", "for storage in pairs({}) do print(storage.x) end for log = 1, 2 do print(log.x) end", nil},
		{"after the block", "", "do local storage = {} end\nprint(storage.x)", []string{"main.lua:2:7" + undeclared}},
		{"before the local begins", "", "local storage = storage.x", []string{"main.lua:1:17" + undeclared}},
		{"in its own local function", "", "local function storage() return storage.x end return storage", nil},
		{"in its own local variable", "", "local storage = function() return storage.x end return storage", []string{"main.lua:1:35" + undeclared}},
		{"an upvalue", "", "local storage = {} return function() return storage.x end", nil},
		{"the until of a repeat", "", "repeat local storage = {} until storage.x", nil},
		{"after the repeat", "", "repeat local storage = {} until true print(storage.x)", []string{"main.lua:1:44" + undeclared}},
		{"the arg of varargs", "", "local function f(...) return arg.n end return f", nil},
		{"the arg of nothing", "", "local function f() return arg.n end return f", []string{"main.lua:1:27" + unknown}},
		{"self", "", "local T = {} function T:f() return self.x end function T.g() return self.x end return T", []string{"main.lua:1:69" + unknown}},
		{"a field and a method of that name", "", "local t = {} t.storage.x = t:storage().y return { storage = 1, log = storage == nil }",
			[]string{"main.lua:1:70 note undeclared-capability"}},
		{"a label of that name", "", "::storage:: if nil then goto storage end", nil},
		{"a global of the mod's own", "", "storage = {}\nprint(storage.x)", []string{"main.lua:1:1 note global-write"}},
		{"a function of the mod's own", "", "function helper() end\nhelper()", []string{"main.lua:1:10 note global-write"}},
		{"columns count characters", "", "local s = \"ü\" .. storage.x", []string{"main.lua:1:18" + undeclared}},
		{"behind a parenthesis", "", "print((\n  storage).x)", []string{"main.lua:2:3" + undeclared}},
		{"several on one line", "", "local t = {} print(t.a, aa, t.b, bb)", []string{"main.lua:1:25" + unknown, "main.lua:1:34" + unknown}},

		{"by another name", "", "local s = storage\nprint(s.get)", []string{"main.lua:1:11 warning undeclared-capability", "main.lua:2:7" + undeclared}},
		{"by another name, which changes", withStorage, "local s = storage\ns = {}\ns.gett()", nil},
		{"a function by another name", withStorage, "local get = storage.get\nget()", []string{"main.lua:2:1 error wrong-arity"}},
		{"given later", withStorage, "local get\nget = storage.get\nget()", []string{"main.lua:3:1 error wrong-arity"}},
		{"through _G", "", "print(_G.storage.x, _G['storage'].y)", []string{"main.lua:1:7" + undeclared}},
		{"_G by another name", "", "local g = _G print(g.storage.x)", []string{"main.lua:1:11 note dynamic-globals", "main.lua:1:20" + undeclared}},
		{"rawget of _G", "", "print(rawget(_G, 'storage'))", []string{"main.lua:1:7 note undeclared-capability"}},

		{"looked for, and not asked for", "", "if storage then storage.set() end", []string{"main.lua:1:4 note undeclared-capability"}},
		{"unchecked", withOptional, "storage.usage()", []string{"main.lua:1:1" + unchecked}},
		{"if", withOptional, "if storage then storage.usage() end", nil},
		{"if, and later", withOptional, "if storage then print(1) end\nstorage.usage()", []string{"main.lua:2:1" + unchecked}},
		{"else", withOptional, "if storage then print(1) else storage.usage() end", []string{"main.lua:1:31" + unchecked}},
		{"if not", withOptional, "if not storage then return end\nlocal function f() storage.usage() end return f", nil},
		{"if not, which goes on", withOptional, "if not storage then print(1) end\nstorage.usage()", []string{"main.lua:2:1" + unchecked}},
		{"if not, else", withOptional, "if not storage then print(1) else storage.usage() end", nil},
		{"elseif", withOptional, "if nil then print(1) elseif storage then storage.usage() else storage.usage() end", []string{"main.lua:1:63" + unchecked}},
		{"elseif of a nil", withOptional, "if storage == nil then print(1) elseif print() then storage.usage() end", nil},
		{"error", withOptional, "if storage == nil then error('no') end storage.usage()", nil},
		{"an inner block", withOptional, "do if not storage then return end end storage.usage()", []string{"main.lua:1:39" + unchecked}},
		{"and", withOptional, "print(storage and storage.usage())", nil},
		{"or", withOptional, "print(not storage or storage.usage())", nil},
		{"or of a nil", withOptional, "print(storage or storage.usage())", []string{"main.lua:1:18" + unchecked}},
		{"assert", withOptional, "assert(storage, 'no') storage.usage()", nil},
		{"type", withOptional, "if type(storage) == 'table' then storage.usage() end if type(storage) ~= 'nil' then storage.usage() end", nil},
		{"not of that type", withOptional, "if type(storage) ~= 'table' then storage.usage() end", []string{"main.lua:1:34" + unchecked}},
		{"a flag", withOptional, "local there = storage ~= nil if there then storage.usage() end", nil},
		{"a flag that changes", withOptional, "local there = storage ~= nil there = true if there then storage.usage() end", []string{"main.lua:1:57" + unchecked}},
		{"while", withOptional, "while storage do storage.usage() break end", nil},
		{"both", withOptional, "if print() and storage then storage.usage() end", nil},
		{"one of both", withOptional, "if print() or storage then storage.usage() end", []string{"main.lua:1:28" + unchecked}},
		{"a default", withOptional, "local usage = storage and storage.usage or print usage()", nil},
		{"by another name, looked for", withOptional, "local s = storage if s then s.usage() end", nil},

		{"a global that is looked for", "", "if jit then print(jit.version) end print(unpack or table.unpack, rawlen == nil, type(utf8))", nil},
		{"read twice", "", "print(nope)\nprint(nope)", []string{"main.lua:1:7" + unknown}},
		{"a global that nobody can tell", "", "setmetatable(_G, {}) print(nope)", []string{"main.lua:1:1 warning shared-table-write"}},
		{"compared with a value", "", "print(1 == NOPE)", []string{"main.lua:1:12" + unknown}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lines(example(t, gate.Example{Manifest: tt.manifest, Lua: tt.lua}))
			if tt.manifest != "" { // it is not what this is about
				got = without(got, "unused-permission")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s\n%s", tt.lua, diff)
			}
		})
	}
}

func without(found []string, rule string) []string {
	var rest []string
	for _, f := range found {
		if !strings.HasSuffix(f, " "+rule) {
			rest = append(rest, f)
		}
	}
	return rest
}

// Calls of the host's functions, writes to tables, and code that is made of strings.
func TestUses(t *testing.T) {
	for _, tt := range []struct {
		name, manifest, lua string
		want                []string
	}{
		{"right", withWorld, "world.set(1, -128, 'a') world.fill({}, {}, true) world.fill({}, {}, false, 'a', 'b') print(world.size) world.each(print)", nil},
		{"too few", withWorld, "world.set(1, 2)", []string{"main.lua:1:1 error wrong-arity"}},
		{"too many", withWorld, "world.set(1, 2, 'a', 4)", []string{"main.lua:1:1 warning wrong-arity"}},
		{"perhaps", withWorld, "world.set(1, print()) world.set(...) world.set(1, 2, 'a', print())", nil},
		{"one value for certain", withWorld, "world.set(1, (print()))", []string{"main.lua:1:1 error wrong-arity"}},
		{"a string as number", withWorld, "world.set('1', 2, 'a')", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"a number as string", withWorld, "world.set(1, 2, 3)", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"out of range", withWorld, "world.set(128, 2, 'a')", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"no integer", withWorld, "world.set(1.5, 2, 'a')", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"nil", withWorld, "world.set(nil, 2, 'a')", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"tables", withWorld, "world.fill(1, true, {})", []string{"main.lua:1:1 error wrong-argument-type", "main.lua:1:1 error wrong-argument-type", "main.lua:1:1 error wrong-argument-type"}},
		{"a function", withWorld, "world.each({})", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"the last ones", withWorld, "world.fill({}, {}, true, 'a', 1)", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"as a method", withWorld, "world:set(1, 2, 'a')", []string{"main.lua:1:1 error wrong-argument-type"}},
		{"unknown as a method", withWorld, "world:paint()", []string{"main.lua:1:1 error unknown-function"}},
		{"passed on", withWorld, "print(world.paint)", []string{"main.lua:1:7 warning unknown-function"}},
		{"looked for", withWorld, "if world.paint then world.paint() end print(world.paint or 1)", nil},
		{"of the library", "", "string.trim('x') print(table.unpack)", []string{"main.lua:1:1 error unknown-function", "main.lua:1:24 warning unknown-function"}},
		{"of the mod's own table", withWorld, "world = {} world.set() world.paint()", []string{"main.lua:1:1 note global-write"}},
		{"a local world", withWorld, "local world = {} world.set() world.paint()", nil},

		{"a function of the library", "", "print = nil", []string{"main.lua:1:1 warning shared-table-write"}},
		{"through _G", "", "_G.print = nil _G.mine = 1", []string{"main.lua:1:1 warning shared-table-write", "main.lua:1:16 note global-write"}},
		{"rawset", "", "rawset(string, 'x', 1) rawset(_G, 'mine', 1)", []string{"main.lua:1:1 warning shared-table-write", "main.lua:1:24 note global-write"}},
		{"by another name", "", "local s = string s.format = nil", []string{"main.lua:1:18 warning shared-table-write"}},
		{"as a method", "", "function string:trim() end", []string{"main.lua:1:10 warning shared-table-write"}},
		{"a capability's", withWorld, "world.set = nil world.mine = 1", []string{"main.lua:1:1 warning shared-table-write", "main.lua:1:17 warning shared-table-write"}},
		{"strings", "", "getmetatable('').__index = nil local m = getmetatable('') m.__add = nil", []string{"main.lua:1:1 warning shared-table-write", "main.lua:1:59 warning shared-table-write"}},
		{"a metatable", "", "setmetatable(string, {})", []string{"main.lua:1:1 warning shared-table-write"}},
		{"tables of its own", "", "local string = {} string.x = 1 local t = {} t.string.x = 1 setmetatable(t, {}) rawset(t, 1, 2)", nil},
		{"as a module", "", "require('string').x = 1", []string{"main.lua:1:1 warning shared-table-write"}},

		{"code", "", "load('x')", []string{"main.lua:1:1 warning code-from-string"}},
		{"code by another name", "", "local f = loadstring f(print())", []string{"main.lua:1:11 error code-from-string", "main.lua:1:22 error code-from-string"}},
		{"code through _G", "", "_G.load(print())", []string{"main.lua:1:1 error code-from-string"}},
		{"code is looked for", "", "if load then print(1) end", nil},
		{"a local load", "", "local load = print load('x')", nil},

		{"a module", "", "require('lib.x') pcall(require, 'lib.y') require(print()) require('string')", []string{"main.lua:1:1 error missing-module"}},
		{"a module with a slash", "", "require('lib/x')", []string{"main.lua:1:1 error missing-module"}},
		{"the globals as a module", "", "require('_G').print()", []string{"main.lua:1:1 note dynamic-globals"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lines(example(t, gate.Example{Manifest: tt.manifest, Lua: tt.lua}))
			if tt.manifest != "" {
				got = without(got, "unused-permission")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s\n%s", tt.lua, diff)
			}
		})
	}
}

// Loops that cannot end, and loops that can.
func TestLoops(t *testing.T) {
	const withTask = "[permissions.task]\nreason = \"Waits for the next morning.\"\n"
	for _, tt := range []struct {
		lua     string
		endless int
	}{
		{"while true do end", 1},
		{"while 1 do end while not nil do end while 1 == 1 do end while 'x' do end while {} do end", 5},
		{"while x do end while 1 == 2 do end while false do end while nil do end", 0},
		{"repeat until false repeat until nil repeat until 1 > 2", 3},
		{"repeat until true", 0},
		{"local on = true while on do end", 1},
		{"local on = true while on do on = false end", 0},
		{"while true do break end while true do if x then break end end while true do return end", 0},
		{"while true do for i = 1, 2 do break end end", 1},
		{"while true do while x do break end end", 1},
		{"while true do local function f() return end f() end", 1},
		{"while true do goto out end ::out::", 0},
		{"while true do if x then goto next end print(1) ::next:: end", 1},
		{"while true do while x do goto next end ::next:: end", 1},
		{"::again:: x = 1 goto again", 1},
		{"::again:: x = 1 if x then goto again end", 0},
		{"::again:: if x then return end goto again", 0},
		{"while x do ::again:: if y then break end goto again end", 0},
		{"while true do ::again:: if y then break end goto again end", 0},
		{"while true do ::again:: print(1) goto again end", 2},
		{"for i = 1, math.huge do end for i = -1, -math.huge, -1 do end for i = 1, 1e15 do end for i = 1, 1, 0 do end", 4},
		{"for i = 1, math.huge do break end for i = 1, 10 do end for i = 1, #x do end for i = 10, math.min(1) do end", 0},

		{"while true do error('x') end while true do coroutine.yield() end while true do assert(nil) end", 0},
		{"while true do pcall(error, 'x') end", 1},
		{"while true do pcall(coroutine.yield) end", 0},
		{"while true do print(1) string.rep('x', 2) local t = {} table.sort(t) end", 1},
		{"while true do unknown() end while true do t.f() end while true do t:f() end", 0},
		{"return function(f) while true do f() end end", 0},
		{"local function f() end while true do f() end", 1},
		{"local function f() error('x') end while true do f() end", 0},
		{"local function f() error('x') end while true do pcall(f) end while true do pcall(function() f() end) end", 2},
		{"local function f() coroutine.yield() end local function g() f() end while true do pcall(g) end", 0},
		{"local function g() return g() end while true do g() end", 1},
		{"local f, g function f() g() end function g() f() end while true do f() end", 1},
		{"local f, g function f() g() end function g() f() error('x') end while true do f() end", 0},
		{"function f() end while true do f() end", 1},
		{"function f() error('x') end while true do f() end", 0},
		{"function f() end f = print while true do f() end", 0},
		{"a = b b = a while true do a() end", 1}, // which is no function, as it happens
		{"local f = print while true do f() end", 1},
		{"local f = x and print or print while true do f() end", 1},
		{"local f = x or error while true do f() end", 0},
		{"while true do ('x'):rep(3):upper() end", 1},
		{"while true do ('x'):nothing() end", 0},
		{"while true do table.sort({}, function() error('x') end) end", 0},
		{"while true do task.sleep(1) end while true do pcall(task.sleep, 1) end", 0},
		{"while true do task.spawn(print) end", 1},
		{"while true do while true do coroutine.yield() end end", 0},
		{"while true do local function f() coroutine.yield() end print(f) end", 1},
	} {
		n := 0
		for _, f := range example(t, gate.Example{Manifest: withTask, Lua: tt.lua}) {
			if f.Rule == "endless-loop" {
				n++
			}
		}
		if n != tt.endless {
			t.Errorf("%d loops without end, want %d: %s", n, tt.endless, tt.lua)
		}
	}
}
