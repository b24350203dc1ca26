//go:build unix

package install

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps the opening of a pipe from waiting for its other end.
const nonblock = syscall.O_NONBLOCK

// links returns how many names an open file has.
func links(_ *os.File, info fs.FileInfo) (uint64, error) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, syscall.ENOTSUP
	}
	return uint64(stat.Nlink), nil
}

// syncFolder makes the names in an open folder durable. A file system that has no such
// operation, as some network ones, is taken at its word.
func syncFolder(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
