package mods_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// open makes a mod of two files. A game calls bundle.OpenPath with a folder or an
// archive.
func open(manifest, main string) mods.Source {
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(manifest)}, "main.lua": {Data: []byte(main)}}, bundle.Limits{})
	return mods.Source{Bundle: b, Path: "example", Err: err}
}

func ExampleOpen() {
	ctx := context.Background()
	host, err := mods.Open(mods.Config{
		Policy: mods.Policy{Allow: []string{"events", "timer"}},
		Limits: limits.Limits{Instructions: 100_000, Memory: 1 << 20},
		Frame:  mods.Frame{Guard: limits.UnlimitedTime}, // so that this runs alike on every machine
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
return {tick = function(n) if n == 4 then while true do end end end}
`)
	loaded, err := host.Load(cat, bell)
	if err != nil {
		fmt.Println(err)
	}
	for range 6 {
		if err := host.Tick(ctx, 50*time.Millisecond); err != nil {
			fmt.Println(err)
		}
	}
	for _, m := range loaded {
		r := m.Report()
		fmt.Printf("%s: %s (%s)\n", r.ID, r.State, r.Reason)
	}
	if err := host.Stop(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [cat] wakes up
	// cat: quarantined (instruction limit exceeded: 100000 of 100000 used; tick 4, tick hook)
	// bell: active ()
}

func ExampleHost_Ask() {
	host, err := mods.Open(mods.Config{
		Policy: mods.PolicyAll,
		Frame:  mods.Frame{Guard: limits.UnlimitedTime},
		Events: []mods.Event{{Name: "chat", Doc: "Somebody says {text}.", Fallback: func(any) any { return "nobody answers" }}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	if _, err := host.Load(open(`
[mod]
id = "greeter"
version = "1.0.0"
[permissions.events]
reason = "greets who says hello"
subscribe = ["chat"]
`, `
events.on("chat", function(line)
  if line.text == "hello" then return "hello, " .. line.player end
end)
`)); err != nil {
		fmt.Println(err)
	}
	for _, text := range []string{"hello", "goodbye"} {
		reply, err := host.Ask("chat", map[string]any{"player": "ada", "text": text}) // from any goroutine
		if err == nil {
			err = host.Tick(context.Background(), time.Second/60)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(reply.Get())
	}
	// Output:
	// [hello, ada] <nil>
	// [nobody answers] <nil>
}

func ExampleHost_Load_refused() {
	host, err := mods.Open(mods.Config{Policy: mods.Policy{Allow: []string{"log", "storage"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	_, err = host.Load(open(`[mod]
id = "weather"
version = "1.0.0"
[permissions.storage]
reason = "remembers the season"
qouta = "8KiB"
`, ``))
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

// A capability of a game's: mods may count the sheep and, with an option, herd them.
func ExampleCapability() {
	sheep := 3
	world := mods.Capability{
		Name: "world", Doc: "See the sheep, and herd them.", Risk: mods.RiskMedium,
		Options: []mods.Option{{Name: "herd", Type: mods.FlagOption, Doc: "whether the mod may change how many sheep there are"}},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			members := []luasandbox.Member{
				luasandbox.Func("sheep", func() int { return sheep }, luasandbox.Returns("count")),
			}
			if g.Options().Flag("herd") {
				members = append(members, luasandbox.Func("herd", func(n int) error {
					if n < 0 || n > 100 {
						return luasandbox.Errorf("there is room for 0 to 100 sheep, not %d", n)
					}
					sheep = n
					return nil
				}, luasandbox.Params("count")))
			}
			return members, nil
		},
	}
	host, err := mods.Open(mods.Config{
		Capabilities: []mods.Capability{world},
		Policy:       mods.Policy{Allow: []string{"world"}},
		Frame:        mods.Frame{Guard: limits.UnlimitedTime},
		Output:       os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	main := `
print(world.sheep(), world.herd ~= nil)
if world.herd then world.herd(world.sheep() + 1) print(pcall(world.herd, 1000)) end
`
	ask := "\nversion = '1.0.0'\n[permissions.world]\nreason = 'likes sheep'\n"
	_, err = host.Load(open("[mod]\nid = 'shepherd'"+ask+"herd = true", main), open("[mod]\nid = 'tourist'"+ask, main))
	if err == nil {
		err = host.Tick(context.Background(), 0)
	}
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(sheep, "sheep")
	// Output:
	// [shepherd] 3\ttrue
	// [shepherd] false\tthere is room for 0 to 100 sheep, not 1000
	// [tourist] 4\tfalse
	// 4 sheep
}
