package manifest_test

import (
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/mods/manifest"
)

func ExampleParse() {
	m, err := manifest.Parse("mod.toml", []byte(`
[mod]
id = "com.example.weather"
version = "1.0.0"

[permissions.storage]
reason = "remembers the season"
quota = "64KiB"

[limits]
memory = "16MiB"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.ID, m.Version, m.Entry)
	for _, p := range m.Permissions {
		fmt.Println(p.Name, "-", p.Reason, p.Options)
	}
	fmt.Println(m.Limits.Memory)
	// Output:
	// com.example.weather 1.0.0 main.lua
	// storage - remembers the season map[quota:64KiB]
	// 16777216
}

func ExampleParse_problems() {
	_, err := manifest.Parse("mod.toml", []byte(`[mod]
id = "com.example.weather"
version = "1.0"
licence = "MIT"
`))
	fmt.Println(err)
	if all, ok := errors.AsType[*manifest.Error](err); ok {
		for _, p := range all.Problems {
			fmt.Printf("%s | %s | line %d | %q\n", p.Kind, p.Field, p.Line, p.Suggestion)
		}
	}
	// Output:
	// mod.toml:3:11: mod.version: must be three numbers as in "1.0.0"
	//    3 | version = "1.0"
	//      |           ^~~~~
	// mod.toml:4:1: unknown key "licence" in [mod]; did you mean "license"?
	//    4 | licence = "MIT"
	//      | ^~~~~~~
	// bad value | mod.version | line 3 | ""
	// unknown key | mod.licence | line 4 | "license"
}

func ExampleManifest_Problem() {
	m, err := manifest.Parse("mod.toml", []byte("[mod]\nid = \"rain\"\nversion = \"1.0.0\"\n[dependencies]\nclouds = \"^2\"\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Problem(`no mod "clouds" is installed`, "dependencies", "clouds"))
	// Output:
	// mod.toml:5:1: no mod "clouds" is installed
	//    5 | clouds = "^2"
	//      | ^~~~~~
}
