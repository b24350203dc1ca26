package drill_test

import (
	"context"
	"fmt"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/drill"
)

// A game drills the limits that it gives its mods.
func Example() {
	report, err := drill.Run(context.Background(), drill.Options{
		Only: []string{"runaway-loop", "engine-panic"},
		Open: func(cfg mods.Config) (*mods.Host, error) {
			cfg.Limits.Instructions = 500_000
			cfg.Limits.Memory = 8 << 20
			return mods.Open(cfg)
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range report.Results {
		fmt.Printf("%s: passed %v: %s after %d ticks, %d of %d others affected, well again after %v\n",
			r.Name, r.Passed, r.Contained, r.Detected.Ticks, r.Others.Affected, r.Others.Mods, r.Recovered.Time)
	}
	// Output:
	// runaway-loop: passed true: quarantined after 0 ticks, 0 of 5 others affected, well again after 30s
	// engine-panic: passed true: reported after 0 ticks, 0 of 5 others affected, well again after 0s
}
