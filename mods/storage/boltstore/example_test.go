package boltstore_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "saves")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := boltstore.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.Save([]storage.Change{{Mod: "weather", Key: "season", Value: `"spring"`}}); err != nil {
		fmt.Println(err)
	}
	if _, err := boltstore.Open(dir); errors.Is(err, storage.ErrLocked) {
		fmt.Println("somebody else is playing")
	}
	if err := store.Close(); err != nil {
		fmt.Println(err)
	}
	store, err = boltstore.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	values, err := store.Load("weather")
	fmt.Println(values, err)
	// Output:
	// somebody else is playing
	// map[season:"spring"] <nil>
}
