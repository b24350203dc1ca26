package boltstore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

func open(t *testing.T, dir string) storage.Store {
	t.Helper()
	s, err := boltstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func load(t *testing.T, s storage.Store, mod string) map[string]string {
	t.Helper()
	pairs, err := s.Load(mod)
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

func save(t *testing.T, s storage.Store, changes ...storage.Change) {
	t.Helper()
	if err := s.Save(changes); err != nil {
		t.Fatal(err)
	}
}

func put(mod, key, value string) storage.Change {
	return storage.Change{Mod: mod, Key: key, Value: value}
}

func TestValuesSurviveAndModsAreApart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	s := open(t, dir)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	save(t, s, put("rain", "a", "1"), put("rain", "gone", "2"), put("snow", "a", "3"),
		put("rain", string(all), string(all)), put("rain", "empty", ""))
	save(t, s, storage.Change{Mod: "rain", Key: "gone", Delete: true}, storage.Change{Mod: "fog", Key: "never there", Delete: true})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	for mod, want := range map[string]map[string]string{
		"rain": {"a": "1", string(all): string(all), "empty": ""}, "snow": {"a": "3"}, "fog": {}, "format": {},
	} {
		if diff := cmp.Diff(want, load(t, s, mod)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mod, diff)
		}
	}
}

func TestSaveIsAllOrNothing(t *testing.T) {
	s := open(t, t.TempDir())
	save(t, s, put("rain", "a", "old"))
	err := s.Save([]storage.Change{put("rain", "a", "new"), put("rain", "b", "new"), put("rain", strings.Repeat("k", bolt.MaxKeySize+1), "too long")})
	var typed *storage.Error
	if !errors.As(err, &typed) || typed.Op != "save" {
		t.Fatalf("a change that cannot be made gave %v", err)
	}
	if diff := cmp.Diff(map[string]string{"a": "old"}, load(t, s, "rain")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClosedStore(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load("rain"); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Load: %v", err)
	}
	if err := s.Save(nil); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Save: %v", err)
	}
}

func TestSecondOpenerIsTold(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, put("rain", "a", "1"))
	_, err := boltstore.Open(dir)
	var typed *storage.Error
	if !errors.As(err, &typed) || !errors.Is(err, storage.ErrLocked) || typed.Path != filepath.Join(dir, boltstore.FileName) {
		t.Fatalf("a second opener got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := load(t, open(t, dir), "rain"); got["a"] != "1" {
		t.Errorf("after the first opener left: %v", got)
	}
}

func TestNotOurs(t *testing.T) {
	write := func(content string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	inBolt := func(f func(*bolt.Tx) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Update(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		make    func(t *testing.T, path string)
		corrupt bool
	}{
		"text":            {write("these are not the bytes you are looking for"), true},
		"long text":       {write(strings.Repeat("these are not the bytes you are looking for. ", 1000)), true},
		"zeros":           {write(strings.Repeat("\x00", 32<<10)), true},
		"another program": {inBolt(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("widgets")); return err }), true},
		"another format": {inBolt(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("format"))
			if err == nil {
				err = b.Put([]byte("modrunner storage"), []byte("2"))
			}
			return err
		}), true},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, boltstore.FileName)
			test.make(t, path)
			before, _ := os.ReadFile(path)
			_, err := boltstore.Open(dir)
			var typed *storage.Error
			if !errors.As(err, &typed) || typed.Op != "open" || errors.Is(err, storage.ErrCorrupt) != test.corrupt {
				t.Fatalf("got %v", err)
			}
			if after, _ := os.ReadFile(path); string(before) != string(after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestEmptyFileIsANewStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, boltstore.FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	save(t, open(t, dir), put("rain", "a", "1"))
}

func TestFolderThatIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := boltstore.Open(dir)
		var path *fs.PathError
		if !errors.As(err, new(*storage.Error)) || !errors.As(err, &path) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
