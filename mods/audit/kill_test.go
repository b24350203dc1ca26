package audit

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

const childEnv = "AUDIT_TEST_CHILD"

// TestMain is also the main function of the children that tests start and kill.
func TestMain(m *testing.M) {
	what, path, _ := strings.Cut(os.Getenv(childEnv), " ")
	if what == "" {
		goleak.VerifyTestMain(m)
		return
	}
	opts := Options{SyncEvery: 5, MaxSize: 8 << 10}
	if what == "half" {
		writes := 0
		opts.wrap = func(f file) file { return &half{f, &writes} }
	}
	l, err := Open(path, opts)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	first := int(l.Head().Seq)
	for i := 0; ; i++ {
		if err := l.Append(record(first + i)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(i + 1)
	}
}

// half is a file that gets half of the fifth write, and then waits to be killed.
type half struct {
	file
	writes *int
}

func (f *half) WriteAt(p []byte, at int64) (int, error) {
	if *f.writes++; *f.writes < 5 {
		return f.file.WriteAt(p, at)
	}
	_, err := f.file.WriteAt(p[:len(p)/2], at)
	fmt.Println("half", err)
	select {}
}

// killed runs a child that writes a log until it has told of n records, or of
// half of one, kills it, and returns how many it told of. The lock is the
// child's until it is dead.
func killed(t *testing.T, what, path string, n int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what+" "+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, told := bufio.NewScanner(out), 0
	for lines.Scan() {
		if text := lines.Text(); text == "half <nil>" {
			n = told
		} else if told, err = strconv.Atoi(text); err != nil {
			t.Errorf("the child says %q", text)
			n = 0
		}
		if told == n {
			if _, err := Open(path, testOptions); !errors.As(err, new(*LockedError)) {
				t.Errorf("opened while the child has it: %v", err)
			}
		}
		if told >= n {
			_ = cmd.Process.Kill() // and read what it has told until then
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return told
}

// TestKill kills processes that write a log, again and again, and puts files away
// meanwhile. What they were told is written is there.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	r := rand.New(rand.NewPCG(1, 2))
	told := 0
	for range 12 {
		told += killed(t, "on", path, 1+r.IntN(150))
		l := openLog(t, path, testOptions)
		closeLog(t, l)
		s := verified(t, path)
		if got := s.Kinds["grant"]; got < int64(told) {
			t.Fatalf("%d records are there, the children were told that %d are", got, told)
		}
		told = int(s.Kinds["grant"])
	}
	if s := verified(t, path); s.Files < 3 {
		t.Errorf("no file was put away: %+v", s)
	}
}

// TestKillMidWrite kills processes in the middle of a write.
func TestKillMidWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	want := int64(0)
	for round := range int64(3) {
		want += int64(killed(t, "half", path, math.MaxInt))
		wantReason(t, path, Torn)
		l := openLog(t, path, testOptions)
		closeLog(t, l)
		if s := verified(t, path); s.Kinds["grant"] != want || s.Repaired != round+1 {
			t.Fatalf("want %d records: %+v", want, s)
		}
	}
}
