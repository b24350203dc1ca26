package prometheus_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/prometheus"
)

// TestDependencies: who embeds the sandbox or the host does not compile the client
// library.
func TestDependencies(t *testing.T) {
	compiles := func(pkg string) bool {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatal("go list: ", err)
		}
		return strings.Contains(string(out), "github.com/prometheus/")
	}
	for _, pkg := range []string{"../../luasandbox", ".."} {
		if compiles(pkg) {
			t.Errorf("who imports %s compiles Prometheus' client library", pkg)
		}
	}
	if !compiles(".") {
		t.Error("this package does not compile it: the test looks for the wrong name")
	}
}

// TestNames: the states and kinds of package mods are those that are shown.
func TestNames(t *testing.T) {
	w := newWorld(t, prometheus.Config{}, mods.Config{})
	w.load(source("one", ""))
	got := w.scrape()
	for _, file := range []string{"../status.go", "../health/health.go"} {
		for kind, names := range constants(t, file) {
			for _, name := range names {
				switch kind {
				case "ViolationKind":
					if _, there := got[`modrunner_mod_violations_total{kind="`+name+`",mod="one"}`]; !there {
						t.Errorf("the violation %q is not shown", name)
					}
				case "State":
					if _, there := got[`modrunner_mods{state="`+name+`"}`]; !there && name != string(mods.Unloaded) {
						t.Errorf("the state %q is not shown", name)
					}
				}
			}
		}
	}
}

// constants returns the string constants of a file by type.
func constants(t *testing.T, file string) map[string][]string {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil || len(spec.Values) == 0 {
			return true
		}
		typ, named := spec.Type.(*ast.Ident)
		value, literal := spec.Values[0].(*ast.BasicLit)
		if named && literal {
			if text, err := strconv.Unquote(value.Value); err == nil {
				found[typ.Name] = append(found[typ.Name], text)
			}
		}
		return true
	})
	if len(found) == 0 {
		t.Errorf("%s: no constants", file)
	}
	return found
}
