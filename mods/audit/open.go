package audit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Open opens the log at path for writing, or makes it, with its head file
// path.head. While it is open there is a lock file path.lock. Files are put away
// as path.000001 and so on.
//
// What is behind the head is checked; what is before was when the head was
// written, and is for [VerifyFile]. A last line that is not whole, which is what
// remains of a process that was killed, is removed, and a record of the kind
// audit.repaired says so, with the beginning of what it was.
//
// The error is a [*LockedError] if the log is open already; a [*VerifyError] if
// it is not as it was left: Open does not go on behind a gap. Move such a log
// away, with all its files, for somebody to look at, and open a new one.
func Open(path string, opts Options) (*Log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.SyncEvery == 0 {
		opts.SyncEvery = 256
	}
	held, err := lock(path + ".lock")
	if locked, ok := errors.AsType[*LockedError](err); ok {
		locked.Path = path
		return nil, locked
	} else if err != nil {
		return nil, err
	}
	l := &Log{path: path, opts: opts, lock: held, sum: newSummer()}
	if err := l.open(); err != nil {
		if l.f != nil {
			err = errors.Join(err, l.f.Close())
		}
		return nil, errors.Join(err, held.Close())
	}
	if opts.SyncEvery > 1 {
		l.wake, l.done = make(chan struct{}, 1), make(chan struct{})
		go l.background()
	}
	return l, nil
}

// open finds out where the log was left, and goes on there.
func (l *Log) open() error {
	h, err := readHead(l.path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_RDWR, filePerm)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, _, err := archived(l.path)
	if err != nil {
		return err
	}
	if h == nil {
		if f != nil || len(names) > 0 {
			closeRead(f)
			return &VerifyError{Path: l.path + headSuffix, Reason: HeadMissing, Want: "a head file beside the log"}
		}
		if err := writeHead(l.path, 0, hash{}, 0); err != nil {
			return err
		}
		h = &headFile{Head: Head{Hash: hash{}.String()}}
	}
	var torn []byte
	if f != nil {
		l.setFile(f, 0, 0)
		if torn, err = l.resume(f, h, names); err != nil {
			return err
		}
	}
	if l.lines == 0 { // no file, or not even its first line is whole
		if err := l.mayGoOn(h, names); err != nil {
			return err
		}
		if f != nil {
			l.f = nil
			if err := errors.Join(f.Close(), os.Remove(l.path)); err != nil {
				return err
			}
		}
		if err := l.newFile(); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(l.path)); err != nil {
			return err
		}
	}
	if len(torn) > 0 {
		if err := l.repaired(torn); err != nil {
			return err
		}
	}
	return l.syncHead(false)
}

func closeRead(f *os.File) {
	if f != nil {
		_ = f.Close() // nothing was written
	}
}

// mayGoOn sets the log behind the head, if a new file may begin there: if there
// was none yet, or if the last that was put away ends there.
func (l *Log) mayGoOn(h *headFile, names []string) error {
	l.seq, l.headSeq = h.Seq, h.Seq
	l.hash, _ = parseHash(h.Hash) // it was checked
	if h.Seq == 0 && len(names) == 0 {
		return nil
	}
	missing := &VerifyError{Path: l.path, Reason: FileMissing, Want: fmt.Sprintf("the log with line %d", h.Seq)}
	if h.Seq == 0 || len(names) == 0 {
		return missing
	}
	f, err := os.Open(names[len(names)-1])
	if err != nil {
		return err
	}
	defer closeRead(f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != h.Size || !lineEnds(f, h) {
		return missing
	}
	return nil
}

// resume reads what is behind the head, and sets where the log is. It returns
// what of a torn line was removed, at most so much as to recognize it.
// If l.lines is 0 after it, there was not one whole line, nor should there have
// been.
func (l *Log) resume(f *os.File, h *headFile, names []string) (torn []byte, err error) {
	first, whole, err := firstLine(f)
	if err != nil {
		return nil, err
	}
	v := newVerifier(nil)
	v.path = l.path
	start := int64(0)
	switch {
	case !whole && (h.Seq == 0 || len(names) > 0): // mayGoOn looks whether that can be
		return first, nil
	case !whole:
		return nil, &VerifyError{Path: l.path, Reason: Truncated, Want: fmt.Sprintf("the line %d", h.Seq), Got: "no line"}
	default:
		body, _, ok := splitLine(first)
		rec, parsed := line{}, false
		if ok {
			rec, parsed = parseLine(body)
		}
		if !parsed {
			return nil, &VerifyError{Path: l.path, Line: 1, Reason: Malformed, Want: "a line as the log writes it"}
		}
		if rec.seq <= h.Seq { // the head is in this file
			v.line = int64(h.Seq-rec.seq) + 1
			if info, err := f.Stat(); err != nil {
				return nil, err
			} else if info.Size() < h.Size {
				return nil, &VerifyError{Path: l.path, Reason: Truncated, Want: fmt.Sprintf("the line %d", h.Seq), Got: fmt.Sprintf("%d of %d bytes", info.Size(), h.Size)}
			}
			if !lineEnds(f, h) {
				return nil, &VerifyError{Path: l.path, Line: v.line, Reason: WrongHead, Want: h.Hash}
			}
			start = h.Size
		}
		v.started, v.seq = true, h.Seq
		v.hash, _ = parseHash(h.Hash)
	}
	err = v.lines(io.NewSectionReader(f, start, 1<<62))
	l.size, l.lines, l.seq, l.hash = start+v.s.Bytes, v.line, v.seq, v.hash
	l.headSeq = h.Seq
	if wrong, ok := errors.AsType[*VerifyError](err); ok && wrong.Reason == Torn {
		l.lines--
		torn = make([]byte, maxTorn)
		n, err := f.ReadAt(torn, l.size)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return torn[:n], nil
	}
	return nil, err
}

// maxTorn is how much of a torn line the record of its repair keeps.
const maxTorn = 256

// repaired removes what is behind the last whole line, and says so in the log.
func (l *Log) repaired(torn []byte) error {
	if err := l.f.Truncate(l.size); err != nil {
		return err
	}
	w := l.begin()
	w.add(&line{time: l.timestamp(), kind: repairKind, attrs: []attr{{"text", cut(string(torn), maxText)}}})
	return w.commit()
}

// firstLine returns the first line of a file without its end, and whether it has
// one; if not, the beginning of it.
func firstLine(f *os.File) (text []byte, whole bool, err error) {
	b := bufio.NewReaderSize(io.NewSectionReader(f, 0, maxLine), maxLine)
	text, err = b.ReadSlice('\n')
	switch {
	case err == nil:
		return bytes.Clone(text[:len(text)-1]), true, nil
	case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
		return bytes.Clone(text[:min(len(text), maxTorn)]), false, nil
	}
	return nil, false, err
}

// lineEnds reports whether the line that h names ends where h says.
func lineEnds(f io.ReaderAt, h *headFile) bool {
	start := max(0, h.Size-maxLine)
	text := make([]byte, h.Size-start)
	if _, err := f.ReadAt(text, start); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	text, ok := bytes.CutSuffix(text, []byte("\n"))
	if !ok {
		return false
	}
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	_, stated, ok := splitLine(text)
	return ok && stated.String() == h.Hash && bytes.HasPrefix(text, []byte(`{"seq":`+strconv.FormatUint(h.Seq, 10)+`,`))
}

func appendHex(b []byte, h hash) []byte { return hex.AppendEncode(b, h[:]) }
