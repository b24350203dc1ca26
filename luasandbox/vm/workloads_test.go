package vm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/luasandbox/modrunner/limits"
)

// opcodes returns the names of all, by value, as code.go declares them.
func opcodes(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		first, _ := g.Specs[0].(*ast.ValueSpec)
		if typ, ok := first.Type.(*ast.Ident); !ok || typ.Name != "opcode" {
			continue
		}
		for _, s := range g.Specs {
			for _, name := range s.(*ast.ValueSpec).Names {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// TestEveryOpcodeHasAWorkload compiles the workloads of package accounts, which measure
// what things cost: each opcode is in one of them.
func TestEveryOpcodeHasAWorkload(t *testing.T) {
	files, err := filepath.Glob("../../fuzz/accounts/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workloads (%v)", err)
	}
	used := map[opcode]bool{}
	var note func(p *proto)
	note = func(p *proto) {
		for _, i := range p.code {
			used[i.op()] = true
		}
		for _, inner := range p.protos {
			note(inner)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(text).Files {
			for _, source := range strings.Split(string(f.Data), "---\n") {
				p, err := Compile(f.Name, source, limits.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				note(p.main)
			}
		}
	}
	names := opcodes(t)
	if len(names) < 50 {
		t.Fatalf("found %d opcodes in code.go: the search is broken", len(names))
	}
	for i, name := range names {
		if strings.HasPrefix(name, "op") && !used[opcode(i)] {
			t.Errorf("%s is in no workload of fuzz/accounts/testdata", name)
		}
	}
}
