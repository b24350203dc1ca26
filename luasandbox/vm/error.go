package vm

import (
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/limits"
)

// Error is a Lua error: any value that a script raised, or a message of the
// machine's own. A script can catch it.
type Error struct {
	Value     Value  // the error object
	Traceback string // the stack where it was raised, if nothing caught it
	Chunk     string // the chunk and line of the script's function that raised it, or called
	Line      int    // the native function that did; "" and 0 if there is none
	Err       error  // what caused it, where that was a limit (stack overflow, a string too long) or the host
	own       bool   // made by the machine for one error, and so written by it
}

// Error returns the message of an error object that is a string or a number,
// and a description of any other.
func (e *Error) Error() string { return describe(e.Value) }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

func describe(v Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if f, ok := v.AsNumber(); ok {
		return FormatNumber(f)
	}
	if v.IsNil() {
		return "nil"
	}
	return "(error object is a " + v.Kind().String() + " value)"
}

// message is an error that gets its place when it is raised: in front of it if
// Lua code raised it, none if a native function did (luaG_runerror).
type message struct {
	text  string
	cause error
}

func newMessage(text string) error { return &message{text: text} }

func messagef(format string, args ...any) error { return &message{text: fmt.Sprintf(format, args...)} }

func (m *message) Error() string { return m.text }
func (m *message) Unwrap() error { return m.cause }

// SyntaxError is source text that is not a program.
type SyntaxError struct {
	Chunk   string // the chunk's name as messages show it
	Line    int    // from 1
	Column  int    // in bytes, from 1; 0 if not known
	Near    string // the offending token as written, shortened; "<eof>" at the end
	Message string // what is wrong
	Err     error  // the limit, if that is what is wrong
}

// Error is formatted as C Lua's: chunk:line: message near 'token'.
func (e *SyntaxError) Error() string {
	if e.Near == "" {
		return fmt.Sprintf("%s:%d: %s", e.Chunk, e.Line, e.Message)
	}
	return fmt.Sprintf("%s:%d: %s near '%s'", e.Chunk, e.Line, e.Message, e.Near)
}

// Unwrap returns the limit that the source passed, or nil.
func (e *SyntaxError) Unwrap() error { return e.Err }

// InternalError is a bug of the machine's own or of a native function: a Go
// panic, caught at the border. The machine is dead afterwards. Detail is for
// the host's log and must not reach a script or a player.
type InternalError struct {
	Detail string
	Stack  []byte
}

func (e *InternalError) Error() string { return "internal error of the sandbox" }

// fatal reports whether err ends the call whatever a script does about it.
func fatal(err error) bool {
	switch err.(type) {
	case *Error, *message:
		return false
	}
	var limit *limits.Error
	var cancelled *limits.CancelledError
	var internal *InternalError
	return errors.As(err, &limit) || errors.As(err, &cancelled) || errors.As(err, &internal)
}
