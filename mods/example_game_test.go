package mods_test

import (
	"context"
	"fmt"
	"os"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/filter"
)

// A game: monsters come in waves, mods place towers and talk to the player.
type game struct {
	gold     int64
	towers   []tower
	monsters int
	wave     int
}

type tower struct {
	owner string
	x     float64
}

// world is what the game lets mods do. All of it is called on the goroutine that
// runs the game's loop, so the game has no locks.
func (g *game) world() mods.Capability {
	return mods.Capability{
		Name: "world", Version: "1.2.0", Risk: mods.RiskMedium,
		Doc: "Place towers and see the monsters.",
		Options: []mods.Option{
			{Name: "max_towers", Type: mods.CountOption, Doc: "how many towers the mod may place", Default: int64(1), Min: 1, Max: 10},
		},
		Grant: func(mod *mods.Grantee) ([]luasandbox.Member, error) {
			placed := int64(0)
			return []luasandbox.Member{
				luasandbox.Func("place", func(x float64) (bool, error) {
					switch {
					case placed == mod.Options().Int("max_towers"):
						return false, luasandbox.Errorf("world.place: %d towers are all that the manifest asks for", placed)
					case g.gold < 100:
						return false, nil
					}
					placed++
					g.gold -= 100
					g.towers = append(g.towers, tower{mod.ID(), x})
					return true, nil
				}, luasandbox.Params("x"), luasandbox.Returns("placed"), luasandbox.Cost(500),
					luasandbox.Doc("Places a tower for 100 gold, if there is as much.")),
				luasandbox.Func("monsters", func() int { return g.monsters },
					luasandbox.Returns("number"), luasandbox.Doc("Returns how many monsters there are.")),
				luasandbox.Func("say", func(text string) { fmt.Printf("%s: %s\n", mod.ID(), text) },
					luasandbox.Params("text"), luasandbox.Filtered("text", filter.ChatLine),
					luasandbox.Doc("Shows a line of text to the player.")),
			}, nil
		},
	}
}

// step is the game's own part of a frame.
func (g *game) step(host *mods.Host) error {
	g.monsters = max(0, g.monsters-len(g.towers))
	if g.monsters > 0 {
		return nil
	}
	g.wave++
	g.gold += 100
	g.monsters = 3 * g.wave
	return host.Emit("wave", map[string]any{"number": g.wave, "monsters": g.monsters})
}

// mod makes a mod out of its two files; a game would call bundle.OpenPath.
func mod(id, permissions, main string) mods.Source {
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte(fmt.Sprintf("[mod]\nid = %q\nversion = \"1.0.0\"\n[permissions]\n%s", id, permissions))},
		"main.lua": {Data: []byte(main)},
	}, bundle.Limits{})
	return mods.Source{Bundle: b, Path: id, Err: err}
}

// A whole small game. One mod builds towers, another comments, a third one hangs:
// the game runs on at its own pace, and the third one is stopped.
func Example_game() {
	g := &game{gold: 100}
	host, err := mods.Open(mods.Config{
		Limits:       limits.Limits{Instructions: 1_000_000, Memory: 8 << 20},
		Policy:       mods.Policy{Allow: []string{"events", "task", "world"}},
		Capabilities: []mods.Capability{g.world()},
		Events: []mods.Event{{
			Name: "wave", Doc: "A wave of monsters begins: {number, monsters}.",
			Fallback: func(any) any { fmt.Println("(nobody watches the wave)"); return nil },
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()

	_, err = host.Load(
		mod("builder", `
world = {reason = "Builds towers where the monsters come.", max_towers = 2}
events = {reason = "Waits for waves.", subscribe = ["wave"]}`, `
			events.on("wave", function(wave)
			  if world.place(wave.number * 10) then world.say("a tower for wave " .. wave.number) end
			end)`),
		mod("bard", `
world = {reason = "Sings to the player."}
events = {reason = "Waits for waves.", subscribe = ["wave"]}
task = {reason = "Sings at its own pace."}`, `
			events.on("wave", function(wave)
			  task.sleep(0.05)
			  world.say("<b>" .. wave.monsters .. " monsters</b>\7 came, " .. world.monsters() .. " are left")
			end)`),
		mod("clock", `world = {reason = "Shows the time."}`, `
			return {tick = function(n) if n == 5 then while true do end end end}`),
		mod("thief", `http = {reason = "Needs the net."}`, ``),
	)
	if err != nil {
		fmt.Fprintln(os.Stdout, "refused:", host.Mods()[3].Report().Reason)
	}
	for range 40 {
		if err := host.Tick(context.Background(), time.Second/60); err != nil {
			fmt.Println(err)
			return
		}
		if err := g.step(host); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, m := range host.Status().Mods {
		fmt.Printf("%-8s %s\n", m.ID, m.State)
	}
	// Output:
	// refused: mod.toml:5:1: this host has no capability "http"
	// builder: a tower for wave 1
	// builder: a tower for wave 2
	// bard: 3 monsters came, 4 are left
	// bard: 6 monsters came, 7 are left
	// bard: 9 monsters came, 1 are left
	// bard: 12 monsters came, 4 are left
	// bard: 15 monsters came, 7 are left
	// bard: 18 monsters came, 10 are left
	// bard: 21 monsters came, 13 are left
	// bard     active
	// builder  failing
	// clock    quarantined
	// thief    refused
}
