//go:build unix

package hardlinks

import (
	"io/fs"
	"os"
	"syscall"
)

func count(_ *os.File, info fs.FileInfo) (uint64, error) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, syscall.ENOTSUP
	}
	return uint64(stat.Nlink), nil
}
