package files_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/files"
)

func assets(t *testing.T) *files.Contents {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml":           {Data: []byte("[mod]\n")},
		"main.lua":           {Data: []byte("return 1")},
		"data/names.txt":     {Data: []byte("\ufeffDolly\r\nShaun\rTimmy\n")},
		"data/İ/größe.bin":   {Data: []byte("\x00\xff\r\n")},
		"data/i/x":           {Data: nil},
		".git/config":        {Data: []byte("secret")},
		"data/.hidden/thing": {Data: []byte("secret")},
	}, bundle.Limits{})
	must(t, err)
	a, err := files.NewContents(b.FS())
	must(t, err)
	return a
}

func TestContents(t *testing.T) {
	a := assets(t)
	for path, want := range map[string]string{"mod.toml": "[mod]\n", "main.lua": "return 1", "data/İ/größe.bin": "\x00\xff\r\n", "data/i/x": ""} {
		got, err := a.Read(path)
		if err != nil || got != want {
			t.Errorf("Read(%q) = %q, %v; want %q", path, got, err, want)
		}
		if e, ok := a.Stat(path); !ok || e.Folder || e.Size != int64(len(want)) {
			t.Errorf("Stat(%q) = %v, %v", path, e, ok)
		}
	}
	text, err := a.Text("data/names.txt")
	if want := "Dolly\nShaun\nTimmy\n"; err != nil || text != want {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
	_, err = a.Text("data/İ/größe.bin")
	wantReason(t, err, files.NotText)
	for path, want := range map[string]files.Reason{
		"": files.IsFolder, "data": files.IsFolder, "none": files.NotFound, "MAIN.lua": files.NotFound, "../x": files.NotFound, "./main.lua": files.NotFound,
		"/etc/passwd": files.NotFound, ".git/config": files.NotFound, "data/.hidden/thing": files.NotFound, "main.lua/x": files.NotFound, "main.lua\x00": files.NotFound,
	} {
		_, err := a.Read(path)
		wantReason(t, err, want)
	}
	for path, want := range map[string][]files.Entry{
		"":     {{Name: "data", Size: 26, Folder: true}, {Name: "main.lua", Size: 8}, {Name: "mod.toml", Size: 6}},
		"data": {{Name: "i", Folder: true}, {Name: "names.txt", Size: 22}, {Name: "İ", Size: 4, Folder: true}},
	} {
		got, err := a.List(path)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("List(%q): %v (-want +got):\n%s", path, err, diff)
		}
	}
	_, err = a.List("none")
	wantReason(t, err, files.NotFound)
	_, err = a.List("main.lua")
	wantReason(t, err, files.NotFolder)
}
