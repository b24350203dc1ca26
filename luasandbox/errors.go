package luasandbox

import (
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// The states in which a sandbox or a task cannot do what it was asked to.
var (
	// ErrBusy: another call is running in the sandbox, on another goroutine or
	// further up on this one.
	ErrBusy = errors.New("sandbox is busy: another call is running in it")
	// ErrClosed: the sandbox was closed.
	ErrClosed = errors.New("sandbox is closed")
	// ErrFinished: the task has returned, failed or been abandoned.
	ErrFinished = errors.New("task is finished")
	// ErrWaits: a host function that answers later was called by a script that a
	// host function called: only a call that comes straight from the host can wait.
	ErrWaits = errors.New("a host function that answers later cannot be called from here")
	// ErrNoTurn: the task does not wait for its turn.
	ErrNoTurn = errors.New("task does not wait for its turn")
)

// SyntaxError is source text that is not a program, with the place. It wraps a
// [*limits.Error] if the text is too large or too deeply nested.
type SyntaxError = vm.SyntaxError

// ScriptError is an error that a script raised and nothing in it caught. All of
// its text is the script's: escape it before showing it.
type ScriptError struct {
	Message   string // the error object if it is a string or a number, else a description
	Value     any    // the error object if it is a boolean, number or string; of a small table a map[string]any of such fields; else nil
	Traceback string // the stack where it was raised
	Chunk     string // where it was raised: the source's name, "" if not in Lua code
	Line      int    // and the line, from 1; 0 if not known
	Err       error  // what caused it, if that was a limit a script can catch, or a host function
}

// Error returns the message.
func (e *ScriptError) Error() string { return e.Message }

// Unwrap returns the cause, or nil: a [*limits.Error] for a stack overflow or a
// string too long, a [*HostError] for a host function's failure.
func (e *ScriptError) Unwrap() error { return e.Err }

// HostError is a failure of the host's own code, as a script and a player may
// know of it: that it happened. The detail is in Config.Logger, under the ID.
type HostError struct {
	ID       string // of the log's record; counted from 1 in each sandbox
	Function string // the host function, or "print"
}

// Error names the function and the ID.
func (e *HostError) Error() string { return fmt.Sprintf("host error [%s]", e.ID) }

// InternalError is a bug of the sandbox's own, caught before it could do harm: a
// Go panic outside any host function. The sandbox is dead; every later call
// returns the same error. The detail is in Config.Logger, under the ID.
type InternalError struct {
	ID string
}

// Error gives the ID and nothing else.
func (e *InternalError) Error() string {
	return fmt.Sprintf("internal error of the sandbox [%s]", e.ID)
}

// ConfigError is a Config that [New] cannot use.
type ConfigError struct {
	Field string // of Config: "Limits", "Grants"
	Err   error  // what is wrong; for Limits one [*limits.FieldError] for each bad field
}

// Error names the field and what is wrong.
func (e *ConfigError) Error() string { return fmt.Sprintf("config: %s: %v", e.Field, e.Err) }

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

// PathError is a path of globals, such as "hooks.tick", that does not lead to
// what was wanted.
type PathError struct {
	Path  string // as given
	At    string // the part of it up to what is wrong
	Found string // the Lua type of what is there, "nil" for nothing; "" if Path is malformed
	Want  string // what would be right
}

// Error names the path, what is there and what would be right.
func (e *PathError) Error() string {
	switch {
	case e.Found == "":
		return fmt.Sprintf("global path %q: want %s", e.Path, e.Want)
	case e.At != e.Path:
		return fmt.Sprintf("global %q: %q is a %s value, want %s", e.Path, e.At, e.Found, e.Want)
	}
	return fmt.Sprintf("global %q is a %s value, want %s", e.Path, e.Found, e.Want)
}

// ArgumentError is a Go value that the host passed and that cannot become a Lua
// value.
type ArgumentError struct {
	Function string // what was called
	Index    int    // which argument, from 1
	Err      error  // why not
}

// Error names the function, the argument and the reason.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("argument %d of %s: %v", e.Index, e.Function, e.Err)
}

// Unwrap returns the reason.
func (e *ArgumentError) Unwrap() error { return e.Err }

// ResultError is a Lua value that cannot become a Go value, or not the one that
// [Results.Scan] was asked for.
type ResultError struct {
	Index int   // which result, from 1
	Err   error // why not
}

// Error names the result and the reason.
func (e *ResultError) Error() string { return fmt.Sprintf("result %d: %v", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *ResultError) Unwrap() error { return e.Err }
