package files

import (
	"strings"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Bundle is what a mod came with; a [*bundle.Bundle] is one.
type Bundle interface {
	// Files lists the files. Paths are those that package bundle accepts.
	Files() []bundle.File
	ReadFile(path string) ([]byte, error)
}

// Assets are the files that a mod came with, all of them, its manifest and its
// source among them. They are immutable, and safe for use by several goroutines.
type Assets struct {
	bundle Bundle
	tree   *tree
}

// NewAssets returns the files of a bundle.
func NewAssets(b Bundle) *Assets {
	a := &Assets{bundle: b, tree: newTree()}
	for _, file := range b.Files() {
		a.tree.put(file.Path, file.Size)
	}
	return a
}

// Stat returns the size of a file, to be paid for before it is read, or of all
// files in a folder; false if there is none.
func (a *Assets) Stat(path string) (Entry, bool) {
	n := a.tree.at(path)
	if n == nil {
		return Entry{}, false
	}
	return n.entry(), true
}

// List returns what is in a folder, in byte order; "" is the top. The error is an
// [*Error] with [NotFound] or [NotFolder].
func (a *Assets) List(path string) ([]Entry, error) {
	entries, problem := a.tree.list("list", path)
	return entries, problem.asError()
}

// Read returns the bytes of a file. The error is an [*Error] with [NotFound] or
// [IsFolder].
func (a *Assets) Read(path string) (string, error) { return a.read("read", path) }

// Text returns a file that is text: in UTF-8, of which a byte order mark at the
// beginning is left out, with "\n" at the ends of lines, whatever they were. The
// error is as Read's, or an [*Error] with [NotText].
func (a *Assets) Text(path string) (string, error) {
	const op = "read the text"
	text, err := a.read(op, path)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(text) {
		return "", &Error{Op: op, Path: path, Reason: NotText, Detail: "it is not UTF-8"}
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\ufeff")), nil
}

func (a *Assets) read(op, path string) (string, error) {
	if _, problem := a.tree.file(op, path); problem != nil {
		return "", problem
	}
	data, err := a.bundle.ReadFile(path)
	if err != nil {
		return "", diskError(op, path, err)
	}
	return string(data), nil
}
