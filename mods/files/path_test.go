package files_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/files"
)

var goodPaths = []string{
	"a", "A.txt", "_x", "0", "save 1.dat", "a/b/c/d", "a-b_c.d", "a..b", "console", "com10", "lpt", "nul1", "x.con",
	strings.Repeat("a", 100), strings.Repeat("a", 98) + "/" + strings.Repeat("b", 98),
}

var badPaths = []string{
	"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "...", ".a", "a/.b", "-a", " a", "a ", "a /b", "a.", "a./b", "a. ",
	`a\b`, `..\a`, "a:b", "c:", "c:/a", "a\x00", "a\n", "a\x7f", "ä", "a\xff", "a\u202eb", "a*", "a?", "a<b", "a|b", `a"b`, "a~1", "a&b", "%2e%2e", "a;b", "$a", "a'b",
	"con", "CON", "nul", "a/NUL", "aux.txt", "prn", "com1", "LPT9.dat", "com0", "con .txt", "nul.tar.gz",
	"a/b/c/d/e", strings.Repeat("a", 101), strings.Repeat("a/", 99) + "b", strings.Repeat("abcd/", 41) + "a", strings.Repeat("a", 1<<20),
	files.Temporary, "a/" + files.Temporary,
}

func TestCheckPath(t *testing.T) {
	for _, path := range goodPaths {
		if err := files.CheckPath(path, 4); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range badPaths {
		err := files.CheckPath(path, 4)
		wantReason(t, err, files.BadName)
		if err == nil {
			t.Errorf("%.100q is accepted", path)
		} else if len(err.Error()) > 600 {
			t.Errorf("%.100q: a message of %d bytes", path, len(err.Error()))
		}
	}
}

// FuzzCheckPath: an accepted path stays in its folder whatever resolves it, and
// is one file on every system.
func FuzzCheckPath(f *testing.F) {
	for _, path := range goodPaths {
		f.Add(path)
	}
	for _, path := range badPaths {
		if len(path) < 1000 {
			f.Add(path)
		}
	}
	f.Fuzz(func(t *testing.T, path string) {
		if files.CheckPath(path, 4) != nil {
			return
		}
		if !filepath.IsLocal(path) || filepath.ToSlash(filepath.Clean(path)) != path || strings.Contains(path, "..") && strings.HasPrefix(filepath.Base(path), "..") {
			t.Errorf("%q leaves its folder", path)
		}
		if err := bundle.CheckPath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
		for part := range strings.SplitSeq(path, "/") {
			if part == files.Temporary || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || strings.HasPrefix(part, ".") {
				t.Errorf("%q has the part %q", path, part)
			}
		}
		if strings.IndexFunc(path, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`\:*?"<>|`, r) }) >= 0 {
			t.Errorf("%q has a character that some system does not take", path)
		}
	})
}

func TestAcceptedPathsCanBeMade(t *testing.T) {
	f, _ := open(t, files.Limits{})
	for _, path := range goodPaths {
		if path == "a" {
			continue // a folder of others
		}
		if err := f.Write(path, path); err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		wantContent(t, f, path, path)
	}
}
