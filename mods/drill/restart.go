package drill

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// Child is what the process does that the drill kill-restart kills: it runs mods that
// store in a folder, and says on out before each save that it begins, and after it
// that it has ended. It returns only with an error, or when out is closed.
func Child(folder string, out io.Writer) error {
	return child(out, func() (storage.Store, error) { return boltstore.Open(folder) })
}

func child(out io.Writer, open func() (storage.Store, error)) error {
	store, err := open()
	if err != nil {
		return err
	}
	host, err := mods.Open(mods.Config{
		Policy: mods.PolicyAll,
		Limits: limits.Limits{Time: limits.UnlimitedTime},
		Frame:  mods.Frame{Guard: limits.UnlimitedTime},
		OpenStore: func(string) (storage.Store, error) {
			return &tellingStore{Store: store, out: out}, nil
		},
		SaveEvery: 1,
	})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	defer host.Close()
	if _, err := host.Load(embedded("faults/ledger"), embedded("faults/loop")); err != nil {
		return err
	}
	for tick := 1; ; tick++ {
		if tick == 2 {
			if _, err := host.Call("drill-loop", "begin"); err != nil {
				return err
			}
		}
		if err := host.Tick(context.Background(), tickTime); err != nil {
			return err
		}
		state := host.Mod("drill-loop").State()
		if _, err := fmt.Fprintln(out, "state", state); err != nil {
			return err
		}
	}
}

// tellingStore says when a save begins and when it has ended.
type tellingStore struct {
	storage.Store
	out io.Writer
}

// Save tells of the number that the ledger keeps.
func (s *tellingStore) Save(changes []storage.Change) error {
	number := ""
	for _, c := range changes {
		if c.Mod == "drill-ledger" {
			number, _ = numberIn(c.Value)
		}
	}
	if _, err := fmt.Fprintln(s.out, "saving", number); err != nil {
		return err
	}
	if err := s.Store.Save(changes); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, "saved", number)
	return err
}

// numberIn returns the number in a value of the ledger's.
func numberIn(value string) (string, error) {
	var entry struct{ Number json.Number }
	err := json.Unmarshal([]byte(value), &entry)
	return entry.Number.String(), err
}

// places is in how many places the ledger keeps its number.
const places = 20

// childWait is how long the process may take to be ready to be killed. It is a second
// or so: one that takes longer hangs.
const childWait = time.Minute

// kills is how often the process is killed, each time after some saves more.
const kills = 3

// killRestart: a process that is killed while it writes leaves a store with all of a
// tick or nothing of it, and at least what was said to be saved; and who was
// quarantined is so when the process is back.
func killRestart(t *trial) {
	if t.options.Restart == nil {
		t.Skipped = "there is no way to start a process (Options.Restart)"
		return
	}
	folder, err := os.MkdirTemp("", "modrunner-drill-*")
	if err != nil {
		t.problem("%v", err)
		return
	}
	defer os.RemoveAll(folder)
	numbers := []int{0}
	for round := range kills {
		if t.dud {
			break
		}
		saved, err := t.kill(folder, round)
		if err != nil {
			t.problem("the process that is to be killed: %v", err)
			return
		}
		number, err := t.left(folder)
		if err != nil {
			t.problem("after kill %d: %v", round+1, err)
			return
		}
		t.require(number >= saved, "%d was saved, and after kill %d there is %d", saved, round+1, number)
		t.require(number > numbers[round], "after kill %d there is %d, and before it was %d", round+1, number, numbers[round])
		numbers = append(numbers, number)
	}
	last := numbers[len(numbers)-1]
	s := setup{faults: []string{"ledger", "loop"}, most: quarantineTicks}
	s.config = func(w *world, cfg *mods.Config) {
		if w.faulty {
			cfg.OpenStore, cfg.DataDir = boltstore.Open, folder
		}
	}
	s.over = func(w *world) bool {
		back := w.first(1, func(n int64) bool { return w.at("loop", n).runs() })
		return back > 0 && w.tick >= back+rest
	}
	// Who is quarantined leaves its part of the frame in which all are loaded to others.
	got, base := t.inject(s, 1)
	if got == nil || t.dud {
		return
	}
	shut := got.at("loop", 1)
	if shut.state == mods.Quarantined {
		t.detected(got, 1, 1)
	}
	t.require(shut.instructions == 0, "the mod that was quarantined ran at once")
	t.contained("quarantined", shut.state == mods.Quarantined && shut.instructions == 0)
	number, err := t.left(folder)
	if err != nil {
		t.problem("at the end: %v", err)
		return
	}
	// The ledger went on where it was, in as many ticks as if nothing had been there.
	ticks := len(base.said("ledger", "number"))
	t.require(ticks > 0 && number == last+ticks, "after %d ticks more there is %d, and before it was %d", ticks, number, last)
	t.recovered(got, 1, got.first(1, func(n int64) bool { return got.at("loop", n).runs() }))
}

// kill starts the process and kills it in the middle of a save, when the loop has been
// quarantined. It returns the last number that was saved before.
func (t *trial) kill(folder string, round int) (saved int, err error) {
	ctx, cancel := context.WithTimeout(t.ctx, childWait)
	defer cancel()
	cmd := t.options.Restart(ctx, folder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	quarantined, killed, after := round > 0, false, 3+2*round
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "state":
			quarantined = quarantined || rest == string(mods.Quarantined)
		case "saved":
			if n, err := strconv.Atoi(rest); err == nil {
				saved = n
			}
			if quarantined {
				after--
			}
		case "saving":
			if !killed && quarantined && after <= 0 {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					return 0, err
				}
			}
		}
	}
	err = cmd.Wait()
	if !killed {
		return 0, fmt.Errorf("it ended by itself (%v): %s", err, strings.TrimSpace(said.String()))
	}
	return saved, nil
}

// left returns the number that the ledger has in all places.
func (t *trial) left(folder string) (int, error) {
	store, err := boltstore.Open(folder)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	values, err := store.Load("drill-ledger")
	if err != nil {
		return 0, err
	}
	if len(values) != places {
		return 0, fmt.Errorf("%d of %d values are there", len(values), places)
	}
	first := ""
	for i := 1; i <= places; i++ {
		number, err := numberIn(values["place"+strconv.Itoa(i)])
		if err != nil {
			return 0, err
		}
		if i == 1 {
			first = number
		}
		if number != first {
			return 0, fmt.Errorf("half of a tick was written: %s in one place, %s in another", first, number)
		}
	}
	return strconv.Atoi(first)
}
