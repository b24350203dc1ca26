package catalog

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// oneOfOurs fails if an error is of no type that this package has.
func oneOfOurs(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*Error](err); ok {
		return
	}
	if _, ok := errors.AsType[*ExpiredError](err); !ok {
		t.Errorf("%T: %v", err, err)
	}
}

const goodEntry = `{"format":1,"id":"rain","version":"1.0.0","digest":"h1:N3RPKoyOb2O/iTFQoDYMFSGheOn7trsK0PmIXpGeeI8=","dependencies":[{"id":"clock","range":"^1.0"}],"permissions":[{"capability":"storage","reason":"x","risk":"low"}],"signers":["0123456789ABCDEF"],"yanked":{"reason":"x","date":"2026-01-01T00:00:00Z"}}`

const goodTarget = "bundles/h1-37744f2a8c8e6f63bf893150a0360c1521a178e9fbb6bb0ad0f9885e919e788f.zip"

// TestSeeds: the fuzz targets begin with texts that are taken.
func TestSeeds(t *testing.T) {
	if _, err := parseEntry(goodTarget, []byte(goodEntry)); err != nil {
		t.Error(err)
	}
	if _, err := parseIndex([]byte(goodIndex)); err != nil {
		t.Error(err)
	}
	if _, err := parseRevocations([]byte(goodRevocations)); err != nil {
		t.Error(err)
	}
	if _, err := ParseConfig("catalog.toml", []byte(goodConfig)); err != nil {
		t.Error(err)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(goodEntry))
	f.Add([]byte(strings.Replace(goodEntry, "clock", "../x", 1)))
	f.Add([]byte(`{"format":1,"Format":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parseEntry(goodTarget, data)
		if err != nil {
			oneOfOurs(t, err)
			return
		}
		// What was taken can be chosen from.
		v := &view{entries: map[string][]Entry{e.ID: {e, e}}}
		if got, err := (universe{v}).Versions(e.ID); err != nil || len(got) != 2 {
			t.Error(err)
		}
		newer(e, e)
	})
}

const goodIndex = `{"format":1,"mods":[{"id":"clock","name":"Clock"},{"id":"rain","name":"Rain","authors":["Ada"]}]}`

func FuzzIndex(f *testing.F) {
	f.Add([]byte(goodIndex))
	f.Add([]byte(`{"format":1,"mods":[{"id":"rain"},{"id":"rain"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			oneOfOurs(t, err)
			return
		}
		for _, d := range x.Mods {
			if got, ok := x.of(d.ID); !ok || got.ID != d.ID {
				t.Error(d.ID, " is not found")
			}
		}
		again, err := encode(x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseIndex(again); err != nil && len(again) <= maxIndex {
			t.Error(err)
		}
	})
}

const goodRevocations = `{"format":1,"keys":[{"key":"0123456789ABCDEF","date":"2026-01-01T00:00:00Z","reason":"stolen"}]}`

func FuzzRevocations(f *testing.F) {
	f.Add([]byte(goodRevocations))
	f.Add([]byte(`{"format":1,"keys":[{"key":"0123456789abcdef"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRevocations(data)
		if err != nil {
			oneOfOurs(t, err)
			return
		}
		for _, k := range r.Keys {
			if !keyID(k.Key) || k.Date.IsZero() {
				t.Errorf("%+v", k)
			}
		}
	})
}

const goodConfig = "url = \"https://mods.example.com\"\nroot = \"root.json\"\n"

func FuzzConfig(f *testing.F) {
	f.Add([]byte(goodConfig))
	f.Add([]byte("url = [[[["))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig("catalog.toml", data)
		if err != nil {
			oneOfOurs(t, err)
			return
		}
		if c.URL == "" || c.Root == "" {
			t.Errorf("%+v", c)
		}
	})
}

// FuzzMetadata: whatever a mirror serves as the next root or the timestamp, it is taken or
// refused. What is taken was signed by the catalogue's keys.
func FuzzMetadata(f *testing.F) {
	root, stamp, snapshot, targets := fixed(f)
	for _, seed := range [][]byte{root, stamp, snapshot, targets, []byte(`{"signed":{"_type":"targets","targets":{"x":null}}}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := newTrusted(root, begin)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.addRoot(data); err == nil {
			t.Error("a root nobody signed was taken")
		} else {
			oneOfOurs(t, err)
		}
		if err := set.addTimestamp(data); err != nil {
			oneOfOurs(t, err)
		} else if set.stampVersion() != 1 {
			t.Error("a timestamp nobody signed was taken")
		}
		if set, err = newTrusted(root, begin); err != nil {
			t.Fatal(err)
		}
		if err := set.addTimestamp(stamp); err != nil {
			t.Fatal(err)
		}
		if err := set.addSnapshot(data, false); (err == nil) != bytes.Equal(data, snapshot) {
			t.Error("a snapshot nobody signed was taken")
		} else if err != nil {
			oneOfOurs(t, err)
			if err := set.addSnapshot(snapshot, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := set.addTargets(data); (err == nil) != bytes.Equal(data, targets) {
			t.Error("targets nobody signed were taken")
		} else if err != nil {
			oneOfOurs(t, err)
		}
	})
}

// fixed is the metadata of an empty catalogue, the same each time, of keys that everybody
// knows.
func fixed(t testing.TB) (root, stamp, snapshot, targets []byte) {
	t.Helper()
	must := func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	expires := begin.Add(day)
	r := metadata.Root(expires)
	by := map[string]signer{}
	for i, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		s, err := newSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize)))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Signed.AddKey(s.public, role); err != nil {
			t.Fatal(err)
		}
		by[role] = s
	}
	root = must(signed(r, by[roleRoot]))
	ts := metadata.Targets(expires)
	for _, name := range []string{indexTarget, revocationsTarget} {
		ts.Signed.Targets[name] = fileOf(name, []byte("{}")).meta(nil)
	}
	targets = must(signed(ts, by[roleTargets]))
	sn := metadata.Snapshot(expires)
	sn.Signed.Meta["targets.json"] = metaOf(1, targets)
	snapshot = must(signed(sn, by[roleSnapshot]))
	st := metadata.Timestamp(expires)
	st.Signed.Meta["snapshot.json"] = metaOf(1, snapshot)
	return root, must(signed(st, by[roleTimestamp])), snapshot, targets
}
