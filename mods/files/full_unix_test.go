//go:build unix

package files_test

import (
	"fmt"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/luasandbox/modrunner/mods/files"
)

// A process that may write files of 100 KiB at most meets, in the middle of a
// larger one, what a full disk is.
func init() {
	systemTasks["full"] = func(f *files.Folder) error {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 100 << 10, Max: 100 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		text := strings.Repeat(newByte, killedSize)
		fmt.Println(f.Write("a", text))
		fmt.Println(f.Write("sub/b", text))
		fmt.Println(f.Append("a", text))
		fmt.Println(f.Write("c", "c"))
		fmt.Println(f.Usage())
		return nil
	}
}

func TestFullDisk(t *testing.T) {
	f, dir := open(t, files.Limits{})
	must(t, f.Write("a", "old"))
	must(t, f.Close())
	out, _ := childCommand(filepath.Dir(dir), "full").CombinedOutput()
	want := `cannot write "a": disk failed: file too large
cannot write "sub/b": disk failed: file too large
cannot append to "a": disk failed: file too large
<nil>
{4 16777216 2 256} <nil>
child: <nil>
`
	if string(out) != want {
		t.Errorf("the child says:\n%s\nwant:\n%s", out, want)
	}
	wantOnDisk(t, dir, "a", "c")
	f = openIn(t, filepath.Dir(dir), files.Limits{})
	wantContent(t, f, "a", "old")
	wantUsage(t, f, 4, 2)
}

// A folder that is closed while it is used is closed at the end of the use.
func TestNothingStaysOpen(t *testing.T) {
	f, dir := open(t, files.Limits{})
	f.SetHook(func(step string) {
		if step == "written" {
			must(t, f.Close())
		}
	})
	must(t, f.Write("a", "a"))
	if n := openBelow(t, dir); n != 0 {
		t.Errorf("%d files are open", n)
	}
	f = openIn(t, filepath.Dir(dir), files.Limits{})
	wantUsage(t, f, 1, 1)
	if openBelow(t, dir) == 0 {
		t.Error("a folder in use has no file open: the test proves nothing")
	}
	must(t, f.Close())
	if n := openBelow(t, dir); n != 0 {
		t.Errorf("%d files are open", n)
	}
}
