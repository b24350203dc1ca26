package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/hardlinks"
)

// Folder is one mod's data on the disk. See the documentation of the package.
type Folder struct {
	dir   string // the host's
	name  string // the mod's, in dir
	depth int

	turn   sync.Mutex // held for the whole of an operation
	root   *os.Root   // nil until the first operation
	tree   *tree      // what is in the folder; nil if somebody has to look
	limits Limits     // of this operation

	state  sync.Mutex // held for a moment, never while the disk is waited for
	next   Limits     // of the next operation
	busy   bool
	closed bool

	hook func(step string) // for tests that end the process between two steps
}

// NewFolder returns the folder of a mod below dir, a folder of the host's. It
// does not touch the disk: dir and the mod's folder in it, "mod-" and the id, are
// made and opened by the first operation. At most one Folder at a time should
// be in use for a mod.
//
// The id is one of a manifest: small letters, digits, '.', '-' and '_'. The error
// is an [*Error] with [BadName] or [BadLimits].
func NewFolder(dir, id string, limits Limits) (*Folder, error) {
	limits, err := limits.resolve()
	if err != nil {
		return nil, err
	}
	// The prefix makes a name of "con" and other ids that are Windows' devices.
	name := "mod-" + id
	if dir == "" {
		return nil, &Error{Op: "use", Reason: BadName, Detail: "the host names no folder for mods' files"}
	}
	if err := checkPath(name, 1); err != nil || id == "" || strings.ToLower(id) != id || strings.Contains(id, " ") {
		return nil, &Error{Op: "use", Path: id, Reason: BadName, Detail: "a mod's id consists of small letters, digits, '.', '-' and '_'"}
	}
	return &Folder{dir: dir, name: name, depth: limits.Depth, next: limits}, nil
}

// Close ends the use of the folder: operations that have not begun fail with
// [Closed]. It does not wait for one that has. Closing twice is allowed.
func (f *Folder) Close() error {
	f.state.Lock()
	defer f.state.Unlock()
	f.closed = true
	if f.busy || f.root == nil {
		return nil
	}
	err := f.root.Close()
	f.root = nil
	return err
}

// setLimits gives the folder other limits, resolved and of the same depth, from
// the next operation on. It does not wait.
func (f *Folder) setLimits(limits Limits) {
	f.state.Lock()
	defer f.state.Unlock()
	f.next = limits
}

// begin waits for the operation before, and opens and reads the folder if that
// has not been done. If it returns nil, end has to be called.
func (f *Folder) begin(op, path string) *Error {
	f.turn.Lock()
	f.state.Lock()
	closed := f.closed
	f.busy = !closed
	f.limits = f.next
	f.state.Unlock()
	if closed {
		f.turn.Unlock()
		return &Error{Op: op, Path: path, Reason: Closed}
	}
	err := f.open()
	if err != nil {
		f.end()
		err.Op, err.Path = op, path
	}
	return err
}

func (f *Folder) end() {
	f.state.Lock()
	f.busy = false
	if f.closed && f.root != nil {
		f.root.Close()
		f.root = nil
	}
	f.state.Unlock()
	f.turn.Unlock()
}

func (f *Folder) open() *Error {
	if f.root == nil {
		if err := os.MkdirAll(f.dir, 0o700); err != nil {
			return diskError("", "", err)
		}
		host, err := os.OpenRoot(f.dir)
		if err != nil {
			return diskError("", "", err)
		}
		defer host.Close()
		root, problem := openFolder(host, f.name)
		if problem != nil {
			return problem
		}
		f.root = root
	}
	if f.tree == nil {
		t, err := readTree(f.root, f.limits)
		if err != nil {
			return err
		}
		f.tree = t
	}
	return nil
}

// openFolder opens a folder of the host's, and makes it if it is not there. A
// link in its place is not followed.
func openFolder(host *os.Root, name string) (*os.Root, *Error) {
	if err := host.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, diskError("", "", err)
	}
	seen, err := host.Lstat(name)
	if err != nil {
		return nil, diskError("", "", err)
	}
	if !seen.IsDir() {
		return nil, &Error{Reason: NotRegular, Detail: "what is in the place of the mod's folder is no folder"}
	}
	root, err := host.OpenRoot(name)
	if err != nil {
		return nil, diskError("", "", err)
	}
	if now, err := root.Stat("."); err != nil || !os.SameFile(seen, now) {
		root.Close()
		return nil, &Error{Reason: Changed, Detail: "another folder took its place", Err: err}
	}
	return root, nil
}

// Entry is one name in a folder.
type Entry struct {
	Name   string // the last part of the path
	Size   int64  // bytes; of a folder, those of all files in it
	Folder bool
}

// Usage is how much of its limits a folder uses.
type Usage struct {
	Bytes, MaxBytes int64
	Files, MaxFiles int
}

// Usage returns how much there is.
//
// As with all operations, the error is an [*Error]; [Disk] and [Closed] can
// happen to each, and so can [TooMany] if somebody has put many names into the
// folder that are not the mod's.
func (f *Folder) Usage() (Usage, error) {
	if err := f.begin("look at the folder", ""); err != nil {
		return Usage{}, err
	}
	defer f.end()
	return Usage{f.tree.bytes, f.limits.Bytes, f.tree.files, f.limits.Files}, nil
}

// Stat returns what is known of a file or folder; false if there is none. It is
// an answer from memory: what somebody else did to the folder is seen only after
// it has got in an operation's way.
func (f *Folder) Stat(path string) (Entry, bool, error) {
	if err := f.check("look at", path); err != nil {
		return Entry{}, false, err
	}
	if err := f.begin("look at", path); err != nil {
		return Entry{}, false, err
	}
	defer f.end()
	n := f.tree.at(path)
	if n == nil {
		return Entry{}, false, nil
	}
	return n.entry(), true, nil
}

// List returns what is in a folder, in byte order; "" is the mod's whole folder.
// It says what Stat says. It can fail with [BadName], [NotFound] and [NotFolder].
func (f *Folder) List(path string) ([]Entry, error) {
	const op = "list"
	if path != "" {
		if err := f.check(op, path); err != nil {
			return nil, err
		}
	}
	if err := f.begin(op, path); err != nil {
		return nil, err
	}
	defer f.end()
	entries, problem := f.tree.list(op, path)
	return entries, problem.asError()
}

// Read returns the content of a file of at most most bytes, or of
// Limits.FileBytes if that is less; most is checked before anything is read. It
// can fail with [BadName], [NotFound], [IsFolder], [TooBig], [NotRegular] and
// [Changed].
func (f *Folder) Read(path string, most int64) (string, error) {
	const op = "read"
	if err := f.check(op, path); err != nil {
		return "", err
	}
	if err := f.begin(op, path); err != nil {
		return "", err
	}
	defer f.end()
	n, problem := f.tree.file(op, path)
	if problem != nil {
		return "", problem
	}
	file, size, problem := f.openFile(op, path, os.O_RDONLY)
	if problem != nil {
		return "", problem
	}
	defer file.Close()
	f.tree.resize(n, size)
	if most := min(most, f.limits.FileBytes); size > most {
		return "", &Error{Op: op, Path: path, Reason: TooBig, Detail: fmt.Sprintf("it has %d bytes; at most %d are read", size, max(most, 0))}
	}
	var text strings.Builder
	text.Grow(int(size))
	if n, err := io.Copy(&text, io.LimitReader(file, size+1)); err != nil {
		return "", diskError(op, path, err)
	} else if n != size {
		f.tree = nil
		return "", &Error{Op: op, Path: path, Reason: Changed, Detail: fmt.Sprintf("it had %d bytes when it was opened", size)}
	}
	return text.String(), nil
}

// openFile opens a plain file that has one name, and returns its size.
func (f *Folder) openFile(op, path string, flag int) (*os.File, int64, *Error) {
	file, info, err := bundle.OpenIn(f.root, path, flag)
	if err != nil {
		f.tree = nil // it is not what it was
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, &Error{Op: op, Path: path, Reason: NotFound}
		}
		return nil, 0, diskError(op, path, err)
	}
	refuse := func(problem *Error) (*os.File, int64, *Error) {
		file.Close()
		return nil, 0, problem
	}
	if !info.Mode().IsRegular() {
		f.tree = nil
		return refuse(&Error{Op: op, Path: path, Reason: Changed, Detail: "it is a folder now"})
	}
	switch n, err := hardlinks.Count(file, info); {
	case err != nil:
		return refuse(diskError(op, path, err))
	case n != 1:
		return refuse(&Error{Op: op, Path: path, Reason: NotRegular, Detail: "the file has another name elsewhere (a hard link); write it anew"})
	}
	return file, info.Size(), nil
}

// Delete removes a file, and the folders that have no more files. It returns
// whether there was one. It can fail with [BadName] and [IsFolder].
func (f *Folder) Delete(path string) (bool, error) {
	const op = "delete"
	if err := f.check(op, path); err != nil {
		return false, err
	}
	if err := f.begin(op, path); err != nil {
		return false, err
	}
	defer f.end()
	n, problem := f.tree.file(op, path)
	if problem != nil {
		if problem.Reason == NotFound {
			return false, nil
		}
		return false, problem
	}
	err := f.root.Remove(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.tree = nil
		return false, diskError(op, path, err)
	}
	f.removed(n)
	return err == nil, nil
}

// removed takes a file out of the tree, and folders that it leaves empty from the
// disk too.
func (f *Folder) removed(n *node) {
	for _, empty := range f.tree.remove(n) {
		if f.root.Remove(empty) != nil {
			return // somebody else has something there
		}
	}
}

// Rename gives a file another path; folders come and go with it. It can fail with
// [BadName], [NotFound], [IsFolder], [NotFolder], [Exists], [Collision],
// [NotRegular] and [Changed].
func (f *Folder) Rename(from, to string) error {
	const op = "rename"
	for _, path := range []string{from, to} {
		if err := f.check(op, path); err != nil {
			return err
		}
	}
	if err := f.begin(op, from); err != nil {
		return err
	}
	defer f.end()
	n, problem := f.tree.file(op, from)
	if problem != nil {
		return problem
	}
	if from == to {
		return nil
	}
	if problem := f.tree.roomFor("rename to", to, n); problem != nil {
		return problem
	}
	file, size, problem := f.openFile(op, from, os.O_RDONLY)
	if problem != nil {
		return problem
	}
	file.Close()
	if key(from) != key(to) {
		if problem := f.free("rename to", to); problem != nil {
			return problem
		}
	}
	made, problem := f.makeFolders(op, to)
	if problem != nil {
		return problem
	}
	if err := f.root.Rename(from, to); err != nil {
		f.unmake(made)
		f.tree = nil
		return diskError(op, from, err)
	}
	if key(from) == key(to) { // only the last part can differ, or roomFor had said so
		n.name = strings.Clone(to[strings.LastIndexByte(to, '/')+1:])
		return nil
	}
	f.tree.put(to, size) // first, so that a folder of both is not emptied
	f.removed(n)
	return nil
}

// room returns an error if the folder cannot grow by that much.
func (f *Folder) room(op, path string, grow int64) *Error {
	if grow > 0 && grow > f.limits.Bytes-f.tree.bytes {
		return &Error{Op: op, Path: path, Reason: Full,
			Detail: fmt.Sprintf("%d of %d bytes are used", f.tree.bytes, f.limits.Bytes)}
	}
	return nil
}

func (f *Folder) check(op, path string) error {
	if err := checkPath(path, f.depth); err != nil {
		err.Op = op
		return err
	}
	return nil
}

func (f *Folder) step(name string) {
	if f.hook != nil {
		f.hook(name)
	}
}
