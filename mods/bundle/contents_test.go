package bundle_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

const weatherManifest = "[mod]\nid = \"weather\"\nversion = \"1.2.0\"\nentry = \"main.lua\"\n"

var weather = fstest.MapFS{
	"mod.toml":       {Data: []byte(weatherManifest)},
	"main.lua":       {Data: []byte("return require 'lib.rain'\n")},
	"lib/rain.lua":   {Data: []byte("return {}\n")},
	"notes (1).txt":  {},
	"text/größe.txt": {Data: []byte("groß\n")},
}

// packed is weather with what is attached, and the content list.
func packed(t testing.TB, attached map[string][]byte) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Pack(attach(t, open(t, weather), attached))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func listOf(t testing.TB, b *bundle.Bundle) string {
	t.Helper()
	data, err := b.Attachment(bundle.ContentsName)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// weatherList was made with sha256sum, wc and base64.
const weatherList = `modrunner contents 1
id weather
version 1.2.0
digest h1:DbfZiuXOBpgJ9MiDnIU/01wMbJmdhsFK27+U1xYBdlM=
1232d8379de77e154ca533689af2e42629dd7574bda5a0a390799849f07607c3 10 lib/rain.lua
262d99fa6efc2dec05c7b3b5fdde7f7834bf0836153fbbe11c653d6345189610 26 main.lua
ab606476c4bb825b628f437190818b0d4c724b7b282a918371175a580962c413 58 mod.toml
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 notes (1).txt
c547a5bfeb249fbb3758c05c76bd44299aafcbc69b387b742cf51ea34c0df040 6 text/größe.txt
`

func TestPack(t *testing.T) {
	provenance := []byte("{}\n")
	signature := bundle.SignatureName(7)
	b := packed(t, map[string][]byte{bundle.ProvenanceName: provenance, signature: []byte("made before")})
	want := "modrunner contents 1\nid weather\nversion 1.2.0\ndigest " + b.Digest() + "\n"
	for _, path := range []string{".pack/provenance.json", "lib/rain.lua", "main.lua", "mod.toml", "notes (1).txt", "text/größe.txt"} {
		data := provenance
		if f := weather[path]; f != nil {
			data = f.Data
		}
		want += fmt.Sprintf("%x %d %s\n", sha256.Sum256(data), len(data), path)
	}
	if diff := cmp.Diff(want, listOf(t, b)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if _, err := b.Attachment(signature); err == nil {
		t.Error("a signature over other bytes was kept")
	}
	contents, err := b.Contents()
	if err != nil {
		t.Fatal(err)
	}
	if contents.ID != "weather" || contents.Version != "1.2.0" || contents.Digest != b.Digest() || len(contents.Files) != 6 || string(contents.Bytes()) != want {
		t.Errorf("contents %+v", contents)
	}
	if plain := open(t, weather); !b.Packed() || plain.Packed() || plain.Digest() != b.Digest() {
		t.Error("packed and plain: the same digest, and only one is packed")
	}

	if diff := cmp.Diff(weatherList, listOf(t, packed(t, nil))); diff != "" {
		t.Errorf("list, which must never change, or every signature is void (-want +got):\n%s", diff)
	}

	// Packing what is packed changes nothing, and then signatures stay.
	signed := attach(t, b, map[string][]byte{signature: []byte("over the list")})
	again, err := bundle.Pack(signed)
	if err != nil {
		t.Fatal(err)
	}
	if string(zipOf(t, again)) != string(zipOf(t, signed)) {
		t.Error("packing again changed the archive")
	}
	if _, err := again.Contents(); err != nil {
		t.Errorf("a signature made the list wrong: %v", err)
	}
}

func TestPackNeedsAManifest(t *testing.T) {
	_, err := bundle.Pack(open(t, fstest.MapFS{"mod.toml": {Data: []byte("[mod]\nid = \"x\"\n")}}))
	if _, ok := errors.AsType[*manifest.Error](err); !ok {
		t.Errorf("%v (%T), want a *manifest.Error", err, err)
	}
}

func TestContentsErrors(t *testing.T) {
	good := listOf(t, packed(t, nil))
	lines := strings.SplitAfter(good, "\n")
	swap := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("the list has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	const (
		rain  = 4 // the line of lib/rain.lua, from 0
		empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 "
	)
	without := func(i int) string { return strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "") }
	twice := func(i int) string { return strings.Join(lines[:i+1], "") + strings.Join(lines[i:], "") }
	line := lines[rain]
	tests := []struct {
		name, list string
		want       bundle.Reason
		path       string // "" stands for the list
		detail     string // a part of it
	}{
		{"empty", "", bundle.BadContents, "", "newline"},
		{"cut short", good[:len(good)-1], bundle.BadContents, "", "newline"},
		{"cut short in the head", lines[0] + lines[1], bundle.BadContents, "", "want id, version and digest"},
		{"first line alone", lines[0], bundle.BadContents, "", ""},
		{"other version of the form", swap("contents 1", "contents 2"), bundle.BadContents, "", "line 1"},
		{"not UTF-8", good + empty + "z\xff\n", bundle.BadContents, "", "UTF-8"},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), bundle.BadContents, "", "line 1"},
		{"carriage return in a path", swap("main.lua", "main.lua\r"), bundle.BadContents, "", "printed"},
		{"empty line", swap(line, "\n"+line), bundle.BadContents, "", "line 5"},
		{"comment", swap(line, "# well\n"+line), bundle.BadContents, "", "line 5"},
		{"order of the head", swap("id weather\nversion 1.2.0\n", "version 1.2.0\nid weather\n"), bundle.BadContents, "", "line 2"},
		{"no id", swap("id weather", "id "), bundle.BadContents, "", "line 2"},
		{"two blanks", swap("id weather", "id  weather"), bundle.BadContents, "", "line 2"},
		{"blank at the end", swap("id weather", "id weather "), bundle.BadContents, "", "line 2"},
		{"escape in the id", swap("id weather", "id wea\x1b[2J"), bundle.BadContents, "", "line 2"},
		{"digest in hexadecimal", swap("digest h1:", "digest h1-"), bundle.BadContents, "", "line 4"},
		{"no digest", swap("digest h1:", "digest "), bundle.BadContents, "", "line 4"},
		{"hash in capitals", swap(line, strings.ToUpper(line[:64])+line[64:]), bundle.BadContents, "", "line 5"},
		{"short hash", swap(line, line[2:]), bundle.BadContents, "", "line 5"},
		{"no size", swap(line, line[:64]+" lib/rain.lua\n"), bundle.BadContents, "", "size"},
		{"plus sign", swap(" 10 lib", " +10 lib"), bundle.BadContents, "", "size"},
		{"leading zero", swap(" 10 lib", " 010 lib"), bundle.BadContents, "", "size"},
		{"negative size", swap(" 10 lib", " -10 lib"), bundle.BadContents, "", "size"},
		{"size beyond int64", swap(" 10 lib", " 9223372036854775808 lib"), bundle.BadContents, "", "size"},
		{"tab", swap(" 10 lib", "\t10 lib"), bundle.BadContents, "", "line 5"},
		{"path out of the mod", swap("lib/rain.lua", "../rain.lua"), bundle.BadContents, "", "line 5"},
		{"hidden path", swap("lib/rain.lua", ".git/rain"), bundle.BadContents, "", "line 5"},
		{"itself", swap(line, empty+".pack/contents\n"+line), bundle.BadContents, "", ".pack/contents"},
		{"a signature", swap(line, empty+bundle.SignatureName(1)+"\n"+line), bundle.BadContents, "", "signatures"},
		{"too long", good + strings.Repeat(empty+"z\n", bundle.MaxAttachmentBytes/64), bundle.TooBig, "", ""},
		{"double line", twice(rain), bundle.Duplicate, "", "line 6"},
		{"not sorted", without(rain) + line, bundle.Unsorted, "", "lib/rain.lua"},

		{"other id", swap("id weather", "id climate"), bundle.ManifestDiffers, "mod.toml", "climate"},
		{"other version", swap("version 1.2.0", "version 1.2.1"), bundle.ManifestDiffers, "mod.toml", "1.2.1"},
		{"file not listed", without(rain), bundle.ContentsDiffer, "lib/rain.lua", "not on the content list"},
		{"last file not listed", without(len(lines) - 2), bundle.ContentsDiffer, "text/größe.txt", "not on the content list"},
		{"file that is not there", swap(line, empty+"lib/aaa.lua\n"+line), bundle.ContentsDiffer, "lib/aaa.lua", "not there"},
		{"last file that is not there", good + empty + "zzz.lua\n", bundle.ContentsDiffer, "zzz.lua", "not there"},
		{"attachment that is not there", swap(line, empty+bundle.SBOMName+"\n"+line), bundle.ContentsDiffer, bundle.SBOMName, "not there"},
		{"other size", swap(" 10 lib", " 11 lib"), bundle.ContentsDiffer, "lib/rain.lua", "11 on the content list"},
		{"other bytes", swap(line, empty[:64]+line[64:]), bundle.ContentsDiffer, "lib/rain.lua", "other bytes"},
		{"other digest", swap(packed(t, nil).Digest(), "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), bundle.ContentsDiffer, "", "digest"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.name != "too long" { // which cannot be attached
				_, err := attach(t, open(t, weather), map[string][]byte{bundle.ContentsName: []byte(test.list)}).Contents()
				if err == nil {
					t.Fatal("accepted")
				}
				path := test.path
				if path == "" {
					path = bundle.ContentsName
				}
				e, _ := errors.AsType[*bundle.Error](err)
				if got := reasonOf(t, err); got != test.want || e.Path != path || !strings.Contains(e.Detail, test.detail) {
					t.Errorf("%v: reason %q at %q; want %q at %q with %q", err, got, e.Path, test.want, path, test.detail)
				}
				if strings.ContainsAny(err.Error(), "\n\r\x1b") {
					t.Errorf("the message passes on control characters: %q", err)
				}
			}
			if _, err := bundle.ParseContents(test.list); (err == nil) != (test.want == bundle.ManifestDiffers || test.want == bundle.ContentsDiffer) {
				t.Errorf("as a list alone: %v", err)
			}
		})
	}
	if _, err := attach(t, open(t, weather), map[string][]byte{bundle.ContentsName: []byte(good)}).Contents(); err != nil {
		t.Errorf("the list that all of these are made from: %v", err)
	}
	if _, err := open(t, weather).Contents(); err == nil || reasonOf(t, err) != bundle.NotPacked {
		t.Errorf("without a list: %v", err)
	}
}

// The list is of one bundle: any other file, and any other thing attached, makes it
// wrong, and taking the change back makes it right.
func TestContentsHoldTheBundle(t *testing.T) {
	b := packed(t, map[string][]byte{bundle.ProvenanceName: []byte("{}"), bundle.SBOMName: []byte("{}")})
	for name, change := range map[string]map[string][]byte{
		"provenance": {bundle.ProvenanceName: []byte("{ }")},
		"no sbom":    {bundle.SBOMName: nil},
	} {
		changed := attach(t, b, change)
		if _, err := changed.Contents(); err == nil || reasonOf(t, err) != bundle.ContentsDiffer {
			t.Errorf("%s: %v", name, err)
		}
		back := attach(t, changed, map[string][]byte{bundle.ProvenanceName: []byte("{}"), bundle.SBOMName: []byte("{}")})
		if _, err := back.Contents(); err != nil {
			t.Errorf("%s, taken back: %v", name, err)
		}
	}
	list := []byte(listOf(t, packed(t, nil)))
	for name, files := range map[string]fstest.MapFS{
		"content":      {"main.lua": {Data: []byte("os.exit()")}},
		"another file": {"more.lua": {}},
		"manifest":     {"mod.toml": {Data: []byte(strings.Replace(weatherManifest, "1.2.0", "1.3.0", 1))}},
	} {
		other := fstest.MapFS{bundle.ContentsName: {Data: list}}
		for path, f := range weather {
			other[path] = f
		}
		for path, f := range files {
			other[path] = f
		}
		want := bundle.ContentsDiffer
		if name == "manifest" {
			want = bundle.ManifestDiffers
		}
		if _, err := open(t, other).Contents(); err == nil || reasonOf(t, err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExamplePack() {
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"rain\"\nversion = \"1.0.0\"\nentry = \"main.lua\"\n")},
		"main.lua": {Data: []byte("return 'it rains'")},
	}, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err = bundle.Pack(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	contents, err := b.Contents()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(contents.Bytes()))
	// Output:
	// modrunner contents 1
	// id rain
	// version 1.0.0
	// digest h1:brQmgY7nHwEriuayj6XkRjIqyr5T+/kYSnZkPjVz3Yw=
	// 11fdde2fb1ae70496cb89a3959baceddb974e16c305f146edbccb5b46f0b9fa9 17 main.lua
	// f41484caf289644c80eb4b28865a945ebe1e9c70b0ed00a3f25f814d3b451643 55 mod.toml
}

// FuzzContents: of each bundle there is one list, to the byte.
func FuzzContents(f *testing.F) {
	b := packed(f, map[string][]byte{bundle.SBOMName: []byte("{}")})
	good := listOf(f, b)
	for _, list := range []string{
		good, listOf(f, packed(f, nil)), weatherList[:100], strings.ReplaceAll(good, "\n", "\r\n"),
		good + good, strings.ToUpper(good), strings.Replace(good, " 10 ", " 010 ", 1), "",
	} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		parsed, err := bundle.ParseContents(list)
		if err == nil && string(parsed.Bytes()) != list {
			t.Errorf("the list\n%q\nis read as\n%q", list, parsed.Bytes())
		}
		if err != nil {
			reasonOf(t, err)
		}
		with, err := b.WithAttachments(map[string][]byte{bundle.ContentsName: []byte(list)})
		if err != nil {
			reasonOf(t, err)
			return
		}
		_, err = with.Contents()
		if (err == nil) != (list == good) {
			t.Errorf("%v for the list\n%q", err, list)
		}
		mayBePacked(t, with)
	})
}
