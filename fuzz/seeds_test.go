package fuzz

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// target is a fuzz target somewhere below a folder.
type target struct {
	folder string
	name   string
	adds   bool // it calls f.Add
	files  int  // in testdata/fuzz
}

// targets finds all fuzz targets below root. A file of a corpus that is no seed is
// an error.
func targets(t *testing.T, root string) []target {
	t.Helper()
	var found []target
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || len(f.Type.Params.List) != 1 {
				continue
			}
			found = append(found, target{
				folder: filepath.Dir(path), name: f.Name.Name, adds: addsSeeds(f),
				files: seedFiles(t, filepath.Join(filepath.Dir(path), "testdata", "fuzz", f.Name.Name)),
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// addsSeeds reports whether a target calls f.Add, outside its fuzz function.
func addsSeeds(f *ast.FuncDecl) (adds bool) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Add" {
			if x, ok := s.X.(*ast.Ident); ok && len(f.Type.Params.List[0].Names) == 1 && x.Name == f.Type.Params.List[0].Names[0].Name {
				adds = true
			}
		}
		return !adds
	})
	return adds
}

// seedFiles counts a folder's files.
func seedFiles(t *testing.T, folder string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil || !bytes.HasPrefix(text, []byte("go test fuzz v1\n")) {
			t.Errorf("%s in %s is no seed (%v)", e.Name(), folder, err)
			continue
		}
		n++
	}
	return n
}

// TestSeedsExist: no target in the repository begins from nothing, no corpus is one
// that no target reads, and no two targets have one name where they are listed
// together.
func TestSeedsExist(t *testing.T) {
	all := targets(t, "..")
	known := map[string]bool{}
	for _, target := range all {
		if !target.adds && target.files == 0 {
			t.Errorf("%s in %s has no seeds", target.name, target.folder)
		}
		known[filepath.Join(target.folder, "testdata", "fuzz", target.name)] = true
	}
	if len(all) < 20 {
		t.Errorf("only %d targets", len(all))
	}
	folders, err := filepath.Glob("../*/testdata/fuzz/*")
	for _, deeper := range []string{"../*/*/testdata/fuzz/*", "../*/*/*/testdata/fuzz/*"} {
		more, e := filepath.Glob(deeper)
		if folders = append(folders, more...); e != nil {
			err = e
		}
	}
	if err != nil || len(folders) == 0 {
		t.Errorf("%d corpora: %v", len(folders), err)
	}
	for _, folder := range folders {
		if !known[folder] {
			t.Errorf("%s is the corpus of no target", folder)
		}
	}
	for name, least := range map[string]int{"FuzzSource": 60, "FuzzProgram": 20, "FuzzBorder": 40} {
		if n := seedFiles(t, filepath.Join("testdata", "fuzz", name)); n < least {
			t.Errorf("%s has %d seeds in files, want at least %d", name, n, least)
		}
	}
}

// TestMissingSeedsAreSeen: a target without seeds is found.
func TestMissingSeedsAreSeen(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go": "package a\nfunc FuzzNone(f *testing.F) { f.Fuzz(func(t *testing.T, n int) { s.Add(n) }) }\nfunc FuzzAdds(g *testing.F) { g.Add(1) }\nfunc FuzzFiles(f *testing.F) {}\n",
		"b.go":      "package a\nfunc FuzzNoTest(f *testing.F) {}\n",
		filepath.Join("testdata", "fuzz", "FuzzFiles", "x"): "go test fuzz v1\nint(1)\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seeded := map[string]bool{}
	for _, target := range targets(t, root) {
		seeded[target.name] = target.adds || target.files > 0
	}
	if len(seeded) != 3 || seeded["FuzzNone"] || !seeded["FuzzAdds"] || !seeded["FuzzFiles"] {
		t.Errorf("%v", seeded)
	}
}
