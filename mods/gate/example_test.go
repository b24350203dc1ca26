package gate_test

import (
	"fmt"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func ExampleCheck() {
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte(`
[mod]
id = "com.example.clock"
version = "1.0.0"

[permissions.http]
hosts = ["*.com"]
reason = "Shows the time of day everywhere."

[exceptions]
global-write = "another file of the mod reads it"
`)},
		"main.lua": {Data: []byte("hour = 0\nwhile true do\n  hour = hour + 1\nend\n")},
	}, bundle.Limits{})
	if err != nil {
		panic(err)
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		panic(err)
	}
	found := gate.Check(b, man, nil) // no API document: capabilities are not known
	for _, f := range found {
		fmt.Println(f)
	}
	fmt.Println("worst:", gate.Worst(found))
	// Output:
	// main.lua:1:1: note: hour is a global variable of the mod; write local before it, if it is not meant for other files [global-write] (justified: another file of the mod reads it)
	// main.lua:2:1: error: this loop (while) has no end: nothing in it breaks, returns, raises an error or waits [endless-loop]
	// mod.toml:7:1: warning: hosts of the capability "http" is asked for as wide as "*.com"; name what is needed [wide-request]
	// worst: error
}

func ExampleReadAPI() {
	api, err := gate.ReadAPI([]byte(`{
		"api_version": "2.0.0",
		"capabilities": [{"name": "world.edit", "version": "1.0.0", "risk": "medium", "schema": {"grants": [
			{"name": "world", "functions": [{"name": "set", "params": [{"name": "x", "type": {"kind": "integer"}}]}]}]}}]
	}`))
	if err != nil {
		panic(err)
	}
	for _, c := range api.Capabilities {
		least, most := c.Functions[0].Args()
		fmt.Println(c.Name, c.Version, c.Risk, "in", c.Table, c.Functions[0].Name, least, most)
	}
	_, err = gate.ReadAPI([]byte(`{"api_version": 2}`))
	fmt.Println(err)
	// Output:
	// world.edit 1.0.0 medium in world set 1 1
	// 1:17: api_version: want a string
}
