package incident

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// SumsName is the list of the hashes of the files that nobody has a reason to change:
// all but [PostMortemName], and what is put beside them in [NotesDir].
const SumsName = "SHA256SUMS"

// What people write themselves.
const (
	PostMortemName = "post-mortem.md"
	NotesDir       = "notes"
)

// maxFile is how large a file of a folder is, and maxFiles how many there are, that
// Export takes.
const (
	maxFile  = 256 << 20
	maxFiles = 10_000
)

// ChangedError is a folder of evidence that is not as it was collected.
type ChangedError struct {
	Name   string
	Reason string
}

// Error names the file.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("the evidence is not as it was collected: %s: %s", shown(e.Name), e.Reason)
}

// Files returns the files of the evidence, by name, the list of hashes first. Of equal
// names the later ones get a number.
func (e *Evidence) Files() []File {
	files := slices.Clone(e.files)
	sortFiles(files)
	used := map[string]bool{SumsName: true}
	var sums bytes.Buffer
	for i := range files {
		ext := path.Ext(files[i].Name)
		for n, base := 2, strings.TrimSuffix(files[i].Name, ext); used[files[i].Name]; n++ {
			files[i].Name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		used[files[i].Name] = true
	}
	sortFiles(files)
	for _, f := range files {
		if f.Name != PostMortemName {
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(f.Data), f.Name)
		}
	}
	return append([]File{{SumsName, sums.Bytes()}}, files...)
}

func sortFiles(files []File) {
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
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
func (e *Evidence) WriteZip(w io.Writer) error { return writeZip(w, e.Files()) }

func writeZip(w io.Writer, files []File) error {
	out := zip.NewWriter(w)
	for _, f := range files {
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

// Export writes a folder of evidence as one archive, with what people have written into
// [PostMortemName] and [NotesDir] since. All other files have to be as they were
// collected. The same folder gives the same bytes.
//
// The error is a [*ChangedError], or what the system said.
func Export(root *os.Root, w io.Writer) error {
	sums, err := readFile(root, SumsName)
	if err != nil {
		return err
	}
	want := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		hash, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(hash) != 2*sha256.Size || !fs.ValidPath(name) || want[name] != "" {
			return &ChangedError{SumsName, "it is not a list of hashes as it was written"}
		}
		want[name] = hash
	}
	files := []File{{SumsName, sums}}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || name == SumsName:
			return nil
		case len(files) == maxFiles:
			return &ChangedError{name, fmt.Sprintf("there are more than %d files", maxFiles)}
		}
		data, err := readFile(root, name)
		if err != nil {
			return err
		}
		hash, listed := want[name]
		delete(want, name)
		switch {
		case listed && hash != fmt.Sprintf("%x", sha256.Sum256(data)):
			return &ChangedError{name, "it was changed"}
		case !listed && name != PostMortemName && !strings.HasPrefix(name, NotesDir+"/"):
			return &ChangedError{name, "it was not there; put what you add into " + NotesDir + "/"}
		}
		files = append(files, File{name, data})
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		return &ChangedError{name, "it is gone"}
	}
	sortFiles(files[1:])
	return writeZip(w, files)
}

// readFile reads a file of a folder that somebody else may have been in.
func readFile(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &ChangedError{name, "it is not a regular file"}
	case info.Size() > maxFile:
		return nil, &ChangedError{name, fmt.Sprintf("it has more than %d MiB", maxFile>>20)}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
