package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Source is a bundle that somebody named.
type Source struct {
	Name   string // as they wrote it
	Bundle *bundle.Bundle

	from string // where it came from before; "": it is named now
}

// SourceError is a file that cannot be installed.
type SourceError struct {
	Path string
	What string // what is wrong
	Want string // what would be right
	Err  error  // may be nil
}

// Error names the file, what is wrong with it, and what would be right.
func (e *SourceError) Error() string {
	text := e.Path + ": " + e.What
	if e.Want != "" {
		text += "; " + e.Want
	}
	return text
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// ReadSource reads a packed bundle from a file, once. It never waits for a pipe. The
// errors are [*SourceError].
func ReadSource(path string) (Source, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return Source{}, &SourceError{Path: path, What: "is a folder, and only packed bundles are installed",
			Want: "pack it first: modrunner pack " + path}
	}
	b, err := bundle.OpenPath(path, bundle.Limits{})
	if err != nil {
		return Source{}, &SourceError{Path: path, What: "cannot be read as a bundle: " + err.Error(), Err: err}
	}
	s := Source{Name: path, Bundle: b}
	return s, s.check()
}

// check verifies that a bundle is one that pack wrote, to the byte, with a list of its
// contents that is right.
func (s Source) check() error {
	_, err := s.Bundle.Contents()
	switch {
	case errors.Is(err, &bundle.Error{Reason: bundle.NotPacked}):
		return &SourceError{Path: s.Name, What: "has no list of its contents", Want: "make a bundle with: modrunner pack", Err: err}
	case err != nil:
		return &SourceError{Path: s.Name, What: "is not what its list of contents says: " + err.Error(), Want: "get it again from where it was published", Err: err}
	case !s.Bundle.Canonical():
		return &SourceError{Path: s.Name, What: "its bytes are not those that pack writes for these files", Want: "get it again from where it was published, or pack it anew"}
	}
	return nil
}

// archiveOf returns the one archive that there is of a bundle with its attachments.
func archiveOf(b *bundle.Bundle) ([]byte, error) {
	var out bytes.Buffer
	if err := b.WriteZip(&out); err != nil {
		return nil, fmt.Errorf("write the bundle: %w", err)
	}
	return out.Bytes(), nil
}
