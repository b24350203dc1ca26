package luasandbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// A script error says where it was raised, without anybody reading its text.
func TestScriptErrorTellsItsPlace(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		line         int
	}{
		{"raised by the script", "local x\n\nerror('no', 0)", 3},
		{"raised by the machine", "local x\nx.y = 1", 2},
		{"raised by the library", "\n\n\nstring.rep()", 4},
		{"raised in a coroutine", "local f = coroutine.wrap(function()\nerror({}) end)\nf()", 2},
		{"raised through pcall", "local ok, e = pcall(function()\nerror({}) end)\nerror(e)", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			program, err := luasandbox.Compile("place.lua", tt.source, limits.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			sandbox, err := luasandbox.New(luasandbox.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer sandbox.Close()
			_, err = sandbox.Load(context.Background(), program)
			var script *luasandbox.ScriptError
			if !errors.As(err, &script) {
				t.Fatalf("got %v, want a *ScriptError", err)
			}
			got := struct {
				Chunk string
				Line  int
			}{script.Chunk, script.Line}
			want := got
			want.Chunk, want.Line = "place.lua", tt.line
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
