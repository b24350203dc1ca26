package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// watched is a watcher of a real folder.
type watched struct {
	t   *testing.T
	dir string
	w   *folderWatcher
}

// await waits until the watcher has told of a path, and returns all that it told of
// until then.
func (w *watched) await(path string) []string {
	w.t.Helper()
	var all []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		c := w.w.Changes()
		if c.trouble != nil {
			w.t.Fatal(c.trouble)
		}
		all = append(all, c.paths...)
		if c.lost || slices.Contains(all, path) {
			return all
		}
	}
	w.t.Fatalf("nothing was told of %s, but of %q", path, all)
	return nil
}

func (w *watched) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, filepath.FromSlash(name)), []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) mkdir(name string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Join(w.dir, filepath.FromSlash(name)), 0o777); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)); err != nil {
		w.t.Fatal(err)
	}
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t, dir: t.TempDir()}
	w.mkdir("shelf/weather/lib")
	w.write("shelf/weather/mod.toml", "")
	w.write("shelf/weather/lib/x.lua", "")
	return w
}

func (w *watched) begin(args ...string) {
	w.t.Helper()
	for i, a := range args {
		args[i] = filepath.Join(w.dir, filepath.FromSlash(a))
	}
	var err error
	if w.w, err = watchFolders(args); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		w.w.Close()
		goleak.VerifyNone(w.t)
	})
}

func (w *watched) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// What happens in a folder of mods is told by the mod that it happens to.
func TestFolderWatcher(t *testing.T) {
	w := newWatched(t)
	w.begin("shelf")
	weather := w.path("shelf/weather")

	w.write("shelf/weather/lib/x.lua", "changed")
	w.await(weather)
	w.write("shelf/weather/.x.tmp", "as editors do") // no part of the mod
	w.rename("shelf/weather/.x.tmp", "shelf/weather/lib/x.lua")
	w.await(weather)

	w.mkdir("shelf/weather/new")
	w.await(weather)
	w.write("shelf/weather/new/y.lua", "in a folder that was not there")
	w.await(weather)

	w.mkdir("shelf/other")
	w.await(w.path("shelf/other"))
	w.write("shelf/other/main.lua", "")
	w.await(w.path("shelf/other"))

	w.rename("shelf/weather", "away")
	w.await(weather)
	w.rename("away", "shelf/weather")
	w.await(weather)
	w.write("shelf/weather/lib/x.lua", "it is watched again")
	w.await(weather)

	w.write("shelf/pack.zip", "PK")
	w.await(w.path("shelf/pack.zip"))

	// The folder itself goes, and comes back.
	w.rename("shelf", "gone")
	w.await(w.path("shelf"))
	w.rename("gone", "shelf")
	w.await(w.path("shelf"))
	w.write("shelf/weather/lib/x.lua", "it is watched again")
	w.await(weather)
}

// One mod by itself, an archive, and what is not there yet.
func TestFolderWatcherOfSingleMods(t *testing.T) {
	w := newWatched(t)
	w.write("pack.zip", "PK")
	w.begin("shelf/weather", "pack.zip", "later/here")
	w.write("shelf/weather/lib/x.lua", "changed")
	w.await(w.path("shelf/weather"))
	w.rename("shelf/weather", "away")
	w.await(w.path("shelf/weather"))
	w.rename("away", "shelf/weather")
	w.await(w.path("shelf/weather"))
	w.write("pack.zip", "PK, changed")
	w.await(w.path("pack.zip"))
	w.mkdir("later")
	w.await(w.path("later/here"))
	w.mkdir("later/here")
	w.await(w.path("later/here"))
}

// Names that begin with a dot, and what links lead to, are not watched.
func TestFolderWatcherLooksAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege")
	}
	w := newWatched(t)
	w.mkdir("elsewhere/deep")
	w.mkdir("shelf/weather/.git/objects")
	for _, link := range []string{"shelf/weather/lib/link", "shelf/linked"} {
		if err := os.Symlink(w.path("elsewhere"), w.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	w.begin("shelf")
	w.write("elsewhere/deep/x.lua", "")
	w.write("elsewhere/x.lua", "")
	w.write("shelf/weather/.git/objects/x", "")
	w.write("shelf/weather/.git/x", "")
	w.write("shelf/weather/.main.lua.swp", "")
	w.mkdir("shelf/marker") // what came before has been told when this is
	for _, path := range w.await(w.path("shelf/marker")) {
		if path != w.path("shelf/marker") && path != w.path("shelf") {
			t.Errorf("told of %s", path)
		}
	}

	// The same in a folder that is no link is told of.
	w.mkdir("shelf/weather/lib/deep")
	w.write("shelf/weather/lib/deep/x.lua", "")
	w.await(w.path("shelf/weather"))
}

// There are no more watches than are allowed, and it is told once that some lack.
func TestFolderWatcherIsBounded(t *testing.T) {
	w := newWatched(t)
	for _, name := range []string{"a/a/a", "b/b/b", "c/c/c"} {
		w.mkdir("shelf/weather/" + name)
	}
	const most = 4
	var err error
	if w.w, err = watchAtMost([]string{w.path("shelf")}, most); err != nil {
		t.Fatal(err)
	}
	defer w.w.Close()
	if n := len(w.w.events.WatchList()); n != most {
		t.Errorf("%d folders are watched, want %d", n, most)
	}
	if c := w.w.Changes(); c.trouble == nil || !strings.Contains(c.trouble.Error(), "more than 4 folders") {
		t.Errorf("trouble: %v", c.trouble)
	}
	if c := w.w.Changes(); c.trouble != nil {
		t.Errorf("told again: %v", c.trouble)
	}

	// So many changed paths are kept, and no more.
	for i := range mostPaths + 10 {
		w.w.note(string(rune('a' + i)))
	}
	if c := w.w.Changes(); !c.lost || len(c.paths) > mostPaths {
		t.Errorf("%d paths, lost: %v", len(c.paths), c.lost)
	}
}
