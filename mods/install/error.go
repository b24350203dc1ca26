package install

import (
	"fmt"
	"time"
)

// FileError is a file of the home that could not be read or written. If it was a
// change that failed, the state is as it was before.
type FileError struct {
	Path string
	Err  error  // what the system said, or what is wrong with the file
	Want string // what would be right; may be empty
}

// Error names the file.
func (e *FileError) Error() string {
	text := fmt.Sprintf("%s: %v", e.Path, e.Err)
	if e.Want != "" {
		text += "; want " + e.Want
	}
	return text
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// BusyError tells that others changed the home for so long that it was given up.
type BusyError struct {
	Path   string
	Waited time.Duration
}

// Error says how long it was waited.
func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: another process is changing this installation; waited %v for it", e.Path, e.Waited)
}

// DamageError is a file of the home that is not as a home writes it: somebody, or a
// disk, changed it. Nothing is done with such a home.
type DamageError struct {
	Path  string
	Field string // of the document; empty if it is about the file as a whole
	What  string // what is wrong, and what would be right
	Err   error  // may be nil
}

// Error says where and what.
func (e *DamageError) Error() string {
	text := e.Path
	if e.Field != "" {
		text += ": " + e.Field
	}
	return text + ": " + e.What
}

// Unwrap returns the cause.
func (e *DamageError) Unwrap() error { return e.Err }

// UnfinishedError tells that a change took effect, and that not all of what belongs to
// it could be written: whoever changes the home next, or opens it, finishes it first.
type UnfinishedError struct {
	Path string
	Err  error
}

// Error says why.
func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%s: the change is made, and the next command will finish writing it: %v", e.Path, e.Err)
}

// Unwrap returns why.
func (e *UnfinishedError) Unwrap() error { return e.Err }
