package mods

import (
	"cmp"
	"errors"
	"maps"

	"github.com/luasandbox/modrunner/mods/recording"
	"github.com/luasandbox/modrunner/mods/storage"
)

// store returns the store that the host uses in place of its own: one that records
// what the other does, or one that repeats it.
func (j *journal) store(real storage.Store) storage.Store {
	switch {
	case j == nil:
		return real
	case j.to != nil:
		return &recordedStore{real, j}
	}
	return &repeatedStore{j}
}

// recordedStore is a store of which the answers are recorded.
type recordedStore struct {
	storage.Store
	j *journal
}

func (s *recordedStore) note(mod string, values map[string]string, err error) {
	if s.j.frame == nil {
		return
	}
	r := recording.Stored{Mod: mod, Values: maps.Clone(values)}
	if err != nil {
		r.Error = cmp.Or(clip(err.Error(), maxAnswerError), "error")
	}
	s.j.frame.Store = append(s.j.frame.Store, r)
}

func (s *recordedStore) Load(mod string) (map[string]string, error) {
	values, err := s.Store.Load(mod)
	s.note(mod, values, err)
	return values, err
}

func (s *recordedStore) Save(changes []storage.Change) error {
	err := s.Store.Save(changes)
	s.note("", nil, err)
	return err
}

// repeatedStore answers as the recording says. It keeps nothing.
type repeatedStore struct{ j *journal }

func (s *repeatedStore) next(mod string) (map[string]string, error) {
	j := s.j
	if j.frame == nil || j.blind {
		return map[string]string{}, nil
	}
	if j.stored >= len(j.frame.Store) || j.frame.Store[j.stored].Mod != mod {
		j.diverged(&DivergenceError{Mod: mod, What: "use of the store", Want: "another, or none", Got: "this"})
		return map[string]string{}, nil
	}
	r := &j.frame.Store[j.stored]
	j.stored++
	if r.Error != "" {
		return nil, errors.New(r.Error)
	}
	values := maps.Clone(r.Values)
	if values == nil {
		values = map[string]string{}
	}
	return values, nil
}

func (s *repeatedStore) Load(mod string) (map[string]string, error) { return s.next(mod) }

func (s *repeatedStore) Save([]storage.Change) error {
	_, err := s.next("")
	return err
}

func (s *repeatedStore) Close() error { return nil }
