package files

import (
	"errors"
	"io/fs"
	"testing"
)

// Whoever is granted a mod's files has the same folder, with the limits of the
// newest grant; it is closed with the last.
func TestShelf(t *testing.T) {
	s := &shelf{dir: t.TempDir(), boxes: map[string]*box{}}
	open := func(bytes int64) (*box, func()) {
		t.Helper()
		limits, err := Limits{Bytes: bytes}.resolve()
		if err != nil {
			t.Fatal(err)
		}
		b, release, err := s.open("sheep", limits)
		if err != nil {
			t.Fatal(err)
		}
		return b, release
	}
	wantMost := func(b *box, want int64) {
		t.Helper()
		if u, err := b.folder.Usage(); err != nil || u.MaxBytes != want {
			t.Errorf("%d bytes, %v; want %d", u.MaxBytes, err, want)
		}
	}
	first, releaseFirst := open(1)
	wantMost(first, 1)
	second, releaseSecond := open(2)
	third, releaseThird := open(3)
	if first != second || second != third {
		t.Fatal("one mod has several folders")
	}
	wantMost(first, 3)
	releaseFirst()
	wantMost(first, 3)
	releaseThird()
	wantMost(first, 2)
	releaseSecond()
	releaseSecond() // nothing more happens
	if _, err := first.folder.Usage(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the folder is still open: %v", err)
	}
	if len(s.boxes) != 0 {
		t.Errorf("%d folders are kept", len(s.boxes))
	}
	again, release := open(4)
	defer release()
	wantMost(again, 4)
	releaseSecond() // of the folder before
	wantMost(again, 4)
}
