package resolution_test

import (
	"errors"
	"fmt"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

func Example() {
	in := func(id, text string) manifest.Requirement {
		c, err := semver.NewConstraint(text)
		if err != nil {
			panic(err)
		}
		return manifest.Requirement{ID: id, Range: manifest.Range{Text: text, Constraints: c}}
	}
	there := resolution.Set{
		"economy": {{Version: semver.MustParse("2.1.0"), Dependencies: []manifest.Requirement{in("ledger", "^2")}}},
		"weather": {{Version: semver.MustParse("1.4.0"), Dependencies: []manifest.Requirement{in("ledger", "^1")}}},
		"ledger":  {{Version: semver.MustParse("1.3.0")}, {Version: semver.MustParse("2.0.0")}},
	}
	result, err := resolution.Resolve(resolution.Request{Roots: []manifest.Requirement{in("weather", "*")}}, there)
	if err != nil {
		panic(err)
	}
	for _, m := range result.Mods {
		fmt.Println(m.ID, m.Version)
	}

	_, err = resolution.Resolve(resolution.Request{Roots: []manifest.Requirement{in("weather", "*"), in("economy", "^2")}}, there)
	conflict, _ := errors.AsType[*resolution.ConflictError](err)
	for _, f := range conflict.Facts {
		fmt.Println("-", f.Text)
	}
	// Output:
	// ledger 1.3.0
	// weather 1.4.0
	// - economy ^2 is asked for
	// - economy 2.1.0 needs ledger ^2
	// - weather * is asked for
	// - weather 1.4.0 needs ledger ^1
}
