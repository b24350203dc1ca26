package bundle_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
)

func TestFolderAndZipAgree(t *testing.T) {
	folder, err := bundle.Open(honest, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := openBytes(goZip(t, honest), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(folder.Files(), archive.Files()); diff != "" {
		t.Errorf("folder and archive differ (-folder +archive):\n%s", diff)
	}
	if folder.Digest() != archive.Digest() {
		t.Errorf("digests %s and %s", folder.Digest(), archive.Digest())
	}
	var paths []string
	for _, f := range folder.Files() {
		paths = append(paths, f.Path)
	}
	want := []string{"empty.txt", "lib/deep/data.lua", "lib/weather.lua", "main.lua", "mod.toml", "text/größe.txt"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestDigest(t *testing.T) {
	digest := func(files fstest.MapFS) string {
		t.Helper()
		b, err := bundle.Open(files, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return b.Digest()
	}
	base := fstest.MapFS{"mod.toml": {Data: []byte("a")}, "x": {Data: []byte("b")}}
	const want = "h1:HIE0/QtEkb/T0KFDXsggSr5cCJ99Lbf8+8NhZcP2Twk=" // computed with sha256sum and openssl
	if got := digest(base); got != want {
		t.Errorf("digest %s, want %s: it must never change, or every recorded hash is void", got, want)
	}
	for name, other := range map[string]fstest.MapFS{
		"content":       {"mod.toml": {Data: []byte("a")}, "x": {Data: []byte("c")}},
		"name":          {"mod.toml": {Data: []byte("a")}, "y": {Data: []byte("b")}},
		"another file":  {"mod.toml": {Data: []byte("a")}, "x": {Data: []byte("b")}, "y": {}},
		"moved content": {"mod.toml": {Data: []byte("ab")}, "x": {}},
	} {
		if digest(other) == want {
			t.Errorf("%s: same digest", name)
		}
	}
	hidden := fstest.MapFS{"mod.toml": base["mod.toml"], "x": base["x"], ".git/HEAD": {Data: []byte("z")}}
	if got := digest(hidden); got != want {
		t.Errorf("a hidden file changes the digest to %s", got)
	}
}

func TestBundleIsImmutable(t *testing.T) {
	source := fstest.MapFS{"mod.toml": {Data: []byte("one")}}
	b, err := bundle.Open(source, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	copy(source["mod.toml"].Data, "two")
	copy(b.Manifest(), "two")
	data, _ := b.ReadFile("mod.toml")
	copy(data, "two")
	data, _ = fs.ReadFile(b.FS(), "mod.toml")
	copy(data, "two")
	b.Files()[0].Path = "two"
	if string(b.Manifest()) != "one" || b.Files()[0].Path != "mod.toml" {
		t.Errorf("changed to %q, %q", b.Manifest(), b.Files()[0].Path)
	}
}

func TestReadFileErrors(t *testing.T) {
	b, err := bundle.Open(honest, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"none": fs.ErrNotExist, "lib": fs.ErrNotExist, "../x": fs.ErrInvalid, "": fs.ErrInvalid} {
		if _, err := b.ReadFile(name); !errors.Is(err, want) {
			t.Errorf("ReadFile(%q): %v, want %v", name, err, want)
		}
	}
}

func TestFS(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"nested":        honest,
		"manifest only": {"mod.toml": honest["mod.toml"]},
		"deep":          {"mod.toml": honest["mod.toml"], "a/b/c/d": {Data: []byte("x")}, "a-b": {}, "a/b-c": {}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := bundle.Open(files, bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for path := range files {
				paths = append(paths, path)
			}
			if err := fstest.TestFS(b.FS(), paths...); err != nil {
				t.Error(err)
			}
			again, err := bundle.Open(b.FS(), bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if again.Digest() != b.Digest() {
				t.Error("a bundle read from a bundle's file system has another digest")
			}
		})
	}
}

func TestHostileFolders(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 4<<20)
	many := fstest.MapFS{"mod.toml": {}}
	hiddenMany := fstest.MapFS{"mod.toml": {}}
	for i := range 4100 {
		name := strings.Repeat("x", i%50+1) + string(rune('a'+i/50%26)) + string(rune('a'+i/50/26))
		if i < 1000 {
			many[name] = &fstest.MapFile{}
		}
		hiddenMany["."+name] = &fstest.MapFile{}
	}
	tests := []struct {
		name  string
		files fstest.MapFS
		want  bundle.Reason
	}{
		{"symlink", fstest.MapFS{"mod.toml": {}, "a": {Data: []byte("mod.toml"), Mode: fs.ModeSymlink}}, bundle.NotRegular},
		{"symlink to a folder", fstest.MapFS{"mod.toml": {}, "b/x": {}, "a": {Data: []byte("b"), Mode: fs.ModeSymlink}}, bundle.NotRegular},
		{"symlink as manifest", fstest.MapFS{"x": {}, "mod.toml": {Data: []byte("x"), Mode: fs.ModeSymlink}}, bundle.NotRegular},
		{"device", fstest.MapFS{"mod.toml": {}, "a": {Mode: fs.ModeDevice}}, bundle.NotRegular},
		{"pipe", fstest.MapFS{"mod.toml": {}, "a": {Mode: fs.ModeNamedPipe}}, bundle.NotRegular},
		{"backslash", fstest.MapFS{"mod.toml": {}, `a\b`: {}}, bundle.BadName},
		{"device name", fstest.MapFS{"mod.toml": {}, "aux.lua": {}}, bundle.BadName},
		{"device name of a folder", fstest.MapFS{"mod.toml": {}, "aux/a.lua": {}}, bundle.BadName},
		{"newline", fstest.MapFS{"mod.toml": {}, "a\nb": {}}, bundle.BadName},
		{"deep", fstest.MapFS{"mod.toml": {}, strings.Repeat("a/", 16) + "x": {}}, bundle.BadName},
		{"case", fstest.MapFS{"mod.toml": {}, "a.lua": {}, "A.lua": {}}, bundle.CaseCollision},
		{"case of folders", fstest.MapFS{"mod.toml": {}, "a/x": {}, "A/y": {}}, bundle.CaseCollision},
		{"file too big", fstest.MapFS{"mod.toml": {}, "a": {Data: append(big, 'x')}}, bundle.TooBig},
		{"too big in all", fstest.MapFS{"mod.toml": {Data: []byte("x")}, "a": {Data: big}, "b": {Data: big}, "c": {Data: big}, "d": {Data: big}}, bundle.TooBig},
		{"too many", many, bundle.TooMany},
		{"too many hidden", hiddenMany, bundle.TooMany},
		{"empty", fstest.MapFS{}, bundle.NoManifest},
		{"manifest is a folder", fstest.MapFS{"mod.toml/x": {}}, bundle.NoManifest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := bundle.Open(test.files, bundle.Limits{})
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("%v: reason %q, want %q", err, got, test.want)
			}
		})
	}
}

func TestNoManifestHint(t *testing.T) {
	tests := []struct {
		files fstest.MapFS
		hint  string
	}{
		{fstest.MapFS{"main.lua": {}}, "at its top"},
		{fstest.MapFS{"weather/mod.toml": {}}, "found weather/mod.toml"},
		{fstest.MapFS{"Mod.toml": {}}, "small letters"},
	}
	for _, test := range tests {
		_, err := bundle.Open(test.files, bundle.Limits{})
		if !errors.Is(err, bundle.ErrNoManifest) {
			t.Errorf("%v is not ErrNoManifest", err)
			continue
		}
		if typed, _ := errors.AsType[*bundle.Error](err); !strings.Contains(typed.Detail, test.hint) {
			t.Errorf("detail %q does not say %q", typed.Detail, test.hint)
		}
	}
	if errors.Is(&bundle.Error{Reason: bundle.BadName}, bundle.ErrNoManifest) {
		t.Error("every error is ErrNoManifest")
	}
}

// trickFS serves files whose size, when asked, is not that of their content.
type trickFS struct {
	fstest.MapFS
	sizes []int64 // answers to Stat of the file "a", in turn
	err   error   // of opening the file "a"
}

func (f *trickFS) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	if name != "a" || err != nil {
		return file, err
	}
	if f.err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return &trickFile{file, f}, nil
}

type trickFile struct {
	fs.File
	fsys *trickFS
}

func (f *trickFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	size := f.fsys.sizes[0]
	if len(f.fsys.sizes) > 1 {
		f.fsys.sizes = f.fsys.sizes[1:]
	}
	return trickInfo{info, size}, err
}

type trickInfo struct {
	fs.FileInfo
	size int64
}

func (i trickInfo) Size() int64 { return i.size }

func TestFileThatChanges(t *testing.T) {
	tests := []struct {
		name  string
		sizes []int64
		err   error
		want  bundle.Reason
	}{
		{"steady", []int64{5}, nil, ""},
		{"grown before reading", []int64{4}, nil, bundle.Changed},
		{"cut before reading", []int64{6}, nil, bundle.Changed},
		{"grown after reading", []int64{5, 6}, nil, bundle.Changed},
		{"negative size", []int64{-1}, nil, bundle.Corrupt},
		{"huge size", []int64{1<<63 - 1}, nil, bundle.TooBig},
		{"unreadable", nil, fs.ErrPermission, bundle.Unreadable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fsys := &trickFS{MapFS: fstest.MapFS{"mod.toml": {}, "a": {Data: []byte("12345")}}, sizes: test.sizes, err: test.err}
			_, err := bundle.Open(fsys, bundle.Limits{})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("%v: reason %q, want %q", err, got, test.want)
			}
			if test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("%v does not wrap %v", err, test.err)
			}
		})
	}
}
