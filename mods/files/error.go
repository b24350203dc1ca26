package files

import (
	"errors"
	"io/fs"
	"strconv"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Reason is the kind of a failure.
type Reason string

// The reasons for which an operation fails. After all of them the folder is as
// it was, but for Disk after Append, which may have left a part.
const (
	BadName    Reason = "bad name"         // not portable, or outside the folder; see CheckPath
	NotFound   Reason = "no such file"     // also matches fs.ErrNotExist
	Exists     Reason = "exists already"   // what Rename would overwrite
	IsFolder   Reason = "is a folder"      // where a file is needed
	NotFolder  Reason = "is not a folder"  // a file where a path has a folder
	Collision  Reason = "names collide"    // differs from a name that is there only in case
	TooBig     Reason = "too big"          // one file or one read
	Full       Reason = "no room"          // Limits.Bytes
	TooMany    Reason = "too many files"   // Limits.Files, or names that are not the mod's
	NotRegular Reason = "not a plain file" // a link, a pipe, a device; a file with two names
	Changed    Reason = "changed"          // by somebody else; the next operation looks again
	NotText    Reason = "not text"         // not UTF-8
	Closed     Reason = "closed"           // also matches fs.ErrClosed
	Disk       Reason = "disk failed"      // what the operating system said; see Unwrap
	BadLimits  Reason = "bad limits"       // the host's mistake
)

// Error is the one type of error that the package returns.
type Error struct {
	Op     string // "read", "write" and so on
	Path   string // as the mod gave it; not sanitized
	Reason Reason
	Detail string // what was found and what would be right; may be empty
	Err    error  // with Disk and Changed: the cause; may be nil
}

// Error renders the error on one line, the path quoted and shortened. It names
// no path of the host's, unless Reason is Disk; see [Error.Public].
func (e *Error) Error() string {
	text := e.Public()
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Public is the error as the mod may see it: without what the operating system
// said.
func (e *Error) Public() string {
	text := "cannot " + e.Op
	if e.Path != "" {
		path := e.Path
		if len(path) > 100 {
			path = path[:100] + "..."
		}
		text += " " + strconv.QuoteToGraphic(path)
	}
	text += ": " + string(e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// asError keeps a nil pointer from becoming an error that is not nil.
func (e *Error) asError() error {
	if e == nil {
		return nil
	}
	return e
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches [fs.ErrNotExist] and [fs.ErrClosed], and an Error with the same
// Reason and no other field set.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Reason == NotFound
	case fs.ErrClosed:
		return e.Reason == Closed
	}
	t, ok := target.(*Error)
	return ok && *t == Error{Reason: e.Reason}
}

// diskError gives what os or bundle reported its type.
func diskError(op, path string, err error) *Error {
	if guard, ok := errors.AsType[*bundle.Error](err); ok {
		switch guard.Reason {
		case bundle.NotRegular:
			return &Error{Op: op, Path: path, Reason: NotRegular, Detail: guard.Detail}
		case bundle.Changed:
			return &Error{Op: op, Path: path, Reason: Changed, Detail: guard.Detail}
		}
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err // the path is told once
	}
	return &Error{Op: op, Path: path, Reason: Disk, Err: err}
}
