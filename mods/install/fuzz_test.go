package install

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/mods/policy"
)

// goodApprovals is a file with everything in it.
func goodApprovals(t testing.TB) []byte {
	t.Helper()
	digest, _ := testArchive(t, "one", "1.0.0", "return 1", "")
	other, _ := testArchive(t, "one", "1.1.0", "return 1", "")
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := &Approvals{Format: approvalsFormat, Sequence: 7, Waiting: []Waiting{{Sequence: 7, ID: "one", Version: "1.1.0", Digest: other, At: at, By: "ada", From: fromFile,
		Reasons: []string{"it asks for more"}, Update: &policy.Update{FromVersion: "1.0.0", FromDigest: digest, More: true}, Requested: true, Range: "^1.0"}},
		History: []Entry{
			{Sequence: 3, Approval: policy.Approval{ID: "one", Version: "1.0.0", Digest: digest, Verdict: policy.Approved, By: "ada", At: at, Note: "well",
				Publisher: "Studio", Keys: []string{"0123456789ABCDEF"}, Risk: 12, Grants: []policy.Grant{
					{Capability: "http", Options: map[string]any{"hosts": []string{"a.example"}, "plain_http": true}},
					{Capability: "storage", Options: map[string]any{"quota": int64(65536), "share": 0.5}},
				}}},
			{Sequence: 5, Approval: policy.Approval{ID: "one", Version: "1.1.0", Digest: other, Verdict: policy.Denied, By: "ada", At: at.Add(-time.Hour), Grants: []policy.Grant{}}},
		}}
	data, err := a.encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func goodJournal(t testing.TB) []byte {
	t.Helper()
	digest, _ := testArchive(t, "one", "1.0.0", "return 1", "")
	j := testChange(7, map[string]string{modsLockName: lockOf(t, "one")}, digest)
	name, err := bundleName(digest)
	if err != nil {
		t.Fatal(err)
	}
	j.Bundles = []placed{{Digest: digest, SHA256: j.Files[0].SHA256, Staged: stagedName(7, name)}}
	data, err := encodeStrict(j)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSeedsAreGood: a fuzz target whose seeds are refused finds nothing.
func TestSeedsAreGood(t *testing.T) {
	a, err := ParseApprovals("approvals.json", goodApprovals(t))
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := a.History[0].Grants[1].Options["quota"].(int64); !ok || n != 65536 {
		t.Errorf("a count is read as %T", a.History[0].Grants[1].Options["quota"])
	}
	if a.Last(a.History[1].Digest).Verdict != policy.Denied || a.LastApproved("one", "") != &a.History[0] {
		t.Error("the last word is another")
	}
	if _, err := parseJournal("transaction.json", goodJournal(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := parseFeed("feed.json", goodFeed); err != nil {
		t.Fatal(err)
	}
}

var goodFeed = []byte(`{"format":1,"advisories":[{"id":"EXAMPLE-1","text":"{}"}],"revocations":[{"key":"0123456789ABCDEF","at":"2026-05-01T12:00:00Z","reason":"stolen"}]}`)

// damaged checks what all parsers promise of errors.
func damaged(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*DamageError](err); !ok {
		t.Fatalf("%T: %v", err, err)
	}
}

// FuzzApprovals: what is read is written as it was read, and read again as the same.
func FuzzApprovals(f *testing.F) {
	f.Add(goodApprovals(f))
	f.Add([]byte(`{"format":1,"sequence":0,"history":[],"waiting":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseApprovals("approvals.json", data)
		if err != nil {
			damaged(t, err)
			return
		}
		once, err := a.encode()
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseApprovals("approvals.json", once)
		if err != nil {
			t.Fatalf("written, it is not read: %v\n%s", err, once)
		}
		if twice, err := b.encode(); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s\n%s\n%v", once, twice, err)
		}
		for _, e := range a.History {
			if last := a.Last(e.Digest); last == nil || last.Sequence < e.Sequence {
				t.Fatal("the last word is not the last")
			}
		}
	})
}

func FuzzJournal(f *testing.F) {
	f.Add(goodJournal(f))
	f.Add([]byte(`{"format":1,"sequence":1,"files":[{"name":"approvals.json","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","text":""}],"bundles":[],"remove":[],"records":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := parseJournal("transaction.json", data)
		if err != nil {
			damaged(t, err)
			return
		}
		for _, file := range j.Files {
			if file.Name != modsLockName && file.Name != freezesName && file.Name != feedName && file.Name != approvalsName {
				t.Fatalf("it writes %q", file.Name)
			}
		}
		for _, b := range j.Bundles {
			if name, err := bundleName(b.Digest); err != nil || b.Staged != stagedName(j.Sequence, name) {
				t.Fatalf("it moves %q", b.Staged)
			}
		}
	})
}

func FuzzFeed(f *testing.F) {
	f.Add(goodFeed)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseFeed("feed.json", data); err != nil {
			damaged(t, err)
		}
	})
}
