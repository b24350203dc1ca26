package manifest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// seeds are the texts that fuzzing begins with: the good manifests, and in
// testdata/fuzz/FuzzParse those that once were hard.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/good/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no seeds in testdata/good", err)
	}
	var out [][]byte
	for _, file := range files {
		out = append(out, readGood(t, filepath.Base(file)))
	}
	for _, text := range bombs() {
		out = append(out, []byte(text[:min(len(text), 200)]))
	}
	out = append(out, []byte(head+settings))
	return append(out, []byte(head+"verison = 1\n[permissions.net.http]\nreason = 'x'\n[dependencies]\na.b = \"^1\""))
}

func TestSeedsExist(t *testing.T) {
	if n := len(seeds(t)); n < 10 {
		t.Errorf("only %d seeds", n)
	}
	entries, err := os.ReadDir("testdata/fuzz/FuzzParse")
	if err != nil || len(entries) == 0 {
		t.Errorf("no corpus: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse("mod.toml", data)
		if err != nil {
			problemsOf(t, data, err)
			return
		}
		if m.ID == "" || m.Version == nil || m.Name == "" || m.Entry == "" {
			t.Errorf("accepted without what is required: %+v", m)
		}
		if err := m.Limits.Validate(); err != nil {
			t.Error(err)
		}
		for _, s := range m.Settings {
			if v, err := s.Check(s.Default); err != nil || v != s.Default {
				t.Errorf("the default of %+v: %v, %v", s, v, err)
			}
			if !(s.Min <= s.Max) || s.Title == "" || (s.Type == manifest.ChoiceSetting) != (len(s.Choices) > 0) {
				t.Errorf("accepted %+v", s)
			}
		}
		for _, p := range m.Permissions {
			if p.Reason == "" {
				t.Errorf("permission %q has no reason", p.Name)
			}
			for _, option := range p.OptionNames() {
				if at, outer := m.Where("permissions", p.Name, option), m.Where("permissions"); at == outer {
					t.Errorf("option %q of %q has no place of its own", option, p.Name)
				}
			}
		}
	})
}
