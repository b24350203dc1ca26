package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// refusal says why nothing was run. It becomes status 4.
type refusal struct {
	What   string // the path, as the person wrote it
	Reason string // what is wrong
	Want   string // what would be right
	Err    error  // the cause, may be nil
}

// Error is the message on one line.
func (r *refusal) Error() string {
	return r.What + ": " + r.reason()
}

// reason is the message without What.
func (r *refusal) reason() string {
	if r.Want == "" {
		return r.Reason
	}
	return r.Reason + "; want " + r.Want
}

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.Err }

const luaFileWanted = "a file of Lua source text, or - for standard input"

// readSource reads a Lua file, or standard input for "-", of at most
// l.Source bytes: no more than one byte beyond is ever read. It never waits for
// a pipe or a device. want says what would be right, in a *refusal.
//
// The errors: *refusal; *limits.Error of kind Source; *limits.CancelledError
// if ctx ended while standard input was waited for.
func readSource(ctx context.Context, path, want string, stdin io.Reader, l limits.Limits) (string, error) {
	if path == "-" {
		return readInput(ctx, want, stdin, l)
	}
	file, err := openRegular(path, want)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", unreadable(path, want, err)
	}
	if err := l.Check(limits.Source, info.Size()); err != nil {
		return "", err
	}
	return readBounded(path, want, file, l)
}

// openRegular opens a regular file for reading, without ever waiting.
func openRegular(path, want string) (*os.File, error) {
	if path == "" {
		return nil, &refusal{What: `""`, Reason: "the name is empty", Want: want}
	}
	// Looking first spares a device the opening, which some take as a command.
	if info, err := os.Stat(path); err != nil {
		return nil, unreadable(path, want, err)
	} else if err := regular(path, info, want); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, unreadable(path, want, err)
	}
	info, err := file.Stat()
	if err != nil {
		err = unreadable(path, want, err)
	} else {
		err = regular(path, info, want)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func regular(path string, info fs.FileInfo, want string) error {
	mode := info.Mode()
	kind := "a special file"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return &refusal{What: path, Reason: "is " + kind, Want: want}
}

// unreadable says what the operating system said, once.
func unreadable(path, want string, err error) error {
	return &refusal{What: path, Reason: bare(err).Error(), Want: want, Err: err}
}

// bare returns what the operating system said, without the operation and path
// that package os adds.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// readBounded reads all of r, unless that is more than l.Source bytes.
func readBounded(path, want string, r io.Reader, l limits.Limits) (string, error) {
	var text strings.Builder
	n, err := io.Copy(&text, io.LimitReader(r, limits.MulAdd(1, l.WithDefaults().Source, 1)))
	if err != nil {
		return "", unreadable(path, want, err)
	}
	if err := l.Check(limits.Source, n); err != nil {
		return "", err
	}
	return text.String(), nil
}

// readInput is readBounded for standard input, which may never end: it gives up
// when ctx ends. The read itself then goes on until the process ends.
func readInput(ctx context.Context, want string, stdin io.Reader, l limits.Limits) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := readBounded("standard input", want, stdin, l)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", limits.Cancelled(ctx)
	}
}

// skipFirstLine blanks a first line that begins with '#', as lua does, so that
// a script can name its interpreter. The numbers of the lines stay.
func skipFirstLine(text string) string {
	if !strings.HasPrefix(text, "#") {
		return text
	}
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		return text[end:]
	}
	return ""
}

// notText explains why a text that does not compile is not Lua source at all,
// or returns "".
func notText(text string) string {
	switch {
	case strings.HasPrefix(text, "\x1bLua"), strings.HasPrefix(text, "\x1bLJ"):
		return "this is compiled Lua (bytecode); only source text is accepted"
	case strings.HasPrefix(text, "PK\x03\x04"):
		return "this is a zip archive, not Lua source text; to run a mod: modrunner run"
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "this is UTF-16 text; save it as UTF-8"
	case strings.HasPrefix(text, "\xef\xbb\xbf"):
		return "the text begins with a byte order mark; save it as UTF-8 without one"
	}
	if at := strings.IndexByte(text, 0); at >= 0 {
		return fmt.Sprintf("this is not Lua source text: byte %d is zero", at)
	}
	return ""
}
