package provenance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/provenance"
)

func weather(t testing.TB) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"weather\"\nversion = \"1.0.0\"\n")},
		"main.lua": {},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func attached(t testing.TB, statement string) *bundle.Bundle {
	t.Helper()
	b, err := weather(t).WithAttachments(map[string][]byte{bundle.ProvenanceName: []byte(statement)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	tool   = "https://github.com/luasandbox/modrunner"
)

var claim = provenance.Claim{
	Source: "git+https://example.org/weather", Commit: commit,
	Tool: tool, ToolVersion: "v1.2.3", At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)),
}

func made(t testing.TB, c provenance.Claim) string {
	t.Helper()
	data, err := provenance.Make(weather(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// golden is what the specifications call for, written by hand; the digest is
// weather's in hexadecimal digits.
const golden = `{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [
    {
      "name": "h1-DIGEST",
      "digest": {
        "dirHash": "DIGEST"
      }
    }
  ],
  "predicateType": "https://slsa.dev/provenance/v1",
  "predicate": {
    "buildDefinition": {
      "buildType": "https://github.com/luasandbox/modrunner/pack/v1",
      "externalParameters": {
        "source": "git+https://example.org/weather"
      },
      "resolvedDependencies": [
        {
          "name": "source",
          "uri": "git+https://example.org/weather",
          "digest": {
            "gitCommit": "0123456789abcdef0123456789abcdef01234567"
          }
        }
      ]
    },
    "runDetails": {
      "builder": {
        "id": "https://github.com/luasandbox/modrunner",
        "version": {
          "modrunner": "v1.2.3"
        }
      },
      "metadata": {
        "finishedOn": "2026-03-04T04:06:07Z"
      }
    }
  }
}
`

func TestMake(t *testing.T) {
	name, err := bundle.DigestName(weather(t).Digest())
	if err != nil {
		t.Fatal(err)
	}
	text := made(t, claim)
	if diff := cmp.Diff(strings.ReplaceAll(golden, "DIGEST", name[3:]), text); diff != "" {
		t.Errorf("statement (-want +got):\n%s", diff)
	}
	if made(t, claim) != text {
		t.Error("made again it is another")
	}
	s, err := provenance.Of(attached(t, text))
	if err != nil {
		t.Fatal(err)
	}
	want := &provenance.Statement{
		Subjects:  []provenance.Subject{{Name: name, Digest: weather(t).Digest()}},
		BuildType: provenance.BuildType,
		Builder:   tool,
		Versions:  map[string]string{"modrunner": "v1.2.3"},
		Sources:   []provenance.Source{{URI: claim.Source, Commit: commit, Name: "source"}},
		Finished:  claim.At.UTC(),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	least, err := provenance.Of(attached(t, made(t, provenance.Claim{Tool: tool})))
	if err != nil {
		t.Fatal(err)
	}
	if len(least.Sources) != 0 || !least.Finished.IsZero() || least.Versions != nil {
		t.Errorf("nothing was claimed, and it says %+v", least)
	}
}

func TestMakeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*provenance.Claim)
		field  string
	}{
		"no tool":                {func(c *provenance.Claim) { c.Tool = "" }, "tool"},
		"tool without a scheme":  {func(c *provenance.Claim) { c.Tool = "modrunner" }, "tool"},
		"source without scheme":  {func(c *provenance.Claim) { c.Source = "example.org/weather" }, "source"},
		"password":               {func(c *provenance.Claim) { c.Source = "https://me:hunter2@example.org/" }, "source"},
		"password for ssh":       {func(c *provenance.Claim) { c.Source = "ssh://git:hunter2@example.org/" }, "source"},
		"token as user":          {func(c *provenance.Claim) { c.Source = "https://hunter2@example.org/" }, "source"},
		"escape in the source":   {func(c *provenance.Claim) { c.Source += "\x1b[2J" }, "source"},
		"long source":            {func(c *provenance.Claim) { c.Source += strings.Repeat("x", 2048) }, "source"},
		"short commit":           {func(c *provenance.Claim) { c.Commit = "0123456" }, "commit"},
		"commit in capitals":     {func(c *provenance.Claim) { c.Commit = strings.ToUpper(commit) }, "commit"},
		"branch":                 {func(c *provenance.Claim) { c.Commit = "main" }, "commit"},
		"commit without source":  {func(c *provenance.Claim) { c.Source = "" }, "commit"},
		"newline in the version": {func(c *provenance.Claim) { c.ToolVersion = "v1\nsigned by: Ada" }, "tool version"},
		"time before 1970":       {func(c *provenance.Claim) { c.At = time.Unix(-1, 0) }, "time"},
		"year of five digits":    {func(c *provenance.Claim) { c.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "time"},
	} {
		c := claim
		test.change(&c)
		_, err := provenance.Make(weather(t), c)
		e, ok := errors.AsType[*provenance.Error](err)
		if !ok || e.Reason != provenance.BadField || e.Field != test.field {
			t.Errorf("%s: %v, want %q about %q", name, err, provenance.BadField, test.field)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: the message passes on what it must not: %q", name, err)
		}
	}
	c := claim
	c.Source = "git+ssh://git@example.org/weather"
	if _, err := provenance.Make(weather(t), c); err != nil {
		t.Errorf("a user name for ssh: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	good := made(t, claim)
	swap := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("the statement has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"uri": "https://example.org/"},`, 65), ",")
	tests := []struct {
		name, text string
		reason     provenance.Reason
		field      string
	}{
		{"empty", "", provenance.Syntax, ""},
		{"cut short", good[:len(good)/2], provenance.Syntax, ""},
		{"two documents", good + good, provenance.Syntax, ""},
		{"equal keys", swap(`"_type":`, `"_type": "x", "_type":`), provenance.Syntax, ""},
		{"equal keys below", swap(`"dirHash":`, `"dirHash": "x", "dirHash":`), provenance.Syntax, ""},
		{"deep", strings.Repeat(`{"x":`, 100000/5), provenance.TooBig, ""},
		{"deep and small enough", strings.Repeat(`[`, 60000), provenance.Syntax, ""},
		{"too big", good + strings.Repeat(" ", provenance.MaxBytes), provenance.TooBig, ""},
		{"a list", "[]", provenance.BadField, ""},
		{"null", "null", provenance.BadField, ""},
		{"other statement", swap("Statement/v1", "Statement/v0.1"), provenance.Unsupported, "_type"},
		{"no type", swap(`"_type"`, `"_TYPE"`), provenance.Unsupported, "_type"},
		{"other predicate", swap("provenance/v1", "provenance/v0.2"), provenance.Unsupported, "predicateType"},
		{"type that is a list", swap(`"https://in-toto.io/Statement/v1"`, "[]"), provenance.BadField, "_type"},
		{"no subject", swap(`"subject"`, `"Subject"`), provenance.BadField, "subject"},
		{"subject that is an object", `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","subject":{}}`, provenance.BadField, "subject"},
		{"subject without digest", swap(`"dirHash"`, `"x": 1, "dirHash"`), provenance.BadField, "subject[0].digest.x"},
		{"digest in capitals", swap(`"dirHash": "`, `"dirHash": "A`), provenance.BadField, "subject[0].digest.dirHash"},
		{"no builder", swap(`"builder"`, `"Builder"`), provenance.BadField, "predicate.runDetails.builder.id"},
		{"build type that is no URI", swap(provenance.BuildType, "pack"), provenance.BadField, "predicate.buildDefinition.buildType"},
		{"commit that is none", swap(commit, "main"), provenance.BadField, "predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit"},
		{"password in a source", swap(`"uri": "git+https://`, `"uri": "git+https://me:hunter2@`), provenance.BadField, "predicate.buildDefinition.resolvedDependencies[0].uri"},
		{"parameter of another source", swap(`"source": "git+https://example.org/`, `"source": "git+https://example.com/`), provenance.BadField, "predicate.buildDefinition.externalParameters.source"},
		{"too many sources", swap(`"resolvedDependencies": [`, `"resolvedDependencies": [`+many+","), provenance.TooBig, "predicate.buildDefinition.resolvedDependencies"},
		{"control character", swap("v1.2.3", `v1\n`), provenance.BadField, "predicate.runDetails.builder.version.modrunner"},
		{"text of another direction", swap("v1.2.3", `\u202e`), provenance.BadField, "predicate.runDetails.builder.version.modrunner"},
		{"no time", swap("2026-03-04T04:06:07Z", "yesterday"), provenance.BadField, "predicate.runDetails.metadata.finishedOn"},
		{"finished before it began", swap(`"finishedOn"`, `"startedOn": "2027-01-01T00:00:00Z", "finishedOn"`), provenance.BadField, "predicate.runDetails.metadata.finishedOn"},
	}
	for _, test := range tests {
		_, err := provenance.Parse([]byte(test.text))
		e, ok := errors.AsType[*provenance.Error](err)
		if !ok || e.Reason != test.reason || e.Field != test.field {
			t.Errorf("%s: %v; want %q at %q", test.name, err, test.reason, test.field)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.ContainsAny(err.Error(), "\n\x1b\u202e") {
			t.Errorf("%s: the message passes on what it must not: %q", test.name, err)
		}
	}
}

// A statement of somebody else's may hold more than is understood here. It is passed
// over, and told.
func TestUnknownFieldsAreTold(t *testing.T) {
	text := strings.NewReplacer(
		provenance.BuildType, "https://example.org/other/v1",
		`"source": "git+https://example.org/weather"`, `"workflow": {"ref": "main"}`,
		`"predicateType":`, `"\u001b[2J": 1, "predicateType":`,
		`"metadata": {`, `"metadata": {"invocationId": "7", `,
	).Replace(made(t, claim))
	s, err := provenance.Of(attached(t, text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`"\x1b[2J"`, `"predicate.buildDefinition.externalParameters.workflow"`, `"predicate.runDetails.metadata.invocationId"`}
	if diff := cmp.Diff(want, s.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, `"x%d": 1, `, i)
	}
	s, err = provenance.Parse([]byte(strings.Replace(made(t, claim), "{", "{"+many.String(), 1)))
	if err != nil || len(s.Unknown) != 64 || s.Unknown[63] != "..." {
		t.Errorf("%v; unknown %v", err, s)
	}
}

func TestOf(t *testing.T) {
	if _, err := provenance.Of(weather(t)); !errors.Is(err, provenance.ErrNotAttached) {
		t.Errorf("without one: %v", err)
	}
	name, err := bundle.DigestName(weather(t).Digest())
	if err != nil {
		t.Fatal(err)
	}
	const other = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for what, text := range map[string]string{
		"another digest":           strings.Replace(made(t, claim), `"dirHash": "`+name[3:], `"dirHash": "`+other, 1),
		"its hash as another kind": strings.Replace(made(t, claim), "dirHash", "sha256", 1),
	} {
		_, err := provenance.Of(attached(t, text))
		if e, ok := errors.AsType[*provenance.Error](err); !ok || e.Reason != provenance.OtherSubject {
			t.Errorf("%s: %v, want %q", what, err, provenance.OtherSubject)
		}
	}
	several := strings.Replace(made(t, claim), `"subject": [`, `"subject": [{"digest": {"dirHash": "`+other+`"}}, `, 1)
	if _, err := provenance.Of(attached(t, several)); err != nil {
		t.Errorf("the second of two subjects: %v", err)
	}
}

func FuzzProvenance(f *testing.F) {
	for _, text := range []string{
		golden, made(f, claim), made(f, provenance.Claim{Tool: tool}), "{}", "[]",
		strings.Replace(made(f, claim), `"_type":`, `"_type": "x", "_type":`, 1),
	} {
		f.Add([]byte(text))
	}
	if _, err := provenance.Parse([]byte(made(f, claim))); err != nil {
		f.Fatalf("a seed that should be read: %v", err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := provenance.Parse(data)
		if err != nil {
			if _, ok := errors.AsType[*provenance.Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if !json.Valid(data) || len(s.Subjects) == 0 || s.BuildType == "" || s.Builder == "" || len(s.Unknown) > 64 {
			t.Errorf("read: %+v", s)
		}
		// What was read can be said again, and then reads the same.
		c := provenance.Claim{Tool: s.Builder, ToolVersion: s.Versions["modrunner"], At: s.Finished}
		if len(s.Sources) > 0 {
			c.Source, c.Commit = s.Sources[0].URI, s.Sources[0].Commit
		}
		text, err := provenance.Make(weather(t), c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := provenance.Of(attached(t, string(text)))
		if err != nil {
			t.Fatalf("own statement refused: %v\n%s", err, text)
		}
		if again.Builder != s.Builder || !again.Finished.Equal(s.Finished.Truncate(time.Second)) || len(again.Unknown) > 0 {
			t.Errorf("%+v became %+v", s, again)
		}
	})
}

func ExampleMake() {
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte("[mod]\nid = \"rain\"\n")}}, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := provenance.Make(b, provenance.Claim{
		Source: "git+https://example.org/rain",
		Commit: "0123456789abcdef0123456789abcdef01234567",
		Tool:   "https://github.com/luasandbox/modrunner",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err = b.WithAttachments(map[string][]byte{bundle.ProvenanceName: data})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := provenance.Of(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Sources[0].URI, "at", s.Sources[0].Commit)
	// Output: git+https://example.org/rain at 0123456789abcdef0123456789abcdef01234567
}
