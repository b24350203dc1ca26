package review_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/files"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/provenance"
	"github.com/luasandbox/modrunner/mods/review"
	"github.com/luasandbox/modrunner/mods/trust"
	"github.com/luasandbox/modrunner/mods/web"
)

var at = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// document returns the API document of a host with all capabilities of this project.
func document(t testing.TB) []byte {
	t.Helper()
	host, err := mods.Open(mods.Config{
		Policy: mods.PolicyAll,
		Events: []mods.Event{{Name: "chat", Doc: "Somebody spoke."}},
		Capabilities: []mods.Capability{files.Assets(), files.Capability(files.Options{Dir: "."}),
			web.Capability(web.Options{AllowHosts: []string{"*"}, AllowMethods: []string{"GET", "HEAD", "POST"}, AllowPlainHTTP: true})},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	text, err := host.API()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func api(t testing.TB) *gate.API {
	t.Helper()
	a, err := gate.ReadAPI(document(t))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mod makes a bundle of a manifest and a main file.
func mod(t testing.TB, manifest string, others ...string) *bundle.Bundle {
	t.Helper()
	fsys := fstest.MapFS{"mod.toml": {Data: []byte(manifest)}, "main.lua": {Data: []byte("return {}\n")}}
	for i := 0; i+1 < len(others); i += 2 {
		fsys[others[i]] = &fstest.MapFile{Data: []byte(others[i+1])}
	}
	dir := t.TempDir()
	for name, file := range fsys {
		if err := os.WriteFile(filepath.Join(dir, name), file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bundle.OpenPath(dir, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const head = "[mod]\nid = \"com.example.weather\"\nversion = \"1.2.0\"\nname = \"Weather\"\n"

func of(t testing.TB, in review.Input) *review.Review {
	t.Helper()
	if in.At.IsZero() {
		in.At = at
	}
	r, err := review.Of(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed packs a bundle and signs it with a new key, for which it returns a trust store.
func signed(t testing.TB, b *bundle.Bundle, publisher string) (*bundle.Bundle, *trust.Store) {
	t.Helper()
	key, _, err := trust.NewUnprotectedKey()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = bundle.Pack(b); err != nil {
		t.Fatal(err)
	}
	if b, err = trust.Sign(b, key, at); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := b.WriteZip(&archive); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "signed.zip")
	if err := os.WriteFile(path, archive.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if b, err = bundle.OpenPath(path, bundle.Limits{}); err != nil {
		t.Fatal(err)
	}
	store, err := (*trust.Store)(nil).Trust(trust.Key{Publisher: publisher, Public: key.Public(), IDs: []string{"com.example.*"}})
	if err != nil {
		t.Fatal(err)
	}
	return b, store
}

// TestMeanings holds the options of the capabilities of this project, their types and
// defaults, to what this package believes of them.
func TestMeanings(t *testing.T) {
	var doc struct {
		Capabilities []struct {
			Name    string
			Options []struct {
				Name, Type string
				Default    any
			}
		}
	}
	if err := json.Unmarshal(document(t), &doc); err != nil {
		t.Fatal(err)
	}
	options := 0
	for _, c := range doc.Capabilities {
		for _, o := range c.Options {
			options++
			known, size := review.MeaningKnown(c.Name, o.Name, o.Type)
			if !known {
				t.Errorf("%s.%s, a %s, has no meaning", c.Name, o.Name, o.Type)
			}
			if n, ok := o.Default.(float64); ok && n != size {
				t.Errorf("%s.%s is %v if it is left out, and the review believes %v", c.Name, o.Name, n, size)
			}
		}
	}
	if want := review.Meanings(); options != want {
		t.Errorf("%d options, and %d meanings", options, want)
	}
}

// TestScores holds the scores of all mods in testdata: a change of the table shows here.
func TestScores(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/mods/*/mod.toml")
	if err != nil || len(paths) < 10 {
		t.Fatal(paths, err)
	}
	a := api(t)
	var out strings.Builder
	for _, path := range paths {
		b, err := bundle.OpenPath(filepath.Dir(path), bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		first, again := of(t, review.Input{Bundle: b, API: a}), of(t, review.Input{Bundle: b, API: a, At: at.AddDate(1, 0, 0)})
		risk := first.Risk()
		if diff := cmp.Diff(risk, again.Risk()); diff != "" {
			t.Errorf("%s scores differently the second time: %s", path, diff)
		}
		fmt.Fprintf(&out, "%-16s %3d %s\n", first.ID, risk.Score, risk.Level)
		for _, p := range risk.Points {
			fmt.Fprintf(&out, "    %+d %s\n", p.Points, p.Rule)
		}
	}
	review.Golden(t, "scores.txt", out.String())
}

// TestOf reviews a bundle with everything.
func TestOf(t *testing.T) {
	b := mod(t, head+`authors = ["Ada"]
[permissions]
storage = { reason = "remembers", quota = "128KiB", optional = true }
http = { reason = "asks", hosts = ["api.example.org"], paths = ["/v1"] }
zeppelin = { reason = "flies", sizes = [1, "two", 3.5] }
[limits]
memory = "4MiB"
[dependencies]
"com.example.base" = "^1.2"
[libraries]
"com.example.vectors" = "*"
[conflicts]
old-weather = "*"
`)
	statement, err := provenance.Make(b, provenance.Claim{Source: "https://example.org/weather", Tool: "https://example.org/tool", ToolVersion: "1.0.0", At: at})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = b.WithAttachments(map[string][]byte{bundle.ProvenanceName: statement}); err != nil {
		t.Fatal(err)
	}
	b, store := signed(t, b, "Ada & Co")
	base := of(t, review.Input{Bundle: mod(t, "[mod]\nid = \"com.example.base\"\nversion = \"1.3.0\"\n[dependencies]\n\"com.example.weather\" = \"*\"\n\"com.example.deep\" = \"*\"\n")})
	deep := of(t, review.Input{Bundle: mod(t, "[mod]\nid = \"com.example.deep\"\nversion = \"0.1.0\"\n[dependencies]\n\"com.example.base\" = \"^1.0\"\n")})
	older := *base
	older.Version = "1.2.0"
	wrong := *base
	wrong.Version = "2.0.0"
	r := of(t, review.Input{Bundle: b, Trust: store, API: api(t), Others: []*review.Review{&older, base, deep, &wrong}})
	if deep := r.Requirements[0].Review.Requirements[0].Review; deep == nil || deep.ID != "com.example.deep" || deep.Requirements[0].Review != r.Requirements[0].Review {
		t.Errorf("%+v", deep)
	}
	if base.Requirements[0].Review != nil || deep.Requirements[0].Review != nil {
		t.Error("the other reviews were changed")
	}
	if r.Signature != policy.Trusted || r.Publisher != "Ada & Co" || len(r.Keys) != 1 || r.Distrust != "" || r.Strange != "" {
		t.Errorf("%+v", r)
	}
	if p := r.Provenance; p == nil || p.Source != "https://example.org/weather" || p.Version != "modrunner 1.0.0" || !p.Built.Equal(at) {
		t.Errorf("%+v", p)
	}
	request := r.Request("server", true)
	want := []policy.Permission{
		{Capability: "http", Version: "1.0.0", Risk: "high", Reason: "asks", Options: map[string]any{"hosts": []string{"api.example.org"}, "paths": []string{"/v1"}}},
		{Capability: "storage", Version: "1.0.0", Risk: "low", Reason: "remembers", Optional: true, Options: map[string]any{"quota": int64(128 << 10)}},
		{Capability: "zeppelin", Risk: "high", Reason: "flies", Options: map[string]any{"sizes": []string{"1", "two", "3.5"}}},
	}
	if diff := cmp.Diff(want, request.Permissions); diff != "" {
		t.Error(diff)
	}
	if request.Environment != "server" || !request.Interactive || request.Risk != r.Risk().Score || request.Update != nil || request.Limits.Memory != 4<<20 || request.Digest != b.Digest() {
		t.Errorf("%+v", request)
	}
	request.Permissions[0].Options["hosts"] = "changed"
	if _, ok := r.Permissions[0].Options["hosts"].([]string); !ok {
		t.Error("a request shares its options with the review")
	}
	for _, q := range r.Requirements {
		if (q.Review != nil) != (q.ID == "com.example.base") || q.Review != nil && q.Review.Version != "1.3.0" {
			t.Errorf("%+v", q)
		}
	}

	// The same without what makes it trusted.
	stranger := of(t, review.Input{Bundle: b})
	if stranger.Signature != policy.UnknownKey || stranger.Distrust == "" || stranger.Risk().Score <= r.Risk().Score {
		t.Errorf("%+v", stranger)
	}
	// A statement about another bundle.
	other, err := mod(t, head).WithAttachments(map[string][]byte{bundle.ProvenanceName: statement})
	if err != nil {
		t.Fatal(err)
	}
	if r := of(t, review.Input{Bundle: other}); r.Provenance != nil || r.NoProvenance == "" {
		t.Errorf("%+v", r)
	}
	if r := of(t, review.Input{Bundle: mod(t, head)}); r.Provenance != nil || r.NoProvenance != "" {
		t.Errorf("%+v", r)
	}
	// No manifest to speak of.
	if _, err := review.Of(review.Input{Bundle: mod(t, "id = 1")}); err == nil {
		t.Error("no error")
	} else if _, ok := errors.AsType[*manifest.Error](err); !ok {
		t.Errorf("%T: %v", err, err)
	}
}

// TestWarnings reviews a mod that is warned of, and one that was stopped by a key.
func TestWarnings(t *testing.T) {
	db := &advisory.Database{}
	db.Add("a.json", []byte(`{"schema_version": "1.7.0", "id": "ADV-1", "modified": "2026-01-02T03:04:05Z", "summary": "It tells.",
		"affected": [{"package": {"ecosystem": "modrunner", "name": "com.example.weather"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}]}],
		"database_specific": {"severity": "CRITICAL"}}`))
	if problems := db.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	b, _ := signed(t, mod(t, head), "Ada")
	plain := of(t, review.Input{Bundle: b})
	warned := of(t, review.Input{Bundle: b, Advisories: db})
	if len(warned.Advisories) != 1 || warned.Advisories[0] != (review.Advisory{ID: "ADV-1", Severity: "critical", Summary: "It tells.", Fixed: "1.3.0"}) {
		t.Errorf("%+v", warned.Advisories)
	}
	if got, want := warned.Risk().Score, plain.Risk().Score+60; got != want {
		t.Errorf("risk %d, want %d", got, want)
	}
	if q := warned.Request("", false); len(q.Advisories) != 1 || q.Advisories[0] != (policy.Advisory{ID: "ADV-1", Severity: "critical"}) {
		t.Errorf("%+v", q.Advisories)
	}
	// By a key that is not in the trust store.
	freezes := &advisory.Freezes{List: []advisory.Freeze{{Key: trust.Signers(b)[0].KeyID, Reason: "stolen"}}}
	stopped := of(t, review.Input{Bundle: b, Freezes: freezes})
	if len(stopped.Freezes) != 1 || stopped.Risk().Score != 100 || len(stopped.Request("", false).Freezes) != 1 {
		t.Errorf("%+v", stopped.Freezes)
	}
}

// TestSince reviews an update against what was approved.
func TestSince(t *testing.T) {
	old := mod(t, head+"[permissions]\nlog = { reason = \"x\" }\n")
	new := mod(t, strings.Replace(head, "1.2.0", "1.3.0", 1)+"[permissions]\nlog = { reason = \"x\" }\nstorage = { reason = \"y\" }\n", "more.lua", "return 1\n")
	a := api(t)
	before := of(t, review.Input{Bundle: old, API: a})
	approval := &policy.Approval{ID: before.ID, Version: before.Version, Digest: before.Digest, Verdict: policy.Approved, Risk: before.Risk().Score, Grants: []policy.Grant{{Capability: "log"}}}
	for _, withBundle := range []*bundle.Bundle{old, nil, new} {
		r := of(t, review.Input{Bundle: new, API: a, Approved: approval, ApprovedBundle: withBundle})
		if r.Since == nil || r.Approval != nil || !r.Since.More || !r.Since.RiskRaised || r.Since.SignerChanged || r.Since.Downgrade {
			t.Fatalf("%+v", r.Since)
		}
		files := slices.ContainsFunc(r.Since.Changes, func(c review.Change) bool { return c.Kind == review.FilesChange })
		if files != (withBundle == old) {
			t.Errorf("%+v", r.Since.Changes)
		}
		if d := policy.Decide(r.Request("", false), policy.AllowList{All: true}, approval); d.Approved {
			t.Errorf("the approval of other bytes counts: %+v", d)
		}
	}
	same := of(t, review.Input{Bundle: old, API: a, Approved: approval})
	if same.Since != nil || same.Approval != approval || same.Request("", false).Update != nil {
		t.Errorf("%+v", same)
	}
}

// TestGatekeeper has a gatekeeper decide, with and without what it needs to say yes.
func TestGatekeeper(t *testing.T) {
	b, store := signed(t, mod(t, head+"[permissions]\nlog = { reason = \"x\" }\n"), "Ada")
	now := func() time.Time { return at }
	var asked policy.Request
	rules := judge(func(r policy.Request) policy.Effect {
		asked = r
		if r.Signature == policy.Trusted {
			return policy.Allow
		}
		return policy.Ask
	})
	approved := func(digest string) *policy.Approval {
		return &policy.Approval{ID: "com.example.weather", Digest: digest, Verdict: policy.Approved, Grants: []policy.Grant{{Capability: "log"}}}
	}
	tests := []struct {
		name  string
		guard review.Gatekeeper
		want  policy.Effect
	}{
		{"nothing", review.Gatekeeper{Now: now}, policy.Deny},
		{"trusted", review.Gatekeeper{Now: now, Trust: store, Rules: rules}, policy.Allow},
		{"not trusted", review.Gatekeeper{Now: now, Rules: rules}, policy.Ask},
		{"approved", review.Gatekeeper{Now: now, Rules: rules, Approval: approved}, policy.Allow},
		{"other bytes approved", review.Gatekeeper{Now: now, Rules: rules, Approval: func(string) *policy.Approval { return approved("h1:other") }}, policy.Ask},
	}
	for _, test := range tests {
		test.guard.Environment = "server"
		d, err := test.guard.Decide(b)
		if err != nil || d.Effect != test.want {
			t.Errorf("%s: %v, %+v", test.name, err, d)
		}
	}
	if asked.Environment != "server" || asked.Interactive {
		t.Errorf("%+v", asked)
	}
	if d, err := (review.Gatekeeper{Trust: store, Rules: policy.AllowList{All: true}}).Decide(b); !errors.Is(err, review.ErrNoClock) || d.Runs() {
		t.Errorf("%v, %+v", err, d)
	}
	frozen := &advisory.Freezes{List: []advisory.Freeze{{ID: "com.example.weather", Reason: "it cheats", By: "ada"}}}
	if d, err := (review.Gatekeeper{Now: now, Trust: store, Rules: policy.AllowList{All: true}, Freezes: frozen, Approval: approved}).Decide(b); err != nil || d.Effect != policy.Deny {
		t.Errorf("%v, %+v", err, d)
	}
	var _ mods.Gatekeeper = review.Gatekeeper{}
}

// judge is rules that are a function.
type judge func(policy.Request) policy.Effect

func (j judge) Judge(r policy.Request) (policy.Ruling, []policy.Ruling) {
	e := j(r)
	rulings := make([]policy.Ruling, len(r.Permissions))
	for i, p := range r.Permissions {
		rulings[i] = policy.Ruling{Capability: p.Capability, Effect: e}
	}
	return policy.Ruling{Effect: e}, rulings
}

func (judge) Name() string { return "test" }

// TestArchive finds an archive that is not as pack writes it.
func TestArchive(t *testing.T) {
	b, err := bundle.Pack(mod(t, head))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.WriteZip(&out); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"as it is": out.Bytes(), "changed": withComment(out.Bytes())} {
		path := filepath.Join(t.TempDir(), "x.zip")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		read, err := bundle.OpenPath(path, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if r := of(t, review.Input{Bundle: read}); (r.Strange != "") != (name == "changed") {
			t.Errorf("%s: %q", name, r.Strange)
		}
	}
}

// withComment puts a comment at the end of an archive.
func withComment(zip []byte) []byte {
	out := append(bytes.Clone(zip), "hidden"...)
	out[len(zip)-2] = byte(len("hidden"))
	return out
}

func ExampleOf() {
	b, err := bundle.OpenPath("../../testdata/mods/day-night", bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := review.Of(review.Input{Bundle: b, At: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.ID, r.Version, r.Signature)
	for _, p := range r.Request("player", true).Permissions {
		fmt.Println(p.Capability+":", p.Reason)
	}
	// Output:
	// day-night 1.0.0 unsigned
	// events: Other mods react to dawn and dusk.
	// log: Writes the phases.
	// timer: The bell is rung by a timer.
}
