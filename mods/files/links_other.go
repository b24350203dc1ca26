//go:build !unix && !windows

package files

import (
	"io/fs"
	"os"
)

// links cannot tell here how many names a file has.
func links(*os.File, fs.FileInfo) (uint64, error) { return 1, nil }
