package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Reason is the kind of a refusal.
type Reason string

// The reasons for which something of a catalogue is refused.
const (
	BadOptions  Reason = "bad options"                         // the caller's, or a command's
	BadRoot     Reason = "bad root"                            // the first root is no valid root
	OtherRoot   Reason = "another catalogue"                   // the cache does not follow from the first root
	Unreachable Reason = "cannot be read"                      // network, status or disk; see Unwrap
	Missing     Reason = "not there"                           // a file of the catalogue
	TooSlow     Reason = "too slow"                            // no bytes in time, or too few
	TooLong     Reason = "too long"                            // more bytes than there may be
	Redirected  Reason = "sent elsewhere"                      // a redirect to another host
	Encoded     Reason = "encoded"                             // compressed on the way
	Malformed   Reason = "malformed"                           // signed or not, it is not what it should be
	NotSigned   Reason = "not signed by enough keys that may"  // forged, or by keys that were rotated away
	RolledBack  Reason = "older than what was seen before"     // a rollback attack, or a restored backup
	Mixed       Reason = "not of this snapshot"                // files of different times
	WrongLength Reason = "wrong length"                        // fewer bytes than the catalogue says, or more
	WrongHash   Reason = "wrong content"                       // other bytes than the catalogue says
	ClockBehind Reason = "the clock of this machine is behind" // so nothing can be known to be fresh
	NotLoaded   Reason = "not loaded"                          // Refresh has not succeeded yet
	NotListed   Reason = "not in the catalogue"                // no such mod or version
	NotCached   Reason = "not in the cache"                    // and there is no network
	TooBig      Reason = "too big"                             // more than Options.MaxBundle
	NoKeys      Reason = "too few private keys"                // to sign a role
	Conflict    Reason = "in conflict with what is in there"   // of a publisher's change
	Unsafe      Reason = "readable by others"                  // a private key
)

// Error is a refusal. It matches, with [errors.Is], an Error that has the same Reason
// and nothing else.
type Error struct {
	Reason Reason
	Name   string // of the file in the catalogue, or on this machine; may be empty; not sanitized
	Detail string // what was found and what would be right, in words; may be empty
	Err    error  // the cause, if another package reported it
}

// Error renders the error on one line, with what others wrote in quotes.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("catalogue: ")
	if e.Name != "" {
		b.WriteString(quoted(e.Name) + ": ")
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

// Is reports whether target is an Error with the same Reason and no other field set.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t == Error{Reason: e.Reason}
}

// ExpiredError is signed metadata whose time is over: the catalogue is not kept up, or
// somebody holds back what is newer (a freeze attack).
type ExpiredError struct {
	Role    string // root, targets, snapshot or timestamp
	Expires time.Time
	Now     time.Time
}

// Error says since when, and what to do.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("catalogue: the signed %s expired at %s, and it is %s: refresh; if that does not help, the catalogue is not kept up, or a mirror holds back what is newer",
		e.Role, e.Expires.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339))
}

// ClaimError is a bundle that is not what the catalogue says that it is. The bytes are
// those that the catalogue signed; it is the catalogue that is wrong, or was made to lie.
type ClaimError struct {
	ID, Version string // in the catalogue
	Field       string // "id", "version", "digest", "dependencies", "permissions", ...
	Catalog     string // what the catalogue says
	Bundle      string // what the bundle says
}

// Error shows both.
func (e *ClaimError) Error() string {
	return fmt.Sprintf("catalogue: %s %s: the catalogue says of its %s %s, and the bundle %s: refused",
		e.ID, e.Version, e.Field, quoted(e.Catalog), quoted(e.Bundle))
}

// quoted shows, on one line and not at length, what others wrote.
func quoted(text string) string {
	const most = 300
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strconv.QuoteToGraphic(text)
}

func malformed(name, format string, args ...any) *Error {
	return &Error{Reason: Malformed, Name: name, Detail: fmt.Sprintf(format, args...)}
}
