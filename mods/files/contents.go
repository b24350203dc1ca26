package files

import (
	"io/fs"
	"strings"
	"unicode/utf8"
)

// Contents are the files that a mod came with, all of them, its manifest and its
// source among them. They are immutable, and safe for use by several goroutines.
type Contents struct {
	fsys fs.FS
	tree *tree
}

// NewContents returns the files of a mod: fsys is the file system of its bundle
// (bundle.Bundle.FS), or another that is small and does not change. The error is
// fsys's.
func NewContents(fsys fs.FS) (*Contents, error) {
	c := &Contents{fsys: fsys, tree: newTree()}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			c.tree.put(path, info.Size())
		}
		return err
	})
	return c, err
}

// Stat returns the size of a file, to be paid for before it is read, or of all
// files in a folder; false if there is none.
func (c *Contents) Stat(path string) (Entry, bool) {
	n := c.tree.at(path)
	if n == nil {
		return Entry{}, false
	}
	return n.entry(), true
}

// List returns what is in a folder, in byte order; "" is the top. The error is an
// [*Error] with [NotFound] or [NotFolder].
func (c *Contents) List(path string) ([]Entry, error) {
	entries, problem := c.tree.list("list", path)
	return entries, problem.asError()
}

// Read returns the bytes of a file. The error is an [*Error] with [NotFound] or
// [IsFolder].
func (c *Contents) Read(path string) (string, error) { return c.read("read", path) }

// Text returns a file that is text: in UTF-8, of which a byte order mark at the
// beginning is left out, with "\n" at the ends of lines, whatever they were. The
// error is as Read's, or an [*Error] with [NotText].
func (c *Contents) Text(path string) (string, error) {
	const op = "read the text"
	text, err := c.read(op, path)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(text) {
		return "", &Error{Op: op, Path: path, Reason: NotText, Detail: "it is not UTF-8"}
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\ufeff")), nil
}

func (c *Contents) read(op, path string) (string, error) {
	if _, problem := c.tree.file(op, path); problem != nil {
		return "", problem
	}
	data, err := fs.ReadFile(c.fsys, path)
	if err != nil {
		return "", diskError(op, path, err)
	}
	return string(data), nil
}
