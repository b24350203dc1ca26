package drill

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
)

// faultyStore is a store in memory that can fail.
type faultyStore struct {
	storage.Memory
	mu    sync.Mutex // a host that was given it in a wrapper may save beside its frames
	err   error      // of every Save, if not nil
	tried int        // how often Save failed
}

// fail makes every Save fail with err, or, if that is nil, none.
func (s *faultyStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// failures returns how often Save failed.
func (s *faultyStore) failures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

// Save fails, or makes all of the changes.
func (s *faultyStore) Save(changes []storage.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.tried++
		return &storage.Error{Op: "save", Err: s.err}
	}
	return s.Memory.Save(changes)
}

var errDisk = errors.New("input/output error")

// saveEvery is how many ticks there are between two saves in these drills: so few
// that a mod that does not catch the errors is not stopped for them.
const saveEvery = 4

// storageFails: what cannot be kept is not taken, and the mod is told so; what was
// taken is not lost.
func storageFails(t *trial) { t.failingStore([]string{"keeper"}, errDisk) }

// storageFull is storageFails with a disk that is full, and with a mod that fills its
// quota.
func storageFull(t *trial) {
	got := t.failingStore([]string{"keeper", "hoarder"}, syscall.ENOSPC)
	if got == nil {
		return
	}
	full := got.said("hoarder", "full")
	if t.require(len(full) > 0, "a mod stores without end"); len(full) == 0 {
		return
	}
	_, text, _ := strings.Cut(full[0].text, " ")
	used, err := strconv.Atoi(text)
	t.require(err == nil && used > 4<<10 && used <= 8<<10, "a mod with a quota of 8 KiB stores %q bytes", text)
	room := got.said("hoarder", "room 0")
	t.require(len(room) == 1, "a mod that forgets what it stored has no room again")
	t.require(got.mod("hoarder").Report().Quarantines == 0, "a mod whose quota is full is quarantined")
}

func (t *trial) failingStore(faults []string, failure error) *world {
	t.exemptUsers("storage")
	s := setup{faults: faults, most: calmTick + 2*rest}
	s.config = func(_ *world, cfg *mods.Config) { cfg.SaveEvery = saveEvery }
	s.before = func(w *world) {
		switch {
		case w.begins(faultTick):
			w.store.fail(failure) // seen by the save at the end of this tick
			if len(faults) > 1 {
				w.tell("hoarder", "begin")
			}
		case w.begins(faultTick + saveEvery):
			w.store.fail(nil)
		case w.begins(calmTick) && len(faults) > 1:
			w.tell("hoarder", "calm")
		}
	}
	got, _ := t.inject(s, 0)
	if got == nil {
		return nil
	}
	lines := got.lines["drill-keeper"]
	find := func(from int64, prefix string) int64 {
		for _, l := range lines {
			if l.tick >= from && strings.HasPrefix(l.text, prefix) {
				return l.tick
			}
		}
		return 0
	}
	refused := find(faultTick, "not kept")
	t.detected(got, faultTick, refused)
	t.contained("refused", got.store.failures() == 1 && refused > 0 && got.mod("keeper").State().Runs() && len(got.messages) > 0)
	if refused == 0 {
		return got
	}
	t.recovered(got, faultTick+saveEvery, find(refused, "kept"))
	last := "0" // that was taken
	for _, l := range lines {
		if number, found := strings.CutPrefix(l.text, "kept "); found {
			last = number
		}
	}
	values, _ := got.store.Load("drill-keeper") // memory does not fail
	t.require(values["tick"] == last, "the store has %q; the last value that was taken is %s", values["tick"], last)
	again := find(refused, "kept")
	for _, l := range lines {
		want := fmt.Sprintf("kept %d", l.tick)
		if l.tick >= refused && l.tick < again {
			want = "not " + want
		}
		if l.text != want {
			t.problem("tick %d: %q; want %q", l.tick, l.text, want)
			break
		}
	}
	return got
}
