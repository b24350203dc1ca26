package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// tree is what is in a mod's folder: its files, and folders for as long as there
// are files in them. Names are found whatever their case.
type tree struct {
	top   *node
	files int
	bytes int64
}

// mostPathBytes is the longest path that package bundle accepts.
const mostPathBytes = 512

type node struct {
	name     string
	above    *node
	children map[string]*node // by key; nil for a file
	size     int64            // of a folder, of all that is in it
}

func newTree() *tree { return &tree{top: &node{children: map[string]*node{}}} }

func (n *node) folder() bool { return n.children != nil }

func (n *node) entry() Entry { return Entry{Name: n.name, Size: n.size, Folder: n.folder()} }

func (n *node) path() string {
	if n.above == nil || n.above.above == nil {
		return n.name
	}
	return n.above.path() + "/" + n.name
}

// at returns what has exactly that path, nil if there is nothing; "" is the top.
func (t *tree) at(path string) *node {
	n := t.top
	if path == "" {
		return n
	}
	if len(path) > mostPathBytes { // nothing has; the path may be any string of a script's
		return nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if n = n.children[key(part)]; n == nil || n.name != part {
			return nil
		}
	}
	return n
}

// file returns the file that has exactly that path.
func (t *tree) file(op, path string) (*node, *Error) {
	n := t.at(path)
	if n == nil {
		return nil, &Error{Op: op, Path: path, Reason: NotFound}
	}
	if n.folder() {
		return nil, &Error{Op: op, Path: path, Reason: IsFolder}
	}
	return n, nil
}

// size returns how many names are in the folder of that path, 0 if there is none.
func (t *tree) size(path string) int {
	if n := t.at(path); n != nil {
		return len(n.children)
	}
	return 0
}

// list returns what is in the folder of that path, in byte order.
func (t *tree) list(op, path string) ([]Entry, *Error) {
	n := t.at(path)
	switch {
	case n == nil:
		return nil, &Error{Op: op, Path: path, Reason: NotFound}
	case !n.folder():
		return nil, &Error{Op: op, Path: path, Reason: NotFolder}
	}
	entries := make([]Entry, 0, len(n.children))
	for _, child := range n.children {
		entries = append(entries, child.entry())
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// roomFor returns an error if no file can have that path, because of others than
// the file but.
func (t *tree) roomFor(op, path string, but *node) *Error {
	n := t.top
	for part := range strings.SplitSeq(path, "/") {
		if !n.folder() {
			return &Error{Op: op, Path: path, Reason: NotFolder, Detail: fmt.Sprintf("%q is a file", n.path())}
		}
		next := n.children[key(part)]
		switch {
		case next == nil:
			return nil
		case next == but:
			// Its own name in another case, or below itself.
		case next.name != part:
			return &Error{Op: op, Path: path, Reason: Collision, Detail: fmt.Sprintf("on some systems it is the same as %q", next.path())}
		}
		n = next
	}
	switch {
	case n == but:
		return nil
	case n.folder():
		return &Error{Op: op, Path: path, Reason: IsFolder}
	}
	return &Error{Op: op, Path: path, Reason: Exists}
}

// put enters a file of that size, or gives it that size. There is room for it.
func (t *tree) put(path string, size int64) {
	n := t.top
	for rest, more := path, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		next := n.children[key(part)]
		if next == nil {
			next = &node{name: strings.Clone(part), above: n}
			if more {
				next.children = map[string]*node{}
			} else {
				t.files++
			}
			n.children[key(part)] = next
		}
		n = next
	}
	t.resize(n, size)
}

// resize gives a file another size.
func (t *tree) resize(n *node, size int64) {
	grow := size - n.size
	t.bytes += grow
	for ; n != nil; n = n.above {
		n.size += grow
	}
}

// remove takes a file out. It returns the folders that are empty then and have
// gone too, the deepest first.
func (t *tree) remove(n *node) (emptied []string) {
	t.resize(n, 0)
	t.files--
	for {
		above := n.above
		delete(above.children, key(n.name))
		if above == t.top || len(above.children) > 0 {
			return emptied
		}
		emptied = append(emptied, above.path())
		n = above
	}
}

// batch is how many names are asked for at a time.
const batch = 256

// reader reads what is on the disk.
type reader struct {
	root   *os.Root
	limits Limits
	tree   *tree
	names  int // seen so far, of whatever kind
}

// readTree looks at every name in a folder, and at no more than four times as
// many as there may be files, and 64. Drafts that an interrupted write has left
// are removed, and so are empty folders. What the mod could not have made, links,
// pipes, names that it cannot use, is left out and left alone.
func readTree(root *os.Root, limits Limits) (*tree, *Error) {
	r := &reader{root: root, limits: limits, tree: newTree()}
	// A work list and not recursion: the depth may be anybody's choice.
	for pending := []string{"."}; len(pending) > 0; {
		dir := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		names, err := r.list(dir)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 && dir != "." {
			root.Remove(dir)
		}
		for _, name := range names {
			if dir != "." {
				name = dir + "/" + name
			}
			if r.entry(name) {
				pending = append(pending, name)
			}
		}
	}
	return r.tree, nil
}

// list returns the names in a folder, in order, so that it does not depend on the
// disk which of two colliding ones counts. It removes drafts.
func (r *reader) list(dir string) ([]string, *Error) {
	file, info, err := bundle.OpenIn(r.root, dir, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // just gone
	}
	if err != nil {
		return nil, diskError("", "", err)
	}
	defer file.Close()
	if !info.IsDir() {
		return nil, nil
	}
	var names []string
	for {
		some, err := file.Readdirnames(batch)
		for _, name := range some {
			r.names++
			if name != temporary {
				names = append(names, name)
			} else if path := draftIn(dir); !r.isFolder(path) {
				r.root.Remove(path) // if not now, then when it is in the way
			}
		}
		if most := 4*r.limits.Files + 64; r.names > most {
			return nil, &Error{Reason: TooMany, Detail: fmt.Sprintf("more than %d names are in the mod's folder, most of them not the mod's", most)}
		}
		if err == io.EOF {
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, diskError("", "", err)
		}
	}
}

func (r *reader) isFolder(path string) bool {
	info, err := r.root.Lstat(path)
	return err == nil && info.IsDir()
}

// entry enters a name into the tree if it is a file that the mod could have
// made. It reports whether it is a folder to look into.
func (r *reader) entry(path string) bool {
	if checkPath(path, r.limits.Depth) != nil {
		return false
	}
	info, err := r.root.Lstat(path)
	switch {
	case err != nil:
		return false
	case info.IsDir():
		return r.tree.roomFor("", path+"/x", nil) == nil
	case !info.Mode().IsRegular() || r.tree.roomFor("", path, nil) != nil:
		return false
	}
	r.tree.put(path, info.Size())
	return false
}

// draftIn returns the path of the draft in a folder; "" and "." are the top.
func draftIn(dir string) string {
	if dir == "" || dir == "." {
		return temporary
	}
	return dir + "/" + temporary
}
