package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// pluginVariable names a folder of scripts that were written for gopher-lua and
// work on a global table obj, as Argo CD's resource customizations do. Without it
// nothing here runs: see LIBRARIES.md.
const pluginVariable = "CONFORMANCE_PLUGINS"

// judge runs a script, source, many times, each time with another table obj whose
// fields and values are words of the script, and prints what it returned.
const judge = `
local seed = 1
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end
local function value(depth)
  local kind = random(10)
  if depth < 5 and kind <= 4 then
    local t = {}
    for i = 1, random(6) do t[fields[random(#fields)]] = value(depth + 1) end
    return t
  elseif depth < 6 and kind <= 6 then
    local t = {}
    for i = 1, random(3) do t[i] = value(depth + 1) end
    return t
  elseif kind == 7 then
    return random(4) - 1
  elseif kind == 8 then
    return random(2) == 1
  end
  return words[random(#words)]
end
local function show(v, depth)
  if type(v) ~= "table" then return type(v) == "function" and "function" or type(v):sub(1, 1) .. ":" .. tostring(v) end
  if depth > 8 then return "..." end
  local keys = {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do keys[i] = tostring(k) .. "=" .. show(v[k], depth + 1) end
  return "{" .. table.concat(keys, " ") .. "}"
end
-- The order of pairs is nobody's promise, and some scripts stop at what comes first.
local unordered = pairs
function pairs(t)
  local keys = {}
  for k in unordered(t) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  local i = 0
  return function()
    i = i + 1
    if keys[i] ~= nil then return keys[i], t[keys[i]] end
  end
end
os.time = function() return 1600000000 end
os.date = function(format) return "date " .. tostring(format) end
math.random = function() return 1 end
for i = 1, 60 do
  obj = value(0)
  if type(obj) ~= "table" then obj = {} end
  for _, top in ipairs{"metadata", "spec", "status"} do
    if random(4) > 1 then
      local t = {}
      for j = 1, random(8) do t[fields[random(#fields)]] = value(1) end
      obj[top] = t
    end
  end
  local f = loadstring(source, "=script")
  local ok, result = pcall(f)
  local line = not ok and tostring(result):match(":(%d+):")
  print(i, ok, ok and show(result, 0) or line)
end
`

var (
	fieldWord = regexp.MustCompile(`[.\["']([A-Za-z_]\w*)`)
	textWord  = regexp.MustCompile(`"([^"\\\n]*)"|'([^'\\\n]*)'`)
)

// judged returns a program that judges a script.
func judged(source string) string {
	var b strings.Builder
	list := func(name string, words []string) {
		slices.Sort(words)
		fmt.Fprintf(&b, "%s = {", name)
		for _, w := range slices.Compact(words) {
			fmt.Fprintf(&b, "%q, ", w)
		}
		b.WriteString("}\n")
	}
	fields, words := []string{"name", "type"}, []string{"", "True", "False"}
	for _, m := range fieldWord.FindAllStringSubmatch(source, -1) {
		fields = append(fields, m[1])
	}
	for _, m := range textWord.FindAllStringSubmatch(source, -1) {
		words = append(words, m[1]+m[2])
	}
	list("fields", fields)
	list("words", words)
	fmt.Fprintf(&b, "source = [=======[\n%s]=======]\n", source)
	return b.String() + judge
}

// TestPlugins runs each script here, in C Lua, and on gopher-lua. What C Lua prints
// is right; how often gopher-lua prints the same is told.
func TestPlugins(t *testing.T) {
	root := os.Getenv(pluginVariable)
	if root == "" {
		t.Skip(pluginVariable + " is not set; LIBRARIES.md says how to run this")
	}
	var names []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".lua") && !strings.Contains(name, "testdata") {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts in %s (%v)", root, err)
	}
	same, ended := 0, 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := judged(string(b))
		cmd := exec.Command("lua5.1", "-")
		cmd.Stdin = strings.NewReader(text)
		want, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: C Lua: %v", name, err)
		}
		got := printed(t, text)
		ended += strings.Count(string(want), "\ttrue\t")
		if string(want) != got {
			wants, gots := strings.Split(string(want), "\n"), strings.Split(got, "\n")
			for i := range min(len(wants), len(gots)) {
				if wants[i] != gots[i] {
					t.Errorf("%s:\nwant %s\n got %s", name, wants[i], gots[i])
					break
				}
			}
		}
		if stock := stockPrinted(t, text); stock == string(want) {
			same++
		} else {
			t.Logf("%s: gopher-lua prints something else than C Lua", name)
		}
	}
	t.Logf("%d scripts, which ended without an error %d times; gopher-lua agrees with C Lua about %d", len(names), ended, same)
	if ended < len(names) {
		t.Error("too few runs came to their end")
	}
}

// printed returns what a text prints in a sandbox.
func printed(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{Limits: limits.Limits{Instructions: 500_000_000, Output: limits.Unlimited}, Output: &out,
		Modules: func(name string) (string, string, bool) { return name, "return " + name, name == "os" }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := luasandbox.Compile("judge", text, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var script *luasandbox.ScriptError
	if _, err := s.Load(context.Background(), p); errors.As(err, &script) {
		t.Errorf("%s\n%s", script.Message, script.Traceback)
	} else if err != nil {
		t.Error(err)
	}
	return out.String()
}

// stockPrinted returns what a text prints on gopher-lua in this process: the scripts
// are no attackers.
func stockPrinted(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("print", state.NewFunction(func(l *lua.LState) int {
		for i := 1; i <= l.GetTop(); i++ {
			if i > 1 {
				out.WriteByte('\t')
			}
			out.WriteString(l.ToStringMeta(l.Get(i)).String())
		}
		out.WriteByte('\n')
		return 0
	}))
	if err := state.DoString(text); err != nil {
		out.WriteString(err.Error())
	}
	return out.String()
}
