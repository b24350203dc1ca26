package limits

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrExceeded is what every [*Error] matches under [errors.Is].
var ErrExceeded = errors.New("limit exceeded")

// Error reports that a hard limit was reached and the work that would have
// passed it was not done. It matches [ErrExceeded]; of kind [Time] it also
// matches [context.DeadlineExceeded].
type Error struct {
	Kind  Kind  // the limit; if an enclosing budget refused, that budget's
	Used  int64 // use when the work was refused, never above Max; Time in nanoseconds
	Max   int64 // the limit
	Err   error // optional cause, such as a [*MisuseError]
	Asked int64 // size of the refused work where it is known, or 0
}

// Error describes the limit for people: sizes in binary units, time as a
// duration.
func (e *Error) Error() string {
	msg := e.Kind.label() + " limit exceeded"
	switch {
	case e.Asked <= 0:
		msg += fmt.Sprintf(": %s of %s used", e.amount(e.Used), e.amount(e.Max))
	case e.Used <= 0:
		msg += fmt.Sprintf(": %s needed, at most %s allowed", e.amount(e.Asked), e.amount(e.Max))
	default:
		msg += fmt.Sprintf(": %s of %s used, %s more needed", e.amount(e.Used), e.amount(e.Max), e.amount(e.Asked))
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

func (e *Error) amount(n int64) string {
	switch {
	case n == Unlimited:
		return "unlimited"
	case e.Kind == Time:
		return time.Duration(n).String()
	case e.Kind.countsBytes():
		return approxSize(n)
	}
	return strconv.FormatInt(n, 10)
}

// Is reports whether target is [ErrExceeded], or [context.DeadlineExceeded]
// where the limit is wall time.
func (e *Error) Is(target error) bool {
	return target == ErrExceeded || (e.Kind == Time && target == context.DeadlineExceeded)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// CancelledError reports that the caller's own context ended: nobody passed a
// limit. It matches [ErrExceeded] only if the cause the caller gave does.
type CancelledError struct {
	Cause error // context.Cause of the context
	Err   error // ctx.Err(); if nil, taken as context.Canceled unless Cause says otherwise
}

// Cancelled returns nil while ctx is not done, and a [*CancelledError] after.
func Cancelled(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	return &CancelledError{Cause: context.Cause(ctx), Err: err}
}

// Error names the reason, and the cause where the caller gave one.
func (e *CancelledError) Error() string {
	reason := e.reason()
	if e.Cause == nil || e.Cause == reason {
		return "stopped by the caller: " + reason.Error()
	}
	return "stopped by the caller: " + reason.Error() + ": " + e.Cause.Error()
}

func (e *CancelledError) reason() error {
	switch {
	case e.Err != nil:
		return e.Err
	case errors.Is(e.Cause, context.DeadlineExceeded):
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// Is reports whether target is what the context's Err said: [context.Canceled],
// or [context.DeadlineExceeded] where the caller's own deadline passed.
func (e *CancelledError) Is(target error) bool { return target == e.reason() }

// Unwrap returns the cause, or nil.
func (e *CancelledError) Unwrap() error { return e.Cause }

// FieldError reports an invalid field of [Limits].
type FieldError struct {
	Kind  Kind  // the field; its name is Kind.String()
	Value int64 // what it held; Time in nanoseconds
}

// Error names the field, its value and what would be right.
func (e *FieldError) Error() string {
	value := strconv.FormatInt(e.Value, 10)
	noLimit := "limits.Unlimited"
	if e.Kind == Time {
		value = time.Duration(e.Value).String()
		noLimit = "limits.UnlimitedTime"
	}
	return fmt.Sprintf("limit %s is %s: want a positive value, 0 for the default (%s) or %s for no limit",
		e.Kind, value, (&Error{Kind: e.Kind}).amount(defaults.Of(e.Kind)), noLimit)
}

// MisuseError is the Err of an [*Error] that was caused by a mistake in the
// host's or the machine's own code, such as a negative charge. The limit is
// made to trip so that a mistake can stop a script but not free it.
type MisuseError struct {
	Op   string // the method
	Kind Kind
	N    int64 // its argument
}

// Error describes the mistake.
func (e *MisuseError) Error() string {
	return fmt.Sprintf("bug in the host: %s(%d) of %s", e.Op, e.N, e.Kind)
}

// ParseError reports text that is not what it should be.
type ParseError struct {
	What   string // "size", "limit name"
	Input  string // all of the text
	Offset int    // byte offset in Input of what is wrong
	Want   string // what would be right
}

// Error quotes the start of the input, escaped.
func (e *ParseError) Error() string {
	const shown = 40
	input, more := e.Input, ""
	if len(input) > shown {
		input, more = input[:shown], "…"
	}
	return fmt.Sprintf("%s %q%s, at byte %d: want %s", e.What, input, more, e.Offset, e.Want)
}
