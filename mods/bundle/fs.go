package bundle

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS returns a read-only view of the bundle. Folders are those that the paths
// of the files imply; times are zero. It is safe for use by several
// goroutines; the files it opens are each for one.
func (b *Bundle) FS() fs.FS {
	view := &view{content: b.content, dirs: map[string][]fs.DirEntry{".": nil}}
	for _, f := range b.files {
		view.place(info{name: path.Base(f.Path), size: f.Size}, path.Dir(f.Path))
	}
	for dir := range view.dirs {
		slices.SortFunc(view.dirs[dir], func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	}
	return view
}

// view implements fs.ReadFileFS. The others (Stat, ReadDir) are as quick
// through Open.
type view struct {
	content map[string]string
	dirs    map[string][]fs.DirEntry
}

// place enters a file into its folder, and that into the folder above it.
func (v *view) place(entry info, dir string) {
	for {
		_, known := v.dirs[dir]
		v.dirs[dir] = append(v.dirs[dir], fs.FileInfoToDirEntry(entry))
		if known {
			return
		}
		entry, dir = info{name: path.Base(dir), dir: true}, path.Dir(dir)
	}
}

// Open implements [fs.FS].
func (v *view) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if text, ok := v.content[name]; ok {
		return &openFile{Reader: strings.NewReader(text), info: info{name: path.Base(name), size: int64(len(text))}}, nil
	}
	if entries, ok := v.dirs[name]; ok {
		return &openDir{info: info{name: path.Base(name), dir: true}, path: name, rest: entries}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile implements [fs.ReadFileFS].
func (v *view) ReadFile(name string) ([]byte, error) {
	if text, ok := v.content[name]; ok {
		return []byte(text), nil
	}
	_, err := v.Open(name)
	if err == nil {
		err = &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid} // a folder
	}
	return nil, err
}

// openFile adds what fs.File needs to a reader that can also seek.
type openFile struct {
	*strings.Reader
	info info
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info info
	path string
	rest []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: fs.ErrInvalid}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	take := len(d.rest)
	if n > 0 {
		if take == 0 {
			return nil, io.EOF
		}
		take = min(n, take)
	}
	entries := slices.Clone(d.rest[:take])
	d.rest = d.rest[take:]
	return entries, nil
}

// info describes a file or a folder of a view.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
