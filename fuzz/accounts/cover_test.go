package accounts

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// functionsIn is Lua that returns the paths of all functions that can be reached from
// its globals, and from the metatable of strings.
const functionsIn = `
local found, seen = {}, {}
local function walk(prefix, t)
  if seen[t] then return end
  seen[t] = true
  for k, v in pairs(t) do
    local path = prefix .. tostring(k)
    if type(v) == "function" then found[#found + 1] = path
    elseif type(v) == "table" then walk(path .. ".", v) end
  end
end
for k, v in pairs(_G) do if type(v) == "function" then found[#found + 1] = k end end
seen[_G] = true
for k, v in pairs(_G) do if type(v) == "table" then walk(k .. ".", v) end end
walk("string.", getmetatable("").__index)
return found`

// paths runs functionsIn.
func paths(t *testing.T, cfg luasandbox.Config) []string {
	t.Helper()
	s, err := luasandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := luasandbox.Compile("paths.lua", functionsIn, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.Load(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if err := results.Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// covered fails for each of what is there that has no workload, and for each workload
// of what is not there.
func covered(t *testing.T, archive string, there []string) {
	t.Helper()
	var have []string
	for _, w := range read(t, archive) {
		have = append(have, w.of())
		if !slices.Contains(there, w.of()) {
			t.Errorf("%s: there is no %s", w, w.of())
		}
	}
	for _, what := range there {
		if !slices.Contains(have, what) {
			t.Errorf("%s has no workload in testdata/%s.txtar", what, archive)
		}
	}
}

// TestEveryFunctionHasAWorkload: the library's functions are those of the ledger in
// package stdlib, which a test there holds to what can be reached.
func TestEveryFunctionHasAWorkload(t *testing.T) {
	library := paths(t, luasandbox.Config{Modules: module})
	if len(library) < 90 {
		t.Errorf("found %d functions: the walk is broken", len(library))
	}
	covered(t, "library", library)
}

// TestEveryCapabilityHasAWorkload: the functions of all capabilities that a host has.
func TestEveryCapabilityHasAWorkload(t *testing.T) {
	library := paths(t, luasandbox.Config{Modules: module})
	h, m := openMod(t, "return {work = function()\n"+functionsIn+"\nend}")
	defer h.Close()
	results, err := work(h)
	if err != nil {
		t.Fatal(err)
	}
	var added []string
	for _, path := range results[0].([]any) {
		if path := path.(string); !slices.Contains(library, path) {
			added = append(added, path)
		}
	}
	covered(t, "capability", added)
	// The manifest asks for every capability that is built in.
	text, err := h.API()
	if err != nil {
		t.Fatal(err)
	}
	var api struct{ Capabilities []struct{ Name string } }
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	for _, c := range api.Capabilities {
		if !slices.ContainsFunc(m.Manifest().Permissions, func(p manifest.Permission) bool { return p.Name == c.Name }) {
			t.Errorf("the manifest of the workloads does not ask for %s", c.Name)
		}
	}
	if len(api.Capabilities) < 9 {
		t.Errorf("a host has %d capabilities: the search is broken", len(api.Capabilities))
	}
}

// TestEveryKindHasAWorkload: each type that package luasandbox has a shape for, found
// among the functions of its source, crosses the border in a workload, in and out.
func TestEveryKindHasAWorkload(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../luasandbox/shape.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	// What a shape is called in border.txtar.
	names := map[string][]string{
		"shapeBool": {"bool"}, "shapeInt": {"int"}, "shapeUint": {"uint8"}, "shapeFloat": {"float64", "float32"},
		"shapeString": {"string"}, "shapeBytes": {"bytes"}, "shapeAny": {"any"}, "shapeFunction": {"function"},
		"shapeList": {"list", "array"}, "shapeMap": {"map"}, "shapePointer": {"pointer"}, "shapeStruct": {"struct"},
		"shapeHandle": {"handle"}, "shapeHandles": {"handle"}, "shapeInteger": {"int"}, "shapeOf": nil,
	}
	var have []string
	for _, w := range read(t, "border") {
		have = append(have, w.of())
	}
	shapes := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "shape") {
			continue
		}
		shapes++
		kinds, known := names[f.Name.Name]
		if !known {
			t.Errorf("%s has no workload", f.Name.Name)
		}
		for _, kind := range kinds {
			for _, way := range []string{"in ", "out "} {
				if !slices.Contains(have, way+kind) {
					t.Errorf("%q has no workload in testdata/border.txtar", way+kind)
				}
			}
		}
	}
	if shapes < 10 {
		t.Errorf("found %d shapes: the search is broken", shapes)
	}
	// What can be declared besides types.
	for _, what := range []string{"in variadic", "in priced", "out results", "pending", "handle method", "handle property",
		"gopher", "gopher callback", "gopher userdata", "gopher field", "gopher method"} {
		if !slices.Contains(have, what) {
			t.Errorf("%q has no workload in testdata/border.txtar", what)
		}
	}
}
