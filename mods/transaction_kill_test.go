package mods_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

const (
	killedDir  = "MODRUNNER_TEST_KILLED_DIR"
	killedStep = "MODRUNNER_TEST_KILLED_STEP"
)

// TestKilledInTransaction kills a process in which a host saves all the time, as kill
// -9 does: after it, the store has all or nothing of each transaction.
func TestKilledInTransaction(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		runUntilKilled(dir, os.Getenv(killedStep))
		return
	}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	last := [3]int{}
	for round := range rounds {
		n := killed(t, dir, "storage.transaction", round)
		if n[0] != n[1] || n[1] != n[2] {
			t.Fatalf("round %d: half of a transaction: %v", round, n)
		}
		if n[0] < last[0] {
			t.Fatalf("round %d: %v after %v", round, n, last)
		}
		last = n
	}
	if last[0] < rounds {
		t.Errorf("only %d transactions were saved in all rounds", last[0])
	}
	// Without a transaction there are halves; some round finds one.
	dir = t.TempDir()
	for round := range 100 {
		if n := killed(t, dir, "pcall", round%12); n[0] != n[1] || n[1] != n[2] {
			return
		}
	}
	t.Error("without a transaction, 100 kills left no half: the test proves nothing")
}

// killed runs a child, kills it after some saves, and returns the numbers of the
// changes in which the three values were made; 0 for those that are not there.
func killed(t *testing.T, dir, step string, round int) (n [3]int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledInTransaction$")
	cmd.Env = append(os.Environ(), killedDir+"="+dir, killedStep+"="+step)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < 5+round && lines.Scan(); n++ { // each line is a save
	}
	time.Sleep(time.Duration(round) * 700 * time.Microsecond) // somewhere in the next ones
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if cmd.Wait() == nil || cmd.ProcessState.ExitCode() == 3 {
		t.Fatal("the child came to an end of its own")
	}
	store, err := boltstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	values, err := store.Load("one")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"a", "b", "c"} {
		text, there := values[key]
		if !there {
			continue
		}
		if _, err := fmt.Sscanf(text, `["x%d`, &n[i]); err != nil || len(text) < 8<<10 {
			t.Fatalf("%s has %d bytes, %.40q: %v", key, len(text), text, err)
		}
	}
	return n
}

// tellingStore tells of each save that has ended.
type tellingStore struct{ storage.Store }

func (s tellingStore) Save(changes []storage.Change) error {
	err := s.Store.Save(changes)
	fmt.Println("saved")
	return err
}

// runUntilKilled is the child: each step changes three large values, and takes several
// ticks, in each of which a save begins unless one is under way.
func runUntilKilled(dir, step string) {
	fail := func(err error) {
		fmt.Println("child:", err)
		os.Exit(3)
	}
	open := func(dir string) (storage.Store, error) {
		s, err := boltstore.Open(dir)
		return tellingStore{s}, err
	}
	h, err := mods.Open(mods.Config{DataDir: dir, OpenStore: open, SaveEvery: 1, Policy: mods.PolicyAll,
		Frame: mods.Frame{Instructions: 40_000, Guard: limits.UnlimitedTime}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fail(err)
	}
	var t testing.T
	if _, err := h.Load(source(&t, "one", everything, `
		return {tick = function()
		  `+step+`(function()
		    local n = (storage.get("n") or 0) + 1
		    storage.set("n", n)
		    for _, key in ipairs{"a", "b", "c"} do storage.set(key, {"x" .. n .. ("y"):rep(9000)}) for i = 1, 5000 do end end
		  end)
		end}`)); err != nil {
		fail(err)
	}
	for n := 0; ; n++ {
		if err := h.Tick(context.Background(), 50*time.Millisecond); err != nil {
			fail(err)
		}
		if n > 10_000_000 { // nobody kills it
			os.Exit(3)
		}
	}
}
