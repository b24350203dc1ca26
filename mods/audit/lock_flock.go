//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package audit

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lock takes the lock file at name, which the system gives back when the process
// ends, however it does. The error is a [*LockedError] if somebody has it.
func lock(name string) (io.Closer, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, filePerm)
		if err != nil {
			return nil, err
		}
		for {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			if !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if err != nil {
			_ = f.Close() // nothing was written
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, &LockedError{}
			}
			return nil, &os.PathError{Op: "lock", Path: name, Err: err}
		}
		// Who had the lock before may have removed the file in between; then the lock
		// is on a file that nobody else will find.
		if here, err := os.Stat(name); err == nil {
			if mine, err := f.Stat(); err == nil && os.SameFile(here, mine) {
				return &flock{f}, nil
			}
		}
		_ = f.Close()
	}
}

type flock struct{ f *os.File }

// Close removes the lock file, and gives the lock back.
func (l *flock) Close() error {
	return errors.Join(os.Remove(l.f.Name()), l.f.Close())
}
