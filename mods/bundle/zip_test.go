package bundle_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func openBytes(data []byte, limits bundle.Limits) (*bundle.Bundle, error) {
	return bundle.OpenZip(bytes.NewReader(data), int64(len(data)), limits)
}

func reasonOf(t testing.TB, err error) bundle.Reason {
	t.Helper()
	typed, ok := errors.AsType[*bundle.Error](err)
	if !ok {
		t.Fatalf("%v (%T): not a *bundle.Error", err, err)
	}
	return typed.Reason
}

func ptr[T any](v T) *T { return &v }

type hostileZip struct {
	name string
	data []byte
	want bundle.Reason
}

func named(names ...string) []byte {
	var entries []rawEntry
	for _, name := range names {
		flags := uint16(0)
		if strings.IndexFunc(name, func(r rune) bool { return r > 127 }) >= 0 {
			flags = 1 << 11
		}
		entries = append(entries, rawEntry{name: name, text: "x", flags: flags})
	}
	return with(entries...).bytes()
}

// hostileZips is the table of archives that must be refused.
var hostileZips = sync.OnceValue(func() []hostileZip {
	zeros := strings.Repeat("\x00", 1<<20)
	many := make([]rawEntry, 2500)
	for i := range many {
		many[i] = rawEntry{name: fmt.Sprintf("f%d", i), store: true}
	}
	dirs := make([]rawEntry, 1001)
	for i := range dirs {
		dirs[i] = rawEntry{name: fmt.Sprintf("d%d/", i), store: true}
	}
	var noise strings.Builder
	for i := uint32(1); noise.Len() < 3<<20; i++ {
		noise.Write(le(i * 2654435761))
	}
	overlapping := with(rawEntry{name: "b.lua", text: "x"}, rawEntry{name: "b.lua2", noLocal: true, at: ptr(uint32(0)), text: "x"})
	return []hostileZip{
		{"traversal", named("../evil.lua"), bundle.BadName},
		{"traversal inside", named("a/../../evil.lua"), bundle.BadName},
		{"traversal to itself", named("a/../b.lua"), bundle.BadName},
		{"hidden traversal", named(".git/../../evil"), bundle.BadName},
		{"dot", named("./a.lua"), bundle.BadName},
		{"absolute", named("/etc/passwd"), bundle.BadName},
		{"drive letter", named("C:/evil.lua"), bundle.BadName},
		{"drive relative", named("C:evil.lua"), bundle.BadName},
		{"stream", named("main.lua:hidden"), bundle.BadName},
		{"backslash", named(`..\evil.lua`), bundle.BadName},
		{"share", named(`\\server\share\x`), bundle.BadName},
		{"empty name", named(""), bundle.BadName},
		{"only a slash", named("/"), bundle.BadName},
		{"empty element", named("a//b.lua"), bundle.BadName},
		{"two slashes at the end", named("a//"), bundle.BadName},
		{"NUL", named("a\x00.lua"), bundle.BadName},
		{"control character", named("a\x1b[2J.lua"), bundle.BadName},
		{"newline", named("a\n.lua"), bundle.BadName},
		{"DEL", named("a\x7f.lua"), bundle.BadName},
		{"bidi override", named("a\u202eaul.lua"), bundle.BadName},
		{"no-break space", named("a\u00a0b.lua"), bundle.BadName},
		{"invalid UTF-8", with(rawEntry{name: "a\xff.lua", flags: 1 << 11}).bytes(), bundle.BadName},
		{"UTF-8 not marked", with(rawEntry{name: "größe.lua"}).bytes(), bundle.BadName},
		{"long name", named(strings.Repeat("a", 256)), bundle.BadName},
		{"long path", named(strings.Repeat("abcdefghijklmnopqrstuvwxyz0123456789/", 14) + "x"), bundle.BadName},
		{"deep path", named(strings.Repeat("a/", 16) + "x"), bundle.BadName},
		{"con", named("con"), bundle.BadName},
		{"NUL.lua", named("lib/NUL.lua"), bundle.BadName},
		{"com1.txt.lua", named("com1.txt.lua"), bundle.BadName},
		{"nul with spaces", named("nul  .lua"), bundle.BadName},
		{"console input", named("CONIN$"), bundle.BadName},
		{"trailing dot", named("main.lua."), bundle.BadName},
		{"trailing space", named("main.lua "), bundle.BadName},
		{"other name for Info-ZIP", with(rawEntry{name: "a.lua", text: "x", extra: le(uint16(0x7075), uint16(10), uint8(1), uint32(0), []byte("b.lua"))}).bytes(), bundle.BadName},

		{"double name", named("a.lua", "a.lua"), bundle.Duplicate},
		{"double manifest", named("mod.toml"), bundle.Duplicate},
		{"double folder", with(rawEntry{name: "a/", store: true}, rawEntry{name: "a/x"}, rawEntry{name: "a/", store: true}).bytes(), bundle.Duplicate},
		{"case", named("a.lua", "A.lua"), bundle.CaseCollision},
		{"case of the manifest", named("MOD.toml"), bundle.CaseCollision},
		{"case of folders", named("lib/a.lua", "Lib/b.lua"), bundle.CaseCollision},
		{"sharp s", named("straße", "STRASSE"), bundle.CaseCollision},
		{"Kelvin sign", named("k.lua", "\u212a.lua"), bundle.CaseCollision},
		{"Angstrom sign", named("\u212b.lua", "\u00c5.lua"), bundle.CaseCollision},
		{"composed Hangul", named("\uac00", "\u1100\u1161"), bundle.CaseCollision},
		{"file and folder", named("a", "a/b"), bundle.PathConflict},
		{"folder and file", named("a/b", "a"), bundle.PathConflict},
		{"folder with content", named("a/"), bundle.PathConflict},
		{"mode of a folder", with(rawEntry{name: "a", text: "x", mode: 0o040755}).bytes(), bundle.PathConflict},

		{"symlink", with(rawEntry{name: "a", text: "/etc/passwd", mode: 0o120777}).bytes(), bundle.NotRegular},
		{"pipe", with(rawEntry{name: "a", mode: 0o010644}).bytes(), bundle.NotRegular},
		{"block device", with(rawEntry{name: "a", mode: 0o060644}).bytes(), bundle.NotRegular},
		{"character device", with(rawEntry{name: "a", mode: 0o020644}).bytes(), bundle.NotRegular},
		{"socket", with(rawEntry{name: "a", mode: 0o140644}).bytes(), bundle.NotRegular},
		{"hidden symlink", with(rawEntry{name: ".a", text: "/", mode: 0o120777}).bytes(), bundle.NotRegular},
		{"link in an extra field", with(rawEntry{name: "a", extra: le(uint16(0x000d), uint16(16), make([]byte, 12), []byte("/etc"))}).bytes(), bundle.NotRegular},

		{"encrypted", with(rawEntry{name: "a", text: "x", flags: 1}).bytes(), bundle.Encrypted},
		{"AES", with(rawEntry{name: "a", text: "x", extra: le(uint16(0x9901), uint16(7), make([]byte, 7))}).bytes(), bundle.Encrypted},
		{"masked headers", with(rawEntry{name: "a", text: "x", flags: 1 << 13}).bytes(), bundle.Corrupt},
		{"bzip2", with(rawEntry{name: "a", text: "x", method: 12}).bytes(), bundle.Method},
		{"zstd", with(rawEntry{name: "a", text: "x", method: 93}).bytes(), bundle.Method},

		{"bomb by ratio", with(rawEntry{name: "a", text: zeros}).bytes(), bundle.Bomb},
		{"bomb that declares little", with(rawEntry{name: "a", text: zeros, size: 1000}).bytes(), bundle.Bomb},
		{"bomb that declares nothing", with(rawEntry{name: "a", text: zeros, size: -1}).bytes(), bundle.Bomb},
		{"declares more than it holds", with(rawEntry{name: "a", text: "x", size: 2}).bytes(), bundle.Corrupt},
		{"declares 4 GiB", with(rawEntry{name: "a", text: "x", size: 1<<32 - 2}).bytes(), bundle.TooBig},
		{"one file too big", with(rawEntry{name: "a", store: true, text: noise.String()}, rawEntry{name: "b", text: "x", size: 5 << 20}).bytes(), bundle.TooBig},
		{"too big in all", with(
			rawEntry{name: "a", store: true, text: noise.String()}, rawEntry{name: "b", store: true, text: noise.String()}, rawEntry{name: "c", store: true, text: noise.String()},
			rawEntry{name: "d", store: true, text: noise.String()}, rawEntry{name: "e", store: true, text: noise.String()}, rawEntry{name: "f", store: true, text: noise.String()}).bytes(), bundle.TooBig},
		{"too many entries", with(many...).bytes(), bundle.TooMany},
		{"too many files", with(many[:1000]...).bytes(), bundle.TooMany},
		{"too many folders", with(dirs...).bytes(), bundle.TooMany},
		{"more entries than declared", rawZip{entries: with(many...).entries, count: ptr(uint16(1))}.bytes(), bundle.Corrupt},
		{"count that wraps", rawZip{entries: with(many[:10]...).entries, count: ptr(uint16(9))}.bytes(), bundle.Corrupt},
		{"fewer entries than declared", rawZip{entries: with().entries, count: ptr(uint16(2))}.bytes(), bundle.Corrupt},

		{"same body twice", overlapping.bytes(), bundle.Overlap},
		{"body inside another", with(rawEntry{name: "outer", store: true, text: string(le(uint32(0x04034b50), uint16(20), uint16(0), uint16(0), make([]byte, 16), uint16(1), uint16(0))) + "i"},
			rawEntry{name: "i", noLocal: true, store: true, at: ptr(uint32(40 + len(honestManifest)))}).bytes(), bundle.Overlap},
		{"gap", with(rawEntry{name: "a", text: "x", gap: []byte("hidden")}).bytes(), bundle.Overlap},
		{"gap before the second", with(rawEntry{name: "a", text: "x", gap: []byte("hidden")}, rawEntry{name: "b", text: "x"}).bytes(), bundle.Overlap},
		{"prefix", rawZip{prefix: []byte("#!/bin/sh\n"), entries: with().entries}.bytes(), bundle.Overlap},
		{"suffix", rawZip{suffix: []byte("more"), entries: with().entries}.bytes(), bundle.Corrupt},
		{"two end records", rawZip{entries: with().entries, comment: "PK\x05\x06" + strings.Repeat("\x00", 18)}.bytes(), bundle.Corrupt},
		{"bytes before the end record", rawZip{entries: with().entries, tail: []byte("more")}.bytes(), bundle.Corrupt},
		{"zip64", rawZip{entries: with().entries, count: ptr(uint16(0xffff))}.bytes(), bundle.Corrupt},
		{"zip64 entry", with(rawEntry{name: "a", text: "x", extra: le(uint16(1), uint16(8), make([]byte, 8))}).bytes(), bundle.Corrupt},
		{"extra field cut short", with(rawEntry{name: "a", text: "x", extra: le(uint16(1), uint16(80))}).bytes(), bundle.Corrupt},
		{"other local name", with(rawEntry{name: "a.lua", localName: "b.lua", text: "x"}).bytes(), bundle.Corrupt},
		{"other size in the local header", with(rawEntry{name: "a", text: "hello", descriptor: true, halfKnown: 4}).bytes(), bundle.Corrupt},
		{"data descriptor cut off", rawZip{entries: []rawEntry{{name: "a", text: "hello", flags: 8}}}.bytes(), bundle.Corrupt},
		{"wrong checksum", with(rawEntry{name: "a", text: "x", crc: 1}).bytes(), bundle.Corrupt},
		{"wrong checksum, stored", with(rawEntry{name: "a", text: "x", store: true, crc: 1}).bytes(), bundle.Corrupt},
		{"bytes after the deflated content", with(rawEntry{name: "a", text: "x", padding: []byte("hidden")}).bytes(), bundle.Corrupt},
		{"deflate that is none", with(rawEntry{name: "a", text: "\xff\xff\xff", store: true, method: 8}).bytes(), bundle.Corrupt},
		{"stored with two sizes", with(rawEntry{name: "a", text: "abc", store: true, size: 2}).bytes(), bundle.Corrupt},
		{"empty", nil, bundle.Corrupt},
		{"not a zip", bytes.Repeat([]byte("hello "), 100), bundle.Corrupt},
		{"cut short", with().bytes()[:100], bundle.Corrupt},

		{"no entries", rawZip{}.bytes(), bundle.NoManifest},
		{"no manifest", rawZip{entries: []rawEntry{{name: "main.lua"}}}.bytes(), bundle.NoManifest},
		{"hidden manifest", rawZip{entries: []rawEntry{{name: ".x/mod.toml"}}}.bytes(), bundle.NoManifest},
	}
})

func TestHostileZipIsRefused(t *testing.T) {
	for _, test := range hostileZips() {
		t.Run(test.name, func(t *testing.T) {
			b, err := openBytes(test.data, bundle.Limits{})
			if err == nil {
				t.Fatalf("accepted: %v", b.Files())
			}
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("%v: reason %q, want %q", err, got, test.want)
			}
			for _, r := range err.Error() {
				if r < ' ' || r == 0x7f || r == '\u202e' {
					t.Errorf("the message passes on the character %U", r)
				}
			}
		})
	}
}

// The guards above would prove nothing if the archives were broken in some
// other way, or if archive/zip refused them too.
func TestArchiveZipAcceptsWhatIsRefusedHere(t *testing.T) {
	accepted := map[string]bool{}
	for _, test := range hostileZips() {
		r, err := zip.NewReader(bytes.NewReader(test.data), int64(len(test.data)))
		if err != nil {
			continue
		}
		all := true
		for _, f := range r.File {
			rc, err := f.Open()
			if err != nil {
				all = false
				break
			}
			_, err = io.Copy(io.Discard, io.LimitReader(rc, 32<<20))
			rc.Close()
			all = all && err == nil
		}
		if all {
			accepted[test.name] = true
		}
	}
	for _, name := range []string{
		"traversal", "absolute", "drive letter", "backslash", "NUL", "bidi override", "double name", "case",
		"file and folder", "symlink", "bomb by ratio", "too big in all", "too many entries", "gap", "prefix",
		"other local name", "bytes after the deflated content", "con", "encrypted", "zip64 entry",
	} {
		if !accepted[name] {
			t.Errorf("archive/zip does not accept %q: the test of the guard proves nothing", name)
		}
	}
}

func TestAcceptedZips(t *testing.T) {
	tests := map[string][]byte{
		"archive/zip":             goZip(t, honest),
		"folders of their own":    with(rawEntry{name: "a/", store: true, mode: 0o040755}, rawEntry{name: "a/x", text: "x", mode: 0o100644}).bytes(),
		"comment":                 rawZip{entries: with().entries, comment: "0123456789abcdef"}.bytes(),
		"data descriptor":         with(rawEntry{name: "a", text: "hello", descriptor: true}, rawEntry{name: "b", text: "x"}).bytes(),
		"size known, rest after":  with(rawEntry{name: "a", text: "hello", descriptor: true, halfKnown: 5}, rawEntry{name: "b", store: true, descriptor: true}).bytes(),
		"hidden files":            with(rawEntry{name: ".DS_Store", text: "x"}, rawEntry{name: "__MACOSX/._a", text: "x"}).bytes(),
		"ratio of a small file":   with(rawEntry{name: "a", text: strings.Repeat(" ", 64<<10)}).bytes(),
		"signature in a body":     with(rawEntry{name: "a", store: true, text: "PK\x05\x06" + strings.Repeat("x", 40)}).bytes(),
		"deepest and longest":     named(strings.Repeat("a/", 15)+"x", strings.Repeat("b", 255)),
		"case in different words": named("a/B.lua", "b/a.lua"),
		"Unicode path repeated":   with(rawEntry{name: "a.lua", text: "x", extra: le(uint16(0x7075), uint16(10), uint8(1), uint32(0), []byte("a.lua"))}).bytes(),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := openBytes(data, bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			sameAsArchiveZip(t, data, b)
		})
	}
}

// sameAsArchiveZip compares a bundle with what archive/zip reads in the same
// bytes: who accepts an archive here must not see another one there.
func sameAsArchiveZip(t testing.TB, data []byte, b *bundle.Bundle) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("archive/zip: %v", err)
	}
	seen := 0
	for _, f := range r.File {
		attached := strings.HasPrefix(f.Name, ".pack/")
		hidden := strings.HasPrefix(f.Name, ".") || strings.Contains(f.Name, "/.")
		if strings.HasSuffix(f.Name, "/") || hidden && !attached {
			continue
		}
		seen++
		rc, err := f.Open()
		if err != nil {
			t.Fatalf("archive/zip: %q: %v", f.Name, err)
		}
		want, err := io.ReadAll(rc)
		if err != nil {
			t.Fatalf("archive/zip: %q: %v", f.Name, err)
		}
		rc.Close()
		read := b.ReadFile
		if attached {
			read = b.Attachment
		}
		got, err := read(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q: archive/zip reads other bytes", f.Name)
		}
	}
	if has := len(b.Files()) + len(b.Attachments()); seen != has {
		t.Errorf("archive/zip sees %d files, the bundle has %d", seen, has)
	}
}

func TestZipLimits(t *testing.T) {
	data := goZip(t, fstest.MapFS{
		"mod.toml": {Data: []byte(honestManifest)},
		"a.lua":    {Data: bytes.Repeat([]byte("0123456789"), 10)},
		"b.lua":    {Data: bytes.Repeat([]byte("0123456789"), 10)},
	})
	total := int64(len(honestManifest) + 200)
	tests := []struct {
		name   string
		limits bundle.Limits
		want   bundle.Reason
	}{
		{"files", bundle.Limits{Files: 2}, bundle.TooMany},
		{"files, enough", bundle.Limits{Files: 3}, ""},
		{"file", bundle.Limits{FileBytes: 99}, bundle.TooBig},
		{"file, enough", bundle.Limits{FileBytes: 100}, ""},
		{"total", bundle.Limits{TotalBytes: total - 1}, bundle.TooBig},
		{"total, enough", bundle.Limits{TotalBytes: total}, ""},
		{"negative", bundle.Limits{Files: -1}, bundle.BadLimits},
		{"negative ratio", bundle.Limits{Ratio: -1}, bundle.BadLimits},
		{"huge", bundle.Limits{Files: 1 << 62, TotalBytes: 1<<63 - 1, FileBytes: 1<<63 - 1, Ratio: 1<<63 - 1}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := openBytes(data, test.limits)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("%v: reason %q, want %q", err, got, test.want)
			}
		})
	}
}

// A declared size must not be believed before it is compared: the archive
// says 3.9 MiB five times and holds a few bytes.
func TestZipArchiveSizeIsCheckedBeforeReading(t *testing.T) {
	_, err := bundle.OpenZip(neverRead{t}, 1<<40, bundle.Limits{})
	if got := reasonOf(t, err); got != bundle.TooBig {
		t.Errorf("reason %q, want %q", got, bundle.TooBig)
	}
}

type neverRead struct{ t *testing.T }

func (r neverRead) ReadAt([]byte, int64) (int, error) {
	r.t.Error("read")
	return 0, io.EOF
}

func TestZipThatShrinks(t *testing.T) {
	data := goZip(t, honest)
	_, err := bundle.OpenZip(bytes.NewReader(data[:50]), int64(len(data)), bundle.Limits{})
	if got := reasonOf(t, err); got != bundle.Changed {
		t.Errorf("%v: reason %q, want %q", err, got, bundle.Changed)
	}
}

func TestWriteZip(t *testing.T) {
	files := fstest.MapFS{
		"zeros.bin":    {Data: make([]byte, 1<<20)}, // a bomb, if it were compressed
		".git/config":  {Data: []byte("left out")},
		"lib/.hidden":  {Data: []byte("left out")},
		"lib/main.lua": {Data: []byte("return 1")},
	}
	for name, f := range honest {
		files[name] = f
	}
	first, err := bundle.Open(files, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	one := zipOf(t, first)
	if !bytes.Equal(one, zipOf(t, first)) {
		t.Error("two archives of one bundle differ")
	}
	second, err := openBytes(one, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	sameAsArchiveZip(t, one, second)
	if first.Digest() != second.Digest() {
		t.Errorf("digest %s became %s", first.Digest(), second.Digest())
	}
	want := errors.New("disk full")
	if err := first.WriteZip(failingWriter{want}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func FuzzOpenZip(f *testing.F) {
	for _, test := range hostileZips() {
		if len(test.data) < 10_000 {
			f.Add(test.data)
		}
	}
	f.Add(goZip(f, honest))
	f.Add(with(rawEntry{name: "a", text: "hello", descriptor: true}).bytes())
	f.Add(rawZip{entries: entriesOf(weatherPacked)}.bytes())
	f.Add(goZip(f, weatherPacked))
	f.Add(zipOf(f, packed(f, map[string][]byte{bundle.ProvenanceName: []byte("{}"), bundle.SBOMName: []byte("{}")})))
	f.Add(zipOf(f, attach(f, packed(f, nil), map[string][]byte{bundle.SignatureName(1): []byte("signature")})))
	limits := bundle.Limits{Files: 20, FileBytes: 100 << 10, TotalBytes: 200 << 10}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := openBytes(data, limits)
		if err != nil {
			reasonOf(t, err)
			return
		}
		sameAsArchiveZip(t, data, b)
		var total int64
		for _, file := range b.Files() {
			total += file.Size
		}
		if len(b.Files()) > limits.Files || total > limits.TotalBytes {
			t.Errorf("%d files, %d bytes: over the limits", len(b.Files()), total)
		}
		written := zipOf(t, b)
		if b.Canonical() != bytes.Equal(written, data) {
			t.Errorf("canonical: %v", b.Canonical())
		}
		again, err := openBytes(written, limits)
		if err != nil {
			t.Fatalf("own archive refused: %v", err)
		}
		if again.Digest() != b.Digest() || !slices.Equal(again.Attachments(), b.Attachments()) || !again.Canonical() {
			t.Error("something changed on the way through WriteZip")
		}
		mayBePacked(t, b)
	})
}

// mayBePacked holds that what opens, packs, unless its manifest is none; and that
// packing changes no digest, and nothing the second time.
func mayBePacked(t *testing.T, b *bundle.Bundle) {
	t.Helper()
	one, err := bundle.Pack(b)
	if _, bad := errors.AsType[*manifest.Error](err); bad {
		return
	}
	if err != nil {
		if len(b.Attachments()) < bundle.MaxAttachments || reasonOf(t, err) != bundle.TooMany {
			t.Fatalf("cannot be packed: %v", err)
		}
		return
	}
	if _, err := one.Contents(); err != nil {
		t.Errorf("packed, and wrong: %v", err)
	}
	two, err := bundle.Pack(one)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one.Attachments(), two.Attachments()) || one.Digest() != b.Digest() || two.Digest() != b.Digest() {
		t.Error("packing again changed something, or the digest")
	}
}
