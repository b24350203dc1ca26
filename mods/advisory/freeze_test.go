package advisory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/manifest"
)

const (
	digest = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	other  = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	key    = "0123456789ABCDEF"
	tail   = "\nreason = \"it mines coins\"\nby = \"ada\"\nat = \"2026-03-01T12:00:00Z\"\n"
)

func freezes(t testing.TB, text string) *advisory.Freezes {
	t.Helper()
	f, err := advisory.ParseFreezes("freezes.toml", []byte("format = 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFreezesMatch(t *testing.T) {
	for _, test := range []struct {
		what    string
		id      string
		version string
		digest  string
		keys    []string
		want    bool
	}{
		{`id = "com.example.weather"`, "com.example.weather", "1.0.0", digest, nil, true},
		{`id = "com.example.weather"`, "com.example.weather", "1.0.0-rc.1", digest, nil, true},
		{`id = "com.example.weather"`, "com.example.weathers", "1.0.0", digest, nil, false},
		{"id = \"com.example.weather\"\nversions = \"<1.4.0\"", "com.example.weather", "1.3.9", digest, nil, true},
		{"id = \"com.example.weather\"\nversions = \"<1.4.0\"", "com.example.weather", "1.4.0-rc.1", digest, nil, true},
		{"id = \"com.example.weather\"\nversions = \"<1.4.0\"", "com.example.weather", "1.4.0", digest, nil, false},
		{"id = \"com.example.weather\"\nversions = \"*\"", "com.example.weather", "2.0.0-rc.1", digest, nil, true},
		{"id = \"com.example.weather\"\nversions = \"^1.2\"", "com.example.weather", "1.3.0-beta", digest, nil, true},
		{"id = \"com.example.weather\"\nversions = \"=1.2.0\"", "com.example.weather", "1.2.0+other.build", digest, nil, true},
		{"id = \"com.example.weather\"\nversions = \"=1.2.0\"", "com.example.weather", "no version", digest, nil, true},
		{`digest = "` + digest + `"`, "com.example.any", "1.0.0", digest, nil, true},
		{`digest = "` + digest + `"`, "com.example.any", "1.0.0", other, nil, false},
		{`key = "` + key + `"`, "com.example.any", "1.0.0", digest, []string{"FFFFFFFFFFFFFFFF", key}, true},
		{`key = "` + key + `"`, "com.example.any", "1.0.0", digest, []string{"FFFFFFFFFFFFFFFF"}, false},
		{`key = "` + key + `"`, "com.example.any", "1.0.0", "", nil, false},
	} {
		f := freezes(t, "[freezes.1]\n"+test.what+tail)
		got := f.Match(test.id, test.version, test.digest, test.keys)
		if (len(got) == 1) != test.want {
			t.Errorf("%s, %s %s: %v", test.what, test.id, test.version, got)
		}
	}
	// The control: a range alone leaves prereleases out.
	c, _ := semver.NewConstraint("*")
	if c.Check(semver.MustParse("2.0.0-rc.1")) {
		t.Error("prereleases need no care")
	}
	var none *advisory.Freezes
	if len(none.Match("com.example.weather", "1.0.0", digest, []string{key})) > 0 || len((&advisory.Freezes{List: []advisory.Freeze{{}}}).Match("", "", "", []string{""})) > 0 {
		t.Error("what is empty stops something")
	}
}

func TestFreezesRefused(t *testing.T) {
	good := "[freezes.1]\nid = \"com.example.weather\"" + tail
	for _, test := range []struct {
		name, text string
		line       int
		part       string
	}{
		{"no format", good, 0, "format is 0"},
		{"a later format", "format = 2\n" + good, 1, "format is 2; this program reads 1"},
		{"nothing that is stopped", "format = 1\n[freezes.1]" + tail, 2, "one of id, digest and key"},
		{"two things", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nkey = \"" + key + "\"" + tail, 2, "one of id, digest and key"},
		{"versions of a digest", "format = 1\n[freezes.1]\ndigest = \"" + digest + "\"\nversions = \"^1\"" + tail, 4, "versions go with an id"},
		{"versions that are none", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nversions = \"1..2\"" + tail, 4, "versions is"},
		{"an empty range", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nversions = \"\"" + tail, 4, "versions is"},
		{"an id that is none", "format = 1\n[freezes.1]\nid = \"Com.Example\"" + tail, 3, "id is"},
		{"an empty id", "format = 1\n[freezes.1]\nid = \"\"" + tail, 3, "id is"},
		{"a digest that is none", "format = 1\n[freezes.1]\ndigest = \"h1:abc\"" + tail, 3, "digest is"},
		{"a key in small letters", "format = 1\n[freezes.1]\nkey = \"0123456789abcdef\"" + tail, 3, "key is"},
		{"no reason", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nby = \"ada\"\nat = \"2026-03-01T12:00:00Z\"", 2, "reason is missing"},
		{"nobody", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nreason = \"x\"\nat = \"2026-03-01T12:00:00Z\"", 2, "by is missing"},
		{"no time", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nreason = \"x\"\nby = \"ada\"\nat = \"today\"", 6, "at is"},
		{"a line in a reason", "format = 1\n[freezes.1]\nid = \"com.example.weather\"\nreason = \"x\\ny\"\nby = \"ada\"\nat = \"2026-03-01T12:00:00Z\"", 4, "U+000A"},
		{"an unknown key", "format = 1\n" + good + "until = \"x\"", 7, "until"},
		{"no TOML", "format = 1\n[", 2, ""},
		{"an array of tables", "format = 1\n[[freezes]]\n", 2, "array"},
		{"a bomb", "format = 1\n" + strings.Repeat("[", 100_000), 2, ""},
		{"a comment alone", "# nothing\n", 0, "format is 0"},
	} {
		f, err := advisory.ParseFreezes("freezes.toml", []byte(test.text))
		e, ok := errors.AsType[*advisory.FreezesError](err)
		if !ok || f != nil || e.Line != test.line || !strings.Contains(err.Error(), test.part) {
			t.Errorf("%s: %v, %v (line %d)", test.name, f, err, e.Line)
		}
	}
	for _, text := range []string{"", " \n", "format = 1\n"} {
		if f, err := advisory.ParseFreezes("freezes.toml", []byte(text)); err != nil || len(f.List) > 0 {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
}

func TestFormatFreezes(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	below, err := manifest.ParseRange("<1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	f := &advisory.Freezes{List: []advisory.Freeze{
		{Name: "worm", Digest: digest, Reason: `it says "hello" \ and spreads`, By: "ada", At: at},
		{Name: "2", Key: key, Reason: "stolen", By: "ada", At: at},
		{ID: "com.example.weather", Versions: below, Reason: "x", By: "ada", At: at},
		{Name: "10", ID: "com.example.weather", Reason: "x", By: "ada", At: at},
		{ID: "com.example.other", Reason: "x", By: "ada", At: at},
	}}
	text, err := advisory.FormatFreezes(f)
	if err != nil {
		t.Fatal(err)
	}
	back, err := advisory.ParseFreezes("freezes.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range back.List {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "10", "worm"}, names); diff != "" {
		t.Error(diff)
	}
	again, err := advisory.FormatFreezes(back)
	if err != nil || string(again) != string(text) {
		t.Errorf("%v\n%s\n%s", err, text, again)
	}
	for _, bad := range []advisory.Freeze{
		{Reason: "x", By: "ada", At: at}, {ID: "x y", Reason: "x", By: "ada", At: at}, {ID: "com.example.weather", Reason: "a\nb", By: "ada", At: at},
		{Name: "a\"b", ID: "com.example.weather", Reason: "x", By: "ada", At: at},
	} {
		if text, err := advisory.FormatFreezes(&advisory.Freezes{List: []advisory.Freeze{bad}}); !errors.As(err, new(*advisory.FreezesError)) {
			t.Errorf("%+v: %v\n%s", bad, err, text)
		}
	}
}

func ExampleFreezes_Match() {
	f, err := advisory.ParseFreezes("freezes.toml", []byte(`
format = 1

[freezes.1]
id = "com.example.weather"
versions = "<1.4.0"
reason = "mines coins"
by = "ada"
at = "2026-03-01T12:00:00Z"
`))
	if err != nil {
		panic(err)
	}
	fmt.Println(advisory.Reasons(f.Match("com.example.weather", "1.3.0", "", nil)))
	fmt.Println(advisory.Reasons(f.Match("com.example.weather", "1.4.0", "", nil)))
	// Output:
	// [com.example.weather <1.4.0: mines coins (ada, 2026-03-01T12:00:00Z)]
	// []
}
