package incident

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// SumsName is the list of the hashes of all other files.
const SumsName = "SHA256SUMS"

// Files returns the files of the evidence, by name, the list of hashes first. Of equal
// names the later ones get a number.
func (e *Evidence) Files() []File {
	files := slices.Clone(e.files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	used := map[string]bool{SumsName: true}
	var sums bytes.Buffer
	for i := range files {
		ext := path.Ext(files[i].Name)
		for n, base := 2, strings.TrimSuffix(files[i].Name, ext); used[files[i].Name]; n++ {
			files[i].Name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		used[files[i].Name] = true
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(files[i].Data), files[i].Name)
	}
	return append([]File{{SumsName, sums.Bytes()}}, files...)
}

// WriteFolder writes the files into a folder. None of them may be there.
func (e *Evidence) WriteFolder(root *os.Root) error {
	for _, f := range e.Files() {
		if dir := path.Dir(f.Name); dir != "." {
			if err := root.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
		out, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if _, err = out.Write(f.Data); err == nil {
			err = out.Sync()
		}
		if err2 := out.Close(); err == nil {
			err = err2
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WriteZip writes the files as one archive: the same files, the same bytes.
func (e *Evidence) WriteZip(w io.Writer) error {
	out := zip.NewWriter(w)
	for _, f := range e.Files() {
		entry, err := out.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.Data); err != nil {
			return err
		}
	}
	return out.Close()
}
