package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/gate"
)

// What a host writes is read as it was declared.
func TestAPIDocumentOfHost(t *testing.T) {
	declared := mods.Capability{
		Name: "world.edit", Version: "2.1.0", Doc: "Change the world.", Risk: mods.RiskMedium, Deprecated: "use 3.0.0", Flag: "beta",
		Options: []mods.Option{
			{Name: "area", Type: mods.CountOption, Doc: "how much", Default: int64(3), Min: 1, Max: 64},
			{Name: "kind", Type: mods.TextOption, Doc: "of what", Required: true, Choices: []string{"stone", "water"}},
		},
		Members: []luasandbox.Member{luasandbox.Func("set", func() {})},
	}
	host, err := mods.Open(mods.Config{APIVersion: "3.2.1", Capabilities: []mods.Capability{declared}, Policy: mods.Policy{Allow: []string{"log"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	text, err := host.API()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parseAPI("game.json", string(text))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(doc.capabilities, func(c mods.Capability) bool { return c.Name == declared.Name })
	if i < 0 || doc.api.Version != "3.2.1" || !doc.denied["world.edit"] || doc.denied["log"] {
		t.Fatalf("%+v", doc)
	}
	got := doc.capabilities[i]
	type seen struct {
		Name, Version, Doc, Deprecated, Flag string
		Risk                                 mods.Risk
		Options                              []mods.Option
	}
	of := func(c mods.Capability) seen {
		options := slices.Clone(c.Options)
		for i := range options {
			options[i].Default = nil // for mods that run
		}
		return seen{c.Name, c.Version, c.Doc, c.Deprecated, c.Flag, c.Risk, options}
	}
	if diff := cmp.Diff(of(declared), of(got)); diff != "" {
		t.Error(diff)
	}
	var cfg mods.Config
	if err := doc.config(&cfg); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Capabilities) != 1 || cfg.Capabilities[0].Name != "world.edit" { // the others are built in
		t.Errorf("%d capabilities are offered: %+v", len(cfg.Capabilities), cfg.Capabilities)
	}
}

// Everything that is wrong has its place.
func TestAPIDocumentErrors(t *testing.T) {
	capability := func(fields string) string {
		return `{"api_version": "1.0.0", "capabilities": [` + "\n" + `{"name": "a", "version": "1.0.0"` + fields + `}]}`
	}
	many := func(n int, item func(i int) string) string {
		var items []string
		for i := range n {
			items = append(items, item(i))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	for _, tt := range []struct{ name, text, place, path string }{
		{"nothing", ``, "1:1", ""},
		{"no JSON", `[mod]`, "1:2", ""},
		{"cut off", "{\n\"api_version\": ", "2:16", ""},
		{"more behind it", `{} {}`, "1:4", ""},
		{"a list", ` []`, "1:2", ""},
		{"null", `null`, "1:1", ""},
		{"no version", `{"capabilities": []}`, "1:1", "api_version"},
		{"a number as version", "{\n  \"api_version\": 1}", "2:18", "api_version"},
		{"no semantic version", `{"api_version": "1"}`, "1:17", "api_version"},
		{"no capabilities", `{"api_version": "1.0.0"}`, "1:1", "capabilities"},
		{"capabilities as an object", `{"api_version": "1.0.0", "capabilities": {}}`, "1:42", "capabilities"},
		{"twice", `{"api_version": "1.0.0", "api_version": "1.0.0"}`, "1:41", "api_version"},
		{"a capability as text", `{"api_version": "1.0.0", "capabilities": ["a"]}`, "1:43", "capabilities[0]"},
		{"no name", `{"api_version": "1.0.0", "capabilities": [{"version": "1.0.0"}]}`, "1:43", "capabilities[0].name"},
		{"no version of it", `{"api_version": "1.0.0", "capabilities": [{"name": "a"}]}`, "1:43", "capabilities[0].version"},
		{"a version of none", `{"api_version": "1.0.0", "capabilities": [{"name": "a", "version": "one"}]}`, "1:43", "capabilities[0]"},
		{"null as name", `{"api_version": "1.0.0", "capabilities": [{"name": null, "version": "1.0.0"}]}`, "1:52", "capabilities[0].name"},
		{"the same twice", `{"api_version": "1.0.0", "capabilities": [{"name": "a", "version": "1.0.0"}, {"name": "a", "version": "1.0.0"}]}`, "1:78", "capabilities[1]"},
		{"a risk of none", capability(`, "risk": "some"`), "2:1", "capabilities[0]"},
		{"allowed as text", capability(`, "allowed": "yes"`), "2:46", "capabilities[0].allowed"},
		{"null as text", capability(`, "doc": null`), "2:42", "capabilities[0].doc"},
		{"options as text", capability(`, "options": "x"`), "2:46", "capabilities[0].options"},
		{"an option of no type", capability(`, "options": [{"name": "x"}]`), "2:47", "capabilities[0].options[0].type"},
		{"an option of another type", capability(`, "options": [{"name": "x", "type": "colour"}]`), "2:69", "capabilities[0].options[0].type"},
		{"an option's name", capability(`, "options": [{"name": "X", "type": "text"}]`), "2:1", "capabilities[0]"},
		{"an option that all have", capability(`, "options": [{"name": "reason", "type": "text"}]`), "2:1", "capabilities[0]"},
		{"bounds", capability(`, "options": [{"name": "x", "type": "count", "min": 5, "max": 4}]`), "2:95", "capabilities[0].options[0].max"},
		{"a bound that is no number", capability(`, "options": [{"name": "x", "type": "count", "min": 1e999}]`), "2:85", "capabilities[0].options[0].min"},
		{"choices that are no texts", capability(`, "options": [{"name": "x", "type": "text", "choices": ["a", 1]}]`), "2:94", "capabilities[0].options[0].choices[1]"},
		{"many options", capability(`, "options": ` + many(65, func(i int) string { return fmt.Sprintf(`{"name": "x%d", "type": "text"}`, i) })), "", "capabilities[0].options"},
		{"many choices", capability(`, "options": [{"name": "x", "type": "text", "choices": ` + many(1025, func(i int) string { return `"a"` }) + `}]`), "", "capabilities[0].options[0].choices"},
		{"many capabilities", `{"api_version": "1.0.0", "capabilities": ` + many(1025, func(i int) string { return fmt.Sprintf(`{"name": "a%d", "version": "1.0.0"}`, i) }) + `}`, "", "capabilities"},
		{"very deep", strings.Repeat("[", 1<<20), "1:10001", ""},
		{"deep where nobody looks", `{"x": ` + strings.Repeat(`{"y":`, 20_000), "", ""},
	} {
		_, err := parseAPI("f", tt.text)
		e, ok := errors.AsType[*gate.APIError](err)
		if !ok {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if place := fmt.Sprintf("%d:%d", e.Line, e.Column); tt.place != "" && place != tt.place || e.Path != tt.path || e.Err == nil {
			t.Errorf("%s: %s %q, want %s %q: %v", tt.name, place, e.Path, tt.place, tt.path, err)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%s: a message of %d bytes", tt.name, len(err.Error()))
		}
	}
}

func FuzzParseAPI(f *testing.F) {
	f.Add(`{"api_version": "1.0.0", "capabilities": [{"name": "a", "version": "1.0.0", "flag": "x", "allowed": false,
 "options": [{"name": "x", "type": "texts", "choices": ["a"], "min": 1, "max": 2}]}]}`)
	f.Add(`{"api_version": "2.0.0", "capabilities": [{"name": "storage", "version": "1.0.0", "options": [{"name": "quota", "type": "size", "max": 4096}]},
 {"name": "http", "version": "1.0.0", "risk": "high", "options": [{"name": "hosts", "type": "texts", "required": true}]}]}`)
	f.Add(`{"api_version": 1`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := parseAPI("f", text)
		if e, ok := errors.AsType[*gate.APIError](err); err != nil {
			if !ok || e.Line < 1 || e.Column < 1 || e.Line > 1+strings.Count(text, "\n") || e.Column > len(text)+1 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		cfg := mods.Config{Policy: mods.PolicyAll}
		if err := doc.config(&cfg); err != nil {
			t.Fatal(err)
		}
		host, err := mods.Open(cfg)
		if err == nil {
			host.Close()
			return
		}
		if _, ok := errors.AsType[*mods.ConfigError](err); !ok { // such as versions that are equal and written otherwise
			t.Fatal(err)
		}
	})
}
