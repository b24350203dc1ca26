package mods_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/storage"
)

// slowStore is a store that waits for a disk: until it is told, and then it may fail.
type slowStore struct {
	memory storage.Memory
	begun  chan struct{}
	goOn   chan error
}

func newSlowStore() *slowStore {
	return &slowStore{begun: make(chan struct{}, 100), goOn: make(chan error)}
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
	if err := <-s.goOn; err != nil {
		return err
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
	w.until("saved once", func() bool { return len(s.begun) == 1 })
	if diff := cmp.Diff(map[string]string{"a": "0", "gone": "1", "n": "1"}, s.has(t, "one")); diff != "" {
		t.Errorf("the first save has what was there when it began: %s", diff)
	}
	<-s.begun
	s.end(w, errors.New("the disk is full"))
	w.until("told of the failure", func() bool { return strings.Contains(w.out.String(), "refused") })
	w.until("saved again", func() bool { return len(s.begun) == 1 })
	<-s.begun
	s.end(w, nil)
	w.until("saved", func() bool { return s.has(t, "one")["n"] != "1" })
	values := s.has(t, "one")
	if _, there := values["gone"]; there || values["b"] != "" || values["a"] != "0" {
		t.Errorf("%v", values)
	}
	w.well(m)

	// Stop writes what is left, and waits for it.
	w.run(2)
	last := fmt.Sprint(w.Status().Tick)
	go func() {
		for range s.begun {
			select {
			case s.goOn <- nil:
			case <-t.Context().Done():
				return
			}
		}
	}()
	if err := w.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := s.has(t, "one")["n"]; got != last {
		t.Errorf("after Stop n is %s, want %s", got, last)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	close(s.begun)
}
