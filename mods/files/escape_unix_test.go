//go:build unix

package files_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/luasandbox/modrunner/mods/files"
)

// What somebody else has put into a mod's folder. Each test also does what the
// folder does without its guards, and gets out.

// planted returns a folder with the file "mine", and a secret beside it. What
// plant puts into the mod's folder is there before it is first read if early,
// otherwise after.
func planted(t *testing.T, early bool, plant func(t *testing.T, dir, secret string)) (f *files.Folder, dir, secret string) {
	t.Helper()
	host := t.TempDir()
	dir = filepath.Join(host, "mod-sheep")
	secret = filepath.Join(host, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "x"), []byte("before"), 0o600))
	f = openIn(t, host, files.Limits{})
	if !early {
		wantUsage(t, f, 10, 2)
	}
	must(t, os.Remove(filepath.Join(dir, "x")))
	plant(t, dir, secret)
	return f, dir, secret
}

func TestPlantedNames(t *testing.T) {
	link := func(to string) func(t *testing.T, dir, secret string) {
		return func(t *testing.T, dir, secret string) { must(t, os.Symlink(to, filepath.Join(dir, "x"))) }
	}
	tests := []struct {
		name  string
		plant func(t *testing.T, dir, secret string)
		// read opens the planted name without the guards: the negative control.
		read func(dir string) (string, error)
		want string
	}{
		{"link to the outside", link("../secret"), withoutGuard, "secret"},
		{"absolute link", func(t *testing.T, dir, secret string) { must(t, os.Symlink(secret, filepath.Join(dir, "x"))) }, withoutGuard, "secret"},
		{"link to the inside", link("mine"), onlyRoot, "mine"},
		{"hard link", func(t *testing.T, dir, secret string) { must(t, os.Link(secret, filepath.Join(dir, "x"))) }, onlyRoot, "secret"},
		{"pipe", func(t *testing.T, dir, secret string) { must(t, syscall.Mkfifo(filepath.Join(dir, "x"), 0o600)) }, onlyRoot, ""},
		{"device", func(t *testing.T, dir, secret string) {
			if err := syscall.Mknod(filepath.Join(dir, "x"), syscall.S_IFCHR|0o600, 1<<8|5); err != nil {
				t.Skip("cannot make a device: ", err)
			}
		}, onlyRoot, "\x00\x00\x00\x00\x00\x00"},
	}
	for _, tt := range tests {
		for _, early := range []bool{true, false} {
			t.Run(tt.name+map[bool]string{true: " before", false: " meanwhile"}[early], func(t *testing.T) {
				f, dir, secret := planted(t, early, tt.plant)
				if got, err := tt.read(dir); err != nil || got != tt.want {
					t.Fatalf("without the guard: %q, %v; want %q: the test proves nothing", got, err, tt.want)
				}
				if early && tt.name != "hard link" { // which only an open file tells
					wantUsage(t, f, 4, 1)
				}
				if text, err := f.Read("x", 100); err == nil {
					t.Errorf("read %q", text)
				} else {
					wantOneOf(t, err, files.NotRegular, files.NotFound, files.Disk)
				}
				if err := f.Append("x", "appended"); err != nil {
					wantOneOf(t, err, files.NotRegular, files.Changed, files.Disk)
				}
				if err := f.Write("x", "written"); err != nil {
					wantOneOf(t, err, files.NotRegular, files.Changed, files.Disk)
				}
				if err := f.Rename("x", "y"); err != nil {
					wantOneOf(t, err, files.NotRegular, files.NotFound, files.Changed)
				}
				if _, err := f.Delete("x"); err != nil {
					t.Error(err)
				}
				if data, err := os.ReadFile(secret); err != nil || string(data) != "secret" {
					t.Errorf("the secret is %q, %v", data, err)
				}
				wantContent(t, f, "mine", "mine")
			})
		}
	}
}

func wantOneOf(t *testing.T, err error, reasons ...files.Reason) {
	t.Helper()
	for _, reason := range reasons {
		if err.(*files.Error).Reason == reason {
			return
		}
	}
	t.Errorf("%v: want one of %q", err, reasons)
}

// withoutGuard reads through links, as os does.
func withoutGuard(dir string) (string, error) { return some(os.Open(filepath.Join(dir, "x"))) }

// onlyRoot reads with os.Root as the only guard.
func onlyRoot(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	return some(root.OpenFile("x", os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

func some(file *os.File, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 6))
	return string(data), err
}

func TestPlantedFolders(t *testing.T) {
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	host := t.TempDir()
	dir := filepath.Join(host, "mod-sheep")

	// In the place of the mod's folder itself.
	must(t, os.Symlink(outside, dir))
	root, err := os.OpenRoot(dir)
	must(t, err)
	if data, err := root.ReadFile("secret"); err != nil || string(data) != "secret" {
		t.Fatalf("%q, %v: the test proves nothing", data, err)
	}
	root.Close()
	f := openIn(t, host, files.Limits{})
	_, err = f.Read("secret", 100)
	wantReason(t, err, files.NotRegular)
	wantReason(t, f.Write("x", ""), files.NotRegular)

	// In the place of a folder in it, before and after it is read.
	must(t, os.Remove(dir))
	must(t, f.Write("sub/a", "a"))
	must(t, os.RemoveAll(filepath.Join(dir, "sub")))
	must(t, os.Symlink(outside, filepath.Join(dir, "sub")))
	must(t, os.Symlink(outside, filepath.Join(dir, "other")))
	for _, path := range []string{"sub/a", "sub/b", "sub/secret", "other/secret"} {
		if err := f.Write(path, "written"); err == nil {
			t.Errorf("%s was written", path)
		}
		if text, err := f.Read(path, 100); err == nil {
			t.Errorf("%s: read %q", path, text)
		}
		if there, err := f.Delete(path); err == nil && there {
			t.Errorf("%s was deleted", path)
		}
	}
	wantOnDisk(t, outside, "secret")
	if data, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(data) != "secret" {
		t.Errorf("the secret is %q, %v", data, err)
	}
}

// A draft is made anew, never opened.
func TestPlantedDraft(t *testing.T) {
	f, dir, secret := planted(t, false, func(t *testing.T, dir, secret string) {
		must(t, os.Symlink("../secret", filepath.Join(dir, files.Temporary)))
	})
	// Without the guard the content goes through the link.
	if data, err := os.ReadFile(filepath.Join(dir, files.Temporary)); err != nil || string(data) != "secret" {
		t.Fatalf("%q, %v: the test proves nothing", data, err)
	}
	must(t, f.Write("new", "new"))
	if data, err := os.ReadFile(secret); err != nil || string(data) != "secret" {
		t.Errorf("the secret is %q, %v", data, err)
	}
	wantOnDisk(t, dir, "mine", "new")
	// What cannot be removed is an error.
	must(t, os.MkdirAll(filepath.Join(dir, files.Temporary, "full"), 0o700))
	wantReason(t, f.Write("new", "newer"), files.Disk)
	wantContent(t, f, "new", "new")
}

// What the mod could not have made is neither seen nor counted nor touched.
func TestForeignNames(t *testing.T) {
	f, dir, _ := planted(t, true, func(t *testing.T, dir, secret string) {
		for _, name := range []string{".DS_Store", "größe", "a:b", "Desktop.ini", "desktop.ini", "con", "x\ny", "-rf", strings.Repeat("a", 101), "a\xff"} {
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
		}
		must(t, os.MkdirAll(filepath.Join(dir, "1/2/3/4/5"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "1/2/3/4/5/deep"), nil, 0o600))
		must(t, os.MkdirAll(filepath.Join(dir, ".git/objects"), 0o700))
	})
	wantUsage(t, f, 4+11, 2)
	entries, err := f.List("")
	if err != nil || len(entries) != 2 || entries[0].Name != "Desktop.ini" || entries[1].Name != "mine" {
		t.Errorf("%v, %v", entries, err)
	}
	wantReason(t, f.Write("desktop.ini", ""), files.Collision)
	if data, err := os.ReadFile(filepath.Join(dir, "desktop.ini")); err != nil || string(data) != "desktop.ini" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "1/2/3/4/5/deep")); err != nil {
		t.Error(err)
	}
}

func TestTooManyForeignNames(t *testing.T) {
	host := t.TempDir()
	dir := filepath.Join(host, "mod-sheep")
	must(t, os.Mkdir(dir, 0o700))
	limits := files.Limits{Files: 1}
	for i := range 4*limits.Files + 64 - 1 { // and "a"
		must(t, os.WriteFile(filepath.Join(dir, ".x"+strings.Repeat("x", i)), nil, 0o600))
	}
	f := openIn(t, host, limits)
	must(t, f.Write("a", ""))
	must(t, f.Close())
	must(t, os.WriteFile(filepath.Join(dir, ".one-more"), nil, 0o600))
	_, err := openIn(t, host, limits).Read("a", 1)
	wantReason(t, err, files.TooMany)
}

// What somebody else changes is found out, and the next operation looks again.
func TestChangedMeanwhile(t *testing.T) {
	f, dir, _ := planted(t, false, func(t *testing.T, dir, secret string) {
		must(t, os.WriteFile(filepath.Join(dir, "new"), []byte("somebody's"), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "mine"), []byte("more than before"), 0o600))
	})
	wantContent(t, f, "mine", "more than before")
	wantUsage(t, f, 16+6, 2) // "x" has gone, which nobody has noticed
	wantReason(t, f.Write("new", "mine"), files.Changed)
	wantUsage(t, f, 16+10, 2)
	wantContent(t, f, "new", "somebody's")
	must(t, f.Write("new", "mine"))
	// A file that has become a folder.
	must(t, os.Remove(filepath.Join(dir, "new")))
	must(t, os.MkdirAll(filepath.Join(dir, "new", "deep"), 0o700))
	_, err := f.Read("new", 100)
	wantReason(t, err, files.Changed)
	_, err = f.Read("new", 100)
	wantReason(t, err, files.NotFound)
}

// What somebody else has added counts, and is not overwritten.
func TestOtherWriters(t *testing.T) {
	host := t.TempDir()
	dir := filepath.Join(host, "mod-sheep")
	f := openIn(t, host, files.Limits{Bytes: 20, FileBytes: 20})
	must(t, f.Write("mine", "12345"))
	must(t, f.Write("log", "1"))
	must(t, os.WriteFile(filepath.Join(dir, "log"), []byte("0123456789abcd"), 0o600))
	wantReason(t, f.Append("log", "ef"), files.Full)
	wantReason(t, f.Append("log", "e"), "")

	must(t, os.WriteFile(filepath.Join(dir, "theirs"), []byte("theirs"), 0o600))
	wantReason(t, f.Rename("mine", "theirs"), files.Changed)
	if data, err := os.ReadFile(filepath.Join(dir, "theirs")); err != nil || string(data) != "theirs" {
		t.Errorf("%q, %v", data, err)
	}
	wantReason(t, f.Rename("mine", "theirs"), files.Exists) // it has been seen now
	must(t, os.Rename(filepath.Join(dir, "mine"), filepath.Join(dir, "theirs")))
	_, err := f.Read("mine", 10)
	wantReason(t, err, files.NotFound)
	wantContent(t, f, "theirs", "12345")
}

func TestEmptyFoldersGo(t *testing.T) {
	host := t.TempDir()
	dir := filepath.Join(host, "mod-sheep")
	must(t, os.MkdirAll(filepath.Join(dir, "sub/empty"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "sub/full"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "sub/full/a"), nil, 0o600))
	f := openIn(t, host, files.Limits{})
	wantUsage(t, f, 0, 1)
	wantOnDisk(t, dir, "sub/", "sub/full/", "sub/full/a")
	// One that is there and empty is used.
	must(t, os.MkdirAll(filepath.Join(dir, "sub/new"), 0o700))
	must(t, f.Write("sub/new/b", "b"))
	must(t, f.Rename("sub/new/b", "sub/new/c"))
	wantOnDisk(t, dir, "sub/", "sub/full/", "sub/full/a", "sub/new/", "sub/new/c")
}
