package provenance

// Reason is why a statement is not taken.
type Reason string

// The reasons.
const (
	NotAttached  Reason = "no provenance"               // the bundle has none
	TooBig       Reason = "too big"                     // more than MaxBytes, or more entries than are accepted
	Syntax       Reason = "not JSON"                    // or JSON with equal keys, or too deep; Err says where
	BadField     Reason = "bad field"                   // missing, of another type, or out of bounds
	Unsupported  Reason = "another kind of attestation" // no in-toto statement v1, or no SLSA provenance v1
	OtherSubject Reason = "about another bundle"        // no subject has the digest of the bundle
)

// ErrNotAttached matches, with [errors.Is], the error for a bundle without provenance.
var ErrNotAttached error = &Error{Reason: NotAttached}

// Error is the one type of error of this package. It matches, with [errors.Is], an
// Error that has the same Reason and nothing else.
type Error struct {
	Reason Reason
	Field  string // as "predicate.runDetails.builder.id"; may be empty
	Detail string // what was found and what would be right; may be empty
	Err    error  // the cause, if another package reported it
}

// Error renders the error on one line.
func (e *Error) Error() string {
	text := "provenance: " + string(e.Reason)
	if e.Field != "" {
		text += ": " + e.Field
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error with the same Reason and no other field set.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t == Error{Reason: e.Reason}
}
