package gate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// hostAPI is what a host offers that has a few capabilities of its own.
var hostAPI = sync.OnceValue(func() *gate.API {
	none := []luasandbox.Member{luasandbox.Func("run", func() {})}
	host, err := mods.Open(mods.Config{Policy: mods.PolicyAll, Capabilities: []mods.Capability{
		{Name: "example", Version: "1.0.0", Deprecated: "ask for version ^2", Members: none},
		{Name: "example", Version: "2.0.0", Members: none},
		{Name: "world.edit", Members: []luasandbox.Member{
			luasandbox.Func("set", func(x, y int8, name string) {}, luasandbox.Params("x", "y", "name")),
			luasandbox.Func("fill", func(area []int, flags map[string]bool, on bool, with ...string) {}),
			luasandbox.Func("later", func() *luasandbox.Pending { return nil }),
			luasandbox.Func("each", func(fn *luasandbox.Function) {}),
			luasandbox.Value("size", 64),
		}},
		{Name: "http", Risk: mods.RiskHigh, Options: []mods.Option{{Name: "hosts", Type: mods.TextsOption}}, Members: []luasandbox.Member{
			luasandbox.Func("get", func(url string) *luasandbox.Pending { return nil }),
		}},
	}})
	if err != nil {
		panic(err)
	}
	defer host.Close()
	text, err := host.API()
	if err != nil {
		panic(err)
	}
	api, err := gate.ReadAPI(text)
	if err != nil {
		panic(err)
	}
	return api
})

// mod makes a mod of a manifest, which follows the section [mod], and its files.
func mod(t testing.TB, text string, files map[string]string) (*bundle.Bundle, *manifest.Manifest) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	fsys["mod.toml"] = &fstest.MapFile{Data: []byte("[mod]\nid = \"com.example.mod\"\nversion = \"1.0.0\"\n" + text)}
	b, err := bundle.Open(fsys, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return b, man
}

func example(t testing.TB, e gate.Example) []gate.Finding {
	t.Helper()
	files := map[string]string{"main.lua": e.Lua}
	for name, content := range e.Files {
		files[name] = content
	}
	b, man := mod(t, e.Manifest, files)
	return gate.Checker{API: hostAPI(), Measured: e.Measured}.Check(b, man)
}

// lines are findings as short texts: "main.lua:3:1 warning unknown-global".
func lines(findings []gate.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, fmt.Sprintf("%s:%d:%d %s %s", f.Path, f.Line, f.Column, f.Severity, f.Rule))
	}
	return out
}

// Each rule finds its bad example, and nothing else does; nothing finds the good one.
func TestExamples(t *testing.T) {
	for _, r := range gate.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			found := example(t, r.Bad)
			if len(found) == 0 {
				t.Error("the bad example is not found")
			}
			worst := gate.Severity("")
			for _, f := range found {
				if f.Rule != r.ID {
					t.Errorf("the bad example is found by another rule: %s", f)
				}
				if worst == "" || f.Severity.Compare(worst) > 0 {
					worst = f.Severity
				}
			}
			if worst != r.Severity {
				t.Errorf("the bad example is found as %q, want %q", worst, r.Severity)
			}
			for _, f := range example(t, r.Good) {
				t.Errorf("the good example: %s", f)
			}
		})
	}
}

func testMods(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/mods/*/mod.toml")
	if err != nil || len(paths) < 12 {
		t.Fatalf("%d mods: %v", len(paths), err)
	}
	for i, p := range paths {
		paths[i] = filepath.Dir(p)
	}
	return paths
}

func checkFolder(t testing.TB, folder string, api *gate.API) []gate.Finding {
	t.Helper()
	b, err := bundle.OpenPath(folder, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return gate.Check(b, man, api)
}

var _ = slices.Contains[[]string]
var _ = strings.Contains
var _ = os.ReadFile

func TestTestMods(t *testing.T) {
	for _, folder := range testMods(t) {
		for _, f := range checkFolder(t, folder, hostAPI()) {
			t.Logf("%s: %s", filepath.Base(folder), f)
		}
	}
}
