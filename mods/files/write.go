package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Write makes data the content of a file, new or not; the folders of its path
// are made. When it returns nil the content is on the disk. It can fail with
// [BadName], [IsFolder], [NotFolder], [Collision], [TooBig], [Full], [TooMany]
// and [Changed].
func (f *Folder) Write(path, data string) error {
	const op = "write"
	n, problem := f.beginChange(op, path, int64(len(data)))
	if problem != nil {
		return problem
	}
	defer f.end()
	return f.write(op, path, data, n).asError()
}

// Append adds data to the end of a file, or makes a new one. The data has
// reached the operating system when it returns, not the disk: a crash of the
// system may lose it. It can fail as Write can, and with [NotRegular].
func (f *Folder) Append(path, data string) error {
	const op = "append to"
	n, problem := f.beginChange(op, path, int64(len(data)))
	if problem != nil {
		return problem
	}
	defer f.end()
	if n == nil {
		return f.write(op, path, data, nil).asError()
	}
	return f.append(op, path, data, n).asError()
}

// beginChange is begin for what adds a file or changes one, which it returns;
// nil if it is new.
func (f *Folder) beginChange(op, path string, size int64) (*node, *Error) {
	problem := checkPath(path, f.depth)
	if problem != nil {
		problem.Op = op
		return nil, problem
	}
	if problem := f.begin(op, path); problem != nil {
		return nil, problem
	}
	n, problem := f.tree.file(op, path)
	switch {
	case size > f.limits.FileBytes:
		problem = &Error{Op: op, Path: path, Reason: TooBig, Detail: fmt.Sprintf("%d bytes; a file has at most %d", size, f.limits.FileBytes)}
	case problem == nil:
		return n, nil
	case problem.Reason == NotFound:
		if problem = f.tree.roomFor(op, path, nil); problem == nil && f.tree.files >= f.limits.Files {
			problem = &Error{Op: op, Path: path, Reason: TooMany, Detail: fmt.Sprintf("at most %d", f.limits.Files)}
		}
		if problem == nil {
			return nil, nil
		}
	}
	f.end()
	return nil, problem
}

func (f *Folder) write(op, path, data string, old *node) *Error {
	size, was := int64(len(data)), int64(0)
	if old != nil {
		was = old.size
	}
	if problem := f.room(op, path, size-was); problem != nil {
		return problem
	}
	if old == nil {
		if problem := f.free(op, path); problem != nil {
			return problem
		}
	}
	made, problem := f.makeFolders(op, path)
	if problem != nil {
		return problem
	}
	draft := draftIn(parent(path))
	if err := f.writeDraft(draft, data); err != nil {
		f.unmake(made)
		return diskError(op, path, err)
	}
	err := f.root.Rename(draft, path)
	if err != nil {
		f.root.Remove(draft)
		f.unmake(made)
		f.tree = nil
		return diskError(op, path, err)
	}
	f.step("renamed")
	f.tree.put(path, size)
	return nil
}

// piece is how much is written at a time.
const piece = 64 << 10

// writeDraft writes a new file, and waits until the disk has it: otherwise a
// rename could reach the disk before the content. What is in the draft's place
// is left by an interrupted write, or not ours: it is removed, not opened.
func (f *Folder) writeDraft(draft, data string) error {
	const flag = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	file, err := f.root.OpenFile(draft, flag, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := f.root.Remove(draft); err != nil {
			return err
		}
		file, err = f.root.OpenFile(draft, flag, 0o600)
	}
	if err != nil {
		return err
	}
	f.step("created")
	for len(data) > 0 && err == nil {
		n := min(len(data), piece)
		_, err = file.WriteString(data[:n])
		data = data[n:]
		f.step("piece")
	}
	if err == nil {
		f.step("written")
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		f.root.Remove(draft)
		return err
	}
	f.step("synced")
	return nil
}

func (f *Folder) append(op, path, data string, n *node) *Error {
	file, size, problem := f.openFile(op, path, os.O_WRONLY|os.O_APPEND)
	if problem != nil {
		return problem
	}
	defer file.Close()
	f.tree.resize(n, size)
	added := int64(len(data))
	if size > f.limits.FileBytes-added {
		return &Error{Op: op, Path: path, Reason: TooBig, Detail: fmt.Sprintf("it has %d bytes; a file has at most %d", size, f.limits.FileBytes)}
	}
	if problem := f.room(op, path, added); problem != nil {
		return problem
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), piece)
		_, err := file.WriteString(rest[:n])
		if err != nil {
			file.Truncate(size) // best effort; the next operation looks again
			f.tree = nil
			return diskError(op, path, err)
		}
		rest = rest[n:]
		f.step("piece")
	}
	f.tree.resize(n, size+added)
	return nil
}

// free makes sure that nothing is on the disk where there is no file of the
// mod's.
func (f *Folder) free(op, path string) *Error {
	_, err := f.root.Lstat(path)
	switch {
	case err == nil:
		f.tree = nil
		return &Error{Op: op, Path: path, Reason: Changed, Detail: "something is there that is not the mod's"}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return diskError(op, path, err)
}

// makeFolders makes the folders of a path that are not in the tree, and returns
// them.
func (f *Folder) makeFolders(op, path string) (made []string, problem *Error) {
	dir := parent(path)
	for end := 0; end < len(dir); end++ {
		if n := strings.IndexByte(dir[end+1:], '/'); n >= 0 {
			end += 1 + n
		} else {
			end = len(dir)
		}
		folder := dir[:end]
		if f.tree.at(folder) != nil {
			continue
		}
		err := f.root.Mkdir(folder, 0o700)
		if errors.Is(err, fs.ErrExist) {
			var info fs.FileInfo
			if info, err = f.root.Lstat(folder); err == nil && info.IsDir() {
				continue // without files, so it was not in the tree
			}
			if err == nil {
				f.unmake(made)
				f.tree = nil
				return nil, &Error{Op: op, Path: path, Reason: Changed, Detail: "something is in a folder's place that is not the mod's"}
			}
		}
		if err != nil {
			f.unmake(made)
			return nil, diskError(op, path, err)
		}
		made = append(made, folder)
	}
	return made, nil
}

// unmake removes the folders that makeFolders made.
func (f *Folder) unmake(made []string) {
	for i := len(made) - 1; i >= 0; i-- {
		f.root.Remove(made[i])
	}
}
