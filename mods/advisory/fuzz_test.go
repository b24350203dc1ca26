package advisory_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/advisory"
)

var (
	advisorySeeds = []string{
		text(events(`"introduced": "0"`, `"fixed": "1.4.0"`), `"database_specific": {"severity": "LOW"}`),
		text(`, "versions": ["1.0.0"]`, `"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`),
		text(`, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]`, `"withdrawn": "2026-04-01T00:00:00Z"`),
		text(events(`"fixed": "x"`)), "{", "[]", strings.Repeat("[", 300),
	}
	freezeSeeds = []string{
		"format = 1\n[freezes.1]\nid = \"com.example.weather\"\nversions = \"<1.4.0 || ^2\"" + tail,
		"format = 1\n[freezes.a-b]\ndigest = \"" + digest + "\"" + tail + "[freezes.\"x.y\"]\nkey = \"" + key + "\"" + tail,
		"format = 1\nfreezes = { 1 = { id = \"abc\", reason = \"x\", by = \"y\", at = \"2026-03-01T12:00:00Z\" } }",
		"", "format = 2", strings.Repeat("[", 300),
	}
)

func TestFuzzSeedsExist(t *testing.T) {
	for _, target := range []string{"FuzzAdvisory", "FuzzFreezes"} {
		files, err := filepath.Glob("testdata/fuzz/" + target + "/*")
		if err != nil || len(files) == 0 {
			t.Errorf("no corpus of %s: %v", target, err)
		}
		for _, file := range files {
			if data, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(data, []byte("go test fuzz v1\n")) {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// FuzzAdvisory: what is refused is told; what is accepted has what is required; and what
// cannot be understood is about every version of the mods that it names.
func FuzzAdvisory(f *testing.F) {
	for _, seed := range advisorySeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := advisory.Parse("a.json", data)
		e, typed := errors.AsType[*advisory.Error](err)
		if err != nil && (!typed || strings.ContainsAny(e.Error(), "\n\r\x1b")) {
			t.Fatalf("%T %q", err, err)
		}
		if a == nil && err == nil {
			t.Fatal("neither an advisory nor an error")
		}
		db := &advisory.Database{}
		db.Add("a.json", data)
		if (len(db.Problems()) > 0) != (err != nil) {
			t.Fatalf("%v and %v", db.Problems(), err)
		}
		if a == nil {
			return
		}
		if err == nil && (a.ID == "" || a.Modified.IsZero() && !strings.Contains(string(data), "0001-01-01") || len(advisory.Severities()) != 4) {
			t.Errorf("accepted %+v", a)
		}
		for _, affected := range a.Affected {
			for _, version := range []string{"0.0.0-0", "1.0.0", "99999.0.0"} {
				hits := db.Match(affected.Mod, version)
				if err != nil && len(hits) == 0 {
					t.Errorf("%s %s is not warned of: %v", affected.Mod, version, err)
				}
				for _, hit := range hits {
					if hit.Policy().Severity == "" || hit.Policy().ID == "" {
						t.Errorf("%+v", hit)
					}
				}
			}
		}
	})
}

// FuzzFreezes: what is accepted is written and read again as it was.
func FuzzFreezes(f *testing.F) {
	for _, seed := range freezeSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := advisory.ParseFreezes("freezes.toml", data)
		if err != nil {
			if _, ok := errors.AsType[*advisory.FreezesError](err); !ok || list != nil {
				t.Fatalf("%T %v %v", err, err, list)
			}
			return
		}
		text, err := advisory.FormatFreezes(list)
		if err != nil {
			t.Fatalf("%v: %q", err, data)
		}
		again, err := advisory.ParseFreezes("freezes.toml", text)
		if err != nil {
			t.Fatal(err)
		}
		// Ranges are compared as they are written.
		for _, l := range []*advisory.Freezes{list, again} {
			for i := range l.List {
				l.List[i].Versions.Constraints = nil
			}
		}
		if diff := cmp.Diff(list, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
