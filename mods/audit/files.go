package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// archived returns the files of the log at path that were put away, oldest first,
// and the number of the last.
func archived(path string) (names []string, last int, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, 0, err
	}
	var numbers []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 && archiveSuffix(n) == "."+digits {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		names = append(names, path+archiveSuffix(n))
		last = n
	}
	return names, last, nil
}

func archiveSuffix(n int) string { return fmt.Sprintf(".%06d", n) }

// rotate puts the file away and begins a new one. If that fails the log goes on
// in the old one, for a while. l.headMu and l.mu are held.
func (l *Log) rotate() {
	if err := l.tryRotate(); err != nil {
		_ = l.fail(err) // Err tells
		l.rotateAt = max(l.rotateAt, l.size+max(1, l.opts.MaxSize/4))
	}
}

func (l *Log) tryRotate() error {
	if l.torn {
		if err := l.f.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	// From here on the head is the last line of the file that is put away: so Open
	// knows what was under way if this is as far as it gets.
	if err := l.f.Sync(); err != nil {
		return err
	}
	if err := writeHead(l.path, l.seq, l.hash, l.size); err != nil {
		return err
	}
	l.headSeq = l.seq
	names, last, err := archived(l.path)
	if err != nil {
		return err
	}
	away := l.path + archiveSuffix(last+1)
	old := l.position()
	if err := l.f.Close(); err != nil {
		return errors.Join(err, l.reopen(old))
	}
	if err := os.Rename(l.path, away); err != nil {
		return errors.Join(err, l.reopen(old))
	}
	if err := l.newFile(); err != nil {
		return errors.Join(err, os.Rename(away, l.path), l.reopen(old))
	}
	err = syncDir(filepath.Dir(l.path))
	if l.opts.Keep > 0 && len(names)+1 > l.opts.Keep {
		for _, name := range names[:len(names)+1-l.opts.Keep] {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// reopen goes on in the file that was closed to be put away and was not.
func (l *Log) reopen(old *position) error {
	f, err := os.OpenFile(l.path, os.O_RDWR, filePerm)
	if err != nil {
		return err // the file of old is closed: every Append fails, and says so
	}
	l.setFile(f, old.size, old.lines)
	return nil
}

// VerifyFile checks the log at path: the files that were put away which are
// there, oldest first, and the file itself, against the head file beside it, or
// against head if that is not nil. It can be called while the log is written,
// as long as no file is put away meanwhile.
//
// The error is a [*VerifyError], or that of a file that cannot be read. A log
// without a head file and without head is one: nobody can say whether lines
// are missing at its end.
func VerifyFile(path string, head *Head) (Summary, error) {
	return VerifyFileProgress(path, head, nil)
}

// VerifyFileProgress is [VerifyFile], and calls progress, if it is not nil, after
// every line with the number of bytes that are checked. An error of it ends the
// check, and is returned.
func VerifyFileProgress(path string, head *Head, progress func(bytes int64) error) (Summary, error) {
	v := newVerifier(head)
	v.progress = progress
	return v.log(path, head)
}

// ReadFile is [VerifyFile], and calls each for every line, once that and all before it
// have been found to be as they were written. An error of it ends the reading, and is
// returned. What was read before a *VerifyError is not less true for it.
func ReadFile(path string, head *Head, each func(Line) error) (Summary, error) {
	v := newVerifier(head)
	v.each = each
	return v.log(path, head)
}

// log follows the chain through the files of the log at path.
func (v *verifier) log(path string, head *Head) (Summary, error) {
	if head == nil {
		h, err := readHead(path)
		switch {
		case err != nil:
			return v.summary(), err
		case h == nil:
			if _, err := os.Stat(path); err != nil {
				return v.summary(), err
			}
			return v.summary(), &VerifyError{Path: path + headSuffix, Reason: HeadMissing, Want: "a head file beside the log, or a head that was kept elsewhere"}
		case h.Seq > 0:
			v.head, v.met = &h.Head, false
		}
	}
	names, _, err := archived(path)
	if err != nil {
		return v.summary(), err
	}
	for _, name := range append(names, path) {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return v.summary(), &VerifyError{Path: name, Reason: FileMissing, Want: "the log"}
		} else if err != nil {
			return v.summary(), err
		}
		err = v.file(name, f)
		_ = f.Close() // it was only read
		if err != nil {
			return v.summary(), err
		}
	}
	return v.summary(), v.end()
}
