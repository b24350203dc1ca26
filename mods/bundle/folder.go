package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Open reads the folder that fsys stands for. Symbolic links, devices, pipes
// and sockets in it are refused; hard links cannot be told from other files
// and are read like them.
//
// To read a folder of the real file system use [OpenPath], which also holds
// against names that are exchanged while it reads.
//
// All errors are of type [*Error].
func Open(fsys fs.FS, limits Limits) (*Bundle, error) {
	limits, err := limits.resolve()
	if err != nil {
		return nil, err
	}
	f := &folder{fsys: fsys, limits: limits, tree: newTree(limits), halves: newHalves(limits), pending: []string{"."}}
	// A work list and not recursion: the depth is the author's choice until
	// CheckPath has seen it.
	for len(f.pending) > 0 {
		dir := f.pending[len(f.pending)-1]
		f.pending = f.pending[:len(f.pending)-1]
		if err := f.readDir(dir); err != nil {
			return nil, err
		}
	}
	return finish(f.halves)
}

type folder struct {
	fsys    fs.FS
	limits  Limits
	tree    *tree
	halves  *halves
	seen    int // names, hidden ones too
	pending []string
}

// batch is how many names are asked for at a time, so that a folder with
// millions of names is given up early.
const batch = 256

func (f *folder) readDir(dir string) error {
	handle, err := f.fsys.Open(dir)
	if err != nil {
		return readError(dir, err)
	}
	defer handle.Close()
	lister, ok := handle.(fs.ReadDirFile)
	if !ok {
		return &Error{Path: dir, Reason: NotABundle, Detail: "not a folder"}
	}
	for {
		entries, err := lister.ReadDir(batch)
		for _, entry := range entries {
			if err := f.entry(dir, entry); err != nil {
				return err
			}
		}
		if err == io.EOF || err == nil && len(entries) == 0 {
			return nil
		}
		if err != nil {
			return readError(dir, err)
		}
	}
}

func (f *folder) entry(dir string, entry fs.DirEntry) error {
	path := entry.Name()
	if dir != "." {
		path = dir + "/" + path
	}
	if !attachment(path) {
		// Hidden names are ignored but not free.
		if f.seen++; f.seen/4 > f.limits.Files {
			return &Error{Path: dir, Reason: TooMany, Detail: fmt.Sprintf("%d names, hidden ones included", f.seen)}
		}
		if hidden(entry.Name()) {
			return nil
		}
	}
	if err := CheckPath(path); err != nil {
		return err
	}
	if err := checkAttachment(path, entry.IsDir()); err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		f.pending = append(f.pending, path)
		return f.tree.add(path, true)
	case entry.Type() != 0:
		return notRegular(path, entry.Type())
	}
	if err := f.tree.add(path, false); err != nil {
		return err
	}
	return f.readFile(path)
}

func (f *folder) readFile(path string) error {
	handle, err := f.fsys.Open(path)
	if err != nil {
		return readError(path, err)
	}
	defer handle.Close()
	before, err := handle.Stat()
	if err != nil {
		return readError(path, err)
	}
	if !before.Mode().IsRegular() {
		return notRegular(path, before.Mode())
	}
	size := before.Size()
	part := f.halves.of(path)
	if err := part.take(path, size); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(handle, size+1))
	if err != nil {
		return readError(path, err)
	}
	after, err := handle.Stat()
	if err != nil {
		return readError(path, err)
	}
	if int64(len(data)) != size || after.Size() != size {
		return &Error{Path: path, Reason: Changed, Detail: fmt.Sprintf("it had %d bytes when opened", size)}
	}
	part.content[path] = string(data)
	return nil
}

// checkSize compares a size that has been declared with what is left, before
// anything is allocated for it.
func checkSize(path string, size, total int64, limits Limits) error {
	switch {
	case size < 0:
		return &Error{Path: path, Reason: Corrupt, Detail: "negative size"}
	case size > limits.FileBytes:
		return &Error{Path: path, Reason: TooBig, Detail: fmt.Sprintf("%d bytes; a file has at most %d", size, limits.FileBytes)}
	case size > limits.TotalBytes-total:
		return &Error{Path: path, Reason: TooBig, Detail: fmt.Sprintf("with it there are %d bytes; at most %d in all", total+size, limits.TotalBytes)}
	}
	return nil
}

func notRegular(path string, mode fs.FileMode) error {
	kind := "a special file"
	switch {
	case mode&fs.ModeSymlink != 0:
		kind = "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	case mode&fs.ModeDir != 0:
		kind = "a folder"
	}
	return &Error{Path: path, Reason: NotRegular, Detail: kind}
}

// readError gives an error of the file system its type, unless it has it.
func readError(path string, err error) error {
	if typed, ok := errors.AsType[*Error](err); ok {
		return typed
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err // the path is told once, by Error
	}
	return &Error{Path: path, Reason: Unreadable, Err: err}
}
