package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRotation puts files away, and goes on behind them.
func TestRotation(t *testing.T) {
	path := written(t, 100, Options{SyncEvery: -1, MaxSize: 4 << 10})
	names, last, err := archived(path)
	if err != nil || len(names) < 4 || last != len(names) {
		t.Fatalf("%q, %d, %v", names, last, err)
	}
	for _, name := range append(names, path) {
		if info, err := os.Stat(name); err != nil || info.Size() > 4<<10 {
			t.Errorf("%s: %d bytes, %v", name, info.Size(), err)
		}
		// Each is a log by itself.
		if _, err := Verify(strings.NewReader(read(t, name)), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := verified(t, path)
	if s.Files != len(names)+1 || s.Kinds["grant"] != 100 || s.Kinds[beginKind] != int64(s.Files) || s.First != 1 {
		t.Errorf("%+v", s)
	}
	// A head that was kept is found in whatever file it is.
	for _, name := range append(names, path) {
		one, err := Verify(strings.NewReader(read(t, name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, head := range []Head{{one.Last, one.Hash}, {0, one.Hash}} {
			if s, err := VerifyFile(path, &head); err != nil || s.Ahead != int64(s.Last-one.Last) {
				t.Errorf("head of %s: %+v, %v", name, s, err)
			}
		}
	}
	// A file in the middle is gone, or two have changed places.
	middle := read(t, names[1])
	if err := os.Remove(names[1]); err != nil {
		t.Fatal(err)
	}
	wantReason(t, path, Sequence)
	write(t, names[1], read(t, names[2]))
	write(t, names[2], middle)
	wantReason(t, path, Sequence)

	// Records that are larger than a file may be are alone in theirs.
	path = written(t, 5, Options{SyncEvery: -1, MaxSize: 1})
	if s := verified(t, path); s.Files != 5 || s.Kinds["grant"] != 5 {
		t.Errorf("%+v", s)
	}
	// Old ones are removed where that is asked for.
	path = written(t, 100, Options{SyncEvery: -1, MaxSize: 4 << 10, Keep: 2})
	kept := verified(t, path)
	if kept.Files != 3 || kept.First == 1 || kept.Last < 101 {
		t.Errorf("%+v", kept)
	}
	// A head from before what was kept is not there; the one right before is.
	for seq, want := range map[uint64]Reason{kept.First - 2: NoBegin, kept.First - 1: "", kept.Last + 1: Truncated} {
		_, err := VerifyFile(path, &Head{seq, kept.Previous})
		if wrong, ok := errors.AsType[*VerifyError](err); ok && wrong.Reason != want || !ok && (want != "" || err != nil) {
			t.Errorf("head %d of %d to %d: %v, want %q", seq, kept.First, kept.Last, err, want)
		}
	}
}

// TestFailedRotation goes on in the file that could not be put away.
func TestFailedRotation(t *testing.T) {
	d := &faults{room: -1}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	opts := testOptions
	opts.MaxSize = 2 << 10
	files := 0
	opts.wrap = func(f file) file {
		files++
		if files == 2 { // the second file, which cannot be begun
			return faulty{f, &faults{room: 10}}
		}
		return faulty{f, d}
	}
	l := openLog(t, path, opts)
	add(t, l, 0, 60)
	if !errors.Is(l.Err(), errNoRoom) {
		t.Errorf("Err: %v", l.Err())
	}
	closeLog(t, l)
	if s := verified(t, path); s.Kinds["grant"] != 60 || s.Files < 3 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	if files < 5 {
		t.Errorf("%d files: nothing failed", files)
	}

	d.sync = true
	l = openLog(t, path, Options{SyncEvery: -1, MaxSize: 2 << 10, wrap: func(f file) file { return faulty{f, d} }})
	add(t, l, 0, 60)
	if !errors.Is(l.Err(), errDisk) {
		t.Errorf("Err: %v", l.Err())
	}
	d.sync = false
	closeLog(t, l)
	if s := verified(t, path); s.Kinds["grant"] != 120 {
		t.Errorf("%+v", s)
	}
}

// TestRotationCrash leaves a log as it is at each step of putting a file away,
// and opens it.
func TestRotationCrash(t *testing.T) {
	path := written(t, 10, testOptions)
	text, head := read(t, path), read(t, path+headSuffix)
	for name, crash := range map[string]func(path string){
		"the file is renamed":    func(path string) {},
		"a new one is made":      func(path string) { write(t, path, "") },
		"its first line is torn": func(path string) { write(t, path, `{"seq":12,"time":"20`) },
		"the head is not there yet": func(path string) {
			l := &Log{path: path, opts: Options{Now: fixed}, sum: newSummer(), seq: 11}
			l.hash, _ = parseHash(verifiedText(t, text).Hash)
			if err := errors.Join(l.newFile(), l.f.Close()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		write(t, path+archiveSuffix(1), text)
		write(t, path+headSuffix, head)
		crash(path)
		l := openLog(t, path, testOptions)
		add(t, l, 10, 3)
		closeLog(t, l)
		s := verified(t, path)
		torn := int64(strings.Count(name, "torn"))
		if s.Files != 2 || s.Kinds["grant"] != 13 || s.Repaired != torn {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestRotationCrashAsItIs takes the files at the worst moment of a real run, when
// the file is renamed and the new one has no line, and opens them.
func TestRotationCrashAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var copies []string
	l := openLog(t, path, Options{SyncEvery: -1, MaxSize: 2 << 10, wrap: func(f file) file {
		if _, err := os.Stat(path + archiveSuffix(1)); err == nil {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(path))); err != nil {
				t.Error(err)
			}
			_ = os.Remove(filepath.Join(dir, "audit.jsonl.lock"))
			copies = append(copies, filepath.Join(dir, "audit.jsonl"))
		}
		return f
	}})
	add(t, l, 0, 30)
	for i, path := range copies {
		l := openLog(t, path, testOptions)
		add(t, l, 0, 1)
		closeLog(t, l)
		if s := verified(t, path); s.Files != i+2 || s.Ahead != 0 {
			t.Errorf("%+v", s)
		}
	}
	if len(copies) < 3 {
		t.Errorf("%d files were put away", len(copies))
	}
}
