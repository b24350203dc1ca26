package luasandbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
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
			program := compile(t, tt.source)
			_, err := newSandbox(t, luasandbox.Config{}, "").Load(context.Background(), program)
			var script *luasandbox.ScriptError
			if !errors.As(err, &script) {
				t.Fatalf("got %v, want a *ScriptError", err)
			}
			got := struct {
				Chunk string
				Line  int
			}{script.Chunk, script.Line}
			want := got
			want.Chunk, want.Line = program.Name(), tt.line
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
