package luasandbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// Compiled modules are asked for before texts, and are shared by sandboxes.
func TestCompiledModules(t *testing.T) {
	ready, err := luasandbox.Compile("ready.lua", "n = (n or 0) + 1 return n", limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	main, err := luasandbox.Compile("main.lua", `
		local ok, broken = pcall(require, "broken")
		local ok2, panics = pcall(require, "panics")
		return require("ready"), require("ready"), require("text"), broken, panics ~= nil, pcall(require, "absent")`, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := luasandbox.New(luasandbox.Config{
			Limits: limits.Limits{Source: 20},
			Compiled: func(name string) (*luasandbox.Program, error) {
				switch name {
				case "ready":
					return ready, nil
				case "broken":
					return nil, errors.New("broken.lua:1: no")
				case "panics":
					panic("oh")
				}
				return nil, nil
			},
			Modules: func(name string) (chunk, source string, ok bool) { return "text.lua", "return 'text'", name == "text" },
		})
		if err != nil {
			t.Fatal(err)
		}
		results, err := s.Load(context.Background(), main)
		if err != nil {
			t.Fatal(err)
		}
		var first, again float64
		var text, broken, message string
		var panics, absent bool
		if err := results.Scan(&first, &again, &text, &broken, &panics, &absent, &message); err != nil {
			t.Fatal(err)
		}
		if first != 1 || again != 1 || text != "text" || broken != "error loading module 'broken':\n\tbroken.lua:1: no" || !panics || absent || message != "module 'absent' not found" {
			t.Errorf("%v", results)
		}
		_ = s.Close()
	}
}
