package audit

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by methods of a [Log] that is closed.
var ErrClosed = errors.New("audit log: closed")

// LockedError is returned by [Open] if a log is open already, in this process or
// another.
type LockedError struct{ Path string }

// Error names the log.
func (e *LockedError) Error() string {
	return fmt.Sprintf("audit log %s: is open already; one process at a time may write it", e.Path)
}

// RecordError is returned by [Log.Append] for a record that cannot be written.
// Nothing was.
type RecordError struct {
	Field string // of Record
	Want  string
}

// Error says which field is wrong and what would be right.
func (e *RecordError) Error() string {
	return fmt.Sprintf("audit record: wrong %s, want %s", e.Field, e.Want)
}

// WriteError tells that a record did not get into the log. Those before it did,
// and later ones may.
type WriteError struct {
	Path string
	Lost int64 // records that did not get into the log since the last that did
	Err  error // why, this time
}

// Error says how many records are lost and why.
func (e *WriteError) Error() string {
	return fmt.Sprintf("audit log %s: %d not written: %v", e.Path, e.Lost, e.Err)
}

// Unwrap returns why.
func (e *WriteError) Unwrap() error { return e.Err }

// Reason is what is wrong with a log.
type Reason string

const (
	Altered     Reason = "altered"      // the hash of a line does not follow from the line and the hash before it
	Sequence    Reason = "sequence"     // a line is not the one that follows: removed, inserted or moved lines
	Malformed   Reason = "malformed"    // a line is not one that the log writes
	TooLong     Reason = "too long"     // a line is longer than the log writes any
	Torn        Reason = "torn"         // the last line has no end; Open repairs that
	NoBegin     Reason = "no begin"     // a file does not begin as a log does: lines before are removed
	Truncated   Reason = "truncated"    // the head is not in the log: lines at the end are removed
	WrongHead   Reason = "wrong head"   // the line that the head names has another hash
	HeadMissing Reason = "head missing" // there is no head file
	BadHead     Reason = "bad head"     // the head file is not one
	FileMissing Reason = "file missing" // there is a head, or a later file, and no log
)

// VerifyError tells where a log is not what was written.
type VerifyError struct {
	Path      string // of the file; empty if it was read from a reader
	Line      int64  // in that file, from 1; 0 if the error is of the file
	Reason    Reason
	Want, Got string // hashes, numbers or texts; empty where there is nothing to tell
}

// Error says where, what was found, and what would be right.
func (e *VerifyError) Error() string {
	text := "audit log"
	if e.Path != "" {
		text += " " + e.Path
	}
	if e.Line > 0 {
		text += fmt.Sprintf(", line %d", e.Line)
	}
	text += ": " + string(e.Reason)
	if e.Got != "" {
		text += ", got " + e.Got
	}
	if e.Want != "" {
		text += ", want " + e.Want
	}
	return text
}
