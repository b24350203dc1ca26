//go:build !unix && !windows

package hardlinks

import (
	"io/fs"
	"os"
)

func count(*os.File, fs.FileInfo) (uint64, error) { return 1, nil }
