package advisory_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/policy"
)

// text is an advisory about com.example.weather with the rest of an entry of affected,
// and more fields.
func text(entry string, more ...string) string {
	fields := append([]string{
		`"schema_version": "1.6.7"`, `"id": "MR-2026-1"`, `"modified": "2026-03-01T12:00:00Z"`,
		`"affected": [{"package": {"ecosystem": "modrunner", "name": "com.example.weather"}` + entry + `}]`,
	}, more...)
	return "{" + strings.Join(fields, ", ") + "}"
}

func events(list ...string) string {
	return `, "ranges": [{"type": "SEMVER", "events": [{` + strings.Join(list, "}, {") + `}]}]`
}

func database(t testing.TB, texts ...string) *advisory.Database {
	t.Helper()
	db := &advisory.Database{}
	for i, text := range texts {
		db.Add(fmt.Sprintf("%d.json", i), []byte(text))
	}
	return db
}

func TestMatchRanges(t *testing.T) {
	const (
		intro0, intro1, intro2 = `"introduced": "0"`, `"introduced": "1.2.0"`, `"introduced": "2.0.0"`
		fixed1, fixed2         = `"fixed": "1.4.0"`, `"fixed": "2.1.0"`
		last                   = `"last_affected": "1.4.0"`
	)
	for _, test := range []struct {
		name  string
		entry string
		want  map[string]string // version -> since, fixed; or "no"
	}{
		{"from the beginning", events(intro0, fixed1), map[string]string{
			"0.0.1": "0 1.4.0", "1.3.9": "0 1.4.0", "1.4.0-rc.1": "0 1.4.0", "1.4.0": "no", "1.4.0+build": "no", "2.0.0": "no", "0.0.0-0": "0 1.4.0"}},
		{"without an end", events(intro1), map[string]string{"1.1.9": "no", "1.2.0-rc.1": "no", "1.2.0": "1.2.0 ", "99.0.0": "1.2.0 "}},
		{"to a last one", events(intro1, last), map[string]string{"1.2.0": "1.2.0 ", "1.4.0": "1.2.0 ", "1.4.1": "no"}},
		{"twice, in any order", events(fixed2, intro2, fixed1, intro1), map[string]string{
			"1.1.0": "no", "1.3.0": "1.2.0 1.4.0", "1.5.0": "no", "2.0.0": "2.0.0 2.1.0", "2.1.0": "no"}},
		{"a last one, and another range", events(intro1, last, intro2, fixed2), map[string]string{"1.3.0": "1.2.0 ", "2.0.5": "2.0.0 2.1.0", "1.9.0": "no"}},
		{"an end and a beginning at one version", events(intro0, `"fixed": "1.2.0"`, intro1), map[string]string{"1.2.0": "1.2.0 ", "1.1.0": "0 1.2.0"}},
		{"versions", `, "versions": ["1.2.0", "2.0.0-rc.1"]`, map[string]string{"1.2.0": "1.2.0 ", "1.2.1": "no", "2.0.0-rc.1": "2.0.0-rc.1 ", "2.0.0": "no", "1.2.0+x": "1.2.0 "}},
		{"ranges and versions", events(intro2) + `, "versions": ["1.2.0"]`, map[string]string{"1.2.0": "1.2.0 ", "1.3.0": "no", "2.0.0": "2.0.0 "}},
		{"the order of the ecosystem is that of semantic versions", strings.Replace(events(intro0, fixed1), "SEMVER", "ECOSYSTEM", 1), map[string]string{"1.3.0": "0 1.4.0", "1.4.0": "no"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := database(t, text(test.entry))
			if p := db.Problems(); len(p) > 0 {
				t.Fatal(p)
			}
			for version, want := range test.want {
				got := "no"
				for _, hit := range db.Match("com.example.weather", version) {
					got = hit.Since + " " + hit.Fixed
					if hit.Unclear != "" || hit.Advisory.ID != "MR-2026-1" {
						t.Errorf("%s: %+v", version, hit)
					}
				}
				if got != want {
					t.Errorf("%s: got %q, want %q", version, got, want)
				}
				if other := db.Match("com.example.other", version); len(other) > 0 {
					t.Errorf("another mod: %v", other)
				}
			}
		})
	}
}

// TestFailsClosed: what is not understood is told, and concerns all versions.
func TestFailsClosed(t *testing.T) {
	good := events(`"introduced": "1.0.0"`, `"fixed": "1.1.0"`)
	for _, test := range []struct{ name, text, field string }{
		{"a version that is none", text(events(`"introduced": "1.0"`)), "affected[0].ranges[0].events[0]"},
		{"a v before it", text(events(`"introduced": "v1.0.0"`)), "affected[0].ranges[0].events[0]"},
		{"no beginning", text(events(`"fixed": "1.1.0"`)), "affected[0].ranges[0].events"},
		{"two in one event", text(events(`"introduced": "0", "fixed": "1.1.0"`)), "affected[0].ranges[0].events[0]"},
		{"an event that is not known", text(events(`"introduced": "1.0.0"`, `"limit": "1.1.0"`)), "affected[0].ranges[0].events[1]"},
		{"a type of range that is not known", text(`, "ranges": [{"type": "CALVER", "events": [{"introduced": "0"}]}]`), "affected[0].ranges[0].type"},
		{"a listed version that is none", text(`, "versions": ["1.0.0", "latest"]`), "affected[0].versions[1]"},
		{"another type", text(`, "ranges": {}`), "affected[0].ranges"},
		{"modified is no time", text(good, `"published": "yesterday"`), "published"},
		{"withdrawn is no time", text(good, `"withdrawn": true`), "withdrawn"},
		{"an empty withdrawn", text(good, `"withdrawn": ""`), "withdrawn"},
		{"withdrawn, and not understood", text(events(`"introduced": "1.0"`), `"withdrawn": "2026-03-02T00:00:00Z"`), "affected[0].ranges[0].events[0]"},
		{"another schema", strings.Replace(text(good), `"1.6.7"`, `"2.0.0"`, 1), "schema_version"},
		{"an id that is none", strings.Replace(text(good), "MR-2026-1", "../x", 1), "id"},
		{"the ecosystem in capitals", strings.Replace(text(good), `"modrunner"`, `"ModRunner"`, 1), "affected[0].package.ecosystem"},
		{"the ecosystem with a suffix", strings.Replace(text(good), `"modrunner"`, `"modrunner:europe"`, 1), "affected[0].package.ecosystem"},
		{"the name in capitals", strings.Replace(text(good), `com.example.weather`, `Com.Example.Weather`, 1), "affected[0].package.name"},
		{"a long summary", text(good, `"summary": "`+strings.Repeat("x", 2000)+`"`), "summary"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := database(t, test.text)
			problems := db.Problems()
			if len(problems) != 1 || problems[0].Field != test.field || problems[0].File != "0.json" {
				t.Fatalf("problems: %v", problems)
			}
			hits := db.Match("com.example.weather", "99.0.0")
			if len(hits) != 1 || hits[0].Unclear == "" || hits[0].Severity != advisory.High {
				t.Errorf("hits: %+v", hits)
			}
		})
	}
	// The control: the same advisory, understood, is not about that version.
	if hits := database(t, text(good)).Match("com.example.weather", "99.0.0"); len(hits) > 0 {
		t.Errorf("%+v", hits)
	}
}

func TestUnclearWithoutProblem(t *testing.T) {
	for name, entry := range map[string]string{
		"nothing":            "",
		"only of its source": `, "ranges": [{"type": "GIT", "repo": "https://example.org/x", "events": [{"introduced": "0"}]}]`,
	} {
		db := database(t, text(entry))
		hits := db.Match("com.example.weather", "3.0.0")
		if len(hits) != 1 || hits[0].Unclear != "it does not say which versions" || len(db.Problems()) > 0 {
			t.Errorf("%s: %+v, %v", name, hits, db.Problems())
		}
	}
	hits := database(t, text(events(`"introduced": "0"`, `"fixed": "0.1.0"`))).Match("com.example.weather", "not a version")
	if len(hits) != 1 || hits[0].Unclear != `the version "not a version" cannot be read` {
		t.Errorf("%+v", hits)
	}
}

func TestNotUnderstoodAtAll(t *testing.T) {
	deep := strings.Repeat("[", 200_000)
	for name, test := range map[string]string{
		"empty":          "",
		"no JSON":        "{",
		"twice":          `{"id": "A", "id": "B"}`,
		"a list":         "[]",
		"deep":           deep,
		"no affected":    `{"id": "A", "modified": "2026-03-01T12:00:00Z"}`,
		"too long":       `{"details": "` + strings.Repeat("x", 300<<10) + `"}`,
		"no package":     `{"id": "A", "modified": "2026-03-01T12:00:00Z", "affected": [{}]}`,
		"affected twice": text("") + text(""),
	} {
		db := database(t, test)
		if len(db.Problems()) != 1 || db.Len() != 0 || strings.ContainsAny(db.Problems()[0].Error(), "\n\x1b") {
			t.Errorf("%s: %v, %d advisories", name, db.Problems(), db.Len())
		}
	}
	db := database(t, `{"id": "A", "modified": "2026-03-01T12:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "left-pad"}}]}`)
	if len(db.Problems()) > 0 || db.Len() != 1 || len(db.Match("left-pad", "1.0.0")) > 0 {
		t.Errorf("another ecosystem: %v", db.Problems())
	}
}

func TestSeverity(t *testing.T) {
	score := func(kind, vector string) string {
		return fmt.Sprintf(`"severity": [{"type": %q, "score": %q}]`, kind, vector)
	}
	for _, test := range []struct{ entry, more, want string }{
		{"", `"summary": "x"`, advisory.High},
		{"", `"database_specific": {"severity": "LOW"}`, advisory.Low},
		{"", `"database_specific": {"severity": "MODERATE"}`, advisory.Medium},
		{"", `"database_specific": {"severity": "Critical"}`, advisory.Critical},
		{"", `"database_specific": {"severity": "so-so"}`, advisory.High},
		{"", `"database_specific": {"severity": 1}`, advisory.High},
		{"", `"database_specific": {"severity": "low"}, ` + score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"), advisory.Low},
		{"", score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), advisory.Critical},
		{"", score("CVSS_V3", "CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"), advisory.Low},
		{"", score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N/E:U"), advisory.Medium},
		{"", score("CVSS_V3", "CVSS:3.1/AV:N"), advisory.High},
		{"", score("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"), advisory.High},
		{`, "database_specific": {"severity": "critical"}`, `"database_specific": {"severity": "low"}`, advisory.Critical},
	} {
		hits := database(t, text(test.entry+events(`"introduced": "0"`), test.more)).Match("com.example.weather", "1.0.0")
		if len(hits) != 1 || hits[0].Severity != test.want {
			t.Errorf("%s %s: %+v, want %s", test.entry, test.more, hits, test.want)
		}
	}
}

func TestTwoEntriesOfOneMod(t *testing.T) {
	about := `{"package": {"ecosystem": "modrunner", "name": "com.example.weather"}`
	one := about + `, "database_specific": {"severity": "low"}` + events(`"introduced": "1.0.0"`, `"fixed": "1.5.0"`) + `}`
	two := about + `, "database_specific": {"severity": "critical"}` + events(`"introduced": "1.2.0"`, `"fixed": "1.3.0"`) + `}`
	db := database(t, `{"id": "A", "modified": "2026-03-01T12:00:00Z", "affected": [`+one+`, `+two+`]}`)
	hits := db.Match("com.example.weather", "1.2.5")
	if len(hits) != 1 || hits[0].Severity != advisory.Critical || hits[0].Fixed != "" {
		t.Errorf("%+v: what mends one may not mend the other", hits)
	}
	if hits := db.Match("com.example.weather", "1.4.0"); len(hits) != 1 || hits[0].Fixed != "1.5.0" || hits[0].Severity != advisory.Low {
		t.Errorf("%+v", hits)
	}
}

func TestLaterModificationHolds(t *testing.T) {
	all := events(`"introduced": "0"`)
	old := text(all)
	withdrawn := strings.Replace(text(all, `"withdrawn": "2026-04-01T00:00:00Z"`), "2026-03-01", "2026-04-01", 1)
	for name, texts := range map[string][]string{"old first": {old, withdrawn}, "new first": {withdrawn, old}} {
		db := database(t, texts...)
		if hits := db.Match("com.example.weather", "1.0.0"); len(hits) > 0 || db.Len() != 1 {
			t.Errorf("%s: %+v, %d", name, hits, db.Len())
		}
		if got := db.Newest().Format(time.DateOnly); got != "2026-04-01" {
			t.Errorf("%s: newest %s", name, got)
		}
	}
	if hits := database(t, old).Match("com.example.weather", "1.0.0"); len(hits) != 1 {
		t.Error("the control: it stands before")
	}
	// Of the same time: both hold, and one hit is told.
	narrow := text(events(`"introduced": "5.0.0"`))
	for name, texts := range map[string][]string{"a": {old, narrow}, "b": {narrow, old}} {
		if hits := database(t, texts...).Match("com.example.weather", "1.0.0"); len(hits) != 1 {
			t.Errorf("%s: %+v", name, hits)
		}
	}
	if hits := database(t, old, old).Match("com.example.weather", "1.0.0"); len(hits) != 1 {
		t.Errorf("the same one twice: %+v", hits)
	}
	// One that is not understood does not take the place of one that is.
	broken := strings.Replace(text(all, `"published": 1`), "2026-03-01", "2027-03-01", 1)
	if db := database(t, old, broken); len(db.Match("com.example.weather", "1.0.0")) != 2 {
		t.Errorf("%+v", db.Match("com.example.weather", "1.0.0"))
	}
}

func TestGravestFirst(t *testing.T) {
	var texts []string
	for i, severity := range []string{"low", "critical", "medium", "high"} {
		texts = append(texts, strings.Replace(text(events(`"introduced": "0"`), `"database_specific": {"severity": "`+severity+`"}`), "MR-2026-1", fmt.Sprint("MR-", i), 1))
	}
	hits := database(t, texts...).Match("com.example.weather", "1.0.0")
	want := []policy.Advisory{{ID: "MR-1", Severity: "critical"}, {ID: "MR-3", Severity: "high"}, {ID: "MR-2", Severity: "medium"}, {ID: "MR-0", Severity: "low"}}
	if diff := cmp.Diff(want, advisory.Policies(hits)); diff != "" {
		t.Error(diff)
	}
}

func TestFieldsAreRead(t *testing.T) {
	a, err := advisory.Parse("a.json", []byte(text(events(`"introduced": "0"`, `"fixed": "1.0.0"`),
		`"published": "2026-02-01T00:00:00+01:00"`, `"aliases": ["CVE-2026-1"]`, `"summary": "it rains"`, `"details": "a lot\nof it"`,
		`"references": [{"type": "WEB", "url": "https://example.org"}]`, `"credits": [{"name": "x"}]`)))
	if err != nil {
		t.Fatal(err)
	}
	want := &advisory.Advisory{
		ID: "MR-2026-1", File: "a.json", Modified: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Published: time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC),
		Summary: "it rains", Details: "a lot\nof it", Aliases: []string{"CVE-2026-1"}, Severity: advisory.High,
		References: []advisory.Reference{{Type: "WEB", URL: "https://example.org"}},
		Affected:   []advisory.Affected{{Mod: "com.example.weather", Ranges: [][]advisory.Event{{{Introduced: "0"}, {Fixed: "1.0.0"}}}}},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
}

func TestReadFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("good.json", text(events(`"introduced": "0"`)))
	write("broken.json", "{")
	write("long.json", strings.Repeat(" ", 300<<10))
	write("README.md", "no advisory")
	write(".x.json.ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp", "{")
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(outside, []byte(text("")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.json")); err != nil {
		t.Skip(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	db, err := advisory.ReadFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	for _, p := range db.Problems() {
		wrong = append(wrong, p.File)
	}
	if diff := cmp.Diff([]string{"broken.json", "folder.json", "link.json", "long.json"}, wrong); diff != "" || db.Len() != 1 {
		t.Errorf("%d advisories; %s", db.Len(), diff)
	}
}

func TestEmptyDatabase(t *testing.T) {
	var none *advisory.Database
	for _, db := range []*advisory.Database{none, {}} {
		if db.Len() != 0 || !db.Newest().IsZero() || len(db.Match("com.example.weather", "1.0.0")) != 0 || len(db.Problems()) != 0 {
			t.Errorf("%+v", db)
		}
	}
}

func TestErrorIsTyped(t *testing.T) {
	_, err := advisory.Parse("x\x1b.json", []byte(`{"id": "\u001b[2J"`))
	e, ok := errors.AsType[*advisory.Error](err)
	if !ok || strings.ContainsRune(e.Error(), 0x1b) || errors.Unwrap(err) == nil {
		t.Errorf("%#v", err)
	}
}

func ExampleDatabase_Match() {
	db := &advisory.Database{}
	db.Add("MR-2026-1.json", []byte(`{
		"id": "MR-2026-1",
		"modified": "2026-03-01T12:00:00Z",
		"summary": "Storms can be made to last for ever",
		"affected": [{
			"package": {"ecosystem": "modrunner", "name": "com.example.weather"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "1.2.0"}, {"fixed": "1.4.1"}]}]
		}],
		"database_specific": {"severity": "MODERATE"}
	}`))
	for _, version := range []string{"1.1.0", "1.4.0", "1.4.1"} {
		for _, hit := range db.Match("com.example.weather", version) {
			fmt.Println(version, hit.Advisory.ID, hit.Severity, "since", hit.Since, "fixed in", hit.Fixed)
		}
	}
	// Output: 1.4.0 MR-2026-1 medium since 1.2.0 fixed in 1.4.1
}
