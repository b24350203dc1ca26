package audit

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
)

// Options of a log. The zero value is for most.
type Options struct {
	// MaxSize is the number of bytes at which a file is put away and the log goes on
	// in a new one. A file holds one record at least. 0: there is one file, without
	// a bound.
	MaxSize int64
	// Keep is the number of files that were put away which are kept; older ones are
	// removed. 0: all.
	Keep int
	// SyncEvery is the number of records after which the log is synced, as by
	// [Log.Sync]. 0 is 256: in the background. 1: before each Append returns. Below
	// zero: never of its own accord, but when a file is put away and by Close.
	SyncEvery int
	// Now is the wall clock for the log's own records. Default time.Now.
	Now func() time.Time

	// wrap stands between the log and a file, for tests.
	wrap func(file) file
}

// file is what of an os.File a log writes through.
type file interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// Log is an audit log that is open for writing. Its methods can be called by any
// goroutine.
type Log struct {
	path string
	opts Options
	lock io.Closer
	wake chan struct{} // asks for a sync in the background; nil if there is none
	done chan struct{} // closed when the background has ended

	// headMu is held while the head is written and while a file is put away. Where
	// both are, it is taken before mu.
	headMu  sync.Mutex
	headSeq uint64

	mu       sync.Mutex
	closed   bool
	f        file
	size     int64 // of whole lines in f
	torn     bool  // there may be more in f
	lines    int64 // in f
	rotateAt int64
	seq      uint64 // of the last line
	hash     hash   // of the last line
	lost     int64  // records that were not written since the last that was
	unsynced int    // records since the last that asked for a sync
	failed   error  // see Err
	sum      *summer
	buf      []byte
}

// SyncError tells that records that were written are not known to be on the disk,
// or that a file could not be put away.
type SyncError struct {
	Path string
	Err  error
}

// Error says why.
func (e *SyncError) Error() string {
	return fmt.Sprintf("audit log %s: not made durable: %v", e.Path, e.Err)
}

// Unwrap returns why.
func (e *SyncError) Unwrap() error { return e.Err }

// Append adds a record. When it returns nil the record is with the operating
// system: the end of this process does not lose it, the end of the system may,
// up to the next sync.
//
// The error is [ErrClosed]; a [*RecordError] if the record is not one; a
// [*WriteError] if the record was not written, say because the disk is full: the
// log is as if Append had not been called, and the next record that is written
// has one before it that tells how many were lost; a [*SyncError] if SyncEvery is
// 1 and the record was written but not synced.
func (l *Log) Append(r Record) error {
	switch {
	case r.Kind == "":
		return &RecordError{"Kind", "what happened"}
	case strings.HasPrefix(r.Kind, ownKind):
		return &RecordError{"Kind", "one that does not begin with " + ownKind}
	}
	rec := newLine(r)
	l.mu.Lock()
	err := l.add(&rec, false)
	if errors.Is(err, errFull) {
		l.mu.Unlock()
		l.headMu.Lock()
		l.mu.Lock()
		// Another may have put the file away, or closed the log, in between.
		if err = l.add(&rec, false); errors.Is(err, errFull) {
			l.rotate()
			err = l.add(&rec, true)
		}
		l.headMu.Unlock()
	}
	syncNow := err == nil && l.opts.SyncEvery == 1
	l.mu.Unlock()
	if syncNow {
		return l.Sync()
	}
	return err
}

// errFull says that the file has to be put away before more is written.
var errFull = errors.New("full")

// add writes one record, and before it how many were lost; unless the file would
// be too large then, and is not over what it may be in any case. l.mu is held.
func (l *Log) add(rec *line, inAnyCase bool) error {
	if l.closed {
		return ErrClosed
	}
	w := l.begin()
	if l.lost > 0 {
		w.add(&line{time: l.timestamp(), sim: rec.sim, kind: lostKind, attrs: []attr{{countKey, l.lost}}})
	}
	w.add(rec)
	if !inAnyCase && l.lines > 1 && l.size+int64(len(w.buf)) > l.rotateAt {
		return errFull
	}
	if err := w.commit(); err != nil {
		l.lost++
		return &WriteError{l.path, l.lost, err}
	}
	l.lost = 0
	l.unsynced++
	if l.wake != nil && l.unsynced >= l.opts.SyncEvery {
		select {
		case l.wake <- struct{}{}:
			l.unsynced = 0
		default: // it has been asked already
		}
	}
	return nil
}

func (l *Log) timestamp() string { return timestamp(l.opts.Now()) }

// batch is lines that are written together or not at all.
type batch struct {
	l     *Log
	buf   []byte
	seq   uint64
	hash  hash
	lines int64
}

func (l *Log) begin() batch { return batch{l: l, buf: l.buf[:0], seq: l.seq, hash: l.hash} }

// add gives a line its number and its hash.
func (w *batch) add(rec *line) {
	w.seq++
	rec.seq = w.seq
	start := len(w.buf)
	w.buf = rec.append(w.buf)
	w.hash = w.hash.next(w.l.sum, w.buf[start:])
	w.buf = append(w.buf, hashField...)
	w.buf = appendHex(w.buf, w.hash)
	w.buf = append(w.buf, hashEnd+"\n"...)
	w.lines++
}

// commit writes the lines behind the last whole one. If it fails the chain is
// where it was.
func (w *batch) commit() error {
	l := w.l
	l.buf = w.buf
	if cap(l.buf) > maxLine {
		l.buf = nil
	}
	if l.torn {
		if err := l.f.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	if _, err := l.f.WriteAt(w.buf, l.size); err != nil {
		l.torn = l.f.Truncate(l.size) != nil
		return err
	}
	l.size += int64(len(w.buf))
	l.lines += w.lines
	l.seq, l.hash = w.seq, w.hash
	return nil
}

// Head returns the last line that was written: the anchor to be kept where the
// log's writer cannot change it.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Head{l.seq, l.hash.String()}
}

// Err returns the first error of what the log did by itself since it was opened:
// a sync in the background, or a file that could not be put away and goes on
// growing. It is a [*SyncError], or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// fail remembers an error for Err. l.mu is held.
func (l *Log) fail(err error) error {
	if err == nil {
		return nil
	}
	err = &SyncError{l.path, err}
	if l.failed == nil {
		l.failed = err
	}
	return err
}

// Sync makes what was written durable: the log first, then the head file, so
// that the head is never ahead of the log. Records are appended meanwhile. The
// error is [ErrClosed] or a [*SyncError].
func (l *Log) Sync() error {
	l.headMu.Lock()
	defer l.headMu.Unlock()
	return l.syncHead(false)
}

// syncHead is Sync. l.headMu is held.
func (l *Log) syncHead(closing bool) error {
	l.mu.Lock()
	if l.closed && !closing {
		l.mu.Unlock()
		return ErrClosed
	}
	f, seq, last, size := l.f, l.seq, l.hash, l.size
	l.mu.Unlock()
	if seq == l.headSeq {
		return nil
	}
	err := f.Sync()
	if err == nil {
		err = writeHead(l.path, seq, last, size)
	}
	if err == nil {
		l.headSeq = seq
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail(err)
}

// background syncs when it is asked to.
func (l *Log) background() {
	defer close(l.done)
	for range l.wake {
		_ = l.Sync() // Err tells
	}
}

// Close syncs the log and gives it free for another to open. Further calls
// return [ErrClosed]. The log is closed whatever the error, which is a
// [*SyncError].
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	if l.wake != nil {
		close(l.wake)
	}
	l.mu.Unlock()
	if l.wake != nil {
		<-l.done
	}
	l.headMu.Lock()
	defer l.headMu.Unlock()
	err := l.syncHead(true)
	if other := errors.Join(l.f.Close(), l.lock.Close()); err == nil && other != nil {
		err = &SyncError{l.path, other}
	}
	return err
}

// beginLine is the first line of a file that goes on behind a hash.
func (l *Log) beginLine(previous hash) *line {
	return &line{time: l.timestamp(), kind: beginKind, attrs: []attr{{formatKey, format}, {previousKey, previous.String()}}}
}

// newFile begins a file of the log, which must not be there. l.mu is held, or
// nobody else has l.
func (l *Log) newFile() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return err
	}
	old := *l.position()
	l.setFile(f, 0, 0)
	w := l.begin()
	w.add(l.beginLine(l.hash))
	if err := w.commit(); err != nil {
		err = errors.Join(err, l.f.Close(), os.Remove(l.path))
		l.setPosition(&old)
		return err
	}
	return nil
}

// position is where the log is in its file.
type position struct {
	f                     file
	size, lines, rotateAt int64
	torn                  bool
}

func (l *Log) position() *position { return &position{l.f, l.size, l.lines, l.rotateAt, l.torn} }

func (l *Log) setPosition(p *position) {
	l.f, l.size, l.lines, l.rotateAt, l.torn = p.f, p.size, p.lines, p.rotateAt, p.torn
}

// setFile lets the log go on in f, behind so much.
func (l *Log) setFile(f *os.File, size, lines int64) {
	l.f = f
	if l.opts.wrap != nil {
		l.f = l.opts.wrap(f)
	}
	l.size, l.lines, l.torn = size, lines, false
	l.rotateAt = l.opts.MaxSize
	if l.opts.MaxSize <= 0 {
		l.rotateAt = math.MaxInt64
	}
}
