package bundle

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// OpenPath reads the mod at a path of the operating system: a folder, or a
// regular file whose name ends in ".zip". It never waits for a pipe or a
// device. A symbolic link at path itself is followed, since the path is the
// caller's; links inside a folder are refused.
//
// All errors are of type [*Error]; a missing path also matches
// [fs.ErrNotExist].
func OpenPath(path string, limits Limits) (*Bundle, error) {
	limits, err := limits.resolve()
	if err != nil {
		return nil, err
	}
	// Looking first spares a device the opening, which some take as a command.
	if info, err := os.Stat(path); err != nil {
		return nil, readError(path, err)
	} else if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, notRegular(path, info.Mode())
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, readError(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, readError(path, err)
	case info.IsDir():
		return openFolder(path, info, limits)
	case !info.Mode().IsRegular():
		return nil, notRegular(path, info.Mode())
	case !strings.EqualFold(filepath.Ext(path), ".zip"):
		return nil, &Error{Path: path, Reason: NotABundle, Detail: "neither a folder nor a .zip file"}
	}
	return OpenZip(file, info.Size(), limits)
}

func openFolder(path string, info fs.FileInfo, limits Limits) (*Bundle, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer root.Close()
	if now, err := root.Stat("."); err != nil || !os.SameFile(info, now) {
		return nil, &Error{Path: path, Reason: Changed, Detail: "another folder took its place", Err: err}
	}
	return Open(rootFS{root}, limits)
}

// rootFS is a root as a file system, by [OpenIn].
type rootFS struct{ root *os.Root }

func (r rootFS) Open(name string) (fs.File, error) {
	file, _, err := OpenIn(r.root, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// OpenIn opens a regular file or a folder that is there, below a root, such that
// the opened file is the one that was looked at: no link is followed at the end
// of the name and nothing is waited for, even when names are exchanged between
// the two steps. Hard links are opened like other files. It returns the opened
// file's own information.
//
// The flag is that of [os.OpenFile], without os.O_CREATE and os.O_TRUNC. The
// error is an [*Error] with [NotRegular] or [Changed], or that of root.
func OpenIn(root *os.Root, name string, flag int) (*os.File, fs.FileInfo, error) {
	if !fs.ValidPath(name) || flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	seen, err := root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !seen.Mode().IsRegular() && !seen.IsDir() {
		return nil, nil, notRegular(name, seen.Mode())
	}
	file, err := root.OpenFile(name, flag|nonblock, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	if !os.SameFile(seen, info) {
		file.Close()
		return nil, nil, &Error{Path: name, Reason: Changed, Detail: "another file took its place"}
	}
	return file, info, nil
}

// readAll reads size bytes, which the caller has bounded.
func readAll(r io.ReaderAt, size int64) ([]byte, error) {
	data := make([]byte, size)
	n, err := r.ReadAt(data, 0)
	if int64(n) == size {
		return data, nil
	}
	if err == nil || err == io.EOF {
		return nil, &Error{Reason: Changed, Detail: fmt.Sprintf("%d bytes of %d were there", n, size)}
	}
	return nil, readError("", err)
}
