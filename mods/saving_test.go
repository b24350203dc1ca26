package mods_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
)

// slowStore is a store that waits for a disk: until it is told, and then it may fail.
type slowStore struct {
	memory storage.Memory
	begun  chan struct{}
	goOn   chan error
	quit   chan struct{} // closed: nobody says any more when a save may end
}

func newSlowStore() *slowStore {
	return &slowStore{begun: make(chan struct{}, 100), goOn: make(chan error), quit: make(chan struct{})}
}

func (s *slowStore) open(string) (storage.Store, error)         { return s, nil }
func (s *slowStore) Load(mod string) (map[string]string, error) { return s.memory.Load(mod) }
func (s *slowStore) Close() error                               { return nil }
func (s *slowStore) has(t *testing.T, mod string) map[string]string {
	t.Helper()
	values, err := s.memory.Load(mod)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func (s *slowStore) Save(changes []storage.Change) error {
	s.begun <- struct{}{}
	select {
	case err := <-s.goOn:
		if err != nil {
			return err
		}
	case <-s.quit:
	}
	return s.memory.Save(changes)
}

// end lets the save that is under way end, and ticks until the host knows.
func (s *slowStore) end(w *world, err error) {
	s.goOn <- err
	w.run(1)
}

// A store that waits for a disk holds no frame: what is stored meanwhile is not lost,
// nor is what could not be written.
func TestSlowStoreHoldsNoFrame(t *testing.T) {
	s := newSlowStore()
	w := newWorld(t, mods.Config{OpenStore: s.open, SaveEvery: 1})
	release := sync.OnceFunc(func() { close(s.quit) })
	t.Cleanup(release) // before the host is closed, which waits
	// A save is beside the frames: how many of these it takes is for the system to say.
	until := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !holds(); w.run(1) {
			if time.Now().After(deadline) {
				t.Fatalf("not %s: %+v", what, w.Status())
			}
			runtime.Gosched()
		}
	}
	m := w.mod("one", `
		storage.set("a", 0) storage.set("gone", 1)
		return {
		  tick = function(n)
		    local ok = pcall(storage.set, "n", n)
		    if not ok then print("refused in " .. n) end
		    if n == 2 then storage.delete("gone") storage.set("b", 1) end
		    if n == 3 then storage.delete("b") end
		  end,
		}`)
	w.run(4) // it would wait for ever if it waited
	<-s.begun
	if len(s.has(t, "one")) != 0 {
		t.Fatal("the save did not wait")
	}
	s.end(w, nil)
	until("saved once", func() bool { return len(s.begun) == 1 })
	if diff := cmp.Diff(map[string]string{"a": "0", "gone": "1", "n": "1"}, s.has(t, "one")); diff != "" {
		t.Errorf("the first save has what was there when it began: %s", diff)
	}
	<-s.begun
	s.end(w, errors.New("the disk is full"))
	until("told of the failure", func() bool { return strings.Contains(w.out.String(), "refused") })
	until("saved again", func() bool { return len(s.begun) == 1 })
	<-s.begun
	s.end(w, nil)
	until("saved", func() bool { return s.has(t, "one")["n"] != "1" })
	values := s.has(t, "one")
	if _, there := values["gone"]; there || values["b"] != "" || values["a"] != "0" {
		t.Errorf("%v", values)
	}
	w.well(m)

	// Stop writes what is left, and waits for it.
	until("told that it can save again", func() bool { return w.log.told("can be saved again") > 0 })
	w.run(1)
	last := fmt.Sprint(w.Status().Tick)
	release()
	if err := w.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := s.has(t, "one")["n"]; got != last {
		t.Errorf("after Stop n is %s, want %s", got, last)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
