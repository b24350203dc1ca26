package install

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/luasandbox/modrunner/mods/internal/hardlinks"
)

// folder is the home on the disk. Whatever is done goes through an [os.Root], so that
// nothing in the folder, links above all, leads out of it: and what is no regular file
// of one name is not read.
type folder struct {
	path string
	root *os.Root
	step func(name string) error // tests fail, or end the process, here; never nil
	now  func() time.Time        // for records; nil is time.Now
}

// openFolder opens the home. make says whether it is made if it is not there; if not,
// the error is [fs.ErrNotExist].
func openFolder(path string, make bool, step func(string) error) (*folder, error) {
	if make {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, &FileError{Path: path, Err: bare(err)}
		}
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() { // to open a pipe would be to wait for it
		err = errNoFolder
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	} else if err != nil {
		return nil, &FileError{Path: path, Err: bare(err), Want: "a folder"}
	}
	return &folder{path: path, root: root, step: step}, nil
}

// close closes it. There is nothing to close of nil.
func (f *folder) close() {
	if f != nil {
		_ = f.root.Close() // nothing is written through it
	}
}

// errNotRegular is a link, a pipe, a device, a folder, or a file with several names.
var errNotRegular = errors.New("not a regular file with one name: a link, a pipe, a device or a folder is in its place")

// check refuses what is in the place of a file and is none. What is not there is well.
func (f *folder) check(name string) error {
	info, err := f.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.failed(name, err)
	case !info.Mode().IsRegular():
		return f.failed(name, errNotRegular)
	}
	return nil
}

// read returns a file of at most most bytes; fs.ErrNotExist, in a [*FileError], if
// there is none. It never waits for a pipe.
func (f *folder) read(name string, most int64) ([]byte, error) {
	if err := f.check(name); err != nil { // which spares a device the opening
		return nil, err
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, f.failed(name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, f.failed(name, err)
	}
	names, err := hardlinks.Count(file, info)
	switch {
	case err != nil:
		return nil, f.failed(name, err)
	case !info.Mode().IsRegular() || names > 1:
		// A file that was replaced after it was opened has no name any more, and is well.
		return nil, f.failed(name, errNotRegular)
	case info.Size() > most:
		return nil, &FileError{Path: f.name(name), Err: errTooLarge}
	}
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, f.failed(name, err)
	case int64(len(data)) > most:
		return nil, &FileError{Path: f.name(name), Err: errTooLarge}
	}
	return data, nil
}

var errTooLarge = errors.New("larger than such a file ever is")

var errNoFolder = errors.New("not a folder, but in the place of one")

// checkFolder refuses what is in the place of a folder and is none: to open a pipe would
// be to wait for it. What is not there is [fs.ErrNotExist], in a [*FileError].
func (f *folder) checkFolder(dir string) error {
	info, err := f.root.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = errNoFolder
	}
	return f.failed(dir, err)
}

// names returns the names in a folder of the home, none if it is not there.
func (f *folder) names(dir string) ([]string, error) {
	if err := f.checkFolder(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	handle, err := f.root.Open(dir)
	if err != nil {
		return nil, f.failed(dir, err)
	}
	defer handle.Close()
	names, err := handle.Readdirnames(-1)
	if err != nil {
		return nil, f.failed(dir, err)
	}
	return names, nil
}

// folderMade makes a folder in the home, unless it is there.
func (f *folder) folderMade(dir string) error {
	err := f.root.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return f.checkFolder(dir)
	}
	return f.failed(dir, err)
}

// put writes a new file, and waits until the disk has it. What is in its place is
// removed, not opened.
func (f *folder) put(name string, data []byte) error {
	err := f.root.Remove(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.failed(name, err)
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.step("create " + name)
		if err == nil {
			_, err = file.Write(data[:len(data)/2])
		}
		if err == nil {
			err = f.step("half " + name)
		}
		if err == nil {
			_, err = file.Write(data[len(data)/2:])
		}
		if err == nil {
			err = file.Sync()
		}
		err = errors.Join(err, file.Close())
	}
	if err == nil {
		err = f.step("write " + name)
	}
	if err != nil {
		_ = f.root.Remove(name) // what went wrong is told
		return f.failed(name, err)
	}
	return nil
}

// move gives a file another name, in the place of what has it, for good.
func (f *folder) move(from, to string) error {
	err := f.root.Rename(from, to)
	if err == nil {
		err = f.step("rename " + to)
	}
	if err == nil {
		err = f.sync(path.Dir(to))
	}
	return f.failed(to, err)
}

// remove removes a file for good, if it is there.
func (f *folder) remove(name string) error {
	err := f.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.step("remove " + name)
	}
	if err == nil {
		err = f.sync(path.Dir(name))
	}
	return f.failed(name, err)
}

// sync makes the names in a folder of the home durable.
func (f *folder) sync(dir string) error {
	handle, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	err = errors.Join(syncFolder(handle), handle.Close())
	if err == nil {
		err = f.step("sync " + dir)
	}
	return err
}

// failed says of which file an error is. Nil stays nil.
func (f *folder) failed(name string, err error) error {
	if err == nil {
		return nil
	}
	return &FileError{Path: f.name(name), Err: bare(err)}
}

// name is what a person calls a file of the home.
func (f *folder) name(name string) string {
	return filepath.Join(f.path, filepath.FromSlash(name))
}

// bare returns what the system said, without the path that package os adds.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
