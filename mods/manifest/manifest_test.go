package manifest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func readGood(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "good", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plain is what a test compares of a manifest.
type plain struct {
	ID, Version, Name, Description, License, Entry, API string
	Authors                                             []string
	Permissions                                         []manifest.Permission
	Limits                                              limits.Limits
	Settings                                            []manifest.Setting
	Dependencies, Optional, Conflicts                   []string
	Libraries, LoadAfter                                []string
	Library                                             bool
	Exceptions                                          map[string]string
}

func plainOf(m *manifest.Manifest) plain {
	list := func(requirements []manifest.Requirement) []string {
		var out []string
		for _, r := range requirements {
			out = append(out, r.ID+" "+r.Range.Text)
		}
		return out
	}
	return plain{
		ID: m.ID, Version: m.Version.Original(), Name: m.Name, Description: m.Description, License: m.License,
		Entry: m.Entry, API: m.API.Text, Authors: m.Authors, Permissions: m.Permissions, Limits: m.Limits,
		Settings:     m.Settings,
		Dependencies: list(m.Dependencies), Optional: list(m.OptionalDependencies), Conflicts: list(m.Conflicts),
		Libraries: list(m.Libraries), LoadAfter: list(m.LoadAfter), Library: m.Library, Exceptions: m.Exceptions,
	}
}

func TestParse(t *testing.T) {
	tests := map[string]plain{
		"full.toml": {
			ID: "com.example.weather", Version: "1.2.3-beta.1+linux", Name: "Wetter – 天気",
			Description: "Rain, snow and\n\tthe odd thunderstorm. [not a table] { nor this }\n",
			License:     "(MIT OR Apache-2.0)", Entry: "src/main.lua", API: ">=1.0, <3.0",
			Authors: []string{"Ada", "Grace"},
			Permissions: []manifest.Permission{
				{Name: "log", Reason: "tells you when it rains", Options: map[string]any{}},
				{Name: "net.http", Reason: "asks the weather service", Options: map[string]any{"hosts": []any{"weather.example.com"}}},
				{Name: "random", Reason: "which way the wind blows", Optional: true, Options: map[string]any{}},
				{Name: "storage", Reason: "remembers the season", Options: map[string]any{
					"quota": "64KiB", "ratio": 0.5, "strict": true, "keys": []any{"a", "b"}, "count": int64(3),
				}},
			},
			Limits: limits.Limits{
				Instructions: 20_000_000, Memory: 16 << 20, Time: 50 * time.Millisecond, Depth: 200, Coroutines: 100,
				Output: 65536, HostCalls: 10_000, String: 3 << 19, Source: 256_000, Nesting: 100,
			},
			Settings: []manifest.Setting{
				{Name: "umbrella", Type: manifest.BooleanSetting, Title: "Umbrellas – 傘", Description: "Whether villagers\ncarry umbrellas.", Default: true},
				{Name: "rain", Type: manifest.IntegerSetting, Title: "rain", Default: int64(20), Min: 0, Max: 100},
			},
			Dependencies: []string{"clock ~2.0 || ^3", "com.example.base ^1.2"},
			Optional:     []string{"seasons *"},
			Conflicts:    []string{"old-weather <2.0.0-0"},
			Libraries:    []string{"com.example.vectors ^2.1"},
			LoadAfter:    []string{"terrain *"},
			Exceptions:   map[string]string{"code-from-string": "it is a console"},
		},
		"library.toml": {
			ID: "com.example.vectors", Version: "2.1.0", Name: "com.example.vectors", Entry: "main.lua", Library: true,
			Libraries: []string{"com.example.numbers ^1.0"},
		},
		"minimal.toml": {ID: "abc", Version: "0.0.1", Name: "abc", Entry: "main.lua"},
		"dotted-bom-crlf.toml": {
			ID: "dotted-keys", Version: "1.0.0", Name: "dotted-keys", Entry: "main.lua",
			Permissions: []manifest.Permission{{Name: "log", Reason: "dotted", Options: map[string]any{}}},
		},
		"inline.toml": {ID: "in.line", Version: "1.0.0", Name: "in.line", Entry: "main.lua", Limits: limits.Limits{Time: 90 * time.Second}},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := manifest.Parse("mod.toml", readGood(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, plainOf(m)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err := m.Limits.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
	entries, err := os.ReadDir("testdata/good")
	if err != nil || len(entries) != len(tests) {
		t.Errorf("%d files in testdata/good (%v), %d tests", len(entries), err, len(tests))
	}
}

func TestOptionNames(t *testing.T) {
	m, err := manifest.Parse("mod.toml", readGood(t, "full.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"count", "keys", "quota", "ratio", "strict"}
	if diff := cmp.Diff(want, m.Permissions[3].OptionNames()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRange(t *testing.T) {
	m, err := manifest.Parse("mod.toml", readGood(t, "full.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]bool{"0.9.0": false, "1.0.0": true, "2.9.9": true, "3.0.0": false, "2.0.0-beta": false} {
		if got := m.API.Contains(semver.MustParse(version)); got != want {
			t.Errorf("%s contains %s: %v", m.API.Text, version, got)
		}
	}
	if !(manifest.Range{}).Contains(semver.MustParse("9.9.9-x")) || !(manifest.Range{}).IsZero() {
		t.Error("the zero range does not contain everything")
	}
}

func TestWhere(t *testing.T) {
	m, err := manifest.Parse("mod.toml", readGood(t, "full.toml"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path string
		want string
	}{
		{"mod", "mod.toml:2:1"},
		{"mod/id", "mod.toml:3:1"},
		{"mod/authors/1", "mod.toml:12:3"},
		{"permissions/log", "mod.toml:19:1"},
		{"permissions/log/reason", "mod.toml:19:9"},
		{"permissions/storage", "mod.toml:21:1"},
		{"permissions/storage/keys/1", "mod.toml:26:14"},
		{"permissions/net.http/hosts", "mod.toml:31:1"},
		{"dependencies/com.example.base", "mod.toml:46:1"},
		{"dependencies/none", "mod.toml:45:1"},
		{"none", "mod.toml:1:1"},
		{"", "mod.toml:1:1"},
	}
	for _, test := range tests {
		if got := m.Where(strings.Split(test.path, "/")...).String(); got != test.want {
			t.Errorf("Where(%s): %s, want %s", test.path, got, test.want)
		}
	}
}

const head = "[mod]\nid = \"abc\"\nversion = \"1.0.0\"\n"

// Every text here must be refused with problems exactly as told:
// "line:column kind field suggestion".
func TestProblems(t *testing.T) {
	mod := func(line string) string { return head + line + "\n" }
	long := strings.Repeat("x", 2000)
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	tests := []struct {
		name string
		text string
		want []string
	}{
		{"nothing", "", []string{"1:1 missing mod"}},
		{"empty section", "[mod]", []string{"1:1 missing mod.id", "1:1 missing mod.version"}},
		{"section is a string", "mod = 'x'", []string{"1:1 wrong type mod"}},
		{"section is an array", "mod = [1]", []string{"1:1 wrong type mod"}},
		{"misspelt key", "[mod]\nid = \"abc\"\nverison = \"1.0.0\"\nversion = \"1.0.0\"", []string{"3:1 unknown key mod.verison version"}},
		{"misspelt and missing", "[mod]\nid = \"abc\"\nverison = \"1.0.0\"", []string{"1:1 missing mod.version", "3:1 unknown key mod.verison version"}},
		{"unknown key, nothing near", mod("xyz = 1"), []string{"4:1 unknown key mod.xyz"}},
		{"misspelt section", mod("[dependancies]"), []string{"4:1 unknown key dependancies dependencies"}},
		{"unknown section", mod("[frobnicate]"), []string{"4:1 unknown key frobnicate"}},
		{"key without section", "id = \"abc\"\n[mod]\nid = \"abc\"\nversion = \"1.0.0\"", []string{"1:1 unknown key id"}},
		{"hostile key", mod(`"a b\u202e" = 1`), []string{"4:1 syntax"}},
		{"raw hostile key", mod("'a\u202eb' = 1"), []string{"4:1 unknown key mod.\"a\\u202eb\""}},
		{"several", "[mod]\nid = 5\nversion = \"1\"\nnmae = \"x\"\n[limits]\ndepth = -1",
			[]string{"2:1 wrong type mod.id", "3:11 bad value mod.version", "4:1 unknown key mod.nmae name", "6:9 bad value limits.depth"}},

		{"id, capitals", "[mod]\nid = \"Abc\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, short", "[mod]\nid = \"ab\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, empty", "[mod]\nid = \"\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, long", "[mod]\nid = \"" + strings.Repeat("a", 65) + "\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, dots", "[mod]\nid = \"a..b\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, traversal", "[mod]\nid = \"../abc\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, device", "[mod]\nid = \"con\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, device with a tail", "[mod]\nid = \"aux.mod\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"id, newline at the end", "[mod]\nid = \"abc\\n\"\nversion = \"1.0.0\"", []string{"2:6 bad value mod.id"}},
		{"version, two numbers", "[mod]\nid = \"abc\"\nversion = \"1.0.\"", []string{"3:11 bad value mod.version"}},
		{"version, v", "[mod]\nid = \"abc\"\nversion = \"v1.0.0\"", []string{"3:11 bad value mod.version"}},
		{"version, leading zero", "[mod]\nid = \"abc\"\nversion = \"1.01.0\"", []string{"3:11 bad value mod.version"}},
		{"version, too large", "[mod]\nid = \"abc\"\nversion = \"1.99999999999999999999.0\"", []string{"3:11 bad value mod.version"}},
		{"version, number", "[mod]\nid = \"abc\"\nversion = 1.0", []string{"3:1 wrong type mod.version"}},
		{"name, empty", mod(`name = ""`), []string{"4:8 bad value mod.name"}},
		{"name, blank", mod(`name = " "`), []string{"4:8 bad value mod.name"}},
		{"name, long", mod(`name = "` + long[:81] + `"`), []string{"4:8 bad value mod.name"}},
		{"name, escape", mod(`name = "a\u001b[2J"`), []string{"4:8 bad value mod.name"}},
		{"name, bidi override", mod("name = \"a\u202eb\""), []string{"4:8 bad value mod.name"}},
		{"name, newline", mod(`name = "a\nb"`), []string{"4:8 bad value mod.name"}},
		{"name, zero width", mod("name = \"a\u200bb\""), []string{"4:8 bad value mod.name"}},
		{"description, long", mod(`description = "` + long + `"`), []string{"4:15 bad value mod.description"}},
		{"description, bell", mod(`description = "\u0007"`), []string{"4:15 bad value mod.description"}},
		{"authors, string", mod(`authors = "Ada"`), []string{"4:1 wrong type mod.authors"}},
		{"authors, number in it", mod(`authors = ["Ada", 5, ""]`), []string{"4:19 wrong type mod.authors.1", "4:22 bad value mod.authors.2"}},
		{"authors, table in it", mod(`authors = [{ name = "Ada" }]`), []string{"4:12 wrong type mod.authors.0"}},
		{"authors, many", mod(`authors = [` + many(21, `"%d",`) + `]`), []string{"4:11 bad value mod.authors"}},
		{"license", mod(`license = "<script>"`), []string{"4:11 bad value mod.license"}},
		{"entry, outside", mod(`entry = "../main.lua"`), []string{"4:9 bad value mod.entry"}},
		{"entry, absolute", mod(`entry = "/main.lua"`), []string{"4:9 bad value mod.entry"}},
		{"entry, backslash", mod(`entry = 'src\main.lua'`), []string{"4:9 bad value mod.entry"}},
		{"entry, drive", mod(`entry = "C:main.lua"`), []string{"4:9 bad value mod.entry"}},
		{"entry, other", mod(`entry = "main.txt"`), []string{"4:9 bad value mod.entry"}},
		{"entry, hidden", mod(`entry = "src/.main.lua"`), []string{"4:9 bad value mod.entry"}},
		{"entry, device", mod(`entry = "con.lua"`), []string{"4:9 bad value mod.entry"}},
		{"api", mod(`api = "newest"`), []string{"4:7 bad value mod.api"}},
		{"api, empty groups", mod(`api = "||"`), []string{"4:7 bad value mod.api"}},

		{"permission, true", mod("[permissions]\nlog = true"), []string{"5:1 wrong type permissions.log"}},
		{"permission, no reason", mod("[permissions.log]"), []string{"4:1 missing permissions.log"}},
		{"permission, misspelt reason", mod("[permissions.log]\nraeson = \"x\""), []string{"5:1 unknown key permissions.log.raeson reason"}},
		{"permission, empty reason", mod("[permissions.log]\nreason = \"\""), []string{"5:10 bad value permissions.log.reason"}},
		{"permission, long reason", mod("[permissions.log]\nreason = \"" + long[:201] + "\""), []string{"5:10 bad value permissions.log.reason"}},
		{"permission, reason is a number", mod("[permissions.log]\nreason = 1"), []string{"5:1 wrong type permissions.log.reason"}},
		{"permission, name", mod("[permissions.Log]\nreason = \"x\""), []string{"4:1 bad value permissions.Log"}},
		{"permission, dots without quotes", mod("[permissions.net.http]\nreason = \"x\""), []string{"4:1 wrong type permissions.net"}},
		{"permission, deep option", mod("[permissions.log]\nreason = \"x\"\no = [[1]]"), []string{"6:6 wrong type permissions.log.o.0"}},
		{"permission, date", mod("[permissions.log]\nreason = \"x\"\no = 2020-01-01"), []string{"6:1 wrong type permissions.log.o"}},
		{"permission, nan", mod("[permissions.log]\nreason = \"x\"\no = nan"), []string{"6:5 bad value permissions.log.o"}},
		{"permission, option's name", mod("[permissions.log]\nreason = \"x\"\nOption = 1"), []string{"6:1 bad value permissions.log.Option"}},
		{"permission, long option", mod("[permissions.log]\nreason = \"x\"\no = \"" + long + "\""), []string{"6:5 bad value permissions.log.o"}},
		{"permission, many options", mod("[permissions.log]\nreason = \"x\"\n" + many(33, "o%d = 1\n")), []string{"4:1 too complex permissions.log"}},
		{"permission, many items", mod("[permissions.log]\nreason = \"x\"\no = [" + many(65, "%d,") + "]"), []string{"6:5 bad value permissions.log.o"}},
		{"optional, a text", mod("[permissions.log]\nreason = 'x'\noptional = 'yes'"), []string{"6:1 wrong type permissions.log.optional"}},
		{"library, a number", "[mod]\nid = 'abc'\nversion = '1.0.0'\nlibrary = 1", []string{"4:1 wrong type mod.library"}},
		{"library that asks", "[mod]\nid = 'abc'\nversion = '1.0.0'\nlibrary = true\n[permissions.log]\nreason = 'x'\n[dependencies]\nxyz = '*'\n[limits]\ndepth = 1", []string{"5:1 bad value permissions", "7:1 bad value dependencies", "9:1 bad value limits"}},
		{"library twice", mod("[dependencies]\nxyz = '*'\n[libraries]\nxyz = '*'"), []string{"7:1 bad value libraries.xyz"}},
		{"exception, not a rule", mod("[exceptions]\nA_b = 'x'"), []string{"5:1 bad value exceptions.A_b"}},
		{"exception without a reason", mod("[exceptions]\na-b = ''"), []string{"5:7 bad value exceptions.a-b"}},
		{"many permissions", mod("[permissions]\n" + many(65, "p%d.reason = 'x'\n")), []string{"4:1 too complex permissions"}},

		{"limits, zero", mod("[limits]\ninstructions = 0"), []string{"5:16 bad value limits.instructions"}},
		{"limits, negative", mod("[limits]\nmemory = -5"), []string{"5:10 bad value limits.memory"}},
		{"limits, fraction", mod("[limits]\ndepth = 1.5"), []string{"5:1 wrong type limits.depth"}},
		{"limits, string for a count", mod("[limits]\ndepth = \"10\""), []string{"5:1 wrong type limits.depth"}},
		{"limits, boolean", mod("[limits]\nmemory = true"), []string{"5:1 wrong type limits.memory"}},
		{"limits, zero size", mod("[limits]\nmemory = \"0MiB\""), []string{"5:10 bad value limits.memory"}},
		{"limits, negative size", mod("[limits]\nmemory = \"-1MiB\""), []string{"5:10 bad value limits.memory"}},
		{"limits, unlimited", mod("[limits]\nmemory = \"unlimited\""), []string{"5:10 bad value limits.memory"}},
		{"limits, unlimited as a number", mod("[limits]\nmemory = 9223372036854775807"), []string{"5:10 bad value limits.memory"}},
		{"limits, unit", mod("[limits]\nmemory = \"16 megs\""), []string{"5:10 bad value limits.memory"}},
		{"limits, overflow", mod("[limits]\nmemory = 99999999999999999999"), []string{"5:10 syntax"}},
		{"limits, number for a time", mod("[limits]\ntime = 50"), []string{"5:1 wrong type limits.time"}},
		{"limits, zero time", mod("[limits]\ntime = \"0s\""), []string{"5:8 bad value limits.time"}},
		{"limits, negative time", mod("[limits]\ntime = \"-1s\""), []string{"5:8 bad value limits.time"}},
		{"limits, no unit of time", mod("[limits]\ntime = \"50\""), []string{"5:8 bad value limits.time"}},
		{"limits, unlimited time", mod("[limits]\ntime = \"9223372036854775807ns\""), []string{"5:8 bad value limits.time"}},
		{"limits, unknown", mod("[limits]\ninstuctions = 5"), []string{"5:1 unknown key limits.instuctions instructions"}},

		{"dependency, table", mod("[dependencies]\nbase = { version = \"1\" }"), []string{"5:1 wrong type dependencies.base"}},
		{"dependency, dots without quotes", mod("[dependencies]\ncom.example.base = \"^1\""), []string{"5:1 wrong type dependencies.com"}},
		{"dependency, itself", mod("[dependencies]\nabc = \"*\""), []string{"5:1 bad value dependencies.abc"}},
		{"dependency, range", mod("[dependencies]\nbase = \"latest\""), []string{"5:8 bad value dependencies.base"}},
		{"dependency, empty range", mod("[dependencies]\nbase = \"\""), []string{"5:8 bad value dependencies.base"}},
		{"dependency, name", mod("[dependencies]\nBase = \"*\""), []string{"5:1 bad value dependencies.Base"}},
		{"dependency and conflict", mod("[dependencies]\nbase = \"*\"\n[conflicts]\nbase = \"<2\""), []string{"7:1 bad value conflicts.base"}},
		{"dependency, optional too", mod("[optional_dependencies]\nbase = \"*\"\n[dependencies]\nbase = \"<2\""), []string{"5:1 bad value optional_dependencies.base"}},
		{"many dependencies", mod("[dependencies]\n" + many(65, "m%d = '*'\n")), []string{"4:1 too complex dependencies"}},

		{"array of tables", "[[mod]]", []string{"1:1 syntax"}},
		{"table twice", "[mod]\n[mod]", []string{"2:1 duplicate"}},
		{"key twice", head + "id = \"abd\"", []string{"4:1 duplicate"}},
		{"key twice, quoted", head + "'id' = \"abd\"", []string{"4:1 duplicate"}},
		{"string not closed", "[mod]\nid = \"abc", []string{"2:6 syntax"}},
		{"long string not closed", "[mod]\nid = '''abc\n\n", []string{"2:6 syntax"}},
		{"bracket not closed", "[mod]\nid = [1", []string{"2:8 syntax"}},
		{"two values", "[mod]\nid = 1 2", []string{"2:8 syntax"}},
		{"no value", "[mod]\nid =\nversion = 1", []string{"2:5 syntax"}},
		{"no key", "= 1", []string{"1:1 syntax"}},
		{"not TOML", "<?xml?>", []string{"1:1 syntax"}},
		{"not a value", "[mod]\nid = abc", []string{"2:6 syntax"}},
		{"dotted into a value", "a = 1\na.b = 2", []string{"2:1 syntax"}},
		{"NUL", "[mod]\x00", []string{"1:6 syntax"}},
		{"control character in a comment", "# \x1b[2J", []string{"1:3 syntax"}},
		{"lone carriage return", "[mod]\rid = 1", []string{"1:6 syntax"}},
		{"invalid UTF-8", "[mod]\nname = \"\xff\"", []string{"2:9 syntax"}},
		{"UTF-16", "\xff\xfe[\x00m\x00", []string{"1:1 syntax"}},
		{"column counts characters", head + `name = "größe" x`, []string{"4:16 syntax"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := manifest.Parse("mod.toml", []byte(test.text))
			var got []string
			for _, p := range problemsOf(t, []byte(test.text), err) {
				got = append(got, strings.TrimRight(fmt.Sprintf("%d:%d %s %s %s", p.Line, p.Column, p.Kind, p.Field, p.Suggestion), " "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

// problemsOf checks what holds for every error: its type, that its positions
// are in the text, that no character of the text can do harm where it is shown.
func problemsOf(t testing.TB, text []byte, err error) []*manifest.Problem {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	all, ok := errors.AsType[*manifest.Error](err)
	if !ok || len(all.Problems) == 0 {
		t.Fatalf("%v (%T): not a *manifest.Error with problems", err, err)
	}
	if _, ok := errors.AsType[*manifest.Problem](err); !ok {
		t.Error("no *manifest.Problem is found in the error")
	}
	lines := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	for _, p := range all.Problems {
		if p.Line < 1 || p.Line > len(lines) {
			t.Errorf("line %d of %d", p.Line, len(lines))
			continue
		}
		width := utf8.RuneCountInString(lines[p.Line-1])
		if p.Column < 1 || p.Column > width+1 || p.Length < 1 || p.Length > max(1, width-p.Column+1) {
			t.Errorf("column %d, length %d in a line of %d characters", p.Column, p.Length, width)
		}
		if p.Kind == "" || p.Message == "" {
			t.Errorf("kind %q, message %q", p.Kind, p.Message)
		}
		if want := strings.TrimSuffix(lines[p.Line-1], "\r"); p.Source != want && len(text) <= 64<<10 {
			t.Errorf("source %q, want %q", p.Source, want)
		}
		rendered := p.Error()
		if strings.Count(rendered, "\n") != 2 {
			t.Errorf("not three lines: %q", rendered)
		}
		for _, c := range rendered {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Errorf("%U is passed on in %q", c, rendered)
			}
		}
	}
	return all.Problems
}

func TestProblemRendering(t *testing.T) {
	tests := []struct{ text, want string }{
		{
			"[mod]\nid = \"abc\"\nversion = \"1.0.0\"\nverison = \"1.0.0\"\n",
			"mod.toml:4:1: unknown key \"verison\" in [mod]; did you mean \"version\"?\n" +
				"   4 | verison = \"1.0.0\"\n" +
				"     | ^~~~~~~",
		},
		{
			head + "\tname = \"größer \u202e\"  # " + strings.Repeat("x", 200),
			"mod.toml:4:9: mod.name: the character U+202E is not allowed; it cannot be seen or changes how text is shown\n" +
				"   4 |  name = \"größer \ufffd\"  # " + strings.Repeat("x", 78) + "...\n" +
				"     |         ^~~~~~~~~~",
		},
		{
			head + "authors = [\"" + strings.Repeat("a", 100) + "\", 5]",
			"mod.toml:4:116: mod.authors.1 must be a string, not a whole number\n" +
				"   4 | ..." + strings.Repeat("a", 27) + "\", 5]\n" +
				"     | " + strings.Repeat(" ", 33) + "^",
		},
	}
	for _, test := range tests {
		_, err := manifest.Parse("mod.toml", []byte(test.text))
		if err == nil {
			t.Errorf("%q is accepted", test.text)
			continue
		}
		if diff := cmp.Diff(test.want, err.Error()); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, err)
		}
	}
}

func TestFileNameCannotForgeLines(t *testing.T) {
	_, err := manifest.Parse("a\nmod.toml\x1b", nil)
	if got := err.Error(); !strings.HasPrefix(got, `"a\nmod.toml\x1b":1:1: `) {
		t.Errorf("%q", got)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range 1000 {
		fmt.Fprintf(&b, "k%d = 1\n", i)
	}
	_, err := manifest.Parse("mod.toml", []byte(b.String()))
	all, ok := errors.AsType[*manifest.Error](err)
	if !ok || len(all.Problems) != 50 || all.Omitted != 950 {
		t.Errorf("%d problems and %d omitted, want 50 and 950", len(all.Problems), all.Omitted)
	}
}

func TestProblemOfALaterStage(t *testing.T) {
	m, err := manifest.Parse("mod.toml", readGood(t, "full.toml"))
	if err != nil {
		t.Fatal(err)
	}
	p := m.Problem("no capability\nis called so", "permissions", "net.http")
	want := "mod.toml:29:1: no capability is called so\n" +
		"  29 | [permissions.\"net.http\"]\n" +
		"     | ^~~~~~~~~~~~~~~~~~~~~~~~"
	if diff := cmp.Diff(want, p.Error()); diff != "" || p.Kind != manifest.Refused {
		t.Errorf("kind %q (-want +got):\n%s", p.Kind, diff)
	}
}
