package gate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/gate"
)

// What a host writes is read with all that the rules need. The errors are held by the
// tests of the command line, which reads documents that come from anywhere.
func TestReadAPI(t *testing.T) {
	api := hostAPI()
	find := func(name, version string) gate.Capability {
		i := slices.IndexFunc(api.Capabilities, func(c gate.Capability) bool { return c.Name == name && c.Version == version })
		if i < 0 {
			t.Fatalf("there is no %s %s", name, version)
		}
		return api.Capabilities[i]
	}
	world := find("world.edit", "1.0.0")
	if world.Table != "world" || !world.Described || !world.Allowed || world.Risk != "high" || world.Line < 2 {
		t.Errorf("%+v", world)
	}
	if diff := cmp.Diff([]string{"size"}, world.Values); diff != "" {
		t.Error(diff)
	}
	want := []gate.Function{
		{Name: "set", Params: []gate.Param{
			{Name: "x", Kind: "integer", Min: -128, Max: 127, Bounded: true}, {Name: "y", Kind: "integer", Min: -128, Max: 127, Bounded: true}, {Name: "name", Kind: "string"}}},
		{Name: "fill", Params: []gate.Param{
			{Name: "arg1", Kind: "list"}, {Name: "arg2", Kind: "map"}, {Name: "arg3", Kind: "boolean"}, {Name: "arg4", Kind: "string", Variadic: true}}},
		{Name: "later", Later: true},
		{Name: "each", Params: []gate.Param{{Name: "arg1", Kind: "function"}}},
	}
	if diff := cmp.Diff(want, world.Functions); diff != "" {
		t.Error(diff)
	}
	for i, counts := range [][2]int{{3, 3}, {3, -1}, {0, 0}, {1, 1}} {
		if least, most := world.Functions[i].Args(); least != counts[0] || most != counts[1] {
			t.Errorf("%s takes %d to %d", world.Functions[i].Name, least, most)
		}
	}
	if diff := cmp.Diff([]string{"dawn", "wave"}, api.Events); diff != "" {
		t.Error(diff)
	}
	if !find("http", "1.0.0").Sensitive || world.Sensitive {
		t.Error("what is sensitive")
	}
	if find("example", "1.0.0").Deprecated == "" || find("example", "2.0.0").Deprecated != "" {
		t.Error("what is deprecated")
	}
	if got := find("http", "1.0.0").Options; len(got) != 1 || got[0].Name != "hosts" || got[0].Type != "texts" {
		t.Errorf("%+v", got)
	}
	_, err := gate.ReadAPI(make([]byte, gate.MaxAPI+1))
	if e, ok := errors.AsType[*gate.APIError](err); !ok || e.Line != 1 {
		t.Errorf("%v", err)
	}
}

// FuzzReadAPI: any document is read or refused with a place, and mods can be held
// against what was read.
func FuzzReadAPI(f *testing.F) {
	f.Add(`{"api_version": "1.0.0", "capabilities": [{"name": "storage", "version": "1.0.0", "table": "string", "options": [{"name": "x", "type": "text"}],
 "schema": {"grants": [{"functions": [{"name": "get", "later": true, "params": [{"name": "k", "type": {"kind": "integer", "min": 0, "max": 1e3}, "variadic": true}]}], "values": [{"name": "v"}]}]}}]}`)
	f.Add(`{"api_version": "1.0.0", "capabilities": [{"name": "", "version": "", "table": "_G"}]}`)
	f.Add(`{"api_version": 1`)
	f.Fuzz(func(t *testing.T, text string) {
		api, err := gate.ReadAPI([]byte(text))
		if err != nil {
			e, ok := errors.AsType[*gate.APIError](err)
			if !ok || e.Line < 1 || e.Column < 1 || e.Line > 1+strings.Count(text, "\n") || e.Column > len(text)+1 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for _, r := range gate.Rules() {
			b, man := mod(t, r.Bad.Manifest, map[string]string{"main.lua": r.Bad.Lua})
			checkBounds(t, gate.Check(b, man, api))
		}
	})
}
