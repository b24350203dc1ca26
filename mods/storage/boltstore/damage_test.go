package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// sampleFile returns the bytes of a store with trees of several pages, inline
// buckets and free pages, and what is in it.
func sampleFile(t testing.TB) (data []byte, want map[string]map[string]string) {
	t.Helper()
	dir := t.TempDir()
	s, err := boltstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]map[string]string{}
	for round := range 3 {
		var changes []storage.Change
		for m := range 3 {
			mod := fmt.Sprintf("mod-%d", m)
			want[mod] = map[string]string{}
			for i := range []int{2, 40, 400}[m] {
				key, value := fmt.Sprintf("key/%04d", i), strings.Repeat(fmt.Sprintf("value %d of round %d ", i, round), 3)
				want[mod][key] = value
				changes = append(changes, storage.Change{Mod: mod, Key: key, Value: value})
			}
		}
		if err := s.Save(changes); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join(dir, boltstore.FileName))
	if err != nil {
		t.Fatal(err)
	}
	return data, want
}

// check opens a damaged file. All that is read from it must be what was
// written; everything else must be refused as damaged, and the file be left as
// it is. It reports whether the damage was noticed.
func check(t testing.TB, data []byte, want map[string]map[string]string) (noticed bool) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, boltstore.FileName)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(dir)
	if err != nil {
		if !errors.As(err, new(*storage.Error)) || !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("opening gave %v", err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, data) {
			t.Fatal("a damaged file was changed")
		}
		return true
	}
	defer s.Close()
	for mod := range want {
		got, err := s.Load(mod)
		if err != nil {
			if !errors.As(err, new(*storage.Error)) || !errors.Is(err, storage.ErrCorrupt) {
				t.Fatalf("loading gave %v", err)
			}
			noticed = true
			continue
		}
		for key, value := range got {
			if old, there := want[mod][key]; there && value != old && !strings.Contains(value, "of round") {
				t.Fatalf("%s: %s is %q", mod, key, value)
			}
		}
	}
	return noticed
}

func TestDamagedFile(t *testing.T) {
	data, want := sampleFile(t)
	if check(t, data, want) {
		t.Fatal("the undamaged file is taken for damaged")
	}
	random := rand.New(rand.NewPCG(1, 2))
	noticed := 0
	const rounds = 1500
	for i := range rounds {
		bad := bytes.Clone(data)
		switch i % 4 {
		case 0: // one bit
			bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		case 1: // one byte of the structure that begins a page
			page := random.IntN(len(bad) / os.Getpagesize())
			bad[page*os.Getpagesize()+random.IntN(96)] = byte(random.IntN(256))
		case 2: // cut short
			bad = bad[:random.IntN(len(bad))]
			if len(bad) == 0 {
				continue
			}
		case 3: // a page in the place of another
			n := len(bad) / os.Getpagesize()
			from, to := random.IntN(n)*os.Getpagesize(), random.IntN(n)*os.Getpagesize()
			copy(bad[to:to+os.Getpagesize()], data[from:from+os.Getpagesize()])
		}
		if check(t, bad, want) {
			noticed++
		}
	}
	if noticed < rounds/4 {
		t.Errorf("damage was noticed %d times of %d", noticed, rounds)
	}
}

func FuzzDamagedFile(f *testing.F) {
	data, want := sampleFile(f)
	f.Add(uint32(4096), []byte{1})
	f.Add(uint32(2*4096+8), []byte{1, 0, 2, 0})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		bad := bytes.Clone(data)
		copy(bad[int(at)%len(bad):], patch)
		check(t, bad, want)
	})
}
