package audit

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

var (
	errNoRoom = errors.New("no room")
	errDisk   = errors.New("input/output error")
)

// faulty is a file on a disk that fails.
type faulty struct {
	file
	*faults
}

type faults struct {
	room     int // bytes until the disk is full; below zero: no end
	truncate bool
	sync     bool
}

func (f faulty) WriteAt(p []byte, at int64) (int, error) {
	if f.room < 0 || len(p) <= f.room {
		if f.room >= 0 {
			f.room -= len(p)
		}
		return f.file.WriteAt(p, at)
	}
	n, _ := f.file.WriteAt(p[:f.room], at)
	return n, errNoRoom
}

func (f faulty) Truncate(size int64) error {
	if f.faults.truncate {
		return errDisk
	}
	return f.file.Truncate(size)
}

func (f faulty) Sync() error {
	if f.faults.sync {
		return errDisk
	}
	return f.file.Sync()
}

// TestFullDisk lets the disk be full at every byte of a record, with and without
// the rest of it staying on the disk, and then have room again.
func TestFullDisk(t *testing.T) {
	path := written(t, 1, testOptions)
	text := read(t, path)
	size := strings.LastIndexByte(text[:len(text)-1], '\n')
	for room := 0; room < len(text)-size; room += 13 {
		for _, truncate := range []bool{false, true} {
			d := &faults{room: -1}
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			opts := testOptions
			opts.wrap = func(f file) file { return faulty{f, d} }
			l := openLog(t, path, opts)
			add(t, l, 0, 2)
			whole := read(t, path)
			d.room, d.truncate = room, truncate
			for i := range int64(3) {
				err := l.Append(record(2))
				lost, ok := errors.AsType[*WriteError](err)
				if !ok || lost.Lost != i+1 || !truncate && !errors.Is(err, errNoRoom) {
					t.Fatalf("room %d: %v", room, err)
				}
				d.room = 0
			}
			if got := read(t, path); !strings.HasPrefix(got, whole) || !truncate && got != whole {
				t.Fatalf("room %d: what was there is lost, or a torn line remains", room)
			}
			d.room, d.truncate = -1, false
			add(t, l, 3, 2)
			closeLog(t, l)
			if s := verified(t, path); s.Lost != 3 || s.Kinds["grant"] != 4 || s.Kinds[lostKind] != 1 || s.Last != 6 {
				t.Fatalf("room %d: %+v", room, s)
			}
		}
	}
}

// TestLongTornLine leaves more of a line on the disk than the next write covers.
func TestLongTornLine(t *testing.T) {
	d := &faults{room: -1}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	opts := testOptions
	opts.wrap = func(f file) file { return faulty{f, d} }
	l := openLog(t, path, opts)
	long := record(0)
	for i := range 8 {
		long.Attrs = append(long.Attrs, slog.String(fmt.Sprint(i), strings.Repeat("x", maxText)))
	}
	d.room, d.truncate = 8*maxText, true
	if err := l.Append(long); !errors.Is(err, errNoRoom) {
		t.Fatal(err)
	}
	d.room, d.truncate = -1, false
	add(t, l, 0, 1)
	closeLog(t, l)
	if s := verified(t, path); s.Lost != 1 || s.Kinds["grant"] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFailedSync shows who learns of it.
func TestFailedSync(t *testing.T) {
	d := &faults{room: -1}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	opts := testOptions
	opts.SyncEvery = 1
	opts.wrap = func(f file) file { return faulty{f, d} }
	l := openLog(t, path, opts)
	d.sync = true
	err := l.Append(record(0))
	if _, ok := errors.AsType[*SyncError](err); !ok || !errors.Is(err, errDisk) {
		t.Errorf("Append: %v", err)
	}
	if h, err := readHead(path); err != nil || h.Seq != 1 {
		t.Errorf("the head is ahead of what is on the disk: %+v, %v", h, err)
	}
	if !errors.Is(l.Err(), errDisk) {
		t.Errorf("Err: %v", l.Err())
	}
	if err := l.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v", err)
	}
	if s := verified(t, path); s.Ahead != 1 {
		t.Errorf("%+v", s)
	}
}
