package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
)

var errCrash = errors.New("crash")

// crash makes the n-th file that is written below a folder the last one, from 0: it is
// there already, under its name. Between two of those moments a crash leaves temporary
// files only, as the tests of package atomicfile show.
func crash(dir string, n int) (restore func()) {
	step := 0
	return atomicfile.InjectFault(func(path string, done atomicfile.Step) error {
		if done != atomicfile.Rename || !strings.HasPrefix(path, dir) {
			return nil
		}
		if step++; step > n {
			panic(errCrash) // the disk stays as it is at this moment
		}
		return nil
	})
}

// crashed runs something that may crash.
func crashed(do func()) (yes bool) {
	defer func() {
		if p := recover(); p == errCrash {
			yes = true
		} else if p != nil {
			panic(p)
		}
	}()
	do()
	return false
}

// TestPublishCrashes: wherever a publication ends, clients see the old catalogue or the
// new one, and the next publication makes it good.
func TestPublishCrashes(t *testing.T) {
	for _, rotation := range []bool{false, true} {
		seen := map[string]int{}
		first := newLab(t, nil)
		first.publish(mod(t, "rain", "1.0.0", ""))
		seenBefore := t.TempDir()
		first.refresh(first.open(with(seenBefore)))
		first.publisher(func(p *Publisher) error { _, err := p.Add(mod(t, "rain", "2.0.0", ""), AddOptions{}); return err })
		n := 0
		for ; ; n++ {
			l, cache := first.copy(), copied(t, seenBefore)
			restore := crash(filepath.Dir(l.o.Dir), n)
			over := crashed(func() {
				p, err := OpenPublisher(l.o)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if rotation {
					_, err = p.Rotate(Rotation{Role: roleTimestamp, Add: 1, Remove: l.ids(p, roleTimestamp)})
				} else {
					_, err = p.Publish()
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			restore()
			for _, c := range []*Client{l.open(), l.open(with(cache))} {
				l.refresh(c)
				seen[c.Info("rain")[0].Version]++
			}
			l.publish()
			c := l.open(with(cache))
			l.refresh(c)
			if got := c.Info("rain")[0].Version; got != "2.0.0" {
				t.Errorf("rotation %t, file %d: %s after the next publication", rotation, n, got)
			}
			if _, err := c.Fetch(t.Context(), c.Info("rain")[0], nil); err != nil {
				t.Error(err)
			}
			if !over {
				break
			}
		}
		if seen["1.0.0"] == 0 || seen["2.0.0"] == 0 || n < 6 {
			t.Errorf("%d files, seen %v", n, seen)
		}
	}
}

// copy is the same catalogue in another folder.
func (l *lab) copy() *lab {
	l.t.Helper()
	o := l.o
	o.Dir = filepath.Join(copied(l.t, filepath.Dir(l.o.Dir)), filepath.Base(l.o.Dir))
	o.Keys = []string{KeysBeside(o.Dir)}
	return &lab{t: l.t, o: o, time: l.time} // its clock is the first one's
}

// copied copies a folder, with the modes of its files.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(to, "*", "*"+keySuffix))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if err := os.Chmod(key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func (l *lab) ids(p *Publisher, role string) []string {
	roles, err := p.Roles()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, r := range roles {
		if r.Role == role {
			return r.IDs
		}
	}
	return nil
}

// TestRefreshCrashes: wherever a refresh ends, the cache has the old catalogue or the new
// one, whole, and the next refresh goes on from there.
func TestRefreshCrashes(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	old := l.snapshot()
	l.publish(mod(t, "rain", "2.0.0", ""))
	m := l.mirror()
	good := clone(m.files)
	seen := map[string]int{}
	m.replace(old)
	seenBefore := t.TempDir()
	l.refresh(l.open(at(m.url), with(seenBefore)))
	m.replace(good)
	n := 0
	for ; ; n++ {
		cache := copied(t, seenBefore)
		restore := crash(cache, n)
		over := crashed(func() {
			c := l.open(at(m.url), with(cache))
			l.refresh(c)
			if _, err := c.Fetch(t.Context(), c.Info("rain")[0], nil); err != nil {
				t.Error(err)
			}
		})
		restore()
		off := l.open(with(cache), offline)
		l.refresh(off)
		seen[off.Info("rain")[0].Version]++
		c := l.open(at(m.url), with(cache))
		l.refresh(c)
		if _, err := c.Fetch(t.Context(), c.Info("rain")[0], nil); err != nil {
			t.Errorf("file %d: %v", n, err)
		}
		left := 0
		for _, sub := range []string{metadataFolder, targetsFolder} {
			entries, err := os.ReadDir(filepath.Join(cache, sub))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if atomicfile.Leftover(e.Name()) {
					left++
				}
			}
		}
		if left > 0 {
			t.Errorf("file %d: %d temporary files stay", n, left)
		}
		if !over {
			break
		}
	}
	if seen["1.0.0"] == 0 || seen["2.0.0"] == 0 || n < 3 {
		t.Errorf("%d files, seen %v", n, seen)
	}
}
