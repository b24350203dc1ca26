//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package filelock

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// take makes the file, with the number of the process in it. There is no lock here that
// a system gives back when a process is killed: somebody has to remove the file then.
func take(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, ErrHeld
	case err != nil:
		return nil, err
	}
	fmt.Fprintln(f, os.Getpid()) // for a person; nothing reads it
	return &made{f}, nil
}

type made struct{ f *os.File }

func (m *made) Close() error { return errors.Join(m.f.Close(), os.Remove(m.f.Name())) }
