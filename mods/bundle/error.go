package bundle

import (
	"strconv"
	"strings"
)

// Reason is the kind of a refusal.
type Reason string

// The reasons for which a bundle is refused.
const (
	BadLimits     Reason = "bad limits"               // the caller's Limits are negative
	NotABundle    Reason = "not a mod"                // neither a folder nor a .zip file
	NoManifest    Reason = "no manifest"              // see ErrNoManifest
	Unreadable    Reason = "cannot be read"           // the operating system says no; see Unwrap
	Changed       Reason = "changed while being read" // size or identity of a file moved
	NotRegular    Reason = "not a regular file"       // a link, a device, a pipe, a socket
	BadName       Reason = "bad name"                 // not portable, or outside the bundle
	Duplicate     Reason = "duplicate name"           // the same path twice
	CaseCollision Reason = "names collide"            // differ only in case or Unicode form
	PathConflict  Reason = "file and folder"          // one path is both
	TooMany       Reason = "too many files"           // more than Limits.Files
	TooBig        Reason = "too big"                  // more than FileBytes or TotalBytes
	Bomb          Reason = "zip bomb"                 // more than Ratio, or more than declared
	Encrypted     Reason = "encrypted"                // an archive entry needs a password
	Method        Reason = "unknown compression"      // neither stored nor deflated
	Corrupt       Reason = "corrupt archive"          // not a well-formed archive, or a wrong checksum
	Overlap       Reason = "overlapping entries"      // two entries share bytes, or bytes belong to none
	BadAttachment Reason = "unknown attachment"       // a name under ".pack" that means nothing

	NotPacked       Reason = "not packed"               // no content list
	BadContents     Reason = "bad content list"         // not as Contents.Bytes writes it
	Unsorted        Reason = "content list not sorted"  // its paths do not ascend
	ContentsDiffer  Reason = "content list differs"     // it lists other things than there are
	ManifestDiffers Reason = "manifest and list differ" // the content list has another id or version
	BadDigest       Reason = "not a digest of a bundle" // see ParseDigest
)

// ErrNoManifest matches, with [errors.Is], the error for a folder or an
// archive without a manifest.
var ErrNoManifest error = &Error{Reason: NoManifest}

// Error is the one type of error that opening a bundle returns, and that most of its
// methods do. It matches,
// with [errors.Is], an Error that has the same Reason and nothing else.
type Error struct {
	Path   string // inside the bundle, or as given to OpenPath; may be empty; not sanitized
	Reason Reason
	Detail string // what was found and what would be right, in words; may be empty
	Err    error  // the cause, if another package reported it
}

// Error renders the error on one line. The path is quoted, so that a hostile
// name cannot forge lines or terminal controls.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("bundle: ")
	if e.Path != "" {
		path := e.Path
		if len(path) > 200 {
			path = path[:200] + "..."
		}
		b.WriteString(strconv.QuoteToGraphic(path))
		b.WriteString(": ")
	}
	b.WriteString(string(e.Reason))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error with the same Reason and no other
// field set.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t == Error{Reason: e.Reason}
}
