package fuzz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// luaFiles returns the texts of the repository's own Lua files below a folder,
// cut where they are cut for their tests.
func luaFiles(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Lua files in %s: %v", folder, err)
	}
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, strings.Split(string(text), "\n---\n")...)
	}
	return texts
}

// FuzzSource takes any text for a program.
func FuzzSource(f *testing.F) {
	for _, folder := range []string{"luasandbox/vm/testdata/lua", "luasandbox/vm/testdata/expect"} {
		for i, text := range luaFiles(f, folder) {
			f.Add(text, []byte{0, 0, 0, 0, 0, 0, 0, byte(1 + i%40)})
		}
	}
	f.Fuzz(func(t *testing.T, source string, how []byte) { examine(t, source, chosen(how), nil) })
}

// compiled compiles a text that must compile.
func compiled(t testing.TB, source string) *luasandbox.Program {
	t.Helper()
	p, err := luasandbox.Compile("fuzz.lua", source, limits.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	return p
}
