//go:build unix

package bundle_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// modFolder writes files into a new folder.
func modFolder(t *testing.T, files fstest.MapFS) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mod")
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenPath(t *testing.T) {
	dir := modFolder(t, honest)
	archive := filepath.Join(t.TempDir(), "mod.ZIP")
	if err := os.WriteFile(archive, goZip(t, honest), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	want, err := bundle.Open(honest, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, archive, link} {
		b, err := bundle.OpenPath(path, bundle.Limits{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if b.Digest() != want.Digest() {
			t.Errorf("%s: digest %s, want %s", path, b.Digest(), want.Digest())
		}
	}
}

func TestOpenPathRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string) string // returns the path to open
		want    bundle.Reason
	}{
		{"missing", func(t *testing.T, dir string) string { return filepath.Join(dir, "none") }, bundle.Unreadable},
		{"no path", func(t *testing.T, dir string) string { return "" }, bundle.Unreadable},
		{"NUL in the path", func(t *testing.T, dir string) string { return dir + "\x00" }, bundle.Unreadable},
		{"other file", func(t *testing.T, dir string) string { return filepath.Join(dir, "main.lua") }, bundle.NotABundle},
		{"device", func(t *testing.T, dir string) string { return "/dev/null" }, bundle.NotRegular},
		{"endless device", func(t *testing.T, dir string) string { return "/dev/zero" }, bundle.NotRegular},
		{"pipe", func(t *testing.T, dir string) string { return mkfifo(t, filepath.Join(dir, "..", "mod.zip")) }, bundle.NotRegular},
		{"pipe inside", func(t *testing.T, dir string) string { mkfifo(t, filepath.Join(dir, "pipe")); return dir }, bundle.NotRegular},
		{"socket", func(t *testing.T, dir string) string {
			t.Chdir(filepath.Dir(dir))
			l, err := net.Listen("unix", "s.zip")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return "s.zip"
		}, bundle.NotRegular},
		{"link to a file outside", func(t *testing.T, dir string) string {
			return symlink(t, "/etc/passwd", filepath.Join(dir, "passwd"), dir)
		}, bundle.NotRegular},
		{"link to a folder outside", func(t *testing.T, dir string) string { return symlink(t, "/etc", filepath.Join(dir, "etc"), dir) }, bundle.NotRegular},
		{"link inside", func(t *testing.T, dir string) string {
			return symlink(t, "main.lua", filepath.Join(dir, "other.lua"), dir)
		}, bundle.NotRegular},
		{"link to nothing", func(t *testing.T, dir string) string { return symlink(t, "none", filepath.Join(dir, "x"), dir) }, bundle.NotRegular},
		{"link to itself", func(t *testing.T, dir string) string { return symlink(t, "x", filepath.Join(dir, "x"), dir) }, bundle.NotRegular},
		{"device inside", func(t *testing.T, dir string) string {
			if err := syscall.Mknod(filepath.Join(dir, "null"), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
				t.Skip("cannot make a device: ", err)
			}
			return dir
		}, bundle.NotRegular},
		{"unreadable file", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "main.lua")
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
			if f, err := os.Open(path); err == nil {
				f.Close()
				t.Skip("this user may read everything")
			}
			return dir
		}, bundle.Unreadable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := modFolder(t, honest)
			_, err := bundle.OpenPath(test.prepare(t, dir), bundle.Limits{})
			if got := reasonOf(t, err); got != test.want {
				t.Errorf("%v: reason %q, want %q", err, got, test.want)
			}
		})
	}
	_, err := bundle.OpenPath(filepath.Join(t.TempDir(), "none"), bundle.Limits{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not match fs.ErrNotExist", err)
	}
}

// os.DirFS, which does not guard, follows the link that is refused above.
func TestDirFSFollowsLinks(t *testing.T) {
	dir := modFolder(t, honest)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	symlink(t, outside, filepath.Join(dir, "x.lua"), dir)
	if data, err := fs.ReadFile(os.DirFS(dir), "x.lua"); err != nil || string(data) != "secret" {
		t.Errorf("read %q, %v: the test of the guard proves nothing", data, err)
	}
}

func mkfifo(t *testing.T, path string) string {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func symlink(t *testing.T, to, at, result string) string {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
	return result
}
