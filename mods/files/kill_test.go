package files_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/files"
)

// Processes that are killed in the middle of a write. The child is this test's
// own program; what it does is in its environment.
const (
	childDir  = "MODRUNNER_TEST_FILES_DIR"
	childTask = "MODRUNNER_TEST_FILES_TASK"
)

const (
	killedSize = 300 << 10 // several pieces
	oldByte    = "o"
	newByte    = "n"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		err := child(dir, os.Getenv(childTask))
		fmt.Println("child:", err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// systemTasks are a child's tasks that not every system has.
var systemTasks = map[string]func(*files.Folder) error{}

// die ends this process as kill -9 does.
func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	panic(err)
}

// child writes the file "a" and is killed at a step, "STEP N": the Nth time that
// STEP comes. "forever" writes without end. "in place" writes as os.WriteFile
// does.
func child(dir, task string) error {
	f, err := files.NewFolder(dir, "sheep", files.Limits{})
	if err != nil {
		return err
	}
	text := strings.Repeat(newByte, killedSize)
	op, when, _ := strings.Cut(task, " ")
	if do, ok := systemTasks[op]; ok {
		return do(f)
	}
	switch op {
	case "forever":
		for i := 0; ; i++ {
			if err := f.Write("sub/a", strings.Repeat(string(rune('a'+i%26)), killedSize)); err != nil {
				return err
			}
			fmt.Println(i)
		}
	case "in-place":
		file, err := os.Create(filepath.Join(dir, "mod-sheep", "a"))
		if err != nil {
			return err
		}
		if _, err := file.WriteString(text[:killedSize/2]); err != nil {
			return err
		}
		die()
	}
	var at string
	var n int
	if _, err := fmt.Sscanf(when, "%s %d", &at, &n); err != nil {
		return err
	}
	f.SetHook(func(step string) {
		if step == at {
			if n--; n == 0 {
				die()
			}
		}
	})
	if op == "append" {
		return f.Append("a", text)
	}
	return f.Write("a", text)
}

func childCommand(dir, task string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childTask+"="+task)
	return cmd
}

func TestKilledWhileWriting(t *testing.T) {
	old, fresh := strings.Repeat(oldByte, killedSize/2), strings.Repeat(newByte, killedSize)
	for task, want := range map[string]string{
		"write created 1": old, "write piece 1": old, "write piece 3": old, "write written 1": old, "write synced 1": old, "write renamed 1": fresh,
		"append piece 1": old + fresh[:64<<10], "append piece 3": old + fresh[:3*64<<10],
	} {
		t.Run(task, func(t *testing.T) {
			f, dir := open(t, files.Limits{})
			must(t, f.Write("a", old))
			must(t, f.Close())
			out, err := childCommand(filepath.Dir(dir), task).CombinedOutput()
			if err == nil || len(out) > 0 {
				t.Fatalf("the child was not killed: %v, %s", err, out)
			}
			if strings.HasPrefix(task, "write") && task != "write renamed 1" {
				wantOnDisk(t, dir, files.Temporary, "a") // it did die in the middle
			}
			f = openIn(t, filepath.Dir(dir), files.Limits{})
			wantUsage(t, f, int64(len(want)), 1)
			wantContent(t, f, "a", want)
			wantOnDisk(t, dir, "a")
			must(t, f.Write("a", "again"))
			wantContent(t, f, "a", "again")
		})
	}
}

// Without a draft, a kill leaves what is neither the old nor the new content.
func TestKilledInPlace(t *testing.T) {
	f, dir := open(t, files.Limits{})
	must(t, f.Write("a", strings.Repeat(oldByte, killedSize)))
	must(t, f.Close())
	if out, err := childCommand(filepath.Dir(dir), "in-place").CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("the child was not killed: %v, %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "a"))
	must(t, err)
	if text := string(data); text == strings.Repeat(oldByte, killedSize) || text == strings.Repeat(newByte, killedSize) {
		t.Error("a write in place is whole: the tests of killed processes prove nothing")
	}
}

// Killed from outside at whatever moment: the content is one of those that were
// written.
func TestKilledAnywhere(t *testing.T) {
	f, dir := open(t, files.Limits{})
	must(t, f.Write("sub/a", strings.Repeat("z", killedSize)))
	must(t, f.Close())
	for round := range 8 {
		cmd := childCommand(filepath.Dir(dir), "forever")
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 1 + round*2 {
			if !lines.Scan() {
				t.Error("the child ended by itself")
			}
		}
		must(t, cmd.Process.Kill())
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "child:") {
				t.Error(lines.Text())
			}
		}
		cmd.Wait() // killed
		f := openIn(t, filepath.Dir(dir), files.Limits{})
		text, err := f.Read("sub/a", 1<<20)
		must(t, err)
		if len(text) != killedSize || strings.Trim(text, text[:1]) != "" {
			t.Errorf("%d bytes, beginning with %q, are torn", len(text), text[:1])
		}
		wantUsage(t, f, killedSize, 1)
		wantOnDisk(t, dir, "sub/", "sub/a")
		must(t, f.Close())
	}
}
