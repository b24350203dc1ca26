package mods_test

import (
	"context"
	"fmt"
	"os"
	"testing/fstest"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// pasture is a capability of a game's: mods may read and, with an option, change
// the number of sheep.
type pasture struct{ sheep int }

func (p *pasture) Name() string { return "world" }
func (p *pasture) Doc() string  { return "See the sheep, and herd them." }

func (p *pasture) Options() []mods.Option {
	return []mods.Option{{Name: "herd", Type: mods.FlagOption, Doc: "whether the mod may change how many sheep there are"}}
}

func (p *pasture) Grant(m *mods.Mod, o mods.Options) (*luasandbox.Grant, error) {
	members := []luasandbox.Member{
		luasandbox.Func("sheep", func() int { return p.sheep }, luasandbox.Returns("count")),
	}
	if o.Flag("herd") {
		members = append(members, luasandbox.Func("herd", func(n int) error {
			if n < 0 || n > 100 {
				return luasandbox.Errorf("there is room for 0 to 100 sheep, not %d", n)
			}
			p.sheep = n
			return nil
		}, luasandbox.Params("count")))
	}
	return luasandbox.NewGrant("world", p.Doc(), members...), nil
}

func ExampleCapability() {
	ctx := context.Background()
	game := &pasture{sheep: 3}
	host, err := mods.NewHost(mods.HostConfig{
		Capabilities: []mods.Capability{game},
		Policy:       mods.Policy{Allow: []string{"world"}},
		Output:       os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	for id, option := range map[string]string{"shepherd": "herd = true", "tourist": ""} {
		b, err := bundle.Open(fstest.MapFS{
			"mod.toml": {Data: fmt.Appendf(nil, `
[mod]
id = %q
version = "1.0.0"
[permissions.world]
reason = "likes sheep"
%s
`, id, option)},
			"main.lua": {Data: []byte(`
print(world.sheep(), world.herd ~= nil)
if world.herd then world.herd(world.sheep() + 1) print(pcall(world.herd, 1000)) end
`)},
		}, bundle.Limits{})
		if err == nil {
			_, err = host.Add(b, id)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	if err := host.Start(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(game.sheep, "sheep")
	// Output:
	// [shepherd] 3\ttrue
	// [shepherd] false\tthere is room for 0 to 100 sheep, not 1000
	// [tourist] 4\tfalse
	// 4 sheep
}
