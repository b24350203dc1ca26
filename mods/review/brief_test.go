package review

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

// whole is a review in which there is something of everything.
func whole() *Review {
	http := asks("http", "high", map[string]any{"hosts": []string{"api.example.org", "*.cdn.example.org"}, "methods": []string{"GET", "POST"}, "plain_http": true, "headers": []string{"X-Key"}})
	http.Reason, http.Known = "Fetches the forecast.", true
	storage := asks("storage", "low", map[string]any{"quota": int64(1 << 20)})
	storage.Reason, storage.Optional, storage.Known = "Remembers the season.", true, true
	world := asks("world.weather", "medium", map[string]any{"radius": int64(5000), "loud": true, "scale": 1.5, "version": "^2.0", "places": []string{"hill"}})
	world.Reason, world.Known, world.Doc, world.Version = "", true, "Change the weather of the world.", "2.1.0"
	services := asks("services", "low", map[string]any{"export": []string{"forecast"}, "use": []string{"economy/price"}})
	services.Reason, services.Known = "Others ask.", true
	zeppelin := asks("zeppelin", "high", nil)
	zeppelin.Reason = "Flies."
	events := asks("events", "low", map[string]any{"emit": []string{"weather.changed"}, "subscribe": []string{"chat"}})
	events.Reason, events.Known = "Tells others.", true
	base := &Review{ID: "com.example.base", Version: "1.4.0", Signature: policy.Trusted, Publisher: "Grace", Permissions: []Permission{asks("log", "none", nil)},
		Requirements: []Requirement{{Relation: Needs, ID: "com.example.deep", Range: "*"}, {Relation: Needs, ID: "com.example.weather", Range: "*"}, {Relation: May, ID: "x", Range: "*"}}}
	r := &Review{
		ID: "com.example.weather", Version: "1.2.0", Name: "Weather", Authors: []string{"Ada", "Grace"}, License: "MIT",
		Digest: "h1:2F2BEZ7WsYrG4NdU4AhZ+gKfyO1k0lPuYaPqfSR5Q2o=", Files: []File{{Path: "main.lua", Size: 1000}, {Path: "mod.toml", Size: 500}, {Path: "x.png", Size: 9000}},
		Signature: policy.NotEntitled, Distrust: `signature of key 0123456789ABCDEF (Ada): not entitled: the key may sign com.ada.*, not "com.example.weather"`,
		Provenance:  &Provenance{Source: "https://example.org/weather", Revision: "0123456789abcdef", Builder: "https://example.org/modrunner", Version: "1.0.0", Built: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Permissions: []Permission{events, http, services, storage, world, zeppelin}, HasAPI: true, EngineEvents: []string{"chat"},
		Requirements: []Requirement{{Relation: Needs, ID: "com.example.base", Range: "^1.2", Review: base}, {Relation: Copies, ID: "vectors", Range: "^2.0"}, {Relation: Conflicts, ID: "old-weather", Range: "*"}},
		Settings:     []Setting{{Name: "rain", Title: "How often it rains", Type: "integer"}},
		Findings: []gate.Finding{
			{Rule: "unused", Severity: gate.Note, Path: "mod.toml", Line: 9, Column: 1, Message: "x"},
			{Rule: "code-from-string", Severity: gate.Warning, Path: "main.lua", Line: 3, Column: 2, Message: "code is loaded from a string", Justified: "it is a console"},
			{Rule: "undeclared", Severity: gate.Error, Path: "main.lua", Line: 12, Column: 7, Message: `the capability "files" is used and not asked for`, Omitted: 2},
		},
		Advisories: []Advisory{{ID: "ADV-2026-1", Severity: "medium", Summary: "Tells players' names to everybody.", Fixed: "1.2.1"}},
	}
	r.Limits.Memory, r.Limits.Time = 4<<20, 50*time.Millisecond
	old := *r
	old.Version, old.Digest, old.Permissions = "1.1.0", "h1:old", []Permission{events, storage}
	d := Compare(&old, r)
	r.Since = &d
	return r
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is another one (go test ./mods/review -update writes it):\n%s", file, got)
	}
}

func pageOf(t *testing.T, r *Review) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Brief().HTML(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestGolden holds the three forms of a brief.
func TestGolden(t *testing.T) {
	r := whole()
	golden(t, "brief.txt", r.Brief().Text(80, nil))
	golden(t, "brief.html", pageOf(t, r))
	text, err := json.MarshalIndent(r.Document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "brief.json", string(text)+"\n")
}

// TestEmptyDocument holds that lists are never null.
func TestEmptyDocument(t *testing.T) {
	text, err := json.Marshal((&Review{Permissions: []Permission{{}}, Requirements: []Requirement{{}}}).Document())
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"authors", "keys", "points", "permissions", "options", "limits", "exports", "emits", "requirements", "settings", "findings", "advisories", "freezes"} {
		if strings.Contains(string(text), `"`+field+`":null`) || !strings.Contains(string(text), `"`+field+`":`) {
			t.Errorf("%s in %s", field, text)
		}
	}
}

// TestScreen holds that the brief of an ordinary mod fits on a screen, and how large one
// is in which there is a lot.
func TestScreen(t *testing.T) {
	ordinary := whole()
	ordinary.Permissions = []Permission{ordinary.Permissions[0], ordinary.Permissions[3]}
	ordinary.Since, ordinary.Advisories, ordinary.Findings = nil, nil, nil
	if n := strings.Count(ordinary.Brief().Text(80, nil), "\n"); n > 45 {
		t.Errorf("%d lines:\n%s", n, ordinary.Brief().Text(80, nil))
	}
	large := hostile("x")
	if n := strings.Count(large.Brief().Text(80, nil), "\n"); n > 400 {
		t.Errorf("%d lines", n)
	}
}

// hostile is a review with a text wherever an author, a signer, or who publishes
// advisories can put one, and with as much of everything as there can be.
func hostile(text string) *Review {
	many := func() (out []string) {
		for range 20 {
			out = append(out, text)
		}
		return out
	}
	r := &Review{
		ID: text, Version: text, Name: text, Description: text, Authors: many(), License: text, API: text, Digest: text,
		Strange: text, Signature: policy.Signature(text), Distrust: text, Publisher: text, Keys: many(),
		Provenance: &Provenance{Source: text, Revision: text, Builder: text, Version: text}, NoProvenance: text,
		HasAPI: true, EngineEvents: many(), Freezes: many(),
		Approval: &policy.Approval{By: text, Note: text, Verdict: policy.Verdict(text)},
	}
	for _, name := range []string{"http", "files", "storage", "events", "services", "log", text} {
		for _, risk := range []string{"low", "high", text} {
			p := asks(name, risk, map[string]any{text: text})
			for option := range meanings[name] {
				p.Options[option] = many()
			}
			p.Reason, p.Doc, p.Version, p.Known = text, text, text, name == text
			p.Declared = []Option{{Name: text, Type: text, Doc: text, Default: text}}
			r.Permissions = append(r.Permissions, p)
		}
	}
	other := *r
	other.ID = text + "2"
	other.Approval = nil
	for _, relation := range []Relation{Needs, Copies, May, After, Conflicts} {
		r.Requirements = append(r.Requirements, Requirement{relation, text, text, &other}, Requirement{relation, text, text, nil})
	}
	for range 40 {
		r.Settings = append(r.Settings, Setting{text, text, "text"})
		r.Findings = append(r.Findings, gate.Finding{Rule: text, Severity: gate.Error, Path: text, Message: text, Justified: text})
		r.Advisories = append(r.Advisories, Advisory{ID: text, Severity: text, Summary: text, Fixed: text})
	}
	return r
}

// hostileTexts are what an author may try.
var hostileTexts = []string{
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style><script>x</script>", "</title><script>x</script>", "{{.Policy}}", "javascript:alert(1)",
	"\u202egnp.exe", "\u2066a\u2069", "a\u200bb\u2060c\ufeffd\u00ad", "\u3164\u115f\u2800", "e" + strings.Repeat("\u0301", 500),
	"\x1b[2J\x1b[31mSAFE\x1b[0m", "a\r\nRISK 0 OF 100 (LOW)\n", "\u2028\u2029\u0085", "\x00\x07\x08\x7f\u009b", "\xff\xfe\xc3", `" [low] because "`,
	strings.Repeat("W", 10_000), strings.Repeat("w ", 5_000), strings.Repeat("\u5b57", 10_000), strings.Repeat("\u202e", 10_000), "\U000e0041\U000e0042", "\ue000", "%s%d%!", "",
}

// TestHostileText shows that no text leaves its line, its column, or the page's markup.
func TestHostileText(t *testing.T) {
	for _, text := range hostileTexts {
		checkText(t, hostile(text), 80)
		checkPage(t, hostile(text))
	}
}

// TestHostileAnything is the same for any text, and any width.
func TestHostileAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		checkText(t, hostile(text), rapid.IntRange(0, 200).Draw(t, "columns"))
	})
}

type failer interface{ Errorf(string, ...any) }

func checkText(t failer, r *Review, most int) {
	out := r.Brief().Text(most, nil)
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
		if n := columns(line); n > max(most, leastColumns) {
			t.Errorf("%d columns: %.100q", n, line)
			return
		}
		if i := strings.IndexFunc(line, unsafe); i >= 0 {
			t.Errorf("%q in %.100q", line[i:i+1], line)
			return
		}
	}
	marks := 0
	for _, r := range out {
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > 2 {
			t.Errorf("marks pile up")
			return
		}
	}
	// A line that begins a section has no indent; every other has one. An author's text
	// must not be able to look like one.
	titles := 0
	for line := range strings.SplitSeq(out, "\n\n") {
		if line != "" {
			titles++
		}
	}
	if want := len(r.Brief().Sections) + 1; titles != want {
		t.Errorf("%d parts in the text, %d in the brief:\n%.2000s", titles, want, out)
	}
}

// unsafe is what must not be in a line: written without the package's own filter.
func unsafe(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Cc, unicode.Co, unicode.Zl, unicode.Zp, unicode.Bidi_Control) ||
		slices.Contains([]rune{'\u3164', '\u115f', '\u1160', '\u2800', '\ufe0f', '\u034f'}, r)
}

var tag = regexp.MustCompile(`<[^>]*>`)

// allowedTags are all tags that the page has but for those with texts in attributes.
var allowedTags = regexp.MustCompile(`^<(!doctype html|/?(html|head|title|style|body|h1|section|table|bdi|q|tr|td)|html lang="en"|meta (charset|name)="[a-z0-9-]+"( content="[a-z=-]+")?|meta http-equiv="Content-Security-Policy" content="[^"<>]*"|/?h2( class="(plain|good|caution|danger)")?|tr class="(plain|good|caution|danger)"|td class="(mark|label|text)")>$`)

func checkPage(t *testing.T, r *Review) {
	t.Helper()
	out := pageOf(t, r)
	for _, found := range tag.FindAllString(out, -1) {
		if !allowedTags.MatchString(found) {
			t.Errorf("a tag that is not ours: %.200q", found)
			return
		}
	}
	if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && unsafe(r) }); i >= 0 {
		t.Errorf("%.50q", out[i:])
	}
	body := tag.ReplaceAllString(out[strings.Index(out, "</style>"):], "")
	if strings.ContainsAny(body, "<>") {
		t.Errorf("markup in a text")
	}
	if strings.Count(out, "Content-Security-Policy") != 1 || strings.Contains(out, "http-equiv=\"refresh") {
		t.Errorf("the head is not ours")
	}
}

// TestPagePolicy holds that the policy of the page allows its own style and no more.
func TestPagePolicy(t *testing.T) {
	out := pageOf(t, whole())
	_, rest, _ := strings.Cut(out, "<style>")
	css, _, found := strings.Cut(rest, "</style>")
	if !found || css == "" {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(css))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	_, rest, _ = strings.Cut(out, `http-equiv="Content-Security-Policy" content="`)
	got, _, _ := strings.Cut(rest, `"`)
	if html.UnescapeString(got) != want {
		t.Errorf("the policy is %q, want %q", html.UnescapeString(got), want)
	}
	for _, never := range []string{"<script", "<link", "<a ", "<img", "@import", "url(", "javascript:", " on", "src="} {
		if strings.Contains(strings.Split(out, "<body>")[0]+strings.Join(tag.FindAllString(out, -1), ""), never) && never != " on" {
			t.Errorf("%q is in the page", never)
		}
	}
}

// TestQuoted holds that a text cannot end its quotes.
func TestQuoted(t *testing.T) {
	r := trusted(asks("log", "none", nil))
	r.Permissions[0].Reason = `nothing" [no risk] "`
	if text := r.Brief().Text(80, nil); !strings.Contains(text, `because "nothing\" [no risk] \""`+"\n") {
		t.Error(text)
	}
}

// TestRequestFindings holds that rules see all findings, those that the author justified
// one severity lower.
func TestRequestFindings(t *testing.T) {
	r := trusted()
	for _, severity := range []gate.Severity{gate.Note, gate.Warning, gate.Error, "strange"} {
		r.Findings = append(r.Findings, gate.Finding{Rule: "bare", Severity: severity}, gate.Finding{Rule: "reasoned", Severity: severity, Justified: "trust me"})
	}
	want := []policy.Finding{
		{Rule: "bare", Severity: "note"}, {Rule: "reasoned", Severity: "note"},
		{Rule: "bare", Severity: "warning"}, {Rule: "reasoned", Severity: "note"},
		{Rule: "bare", Severity: "error"}, {Rule: "reasoned", Severity: "warning"},
		{Rule: "bare", Severity: "error"}, {Rule: "reasoned", Severity: "warning"},
	}
	if q := r.Request("ci", false); !slices.Equal(q.Findings, want) {
		t.Errorf("%+v", q.Findings)
	}
}

// TestSensitive holds that a brief tells what the host puts on record.
func TestSensitive(t *testing.T) {
	for _, sensitive := range []bool{false, true} {
		p := asks("log", "none", nil)
		p.Sensitive = sensitive
		if text := trusted(p).Brief().Text(80, nil); strings.Contains(text, "put on record") != sensitive {
			t.Error(text)
		}
	}
}

// TestPaint holds that colours change nothing of what is there.
func TestPaint(t *testing.T) {
	plain := whole().Brief().Text(80, nil)
	painted := whole().Brief().Text(80, func(l Level, text string) string { return "\x01" + text + "\x02" })
	if strings.NewReplacer("\x01", "", "\x02", "").Replace(painted) != plain {
		t.Error("they differ")
	}
}
