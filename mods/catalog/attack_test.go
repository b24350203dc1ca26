package catalog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Each attack here is also shown to work where the guard is not: on a client that trusts
// its mirror, or has no memory, or with the keys that the guard asks for.

// find returns the one public file whose name ends so.
func find(t testing.TB, files map[string][]byte, suffix string) string {
	t.Helper()
	found := ""
	for name := range files {
		if strings.HasSuffix(name, suffix) {
			if found != "" {
				t.Fatalf("%s and %s", found, name)
			}
			found = name
		}
	}
	if found == "" {
		t.Fatal("no file ends in ", suffix)
	}
	return found
}

// TestForgedFiles: every file that a mirror may change, byte by byte of another, is
// refused.
func TestForgedFiles(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	l.publisher(func(p *Publisher) error {
		_, err := p.Advise(osv("TEST-1"))
		if err == nil {
			_, err = p.Publish()
		}
		return err
	})
	m := l.mirror()
	good := clone(m.files)
	timestamp, snapshot, targets := metadataPath(roleTimestamp, 0), metadataPath(roleSnapshot, 2), metadataPath(roleTargets, 2)
	index := find(t, good, hexOf(fileOf("", indexOf(t, good)).SHA256)+".index.json")
	forgedTargets := bytes.ReplaceAll(good[targets], []byte(`"rain"`), []byte(`"evil"`))
	for name, c := range map[string]struct {
		file string
		data []byte
		want Reason
	}{
		"timestamp without a signature": {timestamp, bytes.Replace(good[timestamp], []byte(`"signatures":[{`), []byte(`"signatures":[],"x":[{`), 1), NotSigned},
		"timestamp of another version":  {timestamp, bytes.Replace(good[timestamp], []byte(`"version":2}}`), []byte(`"version":3}}`), 1), NotSigned},
		"timestamp that is a snapshot":  {timestamp, good[snapshot], Malformed},
		"timestamp that is no JSON":     {timestamp, []byte("<html>"), Malformed},
		"timestamp, empty":              {timestamp, nil, Malformed},
		"snapshot":                      {snapshot, bytes.Replace(good[snapshot], []byte(`2026`), []byte(`2027`), 1), Mixed},
		"targets":                       {targets, forgedTargets, Mixed},
		"index":                         {index, bytes.ReplaceAll(good[index], []byte("rain"), []byte("evil")), WrongHash},
		"index, shorter":                {index, good[index][:10], WrongLength},
		"revocations withheld":          {find(t, good, ".revocations.json"), nil, Missing},
		"advisory withheld":             {find(t, good, ".TEST-1.json"), nil, Missing},
		"the next root, made up":        {metadataPath(roleRoot, 2), good[metadataPath(roleRoot, 1)], RolledBack},
	} {
		files := clone(good)
		files[c.file] = c.data
		if c.want == Missing {
			delete(files, c.file)
		}
		m.replace(files)
		refused(t, l.open(at(m.url)).Refresh(t.Context()), c.want)
		if got := naive(t, t.Context(), m.url+"/"+c.file); c.want != Missing && !bytes.Equal(got, c.data) {
			t.Errorf("%s: the mirror does not serve what it should", name)
		}
	}
	m.replace(good)
	l.refresh(l.open(at(m.url)))
}

// indexOf returns the newest index: the longest one, here.
func indexOf(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var out []byte
	for name, data := range files {
		if strings.HasSuffix(name, ".index.json") && len(data) > len(out) {
			out = data
		}
	}
	return out
}

// TestKeysOfOthers: metadata that is signed well, by keys that are not the role's. With
// the role's own keys the same bytes are taken.
func TestKeysOfOthers(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := newSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	m := l.mirror()
	good := clone(m.files)
	for name, change := range map[string]func(*forge){
		"stranger's timestamp":  func(f *forge) { f.byTop = []signer{stranger} },
		"stranger's snapshot":   func(f *forge) { f.bySnapshot = []signer{stranger} },
		"stranger's targets":    func(f *forge) { f.byTargets = []signer{stranger} },
		"timestamp by targets":  func(f *forge) { f.byTop = f.byTargets },
		"targets by timestamp":  func(f *forge) { f.byTargets = f.byTop },
		"snapshot by timestamp": func(f *forge) { f.bySnapshot = f.byTop },
	} {
		f := l.forge()
		change(f)
		m.replace(f.into(t, good))
		if err := l.open(at(m.url)).Refresh(t.Context()); !errors.Is(err, notSigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.replace(l.forge().into(t, good))
	c := l.open(at(m.url))
	l.refresh(c)
	if c.State().Version != 2 {
		t.Error("the control was not taken: the forgery proves nothing")
	}
}

// TestFreeze: a mirror that goes on serving what it had is found out when it expires. A
// client whose clock stands still is not helped by that; a clock that is behind is found
// out.
func TestFreeze(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	l.time = begin.Add(20 * time.Hour)
	l.publish(mod(t, "rain", "2.0.0", "")) // the mirror does not take it
	cache := t.TempDir()
	c := l.open(at(m.url), with(cache))
	l.refresh(c) // the control: until then nobody can know
	if c.Info("rain")[0].Version != "1.0.0" {
		t.Fatal("the mirror is not frozen")
	}
	l.time = begin.Add(day + time.Second)
	expired(t, c.Refresh(t.Context()), roleTimestamp)
	expired(t, l.open(at(m.url)).Refresh(t.Context()), roleTimestamp)

	// Set back, the clock would let the same bytes pass.
	l.time = begin.Add(18 * time.Hour)
	refused(t, c.Refresh(t.Context()), ClockBehind) // it was later before
	refused(t, l.open(with(cache), offline).Refresh(t.Context()), ClockBehind)
	l.time = begin.Add(-2 * time.Hour)
	refused(t, l.open(at(m.url)).Refresh(t.Context()), ClockBehind) // before it was signed
	l.time = begin.Add(-time.Hour / 2)
	l.refresh(l.open(at(m.url))) // within the tolerance
}

// TestFrozenParts: each role's own time is looked at.
func TestFrozenParts(t *testing.T) {
	l := newLab(t, nil)
	l.publish()
	f := l.forge()
	f.expires = begin.Add(400 * day) // but the root is of a year
	m := l.mirror()
	m.replace(f.into(t, m.files))
	c := l.open(at(m.url))
	l.refresh(c)
	l.time = begin.Add(366 * day)
	expired(t, c.Refresh(t.Context()), roleRoot)
	expired(t, l.open(at(m.url)).Refresh(t.Context()), roleRoot)

	l.time = begin.Add(8 * day)
	stamp := metadata.Timestamp(l.time.Add(day)) // over a snapshot of 7 days
	stamp.Signed.Version = 9
	stamp.Signed.Meta["snapshot.json"] = metaOf(1, l.file(metadataPath(roleSnapshot, 1)))
	data, err := signed(stamp, l.signers(roleTimestamp)...)
	if err != nil {
		t.Fatal(err)
	}
	m.replace(l.snapshot())
	m.set(metadataPath(roleTimestamp, 0), data)
	expired(t, l.open(at(m.url)).Refresh(t.Context()), roleSnapshot)
}

// TestRollBack: what was seen before is remembered, across processes. Who has no memory
// takes the old catalogue, whose time is not over.
func TestRollBack(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	old := l.snapshot()
	l.publish(mod(t, "rain", "1.0.1", ""))
	m := l.mirror()
	cache := t.TempDir()
	l.refresh(l.open(at(m.url), with(cache)))

	m.replace(old)
	refused(t, l.open(at(m.url), with(cache)).Refresh(t.Context()), RolledBack)
	forgetful := l.open(at(m.url))
	l.refresh(forgetful)
	if forgetful.Info("rain")[0].Version != "1.0.0" {
		t.Error("the control shows nothing")
	}

	// With the key of the timestamp alone: a new timestamp over an old snapshot.
	f := l.forge()
	stamp := metadata.Timestamp(f.expires)
	stamp.Signed.Version = 50
	stamp.Signed.Meta["snapshot.json"] = metaOf(1, old[metadataPath(roleSnapshot, 1)])
	data, err := signed(stamp, f.byTop...)
	if err != nil {
		t.Fatal(err)
	}
	m.set(metadataPath(roleTimestamp, 0), data)
	refused(t, l.open(at(m.url), with(cache)).Refresh(t.Context()), RolledBack)
	l.refresh(l.open(at(m.url)))

	// With the keys of the snapshot and the timestamp: old targets in a new snapshot.
	f = l.forge()
	f.versions.Timestamp, f.versions.Snapshot = 60, 60
	snapshot := metadata.Snapshot(f.expires)
	snapshot.Signed.Version = 60
	snapshot.Signed.Meta["targets.json"] = metaOf(1, old[metadataPath(roleTargets, 1)])
	snapshotData, err := signed(snapshot, f.bySnapshot...)
	if err != nil {
		t.Fatal(err)
	}
	stamp.Signed.Version = 60
	stamp.Signed.Meta["snapshot.json"] = metaOf(60, snapshotData)
	if data, err = signed(stamp, f.byTop...); err != nil {
		t.Fatal(err)
	}
	m.set(metadataPath(roleSnapshot, 60), snapshotData)
	m.set(metadataPath(roleTimestamp, 0), data)
	refused(t, l.open(at(m.url), with(cache)).Refresh(t.Context()), RolledBack)
	l.refresh(l.open(at(m.url)))
}

// TestTimestampIsRemembered: a timestamp that was seen counts, although the rest could
// not be had then.
func TestTimestampIsRemembered(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	old := clone(m.files)
	cache := t.TempDir()
	l.refresh(l.open(at(m.url), with(cache)))
	l.publish(mod(t, "rain", "2.0.0", ""))
	m.set(metadataPath(roleTimestamp, 0), l.file(metadataPath(roleTimestamp, 0)))
	c := l.open(at(m.url), with(cache))
	refused(t, c.Refresh(t.Context()), Missing)
	m.replace(old)
	refused(t, c.Refresh(t.Context()), RolledBack)
	if err := os.Remove(filepath.Join(cache, filepath.FromSlash(stampName))); err != nil {
		t.Fatal(err)
	}
	l.refresh(c) // without that memory it would have been taken
}

// TestSameVersionTwice: a snapshot that was signed twice with one version is the one that
// the timestamp names, and not the one that is remembered.
func TestSameVersionTwice(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	cache := t.TempDir()
	l.refresh(l.open(at(m.url), with(cache)))
	f := l.forge()
	f.versions.Snapshot = 1
	text := osv("TEST-1")
	is := fileOf("advisories/TEST-1.json", text)
	f.targets.Signed.Targets[is.Name] = is.meta(nil)
	m.replace(f.into(t, m.files))
	m.set(targetPath(is.Name, is.SHA256), text)
	c := l.open(at(m.url), with(cache))
	l.refresh(c)
	if len(c.Advisories()) != 1 {
		t.Error("the remembered snapshot was taken")
	}
	l.refresh(l.open(with(cache), offline))
}

// TestMixAndMatch: files of two publications do not go together, although each of them
// is signed and none has expired.
func TestMixAndMatch(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	one := l.snapshot()
	l.publish(mod(t, "rain", "1.0.1", ""))
	two := l.snapshot()
	m := l.mirror()
	for name, c := range map[string]struct{ place, with string }{
		"targets of before":  {metadataPath(roleTargets, 2), metadataPath(roleTargets, 1)},
		"snapshot of before": {metadataPath(roleSnapshot, 2), metadataPath(roleSnapshot, 1)},
	} {
		files := clone(two)
		files[c.place] = one[c.with]
		m.replace(files)
		if err := l.open(at(m.url)).Refresh(t.Context()); !errors.Is(err, &Error{Reason: Mixed}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.replace(one)
	l.refresh(l.open(at(m.url)))
	m.replace(two)
	l.refresh(l.open(at(m.url)))
}

// TestHostileShapes: metadata that makes go-tuf fall over is an error here, signed or
// not. Without the guard it panics.
func TestHostileShapes(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	for _, text := range []string{
		`{"signed":{"_type":"targets","spec_version":"1.0.31","version":1,"expires":"2027-01-01T00:00:00Z","targets":{"x":null}},"signatures":[]}`,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the control does not panic; the guard is not needed any more")
				}
			}()
			_, _ = metadata.Targets().FromBytes([]byte(text))
		}()
	}
	m := l.mirror()
	good := clone(m.files)
	for _, text := range []string{
		`null`, `{}`, `[]`, `{"signed":null}`, `{"signed":{"_type":"timestamp","meta":{"snapshot.json":null}},"signatures":null}`,
		`{"signed":{"_type":"timestamp","version":1,"expires":"2027-01-01T00:00:00Z","meta":{}},"signatures":[null]}`,
		strings.Repeat("[", 5000), `{"signed":{"_type":"timestamp"},"signed":{}}`,
		`{"signed":{"_type":"timestamp","version":1e400,"meta":{}}}`,
	} {
		m.replace(clone(good))
		m.set(metadataPath(roleTimestamp, 0), []byte(text))
		refused(t, l.open(at(m.url)).Refresh(t.Context()), Malformed)
	}
	for _, text := range []string{
		`{"signed":{"_type":"root","version":2,"expires":"2027-01-01T00:00:00Z","consistent_snapshot":true,"keys":{"a":null},"roles":{}},"signatures":[]}`,
		`{"signed":{"_type":"root","version":2,"expires":"2027-01-01T00:00:00Z","consistent_snapshot":true,"keys":{},"roles":{"root":null,"targets":null,"snapshot":null,"timestamp":null}},"signatures":[]}`,
		string(bytes.Replace(l.root(), []byte(`"keytype":"ed25519"`), []byte(`"keytype":"rsa"`), 1)),
	} {
		m.replace(clone(good))
		m.set(metadataPath(roleRoot, 2), []byte(text))
		refused(t, l.open(at(m.url)).Refresh(t.Context()), Malformed)
	}
	// Signed by the keys of the roles, and still no panic.
	f := l.forge()
	f.targets.Signed.Targets["x"] = nil
	m.replace(f.into(t, good))
	refused(t, l.open(at(m.url)).Refresh(t.Context()), Malformed)
	stamp := metadata.Timestamp(begin.Add(day))
	stamp.Signed.Version = 9
	stamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": nil}
	data, err := signed(stamp, l.signers(roleTimestamp)...)
	if err != nil {
		t.Fatal(err)
	}
	m.replace(clone(good))
	m.set(metadataPath(roleTimestamp, 0), data)
	cache := t.TempDir()
	refused(t, l.open(at(m.url), with(cache)).Refresh(t.Context()), Malformed)
}
