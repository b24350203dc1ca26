package mods_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// A run is recorded, and repeated.
func ExampleReplay() {
	files := fstest.MapFS{
		"mod.toml": {Data: []byte(`
[mod]
id = "walker"
version = "1.0.0"
[permissions.events]
reason = "to hear where to go"
subscribe = ["go"]
`)},
		"main.lua": {Data: []byte(`events.on("go", function(to)
  print("to the " .. to)
end)`)},
	}
	walker, err := bundle.Open(files, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	config := mods.Config{
		Policy: mods.Policy{Allow: []string{"events"}},
		Events: []mods.Event{{Name: "go"}},
	}

	var recorded bytes.Buffer
	config.Record = &recorded
	host, err := mods.Open(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = host.Load(mods.Source{Bundle: walker})
	for _, to := range []string{"north", "east"} {
		err = errors.Join(err, host.Tick(context.Background(), 50*time.Millisecond), host.Emit("go", to))
	}
	err = errors.Join(err, host.Stop(context.Background()), host.Close())
	if err != nil {
		fmt.Println(err)
	}

	config.Record = nil
	config.Replay = &mods.Replay{Recording: &recorded, Sources: []mods.Source{{Bundle: walker}}}
	again, err := mods.Open(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer again.Close()
	for err == nil {
		err = again.Tick(context.Background(), 0) // the recording says how long it is
	}
	var differs *mods.DivergenceError
	fmt.Println(errors.Is(err, mods.ErrReplayed), errors.As(err, &differs))
	if err := again.Stop(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", again.Replayed())
	// Output:
	// true false
	// {Ticks:2 Calls:1 Over:true}
}
