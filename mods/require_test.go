package mods_test

import (
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// A mod's own files are compiled before it runs, whatever their size; what it
// compiles itself in a frame is short.
func TestNoFrameCompilesLongTexts(t *testing.T) {
	long := "local x = 0\n" + strings.Repeat("x = x + 1\n", 10_000) + "return x"
	w := newWorld(t, mods.Config{})
	m := w.mod("long", `
print(require("lib.sum"), require("other"))
print(pcall(require, "broken"))
print(pcall(require, "absent"))
print(load(function() return nil end) ~= nil, loadstring("return 1")())
print(loadstring("return " .. (" "):rep(16500) .. "1"))`,
		"lib/sum.lua", long, "other/init.lua", "return ...", "broken.lua", "x = = 1")
	w.run(1)
	w.well(m)
	w.wantPrinted(`[long] 10000\tother`,
		`[long] false\terror loading module 'broken':\n\tbroken.lua:1: unexpected symbol near '='`,
		`[long] false\tmodule 'absent' not found`,
		`[long] true\t1`,
		`[long] nil\t[string "return                                     ..."]:1: source is too large: source size limit exceeded: 16.1 KiB needed, at most 16 KiB allowed`)
}

// What does not fit into a mod's limit of source is compiled when it is required, as
// far as that is allowed.
func TestFilesBeyondTheSourceLimit(t *testing.T) {
	w := newWorld(t, mods.Config{Limits: limits.Limits{Source: 40_000}})
	text := "return '" + strings.Repeat("x", 15_000) + "'"
	m := w.mod("files", `for _, name in ipairs{"a", "b", "c", "d", "e"} do print(name, pcall(function() return #require(name) end)) end`,
		"a.lua", text, "b.lua", text, "c.lua", text, "d.lua", "return '"+strings.Repeat("x", 17_000)+"'", "e.lua", strings.Repeat("x", 50_000))
	w.run(1)
	w.well(m)
	w.wantPrinted(`[files] a\ttrue\t15000`, `[files] b\ttrue\t15000`, `[files] c\ttrue\t15000`,
		`[files] d\tfalse\tmain.lua:1: error loading module 'd':\n\td.lua:1: source is too large: source size limit exceeded: 16.6 KiB needed, at most 16 KiB allowed`,
		`[files] e\tfalse\tmain.lua:1: error loading module 'e':\n\te.lua:1: source is too large: source size limit exceeded: 48.8 KiB needed, at most 16 KiB allowed`)
}
