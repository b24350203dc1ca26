package gate

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func modOf(t testing.TB, files map[string]string) (*bundle.Bundle, *manifest.Manifest) {
	t.Helper()
	fs := fstest.MapFS{"mod.toml": {Data: []byte("[mod]\nid = 'abc'\nversion = '1.0.0'\n")}}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	b, err := bundle.Open(fs, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	man, err := manifest.Parse("mod.toml", b.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return b, man
}

// What was found of a bundle is found again without a look, for this API and no other,
// and nobody's change of it is anybody else's.
func TestMemory(t *testing.T) {
	m := memory{known: map[memorized][]Finding{}}
	b, man := modOf(t, map[string]string{"main.lua": "loadstring(x)()"})
	api := &API{}
	first := m.check(b, man, api, 100)
	if len(first) == 0 || len(m.known) != 1 {
		t.Fatalf("%v, %d remembered", first, len(m.known))
	}
	m.known[memorized{b.Digest(), api}][0].Message = "from memory"
	if again := m.check(b, man, api, 100); again[0].Message != "from memory" {
		t.Error("it looked again")
	} else {
		again[0].Message = "changed"
	}
	if again := m.check(b, man, api, 100); again[0].Message != "from memory" {
		t.Error("a caller changed what is remembered")
	}
	if other := m.check(b, man, &API{}, 100); other[0].Message == "from memory" {
		t.Error("remembered for another API")
	}
	for i := range 200 {
		b, man := modOf(t, map[string]string{"main.lua": fmt.Sprint("return ", i)})
		m.check(b, man, api, 100)
	}
	if len(m.known) != 100 || len(m.order) != 100 || m.size != 100 {
		t.Errorf("%d remembered, %d in order, size %d", len(m.known), len(m.order), m.size)
	}
	if found := m.check(b, man, api, 1); len(found) == 0 || len(m.known) != 0 || m.size != 0 {
		t.Errorf("%d found; of what does not fit, %d remembered, size %d", len(found), len(m.known), m.size)
	}
}

// Of a mod that is nearly all Lua, no more is looked at than a host would run, and that
// is said, whatever its author says.
func TestTooMuchLua(t *testing.T) {
	files := map[string]string{"main.lua": "return {}"}
	for i := range 15 {
		files[fmt.Sprintf("a%02d.lua", i)] = "-- " + strings.Repeat("x", 1<<20-4) + "\n"
	}
	b, man := modOf(t, files)
	man.Exceptions = map[string]string{"syntax": "there is a lot to say"}
	findings, in := Checker{}.check(b, man)
	said := 0
	for _, f := range findings {
		if f.Rule == "syntax" && f.Severity == Error && f.Justified == "" && strings.Contains(f.Message, "more than 2 MiB") {
			said++
		}
	}
	if said != 1 || in.steps > 1000 {
		t.Errorf("said %d times, %d steps: %v", said, in.steps, findings)
	}
}
