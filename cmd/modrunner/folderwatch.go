package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// mostWatches is how many folders are watched at most. Systems have a limit for all
// programs of a person together.
const mostWatches = 1024

// folderWatcher watches mods on the disk, by the notifications of the operating
// system. Of each argument of the command it watches the folder that it is in, for
// it may come and go; of a mod all folders; of a folder of mods itself and all
// folders of the mods. Names that begin with a dot are no part of a mod; symbolic
// links in the folders are not followed.
type folderWatcher struct {
	roots   []*watchedRoot
	events  *fsnotify.Watcher
	most    int             // folders
	watched map[string]bool // at the last refresh, and since
	ended   chan struct{}

	mu      sync.Mutex
	paths   map[string]bool
	lost    bool
	trouble error
	told    bool // of trouble
}

// watchedRoot is one argument of the command.
type watchedRoot struct {
	arg  string // as it was written
	path string // absolute
	real string // with links resolved; like path while there is nothing there
}

// watchFolders begins to watch. The error is a *refusal.
func watchFolders(args []string) (*folderWatcher, error) {
	return watchAtMost(args, mostWatches)
}

func watchAtMost(args []string, most int) (*folderWatcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, &refusal{What: "--watch", Reason: "files cannot be watched: " + bare(err).Error(), Err: err}
	}
	w := &folderWatcher{events: events, most: most, ended: make(chan struct{}), paths: map[string]bool{}}
	for _, arg := range args {
		path, err := filepath.Abs(arg)
		if err != nil {
			_ = events.Close() // the first error counts
			return nil, &refusal{What: arg, Reason: bare(err).Error(), Err: err}
		}
		w.roots = append(w.roots, &watchedRoot{arg: filepath.Clean(arg), path: path})
	}
	w.refresh()
	go w.run()
	return w, nil
}

// Close ends the watching.
func (w *folderWatcher) Close() {
	_ = w.events.Close() // there is nothing that could be lost
	<-w.ended
}

// Changes returns what changed since it was called last.
func (w *folderWatcher) Changes() changes {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := changes{lost: w.lost}
	for path := range w.paths {
		c.paths = append(c.paths, path)
	}
	slices.Sort(c.paths)
	if w.trouble != nil && !w.told {
		w.told, c.trouble = true, w.trouble
	}
	w.lost = false
	clear(w.paths)
	return c
}

// mostPaths is how many changed paths are kept until somebody asks; where there are
// more, everything may have changed.
const mostPaths = 4096

func (w *folderWatcher) note(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.paths) >= mostPaths {
		w.lost = true
		return
	}
	w.paths[path] = true
}

func (w *folderWatcher) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trouble == nil {
		w.trouble = err
	}
}

// run takes the notifications until the watcher is closed.
func (w *folderWatcher) run() {
	defer close(w.ended)
	for {
		var paths []string
		stale, lost := false, false
		select {
		case e, open := <-w.events.Events:
			if !open {
				return
			}
			paths, stale = w.take(e)
		case err, open := <-w.events.Errors:
			if !open {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				stale, lost = true, true
			} else {
				w.fail(err)
			}
		}
		// What happens in a folder before it is watched is told by nobody: so who is
		// told of a change can look once all is watched, and not before.
		if stale {
			w.refresh()
		}
		for _, path := range paths {
			w.note(path)
		}
		if lost {
			w.mu.Lock()
			w.lost = true
			w.mu.Unlock()
		}
	}
}

// take returns the paths that a notification is about, and whether there may be
// folders that are not watched yet.
func (w *folderWatcher) take(e fsnotify.Event) (paths []string, stale bool) {
	if e.Op == fsnotify.Chmod {
		return nil, false
	}
	name := filepath.Clean(e.Name)
	for _, r := range w.roots {
		for _, root := range []string{r.path, r.real} {
			below, found := cutPath(name, root)
			switch {
			case !found:
				if _, above := cutPath(root, name); above { // a folder that it is in
					paths = append(paths, r.arg)
					stale = true
				}
			case below == "":
				paths = append(paths, r.arg)
				stale = true
			case hidden(below):
			default:
				first, _, _ := strings.Cut(below, string(filepath.Separator))
				paths = append(paths, filepath.Join(r.arg, first))
				if hasManifest(root) || below == bundle.ManifestName { // it is a mod itself
					paths = append(paths, r.arg)
				}
				if info, err := os.Lstat(name); err == nil && info.IsDir() {
					stale = true
				}
			}
		}
	}
	return paths, stale
}

// cutPath returns the rest of path below a folder; "" for the folder itself.
func cutPath(path, folder string) (below string, found bool) {
	if path == folder {
		return "", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
}

// hidden reports whether a part of a path begins with a dot.
func hidden(path string) bool {
	return slices.ContainsFunc(strings.Split(path, string(filepath.Separator)), func(part string) bool { return strings.HasPrefix(part, ".") })
}

// refresh watches all folders that there are to be watched. Those that are watched
// already stay so.
func (w *folderWatcher) refresh() {
	w.watched = map[string]bool{}
	for _, folder := range w.events.WatchList() {
		w.watched[folder] = true
	}
	for _, r := range w.roots {
		r.real = r.path
		if real, err := filepath.EvalSymlinks(r.path); err == nil {
			r.real = real
		}
		w.watchAbove(r.path)
		info, err := os.Lstat(r.real)
		if err != nil || !info.IsDir() {
			continue
		}
		w.watch(r.real)
		entries, err := os.ReadDir(r.real)
		if err != nil {
			w.fail(err)
			continue
		}
		for _, entry := range entries {
			if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
				w.watchTree(filepath.Join(r.real, entry.Name()))
			}
		}
	}
}

// watchAbove watches the folder that a path is in, or the nearest one that there is.
func (w *folderWatcher) watchAbove(path string) {
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		if info, err := os.Stat(parent); err == nil && info.IsDir() {
			w.watch(parent)
			return
		}
		if parent == filepath.Dir(parent) {
			return
		}
	}
}

// watchTree watches a folder of a mod and all in it.
func (w *folderWatcher) watchTree(root string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil: // it is gone again, or not ours to read
			return nil
		case !d.IsDir():
			return nil
		case strings.HasPrefix(d.Name(), "."), !w.watch(path):
			return fs.SkipDir
		}
		return nil
	})
}

// watch watches one folder, if there are not too many, and reports whether it does.
func (w *folderWatcher) watch(folder string) bool {
	if w.watched[folder] {
		return true
	}
	if len(w.watched) >= w.most {
		w.fail(fmt.Errorf("there are more than %d folders; changes in the others are not seen", w.most))
		return false
	}
	if err := w.events.Add(folder); err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // it was there a moment ago
			w.fail(fmt.Errorf("%s: %w", folder, bare(err)))
		}
		return false
	}
	w.watched[folder] = true
	return true
}
