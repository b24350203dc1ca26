package atomicfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
)

var (
	before = []byte("old content\n")
	after  = bytes.Repeat([]byte("new content\n"), 10_000)
)

func TestWriteMakesAndReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mods.lock")
	for _, data := range [][]byte{before, after, {}} {
		if err := atomicfile.Write(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); !bytes.Equal(got, data) {
			t.Fatalf("read %d bytes, wrote %d", len(got), len(data))
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v; want none for others", info.Mode(), err)
	}
	only(t, path)
}

func TestWriteInCurrentFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := atomicfile.Write("file", before, 0o644); err != nil {
		t.Fatal(err)
	}
	only(t, "./file")
}

// TestErrorAtEachStep: the old file stands, or the new one does, and nothing else
// is left in the folder.
func TestErrorAtEachStep(t *testing.T) {
	broken := errors.New("no space left")
	for _, step := range atomicfile.Steps() {
		t.Run(string(step), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mods.lock")
			if err := atomicfile.Write(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
			restore := atomicfile.InjectFault(func(p string, done atomicfile.Step) error {
				if p == path && done == step {
					return broken
				}
				return nil
			})
			err := atomicfile.Write(path, after, 0o644)
			restore()
			e, ok := errors.AsType[*atomicfile.Error](err)
			if !ok || !errors.Is(err, broken) {
				t.Fatalf("%v (%T)", err, err)
			}
			want := before
			if step == atomicfile.Rename || step == atomicfile.SyncFolder {
				want = after
			}
			if e.Replaced() != bytes.Equal(want, after) {
				t.Errorf("Replaced() = %v after %s", e.Replaced(), step)
			}
			if !bytes.Equal(read(t, path), want) {
				t.Errorf("after %s: not the content that the error tells of", step)
			}
			only(t, path)
		})
	}
}

// TestCrashAtEachStep: a panic stands for the end of the process. What is left behind
// is known for what it is, and the next write is not kept from anything by it.
func TestCrashAtEachStep(t *testing.T) {
	for _, step := range atomicfile.Steps() {
		t.Run(string(step), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mods.lock")
			if err := atomicfile.Write(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
			restore := atomicfile.InjectFault(func(_ string, done atomicfile.Step) error {
				if done == step {
					panic("crash")
				}
				return nil
			})
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the step was not reached")
					}
				}()
				_ = atomicfile.Write(path, after, 0o644)
			}()
			restore()
			got := read(t, path)
			if !bytes.Equal(got, before) && !bytes.Equal(got, after) {
				t.Errorf("%d bytes: a mixture", len(got))
			}
			for _, name := range names(t, filepath.Dir(path)) {
				if name != "mods.lock" && !atomicfile.Leftover(name) {
					t.Errorf("%s is left, and is not known as a leftover", name)
				}
			}
			if err := atomicfile.Write(path, []byte("third"), 0o644); err != nil || string(read(t, path)) != "third" {
				t.Errorf("the next write: %v", err)
			}
		})
	}
}

// TestPlainWriteWouldMix is the control of the two tests above: a file that is
// written in place is neither old nor new when the process ends in the middle.
func TestPlainWriteWouldMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mods.lock")
	if err := os.WriteFile(path, before, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write(after[:100])
	_ = f.Close()
	if got := read(t, path); bytes.Equal(got, before) || bytes.Equal(got, after) {
		t.Error("a write in place is as good; the tests show nothing")
	}
}

func TestReaderSeesOneOrTheOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	contents := make([][]byte, 4)
	for i := range contents {
		contents[i] = bytes.Repeat([]byte{byte('a' + i)}, 50_000)
	}
	if err := atomicfile.Write(path, contents[0], 0o644); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, data := range contents {
		writers.Go(func() {
			for range 10 {
				if err := atomicfile.Write(path, data, 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			got, err := os.ReadFile(path)
			if err != nil || !slices.ContainsFunc(contents, func(c []byte) bool { return bytes.Equal(c, got) }) {
				t.Errorf("read %d bytes, %v", len(got), err)
				return
			}
		}
	})
	writers.Wait()
	close(stop)
	readers.Wait()
	only(t, path)
}

func TestRefusals(t *testing.T) {
	folder := t.TempDir()
	for name, test := range map[string]struct {
		path string
		want error
		step atomicfile.Step
	}{
		"no folder":   {filepath.Join(folder, "none", "file"), fs.ErrNotExist, atomicfile.Create},
		"is a folder": {folder, nil, atomicfile.Rename},
	} {
		err := atomicfile.Write(test.path, before, 0o644)
		e, ok := errors.AsType[*atomicfile.Error](err)
		if !ok || e.Step != test.step || test.want != nil && !errors.Is(err, test.want) || e.Path != test.path {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := names(t, filepath.Dir(folder)); slices.ContainsFunc(left, atomicfile.Leftover) {
		t.Errorf("left over: %q", left)
	}
}

func TestSymbolicLinkIsReplaced(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target"), filepath.Join(folder, "link")
	if err := os.WriteFile(target, before, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	if err := atomicfile.Write(link, after, 0o644); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, target), before) || !bytes.Equal(read(t, link), after) {
		t.Error("the link was followed")
	}
}

func TestWriteIn(t *testing.T) {
	outside, folder := t.TempDir(), t.TempDir()
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := root.Mkdir("inner", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "inner/file"} {
		for _, data := range [][]byte{before, after} {
			if err := atomicfile.WriteIn(root, name, data, 0o644); err != nil || !bytes.Equal(read(t, filepath.Join(folder, name)), data) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	only(t, filepath.Join(folder, "inner", "file"))

	if err := os.Symlink(outside, filepath.Join(folder, "link")); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"link/file", "../file", "inner/../../file"} {
		err := atomicfile.WriteIn(root, name, after, 0o644)
		if e, ok := errors.AsType[*atomicfile.Error](err); !ok || e.Step != atomicfile.Create {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := names(t, outside); len(left) > 0 {
		t.Errorf("%q were written outside", left)
	}
	// The control: without the root, the link leads outside.
	if err := atomicfile.Write(filepath.Join(folder, "link", "file"), after, 0o644); err != nil || len(names(t, outside)) != 1 {
		t.Errorf("the link leads nowhere; the test shows nothing: %v", err)
	}
}

func TestLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", 255))
	if err := atomicfile.Write(path, before, 0o644); err != nil {
		t.Error(err)
	}
}

func TestLeftover(t *testing.T) {
	for name, want := range map[string]bool{
		".mods.lock.ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp": true,
		".mods.lock.ABCDEFGHIJKLMNOPQRSTUVWXY.tmp":  false,
		".mods.lock.ABCDEFGHIJKLMNOPQRSTUVWXY1.tmp": false,
		"mods.lock":   false,
		".mods.lock":  false,
		".tmp":        false,
		"..tmp":       false,
		"a.tmp":       false,
		".editor.tmp": false,
	} {
		if got := atomicfile.Leftover(name); got != want {
			t.Errorf("Leftover(%q) = %v", name, got)
		}
	}
}

func ExampleWrite() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	err = atomicfile.Write(filepath.Join(folder, "mods.lock"), []byte("format = 1\n"), 0o644)
	fmt.Println(err)
	// Output: <nil>
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// only checks that a file is alone in its folder.
func only(t *testing.T, path string) {
	t.Helper()
	if got := names(t, filepath.Dir(path)); len(got) != 1 || got[0] != filepath.Base(path) {
		t.Errorf("in the folder: %q", got)
	}
}
