package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/files"
)

// open returns the folder of the mod "sheep" in a new folder of the host's, and
// where it is.
func open(t *testing.T, limits files.Limits) (*files.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	return openIn(t, dir, limits), filepath.Join(dir, "mod-sheep")
}

func openIn(t *testing.T, dir string, limits files.Limits) *files.Folder {
	t.Helper()
	f, err := files.NewFolder(dir, "sheep", limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantReason fails unless err is an Error of that reason; "" stands for no error.
func wantReason(t *testing.T, err error, want files.Reason) {
	t.Helper()
	var got files.Reason
	if problem, ok := errors.AsType[*files.Error](err); ok {
		got = problem.Reason
	} else if err != nil {
		t.Fatalf("%T is not the package's type: %v", err, err)
	}
	if got != want {
		t.Errorf("reason %q, want %q: %v", got, want, err)
	}
}

func wantContent(t *testing.T, f *files.Folder, path, want string) {
	t.Helper()
	got, err := f.Read(path, 1<<20)
	if err != nil || got != want {
		t.Errorf("%s holds %.40q, %v; want %.40q", path, got, err, want)
	}
}

func wantUsage(t *testing.T, f *files.Folder, bytes int64, number int) {
	t.Helper()
	u, err := f.Usage()
	if err != nil || u.Bytes != bytes || u.Files != number {
		t.Errorf("usage %+v, %v; want %d bytes in %d files", u, err, bytes, number)
	}
}

// onDisk returns the paths of all that is below dir, folders with a slash.
func onDisk(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path == dir || err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if d.IsDir() {
			rel += "/"
		}
		names = append(names, filepath.ToSlash(rel))
		return err
	}))
	return names
}

func wantOnDisk(t *testing.T, dir string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, onDisk(t, dir)); diff != "" {
		t.Errorf("on the disk (-want +got):\n%s", diff)
	}
}

func TestFolder(t *testing.T) {
	f, dir := open(t, files.Limits{})
	must(t, f.Write("notes.txt", "hello"))
	must(t, f.Write("saves/one.dat", "\x00\xff"))
	must(t, f.Append("saves/log/today", "a"))
	must(t, f.Append("saves/log/today", "bc"))
	must(t, f.Write("notes.txt", "hi"))
	must(t, f.Write("empty", ""))
	wantContent(t, f, "notes.txt", "hi")
	wantContent(t, f, "saves/one.dat", "\x00\xff")
	wantContent(t, f, "saves/log/today", "abc")
	wantContent(t, f, "empty", "")
	wantUsage(t, f, 7, 4)

	for path, want := range map[string][]files.Entry{
		"":          {{Name: "empty"}, {Name: "notes.txt", Size: 2}, {Name: "saves", Size: 5, Folder: true}},
		"saves":     {{Name: "log", Size: 3, Folder: true}, {Name: "one.dat", Size: 2}},
		"saves/log": {{Name: "today", Size: 3}},
	} {
		got, err := f.List(path)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("List(%q): %v (-want +got):\n%s", path, err, diff)
		}
	}
	if e, ok, err := f.Stat("saves/log/today"); err != nil || !ok || e != (files.Entry{Name: "today", Size: 3}) {
		t.Errorf("Stat: %v %v %v", e, ok, err)
	}
	if e, ok, err := f.Stat("saves/none"); err != nil || ok {
		t.Errorf("Stat of nothing: %v %v %v", e, ok, err)
	}

	must(t, f.Rename("saves/log/today", "saves/old/log/monday"))
	wantContent(t, f, "saves/old/log/monday", "abc")
	must(t, f.Rename("notes.txt", "Notes.txt"))
	must(t, f.Rename("saves/one.dat", "saves/one.dat"))
	wantOnDisk(t, dir, "Notes.txt", "empty", "saves/", "saves/old/", "saves/old/log/", "saves/old/log/monday", "saves/one.dat")
	wantUsage(t, f, 7, 4)

	// Whoever opens it next finds the same.
	must(t, f.Close())
	f = openIn(t, filepath.Dir(dir), files.Limits{})
	wantUsage(t, f, 7, 4)
	wantContent(t, f, "Notes.txt", "hi")

	for _, path := range []string{"saves/old/log/monday", "saves/one.dat", "Notes.txt", "empty"} {
		if there, err := f.Delete(path); err != nil || !there {
			t.Errorf("Delete(%q) = %v, %v", path, there, err)
		}
		if there, err := f.Delete(path); err != nil || there {
			t.Errorf("Delete(%q) again = %v, %v", path, there, err)
		}
	}
	wantUsage(t, f, 0, 0)
	wantOnDisk(t, dir)
	if entries, err := f.List(""); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestFolderRefuses(t *testing.T) {
	small := files.Limits{Bytes: 20, FileBytes: 10, Files: 3, Depth: 3}
	tests := []struct {
		name string
		do   func(f *files.Folder) error
		want files.Reason
	}{
		{"read nothing", func(f *files.Folder) error { _, err := f.Read("none", 100); return err }, files.NotFound},
		{"read in another case", func(f *files.Folder) error { _, err := f.Read("A.txt", 100); return err }, files.NotFound},
		{"read a folder", func(f *files.Folder) error { _, err := f.Read("dir", 100); return err }, files.IsFolder},
		{"read below a file", func(f *files.Folder) error { _, err := f.Read("a.txt/b", 100); return err }, files.NotFound},
		{"read more than asked for", func(f *files.Folder) error { _, err := f.Read("a.txt", 4); return err }, files.TooBig},
		{"read a negative number", func(f *files.Folder) error { _, err := f.Read("a.txt", -1); return err }, files.TooBig},
		{"read as much", func(f *files.Folder) error { _, err := f.Read("a.txt", 5); return err }, ""},
		{"read outside", func(f *files.Folder) error { _, err := f.Read("../secret", 100); return err }, files.BadName},

		{"write outside", func(f *files.Folder) error { return f.Write("../x", "") }, files.BadName},
		{"write a draft", func(f *files.Folder) error { return f.Write(files.Temporary, "") }, files.BadName},
		{"write a folder", func(f *files.Folder) error { return f.Write("dir", "") }, files.IsFolder},
		{"write below a file", func(f *files.Folder) error { return f.Write("a.txt/b", "") }, files.NotFolder},
		{"write another case", func(f *files.Folder) error { return f.Write("A.txt", "") }, files.Collision},
		{"write in another case's folder", func(f *files.Folder) error { return f.Write("DIR/c", "") }, files.Collision},
		{"write where a folder has another case", func(f *files.Folder) error { return f.Write("DIR", "") }, files.Collision},
		{"write too deep", func(f *files.Folder) error { return f.Write("a/b/c/d", "") }, files.BadName},
		{"write too much", func(f *files.Folder) error { return f.Write("c", "12345678901") }, files.TooBig},
		{"write one too many", func(f *files.Folder) error {
			if err := f.Write("c", ""); err != nil {
				return err
			}
			return f.Write("d", "")
		}, files.TooMany},
		{"append one too many", func(f *files.Folder) error {
			if err := f.Append("c", ""); err != nil {
				return err
			}
			return f.Append("d", "")
		}, files.TooMany},
		{"write more than there is room for", func(f *files.Folder) error { return f.Write("c", "123456") }, files.Full},
		{"write as much as there is room for", func(f *files.Folder) error { return f.Write("c", "12345") }, ""},
		{"write larger than there is room for", func(f *files.Folder) error {
			if err := f.Write("c", "12345"); err != nil {
				return err
			}
			return f.Write("a.txt", "123456")
		}, files.Full},
		{"write over itself when full", func(f *files.Folder) error {
			if err := f.Write("c", "12345"); err != nil {
				return err
			}
			return f.Write("dir/b", "0123456789")
		}, ""},

		{"append outside", func(f *files.Folder) error { return f.Append("/x", "") }, files.BadName},
		{"append to a folder", func(f *files.Folder) error { return f.Append("dir", "") }, files.IsFolder},
		{"append too much at once", func(f *files.Folder) error { return f.Append("c", "12345678901") }, files.TooBig},
		{"append too much in all", func(f *files.Folder) error { return f.Append("a.txt", "123456") }, files.TooBig},
		{"append more than there is room for", func(f *files.Folder) error {
			if err := f.Append("a.txt", "12345"); err != nil {
				return err
			}
			return f.Append("c", "1")
		}, files.Full},

		{"delete outside", func(f *files.Folder) error { _, err := f.Delete("../x"); return err }, files.BadName},
		{"delete a folder", func(f *files.Folder) error { _, err := f.Delete("dir"); return err }, files.IsFolder},
		{"list nothing", func(f *files.Folder) error { _, err := f.List("none"); return err }, files.NotFound},
		{"list a file", func(f *files.Folder) error { _, err := f.List("a.txt"); return err }, files.NotFolder},
		{"list outside", func(f *files.Folder) error { _, err := f.List(".."); return err }, files.BadName},
		{"look outside", func(f *files.Folder) error { _, _, err := f.Stat("../x"); return err }, files.BadName},

		{"rename nothing", func(f *files.Folder) error { return f.Rename("none", "x") }, files.NotFound},
		{"rename a folder", func(f *files.Folder) error { return f.Rename("dir", "x") }, files.IsFolder},
		{"rename to the outside", func(f *files.Folder) error { return f.Rename("a.txt", "../x") }, files.BadName},
		{"rename from the outside", func(f *files.Folder) error { return f.Rename("../x", "a.txt") }, files.BadName},
		{"rename over a file", func(f *files.Folder) error { return f.Rename("a.txt", "dir/b") }, files.Exists},
		{"rename over a folder", func(f *files.Folder) error { return f.Rename("a.txt", "dir") }, files.IsFolder},
		{"rename into itself", func(f *files.Folder) error { return f.Rename("a.txt", "a.txt/b") }, files.NotFolder},
		{"rename to another's case", func(f *files.Folder) error { return f.Rename("a.txt", "dir/B") }, files.Collision},
		{"rename another case's folder", func(f *files.Folder) error { return f.Rename("dir/b", "Dir/b") }, files.Collision},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, dir := open(t, small)
			must(t, f.Write("a.txt", "12345"))
			must(t, f.Write("dir/b", "1234567890"))
			before := onDisk(t, dir)
			err := tt.do(f)
			wantReason(t, err, tt.want)
			if tt.want == files.BadName || tt.want == files.Collision || tt.want == files.TooBig {
				if diff := cmp.Diff(before, onDisk(t, dir)); diff != "" {
					t.Errorf("refused, and done (-before +after):\n%s", diff)
				}
			}
			if err != nil && (strings.Contains(err.Error(), dir) || strings.ContainsAny(err.Error(), "\n\x00")) {
				t.Errorf("%q tells too much", err)
			}
			// What is kept in memory is what is on the disk.
			u, _ := f.Usage()
			again, err := openIn(t, filepath.Dir(dir), small).Usage()
			if err != nil || u != again {
				t.Errorf("usage kept %+v, counted %+v, %v", u, again, err)
			}
		})
	}
}

func TestNewFolderRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		dir, id string
		limits  files.Limits
		want    files.Reason
	}{
		"no folder":     {"", "sheep", files.Limits{}, files.BadName},
		"no id":         {"x", "", files.Limits{}, files.BadName},
		"up":            {"x", "..", files.Limits{}, files.BadName},
		"path":          {"x", "a/b", files.Limits{}, files.BadName},
		"up and out":    {"x", "/../../b", files.Limits{}, files.BadName},
		"large letters": {"x", "Sheep", files.Limits{}, files.BadName},
		"space":         {"x", "a b", files.Limits{}, files.BadName},
		"NUL":           {"x", "a\x00", files.Limits{}, files.BadName},
		"negative":      {"x", "sheep", files.Limits{Bytes: -1}, files.BadLimits},
		"too deep":      {"x", "sheep", files.Limits{Depth: 17}, files.BadLimits},
		"too many":      {"x", "sheep", files.Limits{Files: 1<<20 + 1}, files.BadLimits},
		"device":        {"x", "con", files.Limits{}, ""}, // it is "mod-con" on the disk
		"dots":          {"x", "com.example.sheep-2_b", files.Limits{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := files.NewFolder(tt.dir, tt.id, tt.limits)
			wantReason(t, err, tt.want)
		})
	}
	// Nothing is made before it is needed.
	dir := filepath.Join(t.TempDir(), "new")
	f, err := files.NewFolder(dir, "sheep", files.Limits{})
	must(t, err)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("NewFolder touched the disk: %v", err)
	}
	wantUsage(t, f, 0, 0)
	must(t, f.Close())
}

func TestClosedFolder(t *testing.T) {
	f, dir := open(t, files.Limits{})
	must(t, f.Write("a", "1"))
	must(t, f.Close())
	must(t, f.Close())
	err := f.Write("a", "2")
	wantReason(t, err, files.Closed)
	if !errors.Is(err, fs.ErrClosed) || !errors.Is(err, &files.Error{Reason: files.Closed}) {
		t.Errorf("%v matches neither fs.ErrClosed nor its reason", err)
	}
	_, err = f.Read("a", 1)
	wantReason(t, err, files.Closed)
	if data, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(data) != "1" {
		t.Errorf("%q, %v", data, err)
	}
}

// Close does not wait for a disk; what has begun ends, what has not fails.
func TestCloseWhileWriting(t *testing.T) {
	f, dir := open(t, files.Limits{})
	writing, goOn := make(chan bool), make(chan bool)
	f.SetHook(func(step string) {
		if step == "written" {
			writing <- true
			<-goOn
		}
	})
	done := make(chan error)
	go func() { done <- f.Write("a", "new") }()
	<-writing
	must(t, f.Close())
	go func() { done <- f.Write("b", "never") }()
	goOn <- true
	var failed int
	for range 2 {
		if err := <-done; err != nil {
			wantReason(t, err, files.Closed)
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d of two operations failed, want the second", failed)
	}
	wantOnDisk(t, dir, "a")
}

// A folder in which there is more than the limits allow can be made smaller.
func TestSmallerLimits(t *testing.T) {
	f, dir := open(t, files.Limits{})
	for _, name := range []string{"a", "b", "c"} {
		must(t, f.Write(name, "0123456789"))
	}
	must(t, f.Close())
	f = openIn(t, filepath.Dir(dir), files.Limits{Bytes: 15, FileBytes: 8, Files: 2})
	wantUsage(t, f, 30, 3)
	wantReason(t, f.Write("a", "12345678"), "")
	_, err := f.Read("b", 100)
	wantReason(t, err, files.TooBig)
	wantReason(t, f.Append("a", ""), "")
	wantReason(t, f.Append("a", "1"), files.TooBig)
	wantReason(t, f.Write("d", ""), files.TooMany)
	must(t, f.Write("b", "1"))
	_, err = f.Delete("c")
	must(t, err)
	wantUsage(t, f, 9, 2)
	wantReason(t, f.Write("b", "12345678"), files.Full)
}

// When the disk fails the folder is as it was.
func TestDiskFails(t *testing.T) {
	f, dir := open(t, files.Limits{})
	must(t, f.Write("a", "old"))
	// Taking the draft away is what a failing disk looks like to a rename.
	f.SetHook(func(step string) {
		if step == "synced" {
			os.RemoveAll(filepath.Join(dir, files.Temporary))
			os.RemoveAll(filepath.Join(dir, "new", "er", files.Temporary))
		}
	})
	for _, path := range []string{"a", "b", "new/er/c"} {
		err := f.Write(path, "new")
		wantReason(t, err, files.Disk)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v does not say why", err)
		}
		if public := err.(*files.Error).Public(); strings.Contains(public, "no such file") {
			t.Errorf("%q tells what the system said", public)
		}
	}
	f.SetHook(nil)
	wantOnDisk(t, dir, "a")
	wantContent(t, f, "a", "old")
	wantUsage(t, f, 3, 1)
}
