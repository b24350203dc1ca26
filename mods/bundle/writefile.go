package bundle

import (
	"bytes"
	"io/fs"
	"os"

	"github.com/luasandbox/modrunner/mods/internal/atomicfile"
)

// WriteFile writes the archive of [Bundle.WriteZip] to the file at path, as a whole: a
// crash leaves the old file, if there was one, or the new. A file that is there is
// replaced only if replace is set; otherwise the error matches [fs.ErrExist], unless the
// file came in the same moment.
//
// The error is an [*fs.PathError], or that of the file system.
func (b *Bundle) WriteFile(path string, replace bool) error {
	if _, err := os.Lstat(path); err == nil && !replace {
		return &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}
	}
	var data bytes.Buffer
	if err := b.WriteZip(&data); err != nil {
		return err
	}
	return atomicfile.Write(path, data.Bytes(), 0o666)
}
