package mods_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing/fstest"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// open makes a mod of two files. A game calls bundle.OpenPath with a folder or
// an archive.
func open(manifest, main string) *bundle.Bundle {
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(manifest)}, "main.lua": {Data: []byte(main)}}, bundle.Limits{})
	if err != nil {
		panic(err)
	}
	return b
}

func ExampleNewHost() {
	ctx := context.Background()
	host, err := mods.NewHost(mods.HostConfig{
		Policy: mods.Policy{Allow: []string{"events", "timer"}},
		Limits: limits.Limits{Instructions: 100_000, Memory: 1 << 20},
		Output: os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()

	bell := open(`
[mod]
id = "bell"
version = "1.0.0"
[permissions.timer]
reason = "rings the bell"
[permissions.events]
reason = "tells others that it rang"
emit = ["bell.rang"]
`, `
timer.every(0.1, function() events.emit("bell.rang", {loud = true}) end)
`)
	cat := open(`
[mod]
id = "cat"
version = "0.9.0"
[permissions.events]
reason = "hears the bell"
subscribe = ["bell.rang"]
[dependencies]
bell = "^1.0"
`, `
events.on("bell.rang", function(bell) print(bell.loud and "wakes up" or "sleeps on") end)
return {tick = function(n) if n == 3 then while true do end end end}
`)
	for _, b := range []*bundle.Bundle{cat, bell} {
		if _, err := host.Add(b, "example"); err != nil {
			fmt.Println(err)
		}
	}
	if err := host.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for range 4 {
		if err := host.Tick(ctx); err != nil {
			fmt.Println(err)
		}
	}
	if err := host.Stop(ctx); err != nil {
		fmt.Println(err)
	}
	for _, m := range host.Mods() {
		r := m.Report()
		fmt.Printf("%s: %s (%s)\n", r.ID, r.State, r.Reason)
	}
	// Output:
	// [cat] wakes up
	// bell: stopped ()
	// cat: quarantined (instruction limit exceeded: 100000 of 100000 used; tick 3, tick hook)
}

func ExampleHost_Emit() {
	ctx := context.Background()
	host, err := mods.NewHost(mods.HostConfig{Policy: mods.PolicyAll, Output: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	if _, err := host.Add(open(`
[mod]
id = "greeter"
version = "1.0.0"
[permissions.events]
reason = "greets who says hello"
subscribe = ["chat"]
`, `
events.on("chat", function(line)
  if line.text == "hello" then print("hello, " .. line.player) end
end)
`), "example"); err != nil {
		fmt.Println(err)
	}
	if err := host.Start(ctx); err != nil {
		fmt.Println(err)
	}
	// From any goroutine:
	if err := host.Emit(ctx, "chat", map[string]any{"player": "ada", "text": "hello"}); err != nil {
		fmt.Println(err)
	}
	if err := host.Tick(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [greeter] hello, ada
}

func ExampleHost_Add_refused() {
	host, err := mods.NewHost(mods.HostConfig{Policy: mods.Policy{Allow: []string{"log", "storage"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	_, err = host.Add(open(`[mod]
id = "weather"
version = "1.0.0"
[permissions.storage]
reason = "remembers the season"
qouta = "8KiB"
`, ``), "example")
	fmt.Println(err)
	if p, ok := errors.AsType[*manifest.Problem](err); ok {
		fmt.Printf("%s | %s | line %d | %q\n", p.Kind, p.Field, p.Line, p.Suggestion)
	}
	// Output:
	// mod.toml:6:1: unknown option "qouta" of the capability "storage"; did you mean "quota"?
	//    6 | qouta = "8KiB"
	//      | ^~~~~
	// unknown key | permissions.storage.qouta | line 6 | "quota"
}
