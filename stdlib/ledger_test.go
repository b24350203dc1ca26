package stdlib

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// openForInventory returns a machine in which every function of the library is.
func openForInventory(t *testing.T) *vm.Machine {
	t.Helper()
	return newMachine(t, limits.Limits{}, Options{Require: func(string) (string, string, bool) { return "", "", false }})
}

// reachable returns the path of each function that a script can reach from the
// globals or from a metatable, by its first path in the order of tables.
func reachable(m *vm.Machine) map[string]vm.Value {
	found := map[string]vm.Value{}
	seen := map[*vm.Table]bool{}
	var walk func(prefix string, t *vm.Table)
	walk = func(prefix string, t *vm.Table) {
		if seen[t] {
			return
		}
		seen[t] = true
		for k, v, _, err := t.Next(vm.Nil); err == nil && !k.IsNil(); k, v, _, err = t.Next(k) {
			name, ok := k.AsString()
			if !ok {
				name = fmt.Sprintf("[%s]", k.Kind())
			}
			if sub := v.AsTable(); sub != nil {
				walk(prefix+name+".", sub)
			} else if v.Kind() == vm.KindFunction {
				found[prefix+name] = v
			}
		}
		if mt := t.Metatable(); mt != nil {
			walk(prefix+"(metatable).", mt)
		}
	}
	walk("", m.Globals())
	for _, v := range []vm.Value{vm.Nil, vm.True, vm.Number(1), vm.String("x"), m.Globals().GetString("print")} {
		if mt := m.Metatable(v); mt != nil {
			walk("("+v.Kind().String()+" metatable).", mt)
		}
	}
	return found
}

func TestEveryFunctionHasARow(t *testing.T) {
	m := openForInventory(t)
	rows := map[string]entry{}
	for _, e := range ledger() {
		if _, twice := rows[e.path()]; twice {
			t.Errorf("%s has two rows", e.path())
		}
		rows[e.path()] = e
	}
	found := reachable(m)
	for path, v := range found {
		e, ok := rows[path]
		switch {
		case !ok:
			t.Errorf("%s can be reached and has no row", path)
		case e.status == absent:
			t.Errorf("%s can be reached; its row says that it is absent", path)
		case v.AsNative() != e.fn:
			t.Errorf("%s is another function than its row's", path)
		}
	}
	for path, e := range rows {
		if _, ok := found[path]; !ok && e.status != absent {
			t.Errorf("%s has a row and cannot be reached", path)
		}
	}
	if len(found) < 90 {
		t.Errorf("found %d functions: the walk is broken", len(found))
	}
}

func TestRowsAreComplete(t *testing.T) {
	tests := testNames(t)
	for _, e := range ledger() {
		switch {
		case statusNames[e.status] == "":
			t.Errorf("%s: no status", e.path())
		case e.status == absent && e.fn != nil, e.status != absent && e.fn == nil:
			t.Errorf("%s: %s does not go with fn", e.path(), e.status)
		case e.status != absent && e.charge == "":
			t.Errorf("%s: no charge rule", e.path())
		case e.status == full && e.note != "", e.status != full && e.note == "":
			t.Errorf("%s: %s does not go with the note %q", e.path(), e.status, e.note)
		}
		name, sub, _ := strings.Cut(e.test, "/")
		words, ok := tests[name]
		if !ok || sub != "" && !words[sub] {
			t.Errorf("%s: there is no test %s", e.path(), e.test)
		}
	}
}

// testNames returns, for each test function of the package, the string literals
// of the files it stands in, among which the names of its subtests must be.
func testNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					words[s] = true
				}
			}
			return true
		})
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				tests[fn.Name.Name] = words
			}
		}
	}
	return tests
}

// TestOracleCoversTheLedger holds rows that name an oracle script to it: the
// script has cases that call the function.
func TestOracleCoversTheLedger(t *testing.T) {
	for _, e := range ledger() {
		script, ok := strings.CutPrefix(e.test, "TestOracle/")
		if !ok || e.status == absent {
			continue
		}
		cases := oracleCases(recording(t, script))
		if !slices.ContainsFunc(cases, func(c oracleCase) bool { return strings.Contains(c.source, e.path()) }) {
			t.Errorf("%s has no case in %s", e.path(), script)
		}
	}
}

func TestAbsentFunctionsAreNil(t *testing.T) {
	m := openForInventory(t)
	for _, e := range ledger() {
		if e.status != absent {
			continue
		}
		v := m.Globals().GetString(e.name)
		if e.library != "" {
			lib := m.Globals().GetString(e.library).AsTable()
			if lib == nil {
				continue
			}
			v = lib.GetString(e.name)
		}
		if !v.IsNil() {
			t.Errorf("%s is a %s", e.path(), v.Kind())
		}
	}
}

// TestNothingButTheLedger holds what is in the globals besides functions.
func TestNothingButTheLedger(t *testing.T) {
	m := openForInventory(t)
	var got []string
	g := m.Globals()
	for k, v, _, err := g.Next(vm.Nil); err == nil && !k.IsNil(); k, v, _, err = g.Next(k) {
		if v.Kind() != vm.KindFunction {
			name, _ := k.AsString()
			got = append(got, name+" "+v.Kind().String())
		}
	}
	slices.Sort(got)
	want := []string{"_G table", "_VERSION string", "bit32 table", "coroutine table", "debug table",
		"math table", "os table", "string table", "table table"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("globals (-want +got):\n%s", diff)
	}
}

// TestCompatibilityPage holds COMPATIBILITY.md to the ledger; -update writes it.
func TestCompatibilityPage(t *testing.T) {
	const file = "COMPATIBILITY.md"
	got := compatibilityPage()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale, run go generate ./stdlib (-file +ledger):\n%s", file, diff)
	}
}
