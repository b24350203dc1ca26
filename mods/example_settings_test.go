package mods_test

import (
	"context"
	"fmt"
	"os"
	"testing/fstest"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// A player opens the settings of a mod, and changes one. The mod shows what it is in
// the player's language.
func ExampleHost_Set() {
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte(`
			[mod]
			id = "weather"
			version = "1.0.0"
			[permissions]
			config = { reason = "how often it rains is yours to choose" }
			i18n = { reason = "speaks your language" }
			[settings]
			rain = { type = "integer", title = "Days of rain in a month", min = 0, max = 30, default = 5 }`)},
		"lang/en.json": {Data: []byte(`{"rain": {"one": "It rains on {count} day.", "other": "It rains on {count} days."}}`)},
		"lang/de.json": {Data: []byte(`{"rain": {"one": "Es regnet an {count} Tag.", "other": "Es regnet an {count} Tagen."}}`)},
		"main.lua": {Data: []byte(`
			local function show() print(i18n.t("rain", {count = config.get("rain")})) end
			show()
			config.on_change(show)`)},
	}, bundle.Limits{})
	if err != nil {
		panic(err)
	}
	host, err := mods.Open(mods.Config{
		Policy: mods.Policy{Allow: []string{"config", "i18n"}}, Output: os.Stdout, Language: "de-AT",
		Frame: mods.Frame{Guard: limits.UnlimitedTime},
	})
	if err != nil {
		panic(err)
	}
	defer host.Close()
	if _, err := host.Load(mods.Source{Bundle: b}); err != nil {
		panic(err)
	}
	tick := func() {
		if err := host.Tick(context.Background(), 0); err != nil {
			panic(err)
		}
	}
	tick()
	for _, s := range host.Settings("weather") {
		fmt.Printf("%s: %v (%v to %v)\n", s.Title, s.Value, s.Min, s.Max)
	}
	fmt.Println(host.Set("weather", "rain", 31))
	if err := host.Set("weather", "rain", 1); err != nil {
		panic(err)
	}
	tick()
	// Output:
	// [weather] Es regnet an 5 Tagen.
	// Days of rain in a month: 5 (0 to 30)
	// setting "rain" of mod "weather": must be a whole number from 0 to 30
	// [weather] Es regnet an 1 Tag.
}
