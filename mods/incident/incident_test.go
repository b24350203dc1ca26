package incident_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/incident"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

func at(minute int) time.Time { return time.Date(2026, 5, 4, 12, minute, 0, 0, time.UTC) }

func rangeOf(t testing.TB, text string) manifest.Range {
	t.Helper()
	r, err := manifest.ParseRange(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSubject(t *testing.T) {
	type mod struct {
		id, version, digest string
		keys                []string
	}
	miner := mod{"miner", "1.4.0", "h1:a", []string{"AA", "BB"}}
	for _, test := range []struct {
		subject incident.Subject
		mod     mod
		want    bool
		text    string
	}{
		{incident.Subject{}, miner, false, ""},
		{incident.Subject{ID: "miner"}, miner, true, "miner"},
		{incident.Subject{ID: "min"}, miner, false, "min"},
		{incident.Subject{ID: "miner", Range: rangeOf(t, "^1.3")}, miner, true, "miner@^1.3"},
		{incident.Subject{ID: "miner", Range: rangeOf(t, "<1.4")}, miner, false, "miner@<1.4"},
		{incident.Subject{ID: "miner", Range: rangeOf(t, "<1.4")}, mod{id: "miner", version: "?"}, true, "miner@<1.4"},
		{incident.Subject{Digest: "h1:a"}, miner, true, "digest h1:a"},
		{incident.Subject{Digest: "h1:b"}, miner, false, "digest h1:b"},
		{incident.Subject{ID: "other", Digest: "h1:a"}, miner, false, "other, digest h1:a"},
		{incident.Subject{Key: "BB"}, miner, true, "all that the key BB signed"},
		{incident.Subject{Key: "CC"}, miner, false, "all that the key CC signed"},
		{incident.Subject{Key: "BB"}, mod{id: "miner"}, false, "all that the key BB signed"},
	} {
		if got := test.subject.Holds(test.mod.id, test.mod.version, test.mod.digest, test.mod.keys); got != test.want || test.subject.String() != test.text {
			t.Errorf("%q holds %v: %v", test.subject, test.mod, got)
		}
	}
}

// packed makes a bundle.
func packed(t testing.TB, id, version, main string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: fmt.Appendf(nil, "[mod]\nid = %q\nversion = %q\n", id, version)},
		"main.lua": {Data: []byte(main)},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// logOf writes an audit log.
func logOf(t testing.TB, records ...audit.Record) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := audit.Open(path, audit.Options{Now: func() time.Time { return at(0) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := l.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func record(minute int, kind, mod, version, digest string, attrs ...any) audit.Record {
	return audit.Record{Time: at(minute), Kind: kind, Mod: mod, Version: version, Digest: digest, Attrs: slog.Group("", attrs...).Value.Group()}
}

// theft is a case: a key was stolen, and signed two mods.
func theft(t testing.TB) incident.Case {
	bad, good := packed(t, "miner", "1.4.0", "while true do end"), packed(t, "weather", "1.0.0", "return {}")
	return incident.Case{
		Subject: incident.Subject{Key: "00000000000000AA"},
		Reason:  "the key was stolen", By: "ada", Opened: at(30), Tool: "modrunner 1.0",
		Logs: []string{logOf(t,
			record(1, "decision", "miner", "1.4.0", bad.Digest(), "effect", "allow", "rules", "strict-server"),
			record(2, "grant", "miner", "1.4.0", bad.Digest(), "capability", "http"),
			record(3, "grant", "weather", "1.0.0", good.Digest(), "capability", "log"),
			record(5, "violation", "miner", "1.4.0", bad.Digest(), "kind", "limit", "message", "<script>|\x1b[31m`"),
			record(6, "violation", "miner", "1.3.0", "h1:older", "kind", "limit"),
		)},
		Said: []incident.Said{
			incident.SaidOf(policy.Approval{ID: "miner", Version: "1.4.0", Digest: bad.Digest(), Verdict: policy.Approved, By: "ada", At: at(0), Keys: []string{"00000000000000AA"}, Grants: []policy.Grant{{Capability: "http"}}}),
			incident.SaidOf(policy.Approval{ID: "weather", Version: "1.0.0", Digest: good.Digest(), Verdict: policy.Approved, By: "ada", At: at(0), Keys: []string{"00000000000000BB"}}),
			{At: at(30), By: "ada", What: "frozen", Note: "the key was stolen", About: true},
		},
		Bundles:   []incident.Bundle{{bad, []string{"00000000000000AA"}}, {good, []string{"00000000000000BB"}}},
		Documents: []incident.File{{Name: "policy.cedar", Data: []byte("permit")}, {Name: "../policy.cedar", Data: []byte("forbid")}},
	}
}

func TestCollect(t *testing.T) {
	e, err := incident.Collect(theft(t))
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, ev := range e.Events {
		events = append(events, fmt.Sprintf("%02d %s %s %s", ev.At.Minute(), ev.Source, ev.Kind, ev.Mod))
	}
	want := []string{
		"00 approvals approved miner", "01 log 1, line 2 decision miner", "02 log 1, line 3 grant miner",
		"05 log 1, line 5 violation miner", "30 approvals frozen ",
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(e.Mods) != 1 || e.Mods[0].ID != "miner" || e.Mods[0].Lines != 3 || e.Mods[0].Bundle == "" || len(e.Problems) != 0 {
		t.Errorf("%+v, %q", e.Mods, e.Problems)
	}
	if l := e.Logs[0]; !l.Intact || l.Lines != 6 || l.About != 3 || l.Head.Seq != 6 {
		t.Errorf("%+v", l)
	}
	var names []string
	for _, f := range e.Files() {
		names = append(names, f.Name)
		if strings.HasPrefix(f.Name, "bundles/") {
			again, err := bundle.OpenZip(bytes.NewReader(f.Data), int64(len(f.Data)), bundle.Limits{})
			if err != nil || again.Digest() != e.Mods[0].Digest {
				t.Errorf("the bundle in the evidence: %v", err)
			}
		}
	}
	if diff := cmp.Diff([]string{"SHA256SUMS", "audit/1.jsonl", e.Mods[0].Bundle, "case.json", "documents/policy-2.cedar", "documents/policy.cedar", "post-mortem.md", "timeline.json"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// By its id, all of its versions are meant, known to have been signed or not.
func TestCollectByID(t *testing.T) {
	c := theft(t)
	c.Subject = incident.Subject{ID: "miner"}
	e, err := incident.Collect(c)
	if err != nil || len(e.Mods) != 2 || e.Logs[0].About != 4 {
		t.Errorf("%+v, %v", e, err)
	}
	c.Subject.Range = rangeOf(t, "<1.4.0")
	if e, err = incident.Collect(c); err != nil || len(e.Mods) != 1 || e.Mods[0].Version != "1.3.0" || e.Logs[0].About != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	c.Subject = incident.Subject{}
	if _, err := incident.Collect(c); !errors.Is(err, incident.ErrNoSubject) {
		t.Error(err)
	}
}

// A log that somebody has changed is evidence too: what is good of it, and that it was
// changed.
func TestCollectFromABrokenLog(t *testing.T) {
	c := theft(t)
	text, err := os.ReadFile(c.Logs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Logs[0], bytes.Replace(text, []byte(`"http"`), []byte(`"log_"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Logs = append(c.Logs, filepath.Join(t.TempDir(), "none.jsonl"))
	e, err := incident.Collect(c)
	if err != nil {
		t.Fatal(err)
	}
	if l := e.Logs[0]; l.Intact || l.Lines != 2 || l.About != 1 || !strings.Contains(l.Problem, "altered") {
		t.Errorf("%+v", l)
	}
	if len(e.Problems) != 2 || e.Logs[1].Intact {
		t.Errorf("%q", e.Problems)
	}
	if text := string(e.PostMortem()); !strings.Contains(text, "not as it was written") {
		t.Error(text)
	}
}

// The same case gives the same bytes, and the list of hashes fits.
func TestEvidenceIsReproducible(t *testing.T) {
	c := theft(t)
	var zips [2]bytes.Buffer
	for i := range zips {
		e, err := incident.Collect(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.WriteZip(&zips[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(zips[0].Bytes(), zips[1].Bytes()) {
		t.Error("the archives differ")
	}
	r, err := zip.NewReader(bytes.NewReader(zips[0].Bytes()), int64(zips[0].Len()))
	if err != nil {
		t.Fatal(err)
	}
	var sums string
	checked := 0
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == incident.SumsName {
			sums = string(data)
			continue
		}
		if f.Name == incident.PostMortemName {
			continue
		}
		checked++
		if !strings.Contains(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), f.Name)) {
			t.Errorf("%s is not in the list", f.Name)
		}
		if strings.HasSuffix(f.Name, ".json") && !json.Valid(data) {
			t.Errorf("%s is no JSON", f.Name)
		}
	}
	if checked != strings.Count(sums, "\n") || checked < 5 {
		t.Errorf("%d files, list:\n%s", checked, sums)
	}
	e, _ := incident.Collect(c)
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := e.WriteFolder(root); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, incident.SumsName)); err != nil || string(got) != sums {
		t.Errorf("%v", err)
	}
	var exported bytes.Buffer
	if err := incident.Export(root, &exported); err != nil || !bytes.Equal(exported.Bytes(), zips[0].Bytes()) {
		t.Errorf("what was exported differs: %v", err)
	}
	if err := e.WriteFolder(root); !errors.Is(err, os.ErrExist) {
		t.Errorf("evidence was overwritten: %v", err)
	}
}

// The post-mortem is there to be written, and so are notes; evidence is not.
func TestExport(t *testing.T) {
	for name, test := range map[string]struct {
		change func(dir string) error
		want   string // the file that is complained of; "": none
	}{
		"as it was": {func(string) error { return nil }, ""},
		"filled in": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "post-mortem.md"), []byte("# done"), 0o600)
		}, ""},
		"notes": {func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "notes"), 0o700), os.WriteFile(filepath.Join(dir, "notes", "x"), []byte("x"), 0o600))
		}, ""},
		"changed": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "case.json"), []byte("{}"), 0o600) }, "case.json"},
		"gone":    {func(dir string) error { return os.Remove(filepath.Join(dir, "timeline.json")) }, "timeline.json"},
		"added":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "audit", "2.jsonl"), nil, 0o600) }, "audit/2.jsonl"},
		"a link": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "post-mortem.md")), os.Symlink("/etc/passwd", filepath.Join(dir, "post-mortem.md")))
		}, "post-mortem.md"},
		"the list changed": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte("x"), 0o600) }, "SHA256SUMS"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := incident.Collect(theft(t))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if err := errors.Join(e.WriteFolder(root), test.change(dir)); err != nil {
				t.Fatal(err)
			}
			err = incident.Export(root, io.Discard)
			changed, ok := errors.AsType[*incident.ChangedError](err)
			if ok != (test.want != "") || ok && changed.Name != test.want || !ok && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

// What a mod's author wrote cannot write the post-mortem.
func TestPostMortemOfHostileTexts(t *testing.T) {
	c := theft(t)
	c.Subject = incident.Subject{ID: "miner"}
	c.Reason = "x | y\n# Forged heading\n<img src=x> [link](http://evil) \u202egnp.exe `code`"
	e, err := incident.Collect(c)
	if err != nil {
		t.Fatal(err)
	}
	text := string(e.PostMortem())
	for _, bad := range []string{"\n# Forged", " <", "](http", "\u202e", "\x1b", " `code`"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in it", bad)
		}
	}
	for _, want := range []string{`\<img src\=x\>`, "| 2026-05-04 12:05:00 UTC | violation: kind limit", "## Why", "- [ ] lift the freeze"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in it:\n%s", want, text)
		}
	}
}

func ExampleCollect() {
	e, err := incident.Collect(incident.Case{
		Subject: incident.Subject{ID: "crypto-miner"}, Reason: "burns the server's processor", By: "ada",
		Said: []incident.Said{{At: at(0), By: "grace", What: "approved", ID: "crypto-miner", Version: "1.0.0", Digest: "h1:x"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ev := range e.Events {
		fmt.Println(ev.At.Format(time.DateTime), ev.Mod, ev.Kind, ev.What)
	}
	for _, f := range e.Files() {
		fmt.Println(f.Name)
	}
	// Output:
	// 2026-05-04 12:00:00 crypto-miner approved by grace
	// SHA256SUMS
	// case.json
	// post-mortem.md
	// timeline.json
}
