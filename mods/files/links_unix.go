//go:build unix

package files

import (
	"io/fs"
	"os"
	"syscall"
)

// links returns how many names an open file has.
func links(_ *os.File, info fs.FileInfo) (uint64, error) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, syscall.ENOTSUP
	}
	return uint64(stat.Nlink), nil
}
