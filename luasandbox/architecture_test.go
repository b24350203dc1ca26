package luasandbox_test

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The shape of the project: which package may import which. The rules are
// functions over what go list tells, so that TestArchitectureRules can hold them
// against packages that break them.

const module = "github.com/luasandbox/modrunner"

// rooms are the parts of the project, each with its sub-packages, in the one
// order in which they may build on each other: a room imports itself and rooms
// before it.
var rooms = []string{
	"limits",
	"luasandbox/vm",
	"stdlib",
	"luasandbox",
	"mods",
	"cmd/modrunner",
	"fuzz",
}

// strangers are rooms that, though before another, are not for it to import
// directly: the command line speaks to mods and luasandbox.
var strangers = map[string][]string{
	"cmd/modrunner": {"luasandbox/vm", "stdlib"},
}

// embedded are the packages that a program which embeds luasandbox compiles, the
// standard library's aside: there is nothing else in its graph.
var embedded = []string{
	module + "/limits",
	module + "/luasandbox",
	module + "/luasandbox/vm",
	module + "/luasandbox/vm/libm",
	module + "/stdlib",
	"github.com/yuin/gopher-lua/ast",
	"github.com/yuin/gopher-lua/parse",
}

// standard are the packages of the standard library that those of ours import by
// name. None of them opens a file, a connection or a process; one that does has
// no place here.
var standard = []string{
	"bytes", "cmp", "context", "encoding", "encoding/json", "errors", "fmt",
	"hash/maphash", "io", "iter", "log/slog", "maps", "math", "math/bits",
	"math/rand/v2", "reflect", "runtime/debug", "slices", "sort", "strconv",
	"strings", "sync", "sync/atomic", "time", "unicode", "unicode/utf8", "unsafe",
}

// dangerous are packages of the standard library that must not be linked into an
// embedder's program even through others; os itself is, by fmt.
var dangerous = []string{"C", "net", "os/exec", "os/signal", "os/user", "plugin", "runtime/cgo"}

// testTools are what only tests may use.
var testTools = []string{
	"testing", "github.com/google/go-cmp", "go.uber.org/goleak", "pgregory.net/rapid",
	"github.com/rogpeppe/go-internal", "github.com/creack/pty",
}

// platforms are those that the rules are checked for: files differ by platform.
var platforms = []string{"linux/amd64", "windows/amd64", "darwin/arm64"}

// pkg is a package as go list describes it, its tests left out.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func (p pkg) ours() bool { return within(p.ImportPath, module) }

// within reports whether an import path is parent or below it.
func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// roomOf returns the index in rooms of the room that a path is in, or -1.
func roomOf(path string) int {
	best := -1
	for i, r := range rooms {
		if within(path, module+"/"+r) && (best < 0 || len(r) > len(rooms[best])) {
			best = i
		}
	}
	return best
}

// wrongArrows returns the imports that point from a room to a later one, or to
// one that it must not know.
func wrongArrows(pkgs []pkg) []string {
	var wrong []string
	for _, p := range pkgs {
		if !p.ours() {
			continue
		}
		from := roomOf(p.ImportPath)
		if from < 0 {
			wrong = append(wrong, p.ImportPath+" is in no room")
			continue
		}
		for _, imported := range p.Imports {
			if !within(imported, module) {
				continue
			}
			to := roomOf(imported)
			switch {
			case to > from:
				wrong = append(wrong, p.ImportPath+" imports "+imported+", which builds on it")
			case to >= 0 && slices.Contains(strangers[rooms[from]], rooms[to]):
				wrong = append(wrong, p.ImportPath+" imports "+imported+", which it must not know")
			}
		}
	}
	return wrong
}

// notForEmbedders returns what is wrong with pkgs as all that an embedder compiles.
func notForEmbedders(pkgs []pkg) []string {
	var wrong []string
	for _, p := range pkgs {
		if !p.Standard && !slices.Contains(embedded, p.ImportPath) {
			wrong = append(wrong, p.ImportPath+" is compiled by embedders")
		}
		for _, imported := range p.Imports {
			if slices.ContainsFunc(dangerous, func(d string) bool { return within(imported, d) }) {
				wrong = append(wrong, p.ImportPath+" imports "+imported)
			} else if p.ours() && isStandard(imported) && !slices.Contains(standard, imported) {
				wrong = append(wrong, p.ImportPath+" imports "+imported+", which is not on the list")
			}
		}
	}
	return wrong
}

// isStandard reports whether path is the standard library's: those of modules
// have a dot in their first element.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// testsInProduction returns the imports of test tools by code that is not a test.
func testsInProduction(pkgs []pkg) []string {
	var wrong []string
	for _, p := range pkgs {
		if p.Standard {
			continue
		}
		for _, imported := range p.Imports {
			if slices.ContainsFunc(testTools, func(t string) bool { return within(imported, t) }) &&
				!slices.ContainsFunc(testTools, func(t string) bool { return within(p.ImportPath, t) }) {
				wrong = append(wrong, p.ImportPath+" imports "+imported)
			}
		}
	}
	return wrong
}

// goList returns the packages that match the patterns and all that they import,
// on a platform. It does not use the network.
func goList(t *testing.T, platform string, patterns ...string) []pkg {
	t.Helper()
	goos, goarch, _ := strings.Cut(platform, "/")
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Standard,Imports"}, patterns...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func TestArchitecture(t *testing.T) {
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			all := goList(t, platform, "./...")
			for _, room := range rooms[:len(rooms)-1] {
				if !slices.ContainsFunc(all, func(p pkg) bool { return within(p.ImportPath, module+"/"+room) }) {
					t.Errorf("there is no package in %s", room)
				}
			}
			for _, w := range wrongArrows(all) {
				t.Error(w)
			}
			for _, w := range testsInProduction(all) {
				t.Error(w)
			}
			for _, w := range notForEmbedders(goList(t, platform, "./luasandbox")) {
				t.Error(w)
			}
		})
	}
}

// TestUnsafeIsInOneFile reads every file, whatever platform it is for. That it
// does also keeps go test from taking an old result of TestArchitecture for a new
// one: what go list reads, go test does not see.
func TestUnsafeIsInOneFile(t *testing.T) {
	got := filesThatImport(t, "..", "unsafe")
	if diff := cmp.Diff([]string{"luasandbox/vm/value.go"}, got); diff != "" {
		t.Errorf("files that import unsafe (-want +got):\n%s", diff)
	}
}

// network are the packages of the standard library that open connections. Two of
// ours use them, for mods and for catalogues: whoever does not import those cannot be
// made to ask the network.
var network = []string{"net", "net/http", "net/rpc", "net/smtp", "net/textproto", "crypto/tls"}

var web = []string{"mods/web", "mods/catalog"}

func TestNetworkIsInTwoPackages(t *testing.T) {
	for _, imported := range network {
		for _, file := range filesThatImport(t, "..", imported) {
			if !slices.Contains(web, path.Dir(file)) {
				t.Errorf("%s imports %s", file, imported)
			}
		}
	}
	if len(filesThatImport(t, "..", "net/http")) == 0 {
		t.Errorf("none of %v imports net/http: the test looks in the wrong place", web)
	}
	for _, pattern := range []string{"./luasandbox", "./mods"} {
		for _, p := range goList(t, platforms[0], pattern) {
			if name, ours := strings.CutPrefix(p.ImportPath, module+"/"); ours && slices.Contains(web, name) {
				t.Errorf("who imports %s compiles %s", pattern, name)
			}
		}
	}
}

// heavy are dependencies that one package each has for the others: a host that does not
// import it does not compile them.
var heavy = map[string]string{
	"github.com/theupdateframework/go-tuf/v2": "mods/catalog",
	"github.com/cedar-policy/cedar-go":        "mods/policy/cedar",
	"aead.dev/minisign":                       "mods/trust",
	"github.com/CycloneDX/cyclonedx-go":       "cmd/modrunner",
	"go.etcd.io/bbolt":                        "mods/storage/boltstore",
	"github.com/prometheus/client_golang":     "mods/prometheus",
	"code.dny.dev/ssrf":                       "mods/web",
	"github.com/spf13/cobra":                  "cmd/modrunner",
	"github.com/fsnotify/fsnotify":            "cmd/modrunner",
}

func TestHeavyDependenciesHaveOnePlace(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range goList(t, platforms[0], "./...") {
		for _, imported := range p.Imports {
			for dependency, place := range heavy {
				if !p.ours() || !within(imported, dependency) {
					continue
				}
				seen[dependency] = true
				if p.ImportPath != module+"/"+place {
					t.Errorf("%s imports %s, which is for %s", p.ImportPath, imported, place)
				}
			}
		}
	}
	for dependency := range heavy {
		if !seen[dependency] {
			t.Errorf("nobody imports %s", dependency)
		}
	}
	for _, p := range goList(t, platforms[0], "./mods") {
		for dependency := range heavy {
			if within(p.ImportPath, dependency) {
				t.Errorf("who imports mods compiles %s", p.ImportPath)
			}
		}
	}
}

// filesThatImport returns the Go files below root, tests left out, that import
// path.
func filesThatImport(t *testing.T, root, path string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base != ".." && (strings.HasPrefix(base, ".") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, s := range f.Imports {
			if p, _ := strconv.Unquote(s.Path.Value); p == path {
				rel, err := filepath.Rel(root, name)
				if err != nil {
					return err
				}
				found = append(found, filepath.ToSlash(rel))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestArchitectureRules shows that each rule finds what it is there to find.
func TestArchitectureRules(t *testing.T) {
	our := func(path string, imports ...string) pkg {
		for i, p := range imports {
			if rest, ok := strings.CutPrefix(p, "./"); ok {
				imports[i] = module + "/" + rest
			}
		}
		return pkg{ImportPath: module + "/" + path, Imports: imports}
	}
	tests := []struct {
		name string
		rule func([]pkg) []string
		pkg  pkg
		want int
	}{
		{"forward", wrongArrows, our("mods/storage", "./luasandbox", "./mods/bundle", "./limits", "os"), 0},
		{"same room", wrongArrows, our("luasandbox/gopher", "./luasandbox"), 0},
		{"sub-package of a room inside another", wrongArrows, our("luasandbox/vm/internal/code", "./luasandbox/vm"), 0},
		{"back", wrongArrows, our("limits", "./luasandbox/vm"), 1},
		{"back to the room around", wrongArrows, our("luasandbox/vm", "./luasandbox"), 1},
		{"back to a sub-package", wrongArrows, our("stdlib", "./luasandbox/gopher"), 1},
		{"a library above its sandbox", wrongArrows, our("luasandbox/vm", "./stdlib"), 1},
		{"sub-package back", wrongArrows, our("mods/bundle", "./cmd/modrunner/shell"), 1},
		{"stranger", wrongArrows, our("cmd/modrunner", "./luasandbox/vm", "./mods"), 1},
		{"no room", wrongArrows, our("misc"), 1},
		{"similar name is no room", wrongArrows, our("limitsandmore"), 1},
		{"not ours", wrongArrows, pkg{ImportPath: "example.com/x", Imports: []string{module + "/mods"}}, 0},

		{"embedder", notForEmbedders, our("luasandbox", "context", "./limits", "github.com/yuin/gopher-lua/ast"), 0},
		{"the standard library's own business", notForEmbedders, pkg{ImportPath: "fmt", Standard: true, Imports: []string{"os"}}, 0},
		{"files", notForEmbedders, our("luasandbox", "os"), 1},
		{"network", notForEmbedders, our("stdlib", "net/url"), 1},
		{"process behind another package", notForEmbedders, pkg{ImportPath: "log/slog", Standard: true, Imports: []string{"os/exec"}}, 1},
		{"gopher-lua's machine", notForEmbedders, pkg{ImportPath: "github.com/yuin/gopher-lua"}, 1},
		{"another module", notForEmbedders, pkg{ImportPath: "github.com/BurntSushi/toml"}, 1},
		{"a room that is not in it", notForEmbedders, our("luasandbox/gopher"), 1},

		{"no test tool", testsInProduction, our("mods", "go/parser"), 0},
		{"testing", testsInProduction, our("mods", "testing"), 1},
		{"below testing", testsInProduction, our("mods", "testing/fstest"), 1},
		{"behind another module", testsInProduction, pkg{ImportPath: "example.com/x", Imports: []string{"github.com/google/go-cmp/cmp"}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.rule([]pkg{tt.pkg}); len(got) != tt.want {
				t.Errorf("%d findings, want %d: %q", len(got), tt.want, got)
			}
		})
	}
	t.Run("imports", func(t *testing.T) {
		dir := t.TempDir()
		for name, imported := range map[string]string{"a.go": "unsafe", "a_test.go": "unsafe", "b.go": "strings", "c_plan9.go": "unsafe"} {
			text := fmt.Sprintf("package p\n\nimport _ %q\n", imported)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"a.go", "c_plan9.go"}, filesThatImport(t, dir, "unsafe")); diff != "" {
			t.Error(diff)
		}
	})
}
