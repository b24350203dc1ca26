//go:build unix

package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Open looks at the kind of a name before it asks rootFS for the file. These
// are names that were exchanged after that look.
func TestRootFSHoldsAgainstExchangedNames(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"inside": "file", "outside": "/etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pipe", "inside", "outside"} {
		file, err := rootFS{root}.Open(name)
		if err == nil {
			file.Close()
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != NotRegular {
			t.Errorf("%s: %v, want %q", name, err, NotRegular)
		}
	}
	file, err := rootFS{root}.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for _, flag := range []int{os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_TRUNC} {
		if file, _, err := OpenIn(root, "file", flag); !errors.Is(err, fs.ErrInvalid) {
			file.Close()
			t.Errorf("opened with %#x: %v", flag, err)
		}
	}
	// Without the look at the kind, os.Root itself opens the link and the pipe.
	for _, name := range []string{"pipe", "inside"} {
		file, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0)
		if err != nil {
			t.Errorf("os.Root does not open %s: the test of the guard proves nothing: %v", name, err)
			continue
		}
		file.Close()
	}
}
