package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// entriesOf is what WriteZip writes, written by another writer.
func entriesOf(files fstest.MapFS) []rawEntry {
	const date1980 = 0x21 << 16
	var entries []rawEntry
	for _, attached := range []bool{true, false} {
		for _, path := range slices.Sorted(maps.Keys(files)) {
			if strings.HasPrefix(path, ".pack/") != attached {
				continue
			}
			e := rawEntry{name: path, text: string(files[path].Data), store: true, time: date1980}
			if strings.IndexFunc(path, func(r rune) bool { return r > 127 }) >= 0 {
				e.flags = 1 << 11
			}
			entries = append(entries, e)
		}
	}
	return entries
}

var weatherPacked = func() fstest.MapFS {
	files := maps.Clone(weather)
	files[bundle.ContentsName] = &fstest.MapFile{Data: []byte("a list\n")}
	files[bundle.SBOMName] = &fstest.MapFile{Data: []byte("{}\n")}
	return files
}()

// TestWriteZipBytes: the bytes are a promise, on every machine and with every
// release of Go. If this test fails, all archives that are signed and kept in
// catalogues become archives that are not canonical.
func TestWriteZipBytes(t *testing.T) {
	got := zipOf(t, open(t, weatherPacked))
	if want := (rawZip{entries: entriesOf(weatherPacked)}).bytes(); !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	const want = "468fcd80455b005743c03cf7ee890127cd4446550a2ba4efaf213b4f77876b2a"
	if sum := fmt.Sprintf("%x", sha256.Sum256(got)); sum != want {
		t.Errorf("SHA-256 %s of %d bytes, want %s", sum, len(got), want)
	}
}

func TestCanonical(t *testing.T) {
	of := func(change func(entries []rawEntry) []rawEntry) []byte {
		return rawZip{entries: change(entriesOf(weatherPacked))}.bytes()
	}
	first := func(change func(e *rawEntry)) []byte {
		return of(func(entries []rawEntry) []rawEntry {
			change(&entries[len(entries)-2])
			return entries
		})
	}
	add := func(e rawEntry) []byte {
		return of(func(entries []rawEntry) []rawEntry { return append(entries, e) })
	}
	tests := []struct {
		name string
		data []byte
		want bool
	}{
		{"as written", of(func(e []rawEntry) []rawEntry { return e }), true},
		{"re-ordered", of(func(e []rawEntry) []rawEntry { slices.Reverse(e); return e }), false},
		{"attachments last", of(func(e []rawEntry) []rawEntry { return append(e[2:], e[:2]...) }), false},
		{"re-timed", first(func(e *rawEntry) { e.time++ }), false},
		{"compressed", first(func(e *rawEntry) { e.store = false }), false},
		{"a mode", first(func(e *rawEntry) { e.mode = 0o100755 }), false},
		{"an extra field", first(func(e *rawEntry) { e.extra = le(uint16(0xcafe), uint16(2), uint16(1)) }), false},
		{"a data descriptor", first(func(e *rawEntry) { e.descriptor = true }), false},
		{"marked as UTF-8 without need", first(func(e *rawEntry) { e.flags = 1 << 11 }), false},
		{"speed of compression", first(func(e *rawEntry) { e.flags = 1 << 1 }), false},
		{"comment", rawZip{entries: entriesOf(weatherPacked), comment: "hello"}.bytes(), false},
		{"a folder's own entry", add(rawEntry{name: "lib/", store: true}), false},
		{"a folder of attachments", add(rawEntry{name: ".pack/", store: true}), false},
		{"a hidden file", add(rawEntry{name: ".git", text: "x", store: true}), false},
		{"archive/zip", goZip(t, weatherPacked), false},
	}
	digest := open(t, weather).Digest()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, err := openBytes(test.data, bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if b.Canonical() != test.want || !b.Archived() {
				t.Errorf("canonical: %v, want %v; archived: %v", b.Canonical(), test.want, b.Archived())
			}
			if b.Digest() != digest || len(b.Attachments()) != 2 {
				t.Errorf("digest %s with %d attachments: not the same content", b.Digest(), len(b.Attachments()))
			}
			again, err := openBytes(zipOf(t, b), bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !again.Canonical() {
				t.Error("written anew it is not canonical")
			}
		})
	}
	if b := open(t, weather); b.Canonical() || b.Archived() {
		t.Error("a folder is an archive")
	}
	b, err := openBytes(of(func(e []rawEntry) []rawEntry { return e }), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if b := attach(t, b, map[string][]byte{bundle.SBOMName: nil}); b.Canonical() || b.Archived() {
		t.Error("a bundle that was changed is the archive that it was")
	}
}

// A truncated archive is refused wherever it is cut, and one with a byte changed is
// refused, or has another digest or other attachments, or is not canonical.
func TestEveryByteOfAnArchiveCounts(t *testing.T) {
	b := packed(t, map[string][]byte{bundle.SBOMName: []byte("{}")})
	data := zipOf(t, b)
	for n := range len(data) {
		if _, err := openBytes(data[:n], bundle.Limits{}); err == nil {
			t.Fatalf("cut to %d bytes of %d it is accepted", n, len(data))
		}
	}
	accepted := 0
	for at := range data {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(data)
			changed[at] ^= flip
			c, err := openBytes(changed, bundle.Limits{})
			if err != nil {
				reasonOf(t, err)
				continue
			}
			accepted++
			if c.Canonical() && bytes.Equal(zipOf(t, c), data) {
				t.Fatalf("byte %d changed by %#x: nobody sees it", at, flip)
			}
			if c.Canonical() && !bytes.Equal(zipOf(t, c), changed) {
				t.Fatalf("byte %d changed by %#x: canonical, and written otherwise", at, flip)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change is accepted: times and versions of the headers are free, so this test looks elsewhere")
	}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mod.zip")
	b := packed(t, nil)
	if err := b.WriteFile(path, false); err != nil {
		t.Fatal(err)
	}
	again, err := bundle.OpenPath(path, bundle.Limits{})
	if err != nil || !again.Canonical() || again.Digest() != b.Digest() {
		t.Errorf("written and read: %v, %v", again, err)
	}
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteFile(path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v, want fs.ErrExist", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the file that was there is %q, %v", data, err)
	}
	if err := b.WriteFile(path, true); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, zipOf(t, b)) {
		t.Errorf("replaced: %d bytes, %v", len(data), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

// What the zip format of this form cannot hold is an error, and no archive.
func TestWriteZipIsBounded(t *testing.T) {
	files := fstest.MapFS{"mod.toml": weather["mod.toml"]}
	for i := range 1<<16 - 1 {
		files[fmt.Sprintf("f%d", i)] = &fstest.MapFile{}
	}
	b, err := bundle.Open(files, bundle.Limits{Files: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.WriteZip(io.Discard); err == nil || reasonOf(t, err) != bundle.TooMany {
		t.Errorf("%d files: %v", len(files), err)
	}
	if _, err := bundle.Pack(b); err == nil || reasonOf(t, err) != bundle.TooBig {
		t.Errorf("packed: %v", err)
	}
}
