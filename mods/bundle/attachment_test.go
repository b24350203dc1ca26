package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// open reads a folder that is known to be well.
func open(t testing.TB, files fstest.MapFS) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(files, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// attach attaches what is known to be well.
func attach(t testing.TB, b *bundle.Bundle, changes map[string][]byte) *bundle.Bundle {
	t.Helper()
	b, err := b.WithAttachments(changes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// zipOf is the bundle as WriteZip writes it.
func zipOf(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.WriteZip(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func attachmentNames(b *bundle.Bundle) []string {
	names := []string{}
	for _, f := range b.Attachments() {
		names = append(names, f.Path)
	}
	return names
}

var attachedNames = []string{
	".pack/contents", ".pack/provenance.json", ".pack/sbom.json",
	".pack/signatures/0000000000000001.minisig", ".pack/signatures/DEADBEEF01234567.minisig",
}

func TestAttachments(t *testing.T) {
	files := fstest.MapFS{"lib/.pack/contents": {Data: []byte("hidden, and no attachment")}, ".packet/x": {}}
	for name, f := range honest {
		files[name] = f
	}
	changes := map[string][]byte{}
	for _, name := range attachedNames {
		data := []byte("text of " + name)
		files[name], changes[name] = &fstest.MapFile{Data: data}, data
	}
	plain := open(t, honest)
	folder := open(t, files)
	written, err := openBytes(zipOf(t, folder), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := openBytes(goZip(t, files), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for where, b := range map[string]*bundle.Bundle{"folder": folder, "own archive": written, "archive": other, "attached": attach(t, plain, changes)} {
		if diff := cmp.Diff(attachedNames, attachmentNames(b)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
		for _, name := range attachedNames {
			if data, err := b.Attachment(name); err != nil || string(data) != "text of "+name {
				t.Errorf("%s: %s: %q, %v", where, name, data, err)
			}
			if _, err := b.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the attachment %s is a file of the mod: %v", where, name, err)
			}
			if _, err := fs.Stat(b.FS(), name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the attachment %s is in the file system: %v", where, name, err)
			}
		}
		if b.Digest() != plain.Digest() {
			t.Errorf("%s: attachments changed the digest", where)
		}
		if diff := cmp.Diff(plain.Files(), b.Files()); diff != "" {
			t.Errorf("%s: attachments changed the files:\n%s", where, diff)
		}
		if !bytes.Equal(zipOf(t, b), zipOf(t, folder)) {
			t.Errorf("%s: another archive", where)
		}
	}
	if _, err := plain.Attachment(bundle.ContentsName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an attachment that is not there: %v", err)
	}
}

func TestWithAttachments(t *testing.T) {
	one := []byte("one")
	b := attach(t, open(t, honest), map[string][]byte{bundle.SBOMName: one, bundle.ProvenanceName: {}})
	copy(one, "two")
	data, _ := b.Attachment(bundle.SBOMName)
	copy(data, "two")
	b.Attachments()[0].Path = "two"
	if data, _ := b.Attachment(bundle.SBOMName); string(data) != "one" || b.Attachments()[0].Path != bundle.ProvenanceName {
		t.Errorf("changed to %q, %v", data, b.Attachments())
	}
	less := attach(t, b, map[string][]byte{bundle.SBOMName: nil, bundle.SignatureName(1): nil})
	if diff := cmp.Diff([]string{bundle.ProvenanceName}, attachmentNames(less)); diff != "" {
		t.Errorf("after taking one away (-want +got):\n%s", diff)
	}
	if len(b.Attachments()) != 2 {
		t.Errorf("the bundle itself changed: %v", attachmentNames(b))
	}
}

func TestSignatureName(t *testing.T) {
	for key, want := range map[uint64]string{
		0: ".pack/signatures/0000000000000000.minisig", 0xdeadbeef01234567: ".pack/signatures/DEADBEEF01234567.minisig",
	} {
		if got := bundle.SignatureName(key); got != want || !bundle.IsSignature(got) {
			t.Errorf("%q, a signature: %v; want %q", got, bundle.IsSignature(got), want)
		}
	}
}

// oddNames are names that nothing may have that is attached.
var oddNames = []string{
	".pack", ".pack/x", ".pack/Contents", ".pack/contents.txt", ".pack/contents/x", ".pack/.DS_Store",
	".pack/provenance.json.bak", ".pack/signatures", ".pack/signatures/x", ".pack/signatures/.minisig",
	".pack/signatures/DEADBEEF01234567", ".pack/signatures/DEADBEEF0123456.minisig", ".pack/signatures/DEADBEEF012345678.minisig",
	".pack/signatures/deadbeef01234567.minisig", ".pack/signatures/DEADBEEF0123456G.minisig", ".pack/signatures/DEADBEEF01234567.MINISIG",
	".pack/signatures/a/DEADBEEF01234567.minisig", ".pack/main.lua", ".pack/mod.toml",
}

func TestOddAttachmentsAreRefused(t *testing.T) {
	for _, name := range oddNames {
		_, fromZip := openBytes(with(rawEntry{name: name, text: "x"}).bytes(), bundle.Limits{})
		_, fromFolder := bundle.Open(fstest.MapFS{"mod.toml": honest["mod.toml"], name: {Data: []byte("x")}}, bundle.Limits{})
		_, attached := open(t, honest).WithAttachments(map[string][]byte{name: []byte("x")})
		for where, err := range map[string]error{"archive": fromZip, "folder": fromFolder, "attached": attached} {
			if err == nil {
				t.Errorf("%s: %s was accepted", where, name)
			} else if got := reasonOf(t, err); got != bundle.BadAttachment {
				t.Errorf("%s: %v: reason %q, want %q", where, err, got, bundle.BadAttachment)
			}
		}
	}
	for _, name := range []string{"main.lua", "", "../contents", ".pack/../contents", ".PACK/contents", "lib/.pack/contents"} {
		if _, err := open(t, honest).WithAttachments(map[string][]byte{name: nil}); err == nil || reasonOf(t, err) != bundle.BadAttachment {
			t.Errorf("%q can be attached: %v", name, err)
		}
	}
}

func TestHostileAttachments(t *testing.T) {
	entry := func(name, text string) rawEntry { return rawEntry{name: name, text: text, store: true} }
	big := strings.Repeat("x", bundle.MaxAttachmentBytes)
	signatures := func(n int, text string) []rawEntry {
		var all []rawEntry
		for i := range n {
			all = append(all, entry(bundle.SignatureName(uint64(i)), text))
		}
		return all
	}
	tests := []struct {
		name    string
		archive rawZip
		want    bundle.Reason // "" if accepted
	}{
		{"folders", with(entry(".pack/", ""), entry(".pack/signatures/", "")), ""},
		{"another folder", with(entry(".pack/more/", "")), bundle.BadAttachment},
		{"a folder for a list", with(entry(".pack/contents/", "")), bundle.BadAttachment},
		{"double list", with(entry(".pack/contents", "a"), entry(".pack/contents", "b")), bundle.Duplicate},
		{"double signature", with(append(signatures(1, "a"), signatures(1, "b")...)...), bundle.Duplicate},
		{"list in capitals beside", with(entry(".pack/contents", "a"), entry(".PACK/contents", "b")), bundle.CaseCollision},
		{"link", with(rawEntry{name: ".pack/contents", text: "/etc/passwd", mode: 0o120777}), bundle.NotRegular},
		{"link for the folder", with(rawEntry{name: ".pack", text: "/etc", mode: 0o120777}), bundle.NotRegular},
		{"out of the folder", with(entry(".pack/../contents", "")), bundle.BadName},
		{"as many as may be", with(signatures(64, "s")...), ""},
		{"too many", with(signatures(65, "s")...), bundle.TooMany},
		{"as large as may be", with(entry(".pack/sbom.json", big)), ""},
		{"too large", with(entry(".pack/sbom.json", big+"x")), bundle.TooBig},
		{"too large by what it says", with(rawEntry{name: ".pack/sbom.json", text: "x", size: 1 << 31}), bundle.TooBig},
		{"as large as may be in all", with(signatures(4, big)...), ""},
		{"too large in all", with(append(signatures(4, big), entry(".pack/contents", "x"))...), bundle.TooBig},
		{"bomb", with(rawEntry{name: ".pack/sbom.json", text: big}), bundle.Bomb},
		{"only attachments", rawZip{entries: signatures(1, "s")}, bundle.NoManifest},
		{"manifest among them", rawZip{entries: []rawEntry{entry(".pack/mod.toml", honestManifest)}}, bundle.BadAttachment},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := openBytes(test.archive.bytes(), bundle.Limits{})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("%v: reason %q, want %q", err, got, test.want)
			}
		})
	}
}

func TestAttachmentLimitsInFoldersAndMemory(t *testing.T) {
	many := fstest.MapFS{"mod.toml": honest["mod.toml"]}
	changes := map[string][]byte{}
	for i := range 65 {
		name := bundle.SignatureName(uint64(i))
		many[name] = &fstest.MapFile{}
		changes[name] = []byte{}
	}
	big := make([]byte, bundle.MaxAttachmentBytes+1)
	quarter := big[:bundle.MaxAttachmentBytes]
	inAll := map[string][]byte{}
	for i := range 5 {
		inAll[bundle.SignatureName(uint64(i))] = quarter
	}
	for name, test := range map[string]struct {
		attachments map[string][]byte
		want        bundle.Reason
	}{
		"too many":         {changes, bundle.TooMany},
		"too large":        {map[string][]byte{bundle.SBOMName: big}, bundle.TooBig},
		"too large in all": {inAll, bundle.TooBig},
	} {
		files := fstest.MapFS{"mod.toml": honest["mod.toml"]}
		for path, data := range test.attachments {
			files[path] = &fstest.MapFile{Data: data}
		}
		_, inFolder := bundle.Open(files, bundle.Limits{})
		_, inMemory := open(t, honest).WithAttachments(test.attachments)
		for where, err := range map[string]error{"folder": inFolder, "memory": inMemory} {
			if err == nil {
				t.Errorf("%s: %s: accepted", name, where)
			} else if got := reasonOf(t, err); got != test.want {
				t.Errorf("%s: %s: %v: reason %q, want %q", name, where, err, got, test.want)
			}
		}
	}
}

// What is attached has limits of its own: a mod that is as large as it may be can be
// packed, and its archive opened.
func TestAttachmentsDoNotCountAsTheMod(t *testing.T) {
	limits := bundle.Limits{Files: 3, TotalBytes: 200, FileBytes: 150}
	files := fstest.MapFS{"mod.toml": {Data: []byte(honestManifest)}, "a/b/c.lua": {Data: make([]byte, 50)}}
	files["d.lua"] = &fstest.MapFile{Data: make([]byte, 200-50-len(honestManifest))}
	for i := range 64 {
		files[bundle.SignatureName(uint64(i))] = &fstest.MapFile{Data: bytes.Repeat([]byte{byte(i)}, 64<<10)}
	}
	b, err := bundle.Open(files, limits)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openBytes(zipOf(t, b), limits)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Attachments()) != 64 || len(again.Files()) != 3 {
		t.Errorf("%d attachments, %d files", len(again.Attachments()), len(again.Files()))
	}
	entries := []rawEntry{{name: ".pack/", store: true}, {name: ".pack/signatures/", store: true}, {name: "a/", store: true}, {name: "a/b/", store: true}, {name: "e/", store: true}}
	for path, f := range files {
		entries = append(entries, rawEntry{name: path, text: string(f.Data), store: true})
	}
	if _, err := openBytes(rawZip{entries: entries}.bytes(), limits); err != nil {
		t.Errorf("with its folders: %v", err)
	}
	entries = append(entries, rawEntry{name: "f/", store: true})
	if _, err := openBytes(rawZip{entries: entries}.bytes(), limits); err == nil || reasonOf(t, err) != bundle.TooMany {
		t.Errorf("with one folder more: %v", err)
	}
}

func TestDigestNames(t *testing.T) {
	digest := open(t, honest).Digest()
	name, err := bundle.DigestName(digest)
	if err != nil {
		t.Fatal(err)
	}
	if len(name) != 3+64 || !strings.HasPrefix(name, "h1-") || strings.ToLower(name) != name {
		t.Errorf("name %q", name)
	}
	if err := bundle.CheckPath(name + ".zip"); err != nil {
		t.Error(err)
	}
	for _, text := range []string{digest, name} {
		if got, err := bundle.ParseDigest(text); err != nil || got != digest {
			t.Errorf("ParseDigest(%q) = %q, %v; want %q", text, got, err, digest)
		}
		if got, err := bundle.DigestName(text); err != nil || got != name {
			t.Errorf("DigestName(%q) = %q, %v; want %q", text, got, err, name)
		}
	}
	const empty = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" // SHA-256 of nothing
	if got, _ := bundle.DigestName(empty); got != "h1-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("name %q", got)
	}
	for _, bad := range []string{
		"", "h1:", "h1-", "h2:" + empty[3:], empty[3:], empty[:len(empty)-1], empty + "=", empty + "\n",
		"h1:47DEQpj8HBSa+/TImW+5JCeu\nQeRkm5NMpJWZG3hSuFU=", "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", // the last digit has bits that mean nothing
		"h1:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", strings.ToUpper(name), "h1-" + strings.ToUpper(name[3:]),
		name + "00", name[:len(name)-1], "h1-" + name, "h1:" + name[3:], "h1-../../../etc/passwd", strings.Repeat("h1:", 1<<20),
	} {
		got, err := bundle.ParseDigest(bad)
		if err == nil {
			t.Errorf("ParseDigest(%q) = %q", bad, got)
			continue
		}
		if got := reasonOf(t, err); got != bundle.BadDigest {
			t.Errorf("%v: reason %q", err, got)
		}
		if len(err.Error()) > 400 {
			t.Errorf("a message of %d bytes", len(err.Error()))
		}
	}
}

func ExampleDigestName() {
	name, _ := bundle.DigestName("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	digest, _ := bundle.ParseDigest(name)
	fmt.Println(name)
	fmt.Println(digest)
	// Output:
	// h1-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
	// h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
}
