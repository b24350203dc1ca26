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

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// hostAPI is what a host offers that has a few capabilities of its own.
var hostAPI = sync.OnceValue(func() *gate.API {
	none := []luasandbox.Member{luasandbox.Func("run", func() {})}
	events := []mods.Event{{Name: "wave", Doc: "A wave begins."}, {Name: "dawn", Doc: "The sun rises."}}
	host, err := mods.Open(mods.Config{Policy: mods.PolicyAll, Events: events, Capabilities: []mods.Capability{
		{Name: "example", Version: "1.0.0", Deprecated: "ask for version ^2", Members: none},
		{Name: "example", Version: "2.0.0", Members: none},
		{Name: "world.edit", Members: []luasandbox.Member{
			luasandbox.Func("set", func(x, y int8, name string) {}, luasandbox.Params("x", "y", "name")),
			luasandbox.Func("fill", func(area []int, flags map[string]bool, on bool, with ...string) {}),
			luasandbox.Func("later", func() *luasandbox.Pending { return nil }),
			luasandbox.Func("each", func(fn *luasandbox.Function) {}),
			luasandbox.Value("size", 64),
		}},
		{Name: "http", Risk: mods.RiskHigh, Sensitive: true, Options: []mods.Option{{Name: "hosts", Type: mods.TextsOption}}, Members: []luasandbox.Member{
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

// This project's mods: the good ones are clean, and of the hostile ones is found what
// they do, as the comments at their beginnings tell it.
func TestTestMods(t *testing.T) {
	hostile := map[string][]string{
		"crypto-miner": {"main.lua:21:3 error endless-loop", "main.lua:29:3 error endless-loop", "main.lua:31:7 error endless-loop"},
		"memory-hog":   {"main.lua:20:3 error endless-loop", "main.lua:24:3 error endless-loop", "main.lua:29:3 error endless-loop"},
		"snooper": {
			"lib/attempts.lua:17:38 warning unknown-global",    // io
			"lib/attempts.lua:21:41 error unknown-function",    // os.execute
			"lib/attempts.lua:80:3 warning shared-table-write", // the metatable of strings
			"lib/attempts.lua:107:49 error code-from-string",   // bytecode
			"lib/attempts.lua:9:24 note dynamic-globals",       // getfenv
			"main.lua:24:3 warning shared-table-write",         // string.format
			"main.lua:73:3 error endless-loop",
		},
	}
	for _, folder := range testMods(t) {
		name := filepath.Base(folder)
		found := checkFolder(t, folder, hostAPI())
		if hostile[name] == nil {
			for _, f := range found {
				t.Errorf("%s: %s", name, f)
			}
		}
		got := lines(found)
		for _, want := range hostile[name] {
			if !slices.Contains(got, want) {
				t.Errorf("%s: no %s among\n%s", name, want, strings.Join(got, "\n"))
			}
		}
	}
}

// The hostile scripts of this project, each as a mod: nothing goes wrong, and what is
// Lua is looked at.
func TestHostileScripts(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/hostile/*/*.lua")
	if err != nil || len(scripts) < 100 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	loops := 0
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, man := fileOf(t, string(text))
		found := gate.Check(b, man, hostAPI())
		checkBounds(t, found)
		if slices.ContainsFunc(found, func(f gate.Finding) bool { return f.Rule == "endless-loop" }) {
			loops++
		}
	}
	if loops < 30 {
		t.Errorf("a loop without end is found in %d scripts", loops)
	}
}

// What is told of many findings, and what of those that are justified.
func TestFindings(t *testing.T) {
	many := strings.Repeat("string.x = 1\n", 50) + strings.Repeat("while true do end\n", 3)
	found := example(t, gate.Example{Lua: many, Manifest: "[exceptions]\nshared-table-write = \"it is a test\"\n"})
	if len(found) != gate.MaxOfRule+3 || found[gate.MaxOfRule-1].Omitted != 30 || found[0].Justified != "it is a test" {
		t.Errorf("%d findings: %+v", len(found), found)
	}
	if gate.Worst(found) != gate.Error || gate.Worst(found[:gate.MaxOfRule]) != "" || gate.Worst(nil) != "" {
		t.Errorf("the worst is %q", gate.Worst(found))
	}
	if got := found[gate.MaxOfRule-1].String(); !strings.Contains(got, " (and 30 more) [shared-table-write] (justified: it is a test)") {
		t.Error(got)
	}
	if gate.Note.Compare(gate.Warning) >= 0 || gate.Warning.Compare(gate.Error) >= 0 || gate.Severity("?").Compare(gate.Error) != 0 {
		t.Error("the order of severities")
	}
}

// Exceptions of which there are none do not silence.
func TestExceptions(t *testing.T) {
	got := lines(example(t, gate.Example{
		Lua:      "-- \u202e\nprint('\u200b')\n",
		Manifest: "[exceptions]\ninvisible-characters = \"x\"\nendless-loop = \"x\"\nsyntax = \"x\"\nunused-exception = \"x\"\n",
	}))
	want := []string{
		"main.lua:1:4 error invisible-characters", "main.lua:2:8 warning invisible-characters",
		"mod.toml:5:1 warning unused-exception", "mod.toml:6:1 note unused-exception", "mod.toml:7:1 warning unused-exception", "mod.toml:8:1 warning unused-exception",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Without an API document, and with one that does not know the mod's capabilities,
// nothing is said of them.
func TestWithoutAPI(t *testing.T) {
	b, man := fileOf(t, "storage.gett() log.info()")
	if got := lines(gate.Check(b, man, nil)); len(got) != 2 { // two globals that nobody defines
		t.Error(got)
	}
	b, man = fileOf(t, "while true do end")
	if got := lines(gate.Check(b, man, nil)); len(got) != 1 {
		t.Error(got)
	}
	b, man = mod(t, "[permissions.weather]\nreason = \"Asks for what there is not.\"\n", map[string]string{"main.lua": "weather.now()"})
	if got := lines(gate.Check(b, man, hostAPI())); len(got) != 1 {
		t.Error(got)
	}
}

// How a text is written.
func TestWriting(t *testing.T) {
	for _, tt := range []struct {
		name, lua string
		want      []string
	}{
		{"numbers", "print('" + strings.Repeat(`\65`, 63) + "')", nil},
		{"more numbers", "print('" + strings.Repeat(`\65`, 64) + "')", []string{"main.lua:1:7 warning obfuscation"}},
		{"numbers here and there", "print('" + strings.Repeat(`\65abc`, 64) + "')", nil},
		{"base64", "local s = [[\n" + strings.Repeat("QUJDRGVmZ2hpamtsbW5v", 30) + "]]", []string{"main.lua:1:11 warning obfuscation"}},
		{"short base64", "local s = '" + strings.Repeat("QUJDRGVmZ2hpamtsbW5v", 25) + "'", nil},
		{"a picture", "local s = '" + strings.Repeat("WWWGGGWG", 100) + "'", nil},
		{"prose", "local s = '" + strings.Repeat("It was a dark and stormy night. ", 100) + "'", nil},
		{"a comment", "-- " + strings.Repeat("QUJDRGVmZ2hpamtsbW5v", 30), nil},
		{"one character", strings.Repeat("print(string.char(65))\n", 23), nil},
		{"many characters", strings.Repeat("print(string.char(65))\n", 24), []string{"main.lua:24:7 warning obfuscation"}},
		{"a word", "print(string.char(" + strings.Repeat("65,", 15) + "65))", []string{"main.lua:1:7 warning obfuscation"}},
		{"a byte", "local c = 65 for i = 1, 3 do print(string.char(c + i)) end", nil},
		{"a crowded line", strings.Repeat("print() ", 201), []string{"main.lua:1:1 warning obfuscation"}},
		{"many lines", strings.Repeat("print()\n", 201), nil},
		{"data on one line", "local t = {" + strings.Repeat("1,", 500) + "}", nil},
		{"names", "local lIlI, IlIl, llII, IIll, OO0l = 1", []string{"main.lua:1:7 warning obfuscation"}},
		{"other names", "local Ill, llama, I1, _0x1, O, lO = 1", nil},
		{"names of numbers", "local _0x1a, _0x2b, _0x3c, _0x4d, _0x5e = 1", []string{"main.lua:1:7 warning obfuscation"}},
		{"an emoji, and Persian", "print('\U0001f469\u200d\U0001f680\ufe0f \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645')", nil},
		{"zero width", "print('a\u200bb') -- \u2060", []string{"main.lua:1:9 warning invisible-characters", "main.lua:1:17 warning invisible-characters"}},
		{"escape", "print('\x1b[2J')", []string{"main.lua:1:8 warning invisible-characters"}},
		{"isolates", "print('\u2066x\u2069')", []string{"main.lua:1:8 error invisible-characters", "main.lua:1:10 error invisible-characters"}},
		{"no text", "print('\xff\xfe')", nil},
		{"carriage returns", "print(1)\rnope()\r\n nope2()", []string{"main.lua:2:1 warning unknown-global", "main.lua:3:2 warning unknown-global"}},
		{"too deep", "x = " + strings.Repeat("{", 300) + strings.Repeat("}", 300), []string{"main.lua:1:205 error syntax"}},
		{"what the parser alone reads otherwise", "local x = 0x1p4\fprint(x, nope)", []string{"main.lua:1:26 warning unknown-global"}},
	} {
		if diff := cmp.Diff(tt.want, lines(example(t, gate.Example{Lua: tt.lua}))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// The mod's files, and libraries.
func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    gate.Example
		want []string
	}{
		{"init", gate.Example{Lua: "require('lib')", Files: map[string]string{"lib/init.lua": "return require('lib.x')", "lib/x.lua": ""}}, nil},
		{"only each other", gate.Example{Lua: "", Files: map[string]string{"a.lua": "require('b')", "b.lua": "require('a')"}},
			[]string{"a.lua:1:1 note unused-file", "b.lua:1:1 note unused-file"}},
		{"by a computed name", gate.Example{Lua: "local function r(n) return require('lib.' .. n) end return r", Files: map[string]string{"lib/x.lua": ""}}, nil},
		{"a global of another file", gate.Example{Lua: "require('b') print(shared)", Files: map[string]string{"b.lua": "shared = 1"}}, []string{"b.lua:1:1 note global-write"}},
		{"a function of another file", gate.Example{Lua: "require('b') string.trim('x')", Files: map[string]string{"b.lua": "function string.trim() end"}},
			[]string{"b.lua:1:10 warning shared-table-write"}},
		{"a library of the manifest", gate.Example{Manifest: "[libraries]\n\"com.example.lib\" = \"^1\"\n", Lua: "require('com.example.lib') require('com.example.lib.x') require('com.example.library')"},
			[]string{"main.lua:1:57 error missing-module"}},
		{"what a library may use", gate.Example{Manifest: "[libraries]\n\"com.example.lib\" = \"^1\"\n" + withStorage, Lua: "print(nope)"},
			[]string{"main.lua:1:7 note unknown-global", "mod.toml:6:1 note unused-permission"}},
		{"a library's own", gate.Example{Manifest: "library = true\n", Lua: "require('com.example.mod.x') require('com.example.mod.y') require('string') storage.get('x')", Files: map[string]string{"x.lua": ""}},
			[]string{"main.lua:1:30 error missing-module", "main.lua:1:77 warning undeclared-capability"}},
	} {
		if diff := cmp.Diff(tt.want, lines(example(t, tt.e))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
