//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// syncFolder makes the names in a folder durable. A file system that has no such
// operation, as some network ones, is taken at its word.
func syncFolder(in place, name string) error {
	folder, err := in.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}
