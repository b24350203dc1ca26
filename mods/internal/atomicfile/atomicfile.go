// Package atomicfile replaces a file so that a reader, and a machine that crashes at
// any moment, finds the old content or the new, never a mixture and never nothing.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Step is a step of [Write], in the order in which they are taken.
type Step string

// The steps. Up to Rename the old file stands; from then on the new one does.
const (
	Create     Step = "create"      // a temporary file in the same folder
	Fill       Step = "write"       // the data, into it
	Sync       Step = "sync"        // of its content
	Close      Step = "close"       // it
	Rename     Step = "rename"      // it to its name
	SyncFolder Step = "sync folder" // so that the new name outlives a crash
)

// Steps returns all steps, in their order.
func Steps() []Step { return []Step{Create, Fill, Sync, Close, Rename, SyncFolder} }

// Error is a file that was not replaced, or may not outlive a crash.
type Error struct {
	Path string
	Step Step // that failed
	Err  error
}

// Error names the file and the step.
func (e *Error) Error() string {
	if e.Replaced() {
		return fmt.Sprintf("%s: written, but may be lost in a crash: %s: %v", e.Path, e.Step, e.Err)
	}
	return fmt.Sprintf("%s: not written: %s: %v", e.Path, e.Step, e.Err)
}

// Unwrap returns what the system said.
func (e *Error) Unwrap() error { return e.Err }

// Replaced reports whether the new content is in place all the same.
func (e *Error) Replaced() bool { return e.Step == SyncFolder }

// fault, if set, is asked after each step.
var fault atomic.Pointer[func(path string, done Step) error]

// InjectFault makes every Write, of the whole process, call f after each step that
// went well, until restore is called. It is for tests: an error from f is taken for
// one of that step; a panic, or the end of the process, leaves the disk as it is at
// that moment, as a crash does. f is called on the goroutine of Write, and looks at
// the path to tell files of its test from others.
func InjectFault(f func(path string, done Step) error) (restore func()) {
	old := fault.Swap(&f)
	return func() { fault.Store(old) }
}

// Write puts data into the file at path, which is made, or replaced, as a whole. The
// new file has the mode, less what the process's umask takes away. A symbolic link at
// path is replaced by a file, and not followed.
//
// Several processes and goroutines may write to one path at the same time: one of
// their contents stays, whole. A crash can leave a temporary file behind, for which
// [Leftover] is true; nothing reads it, and it does no harm.
//
// The error is an [*Error]. The old file stands then, unless Replaced says otherwise.
func Write(path string, data []byte, mode fs.FileMode) error {
	return write(system{}, path, data, mode)
}

// WriteIn is [Write] inside a folder that is open: name is a path in root, with
// slashes. No symbolic link is followed out of root, wherever in name it stands.
func WriteIn(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	return write(root, filepath.FromSlash(name), data, mode)
}

// place is where files are written: a [*os.Root], or all of the file system.
type place interface {
	OpenFile(name string, flag int, mode fs.FileMode) (*os.File, error)
	Rename(from, to string) error
	Remove(name string) error
}

// system is all of the file system.
type system struct{}

func (system) OpenFile(name string, flag int, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, mode)
}
func (system) Rename(from, to string) error { return os.Rename(from, to) }
func (system) Remove(name string) error     { return os.Remove(name) }

func write(in place, path string, data []byte, mode fs.FileMode) error {
	folder, base := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	temporary := filepath.Join(folder, prefix+shortened(base)+"."+rand.Text()+suffix)
	w := writer{path: path}
	var file *os.File
	w.step(Create, func() (err error) {
		file, err = in.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm())
		return err
	})
	if file == nil {
		return w.err
	}
	w.step(Fill, func() error { _, err := file.Write(data); return err })
	w.step(Sync, file.Sync)
	w.step(Close, file.Close)
	w.step(Rename, func() error { return in.Rename(temporary, path) })
	if w.renamed {
		w.step(SyncFolder, func() error { return syncFolder(in, folder) })
	}
	if w.err == nil {
		return nil // and not a nil *Error
	}
	_ = file.Close() // a second time does no harm
	if !w.renamed {
		_ = in.Remove(temporary) // what went wrong is told; this one is only in the way
	}
	return w.err
}

// writer takes steps until one goes wrong.
type writer struct {
	path    string
	renamed bool
	err     error
}

func (w *writer) step(step Step, do func() error) {
	if w.err != nil {
		return
	}
	err := do()
	if err == nil {
		w.renamed = w.renamed || step == Rename
		if f := fault.Load(); f != nil {
			err = (*f)(w.path, step)
		}
	}
	if err == nil {
		return
	}
	if step == Rename && w.renamed {
		step = SyncFolder // the new file is there, and its folder was not synced
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // the path of a file that is gone helps nobody
	} else if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	w.err = &Error{Path: w.path, Step: step, Err: err}
}

const (
	prefix = "."
	suffix = ".tmp"
)

// Leftover reports whether a file name is one that Write gives to temporary files.
func Leftover(name string) bool {
	inner, begins := strings.CutPrefix(name, prefix)
	inner, ends := strings.CutSuffix(inner, suffix)
	_, token, dotted := cutLast(inner, ".")
	return begins && ends && dotted && len(token) == len(rand.Text()) && strings.Trim(token, tokenLetters) == ""
}

// tokenLetters are those of [rand.Text].
const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// shortened keeps the temporary name within the 255 bytes of a file name.
func shortened(base string) string { return base[:min(len(base), 200)] }
