//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// lock makes the lock file at name, with the number of the process in it. There
// is no lock here that a system gives back when a process is killed: somebody
// has to remove the file then. The error is a [*LockedError] if it is there.
func lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, &LockedError{}
	case err != nil:
		return nil, err
	}
	fmt.Fprintln(f, os.Getpid()) // for a person; nothing reads it
	return &lockFile{f}, nil
}

type lockFile struct{ f *os.File }

// Close removes the lock file.
func (l *lockFile) Close() error {
	return errors.Join(l.f.Close(), os.Remove(l.f.Name()))
}
