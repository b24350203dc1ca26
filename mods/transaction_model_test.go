package mods

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestJobThatEnds: a job takes its transaction with it, whether somebody looks at the
// values afterwards or not.
func TestJobThatEnds(t *testing.T) {
	s := &space{values: map[string]string{}, saved: map[string]bool{}, dirty: map[string]bool{}}
	s.changed(s.put("a", "1"), "", false)
	j := &job{}
	if _, problem := s.step(&storageCapability{}, j, 1000, nil, nil); problem != nil {
		t.Fatal(*problem)
	}
	s.changed(s.put("a", "2"), "1", true)
	s.changed(s.put("b", "2"), "", false)
	j.closeTransaction()
	if !maps.Equal(s.values, map[string]string{"a": "1"}) || j.transaction != nil || s.transaction != nil {
		t.Errorf("%v is left", s.values)
	}
	j.closeTransaction() // of a job without one
}

// TestTransactionModel holds a mod's values against a map that is copied when a
// transaction begins.
func TestTransactionModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &space{values: map[string]string{}, saved: map[string]bool{}, dirty: map[string]bool{}}
		now, before, store := map[string]string{}, map[string]string(nil), map[string]string{}
		capability := &storageCapability{}
		j := &job{}
		step := func(number any, args ...any) any {
			id, problem := s.step(capability, j, 1<<20, number, args)
			if problem != nil {
				t.Fatal(*problem)
			}
			return id
		}
		var id any
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := rapid.SampledFrom([]string{"", "a", "b", "ba", "c"}).Draw(t, "key")
			old, there := s.values[key]
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2, 3:
				text := fmt.Sprint(rapid.IntRange(0, 1000).Draw(t, "value"))
				s.changed(s.put(key, text), old, there)
				now[key] = text
			case 4, 5:
				if s.delete(key) != there {
					t.Fatal("delete")
				}
				delete(now, key)
			case 6:
				if before == nil {
					id, before = float64(step(nil).(int64)), maps.Clone(now)
				}
			case 7:
				if before != nil {
					step(id, true)
					before = nil
				}
			case 8:
				if before != nil {
					step(id, false)
					now, before = before, nil
				}
			case 9: // what save does
				for key := range s.dirty {
					value, there := s.kept(key)
					if there {
						store[key], s.saved[key] = value, true
					} else {
						delete(store, key)
						delete(s.saved, key)
					}
				}
				clear(s.dirty)
				kept := now
				if before != nil {
					kept = before
				}
				if !maps.Equal(store, kept) {
					t.Fatalf("the store has %v; want %v", store, kept)
				}
			}
			used := int64(0)
			for key, text := range now {
				used += entrySize(key, text)
			}
			if !maps.Equal(s.values, now) || !slices.Equal(s.keys, sortedNames(now)) || s.used != used {
				t.Fatalf("%v, %q, %d bytes; want %v, %d", s.values, s.keys, s.used, now, used)
			}
			if s.transaction != nil && len(s.transaction.old) > len(now)+len(before) {
				t.Fatalf("%d old values are kept for %d and %d", len(s.transaction.old), len(now), len(before))
			}
			if len(s.dirty) > len(now)+len(before)+len(store) {
				t.Fatalf("%d keys wait to be saved", len(s.dirty))
			}
		}
	})
}
