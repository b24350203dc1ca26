package hardlinks

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestCount(t *testing.T) {
	if runtime.GOOS == "plan9" || runtime.GOOS == "js" {
		t.Skip("the system does not tell")
	}
	path := filepath.Join(t.TempDir(), "one")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for want := uint64(1); want < 4; want++ {
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := Count(file, info); n != want || err != nil {
			t.Errorf("%d names, %v; want %d", n, err, want)
		}
		if err := os.Link(path, path+string(rune('a'+want))); err != nil {
			t.Skip(err)
		}
	}
}
