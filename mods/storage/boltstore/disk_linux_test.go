package boltstore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

const childEnv = "BOLTSTORE_TEST_CHILD"

// TestMain is also the main function of the children that tests start.
func TestMain(m *testing.M) {
	switch what, arg, _ := strings.Cut(os.Getenv(childEnv), " "); what {
	case "":
		os.Exit(m.Run())
	case "open":
		s, err := boltstore.Open(arg)
		switch {
		case errors.As(err, new(*storage.Error)) && errors.Is(err, fs.ErrPermission):
			fmt.Println("typed permission error")
		case err == nil:
			fmt.Println("opened", s.Close())
		default:
			fmt.Println("other error:", err)
		}
	case "bare-bbolt":
		// The loop below ends by memory, which must not be the machine's.
		limit := syscall.Rlimit{Cur: 2 << 30, Max: 2 << 30}
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
			fmt.Println("no limit:", err)
			return
		}
		db, err := bolt.Open(arg, 0o600, nil)
		if err == nil {
			err = db.View(func(tx *bolt.Tx) error {
				return tx.ForEach(func([]byte, *bolt.Bucket) error { return nil })
			})
		}
		fmt.Println("survived:", err)
	}
	os.Exit(0)
}

func child(t *testing.T, what string, credential *syscall.Credential) (out string, err error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	b, err := cmd.Output()
	return string(b), err
}

func TestReadOnlyFolder(t *testing.T) {
	// Not t.TempDir: another user has to get there.
	dir, err := os.MkdirTemp("/tmp", "boltstore")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var nobody *syscall.Credential
	if os.Getuid() == 0 { // whom no mode bits hold up
		nobody = &syscall.Credential{Uid: 65534, Gid: 65534}
		self, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Skip(err)
		}
		binary := filepath.Join(dir, "boltstore.test")
		if err := os.WriteFile(binary, self, 0o755); err != nil {
			t.Skip(err)
		}
		old := os.Args[0]
		os.Args[0] = binary
		t.Cleanup(func() { os.Args[0] = old })
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mode := func(folder, file fs.FileMode) {
		if err := os.Chmod(data, folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(data, boltstore.FileName), file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	try := func(name, want string) {
		out, err := child(t, "open "+data, nobody)
		if err != nil || strings.TrimSpace(out) != want {
			t.Errorf("%s: %q, %v; want %q", name, out, err, want)
		}
	}
	mode(0o777, 0)
	try("a folder that can be written to", "opened <nil>")
	mode(0o555, 0o444)
	if nobody == nil {
		t.Cleanup(func() { mode(0o755, 0o600) })
	} else if err := os.Chown(filepath.Join(data, boltstore.FileName), 0, 0); err != nil {
		t.Fatal(err)
	}
	try("a file that can only be read", "typed permission error")
	mode(0o555, 0o000)
	try("a file that cannot be read", "typed permission error")
	if err := os.Remove(filepath.Join(data, boltstore.FileName)); err == nil {
		mode(0o555, 0)
		try("a folder that can only be read", "typed permission error")
	}
}

func TestFIFODoesNotBlock(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, boltstore.FileName), 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := boltstore.Open(dir); !errors.As(err, new(*storage.Error)) {
		t.Errorf("got %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("a small disk cannot be mounted: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	t.Cleanup(func() { _ = s.Close() }) // before the unmounting
	save(t, s, put("rain", "a", "kept"))
	var err error
	saved := 0
	for ; saved < 100 && err == nil; saved++ {
		err = s.Save([]storage.Change{put("rain", fmt.Sprint(saved), strings.Repeat("x", 16<<10))})
	}
	if !errors.As(err, new(*storage.Error)) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("after %d values: %v", saved, err)
	}
	got := load(t, s, "rain")
	if got["a"] != "kept" || len(got) != saved {
		t.Errorf("%d values are there after %d were saved", len(got)-1, saved-1)
	}
	// Where there is room again, saving goes on.
	var all []storage.Change
	for i := range saved - 1 {
		all = append(all, storage.Change{Mod: "rain", Key: fmt.Sprint(i), Delete: true})
	}
	if err := s.Save(all); err != nil {
		t.Logf("deleting on a full disk: %v", err) // bbolt copies before it frees
	} else {
		save(t, s, put("rain", "b", "there is room again"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := load(t, s, "rain"); got["a"] != "kept" {
		t.Errorf("after opening again: %d values, a = %q", len(got), got["a"])
	}
}

// TestPageThatNamesItself shows what inspecting the file is for: bbolt alone
// goes round until the memory is used up.
func TestPageThatNamesItself(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, boltstore.FileName)
	data := selfReferring(t)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := boltstore.Open(dir); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	out, err := child(t, "bare-bbolt "+path, nil)
	if strings.Contains(out, "no limit") {
		t.Skip(out)
	}
	if err == nil || strings.Contains(out, "survived") {
		t.Errorf("bbolt alone said %q, %v; the test proves nothing", out, err)
	}
}

// selfReferring returns a file whose root page is a branch with itself as its
// only child.
func selfReferring(t *testing.T) []byte {
	data, _ := sampleFile(t)
	size := os.Getpagesize()
	newest, at := uint64(0), 0
	for page := range 2 {
		if txid := native.Uint64(data[page*size+16+48:]); txid >= newest {
			newest, at = txid, page*size+16
		}
	}
	root := native.Uint64(data[at+16:])
	page := data[int(root)*size:]
	native.PutUint16(page[8:], 1)     // a branch
	native.PutUint16(page[10:], 1)    // with one element
	native.PutUint32(page[16:], 16)   // whose key follows
	native.PutUint32(page[20:], 1)    // and is one byte long
	native.PutUint64(page[24:], root) // and which leads here
	page[32] = 'a'
	return data
}

var native = binary.NativeEndian
