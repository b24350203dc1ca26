package main

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/trust"
)

// Of changes that come at the same time none is lost, and all are on record.
func TestTrustStoreIsChangedByOneAtATime(t *testing.T) {
	dir := t.TempDir()
	const many = 12
	var wait sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		wait.Go(func() {
			store := trustFlag{home: homeFlag{dir}}
			key, _, err := trust.NewUnprotectedKey()
			if err == nil {
				_, _, err = store.change(t.Context(), "trust", func(s *trust.Store) (*trust.Store, error) {
					return s.Trust(trust.Key{Public: key.Public(), Publisher: fmt.Sprint("publisher ", i), IDs: []string{"abc"}})
				})
			}
			errs[i] = err
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	store, err := trust.ReadFile(filepath.Join(dir, trust.FileName))
	if err != nil || len(store.Keys()) != many {
		t.Errorf("%d keys, %v", len(store.Keys()), err)
	}
	s, err := audit.VerifyFile(filepath.Join(dir, "audit.jsonl"), nil)
	if err != nil || s.Kinds["operator"] != many {
		t.Errorf("%+v, %v", s, err)
	}
}
