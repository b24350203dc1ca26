package catalog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestCacheLinks: a cache that somebody else prepared leads no download out of it.
func TestCacheLinks(t *testing.T) {
	l := newLab(t, nil)
	b := mod(t, "rain", "1.0.0", "")
	l.publish(b)
	for kind, link := range map[string]func(to, path string) error{"symbolic link": os.Symlink, "hard link": os.Link} {
		t.Run(kind, func(t *testing.T) {
			cache := t.TempDir()
			c := l.open(with(cache))
			l.refresh(c)
			entry, there := c.Lookup(b.Digest())
			if !there {
				t.Fatal("not listed")
			}
			precious := filepath.Join(t.TempDir(), "precious")
			if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			sum := c.now().bundles[b.Digest()].target.sum
			partial := filepath.Join(cache, "partial", hexOf(sum[:]))
			if err := link(precious, partial); err != nil {
				t.Skip(err)
			}
			// The control: whoever just opens it writes the other file.
			if file, err := os.OpenFile(partial, os.O_RDWR, 0); err != nil {
				t.Fatal(err)
			} else if _, err := file.WriteString("Precious"); err != nil {
				t.Fatal(err)
			} else if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			if text, _ := os.ReadFile(precious); string(text) != "Precious" {
				t.Fatalf("the link does not lead there: %q", text)
			}
			if _, err := c.Fetch(context.Background(), entry, nil); !errors.Is(err, unreachable) {
				t.Errorf("%v", err)
			}
			if text, _ := os.ReadFile(precious); string(text) != "Precious" {
				t.Errorf("it was written over: %d bytes", len(text))
			}
			if err := os.Remove(partial); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Fetch(context.Background(), entry, nil); err != nil {
				t.Errorf("without the link: %v", err)
			}
		})
	}
}

// TestCacheFolderLinks: nor do links in the place of its folders.
func TestCacheFolderLinks(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	for _, sub := range []string{metadataFolder, targetsFolder, "bundles", "partial"} {
		cache, outside := t.TempDir(), t.TempDir()
		if err := os.Symlink(outside, filepath.Join(cache, sub)); err != nil {
			t.Skip(err)
		}
		_, err := Open(Options{URL: l.o.Dir, Root: l.root(), Cache: cache})
		refused(t, err, BadOptions)
	}
}
