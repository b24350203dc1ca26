package storage_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/storage"
)

func TestMemoryKeepsModsApart(t *testing.T) {
	var m storage.Memory
	changes := []storage.Change{
		{Mod: "rain", Key: "a", Value: "1"},
		{Mod: "rain", Key: "b", Value: "2"},
		{Mod: "snow", Key: "a", Value: "3"},
		{Mod: "rain", Key: "b", Delete: true},
		{Mod: "fog", Key: "never there", Delete: true},
	}
	if err := m.Save(changes); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for mod, want := range map[string]map[string]string{"rain": {"a": "1"}, "snow": {"a": "3"}, "fog": {}} {
		got, err := m.Load(mod)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mod, diff)
		}
		got["a"] = "changed by the caller"
	}
	if again, _ := m.Load("rain"); again["a"] != "1" {
		t.Error("Load gives out its own map")
	}
}

func TestErrorNamesPlaceAndCause(t *testing.T) {
	err := error(&storage.Error{Op: "load", Path: "/saves/storage.db", Mod: "rain", Err: fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, storage.ErrLocked) {
		t.Error("the error does not match its cause alone")
	}
	want := `storage: cannot load "/saves/storage.db" for mod "rain": permission denied`
	if err.Error() != want {
		t.Errorf("got %s\nwant %s", err, want)
	}
}
