package trust

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/policy"
)

// Reason says why a signature does not count.
type Reason string

// The reasons. Each belongs to one [policy.Signature].
const (
	Unsigned      Reason = "unsigned"        // there is no signature
	UnknownKey    Reason = "unknown key"     // the key is not in the trust store
	WrongContents Reason = "wrong contents"  // what would be signed, the content list, is missing or not that of the bundle
	TooMany       Reason = "too many"        // more than MaxSignatures
	Malformed     Reason = "malformed"       // not a signature file in the one form that is taken
	WrongKeyID    Reason = "wrong key id"    // the file is named for another key than the one that it names
	WrongBytes    Reason = "wrong signature" // not by this key over these bytes
	OtherMod      Reason = "other mod"       // the trusted comment names another id, version or digest
	NotEntitled   Reason = "not entitled"    // the key may not sign this id
	Revoked       Reason = "revoked"         // the key was revoked, or the key before it when it was replaced
	Expired       Reason = "expired"         // the key is trusted no longer
	NotYetValid   Reason = "not yet valid"   // the key is not trusted yet
	FromFuture    Reason = "from the future" // the signature says that it is made much later than now
)

// state returns the word that policies know for a reason.
func (r Reason) state() policy.Signature {
	switch r {
	case "":
		return policy.Trusted
	case Unsigned:
		return policy.Unsigned
	case UnknownKey:
		return policy.UnknownKey
	case OtherMod:
		return policy.Mismatch
	case NotEntitled:
		return policy.NotEntitled
	case Revoked:
		return policy.Revoked
	case Expired, NotYetValid, FromFuture:
		return policy.Expired
	}
	return policy.BadSig
}

// Error is why a signature, or a bundle as a whole, is not trusted. It matches, with
// [errors.Is], an Error that has the same Reason and nothing else.
type Error struct {
	Reason    Reason
	KeyID     string // of the key it is about; "" if it is about none
	Publisher string // to whom the trust store says that the key belongs; may be empty
	Detail    string // what was found, and what would be right
	Err       error  // the cause, if another package reported it
}

// Error renders the error on one line. What the author of a mod wrote is quoted.
func (e *Error) Error() string {
	text := "signature: " + string(e.Reason)
	if e.KeyID != "" {
		text = "signature of key " + e.KeyID + e.of() + ": " + string(e.Reason)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		cause, _, _ := strings.Cut(e.Err.Error(), "\n") // that of a manifest shows its place below
		text += ": " + cause
	}
	return text
}

func (e *Error) of() string {
	if e.Publisher == "" {
		return ""
	}
	return " (" + e.Publisher + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error with the same Reason and no other field set.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t == Error{Reason: e.Reason}
}

// StoreError is a trust store that cannot be taken, or a change that it does not take.
type StoreError struct {
	File         string // "" if it is not about a file
	Line, Column int    // from 1; 0 if it is about the file as a whole
	Field        string // the dotted path of what is wrong; may be empty
	Message      string // what is wrong, and what would be right, on one line
}

// Error names the place and what is wrong.
func (e *StoreError) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	case e.File != "":
		return e.File + ": " + e.Message
	}
	if e.Field != "" {
		return "trust store: " + e.Field + ": " + e.Message
	}
	return "trust store: " + e.Message
}

// KeyReason says what is wrong with a key.
type KeyReason string

// The reasons for which a key is refused.
const (
	BadKey        KeyReason = "bad key"        // not a key, or one that no minisign makes
	WeakKey       KeyReason = "weak key"       // anybody can sign in its name
	WrongPassword KeyReason = "wrong password" // or a damaged file: the two cannot be told apart
	NoPassword    KeyReason = "no password"    // one is needed
)

// KeyError is a key that cannot be taken. It matches, with [errors.Is], a KeyError that
// has the same Reason and nothing else. It never holds what was in a private key.
type KeyError struct {
	Reason KeyReason
	Detail string // what was found, and what would be right
}

// Error says what is wrong.
func (e *KeyError) Error() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

// Is reports whether target is a KeyError with the same Reason and no Detail.
func (e *KeyError) Is(target error) bool {
	t, ok := target.(*KeyError)
	return ok && *t == KeyError{Reason: e.Reason}
}

// RotationReason says why a rotation is refused.
type RotationReason string

// The reasons for which a rotation is refused.
const (
	BadStatement   RotationReason = "bad statement"     // not a statement in the one form that is taken, or wrongly signed
	WrongDirection RotationReason = "wrong direction"   // signed as if the new key were the old one
	OldUnknown     RotationReason = "old key unknown"   // it is not in the trust store
	OldRevoked     RotationReason = "old key revoked"   //
	OldInvalid     RotationReason = "old key not valid" // expired, or not yet valid
	AlreadyRotated RotationReason = "already rotated"   // the old key has a successor
	Cycle          RotationReason = "cycle"             // the new key is the old one, or one that came before it
	NewKnown       RotationReason = "new key known"     // it is in the trust store by itself
	NewRevoked     RotationReason = "new key revoked"   //
	TooLate        RotationReason = "too late"          // the new key would never be valid
	StoreFull      RotationReason = "store full"        // the trust store takes no more keys
)

// RotationError is a rotation that is not taken. It matches, with [errors.Is], a
// RotationError that has the same Reason and nothing else.
type RotationError struct {
	Reason   RotationReason
	Old, New string // key ids; may be empty
	Detail   string
}

// Error says what is wrong.
func (e *RotationError) Error() string {
	text := "rotation"
	if e.Old != "" {
		text += " of key " + e.Old + " to " + e.New
	}
	text += ": " + string(e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Is reports whether target is a RotationError with the same Reason and no other field
// set.
func (e *RotationError) Is(target error) bool {
	t, ok := target.(*RotationError)
	return ok && *t == RotationError{Reason: e.Reason}
}

// quoted makes what somebody hostile wrote safe to show, and short.
func quoted(text string) string {
	if len(text) > 100 {
		text = text[:100] + "..."
	}
	return strconv.QuoteToASCII(text)
}

// stamp writes a time as all texts of this package have it: in UTC, in whole seconds.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// parseStamp reads what stamp writes, and nothing else.
func parseStamp(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || stamp(t) != text || !stampable(t) {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// stampable reports whether stamp can write a time and parseStamp read it.
func stampable(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1970 && year <= 9999
}
