package luasandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/luasandbox"
)

type tree struct {
	Name string  `lua:"name"`
	Kids []tree  `lua:"kids,optional"`
	Left *tree   `lua:"left"`
	Any  any     `lua:"any"`
	Key  [2]bool `lua:"key"`
}

type forest []forest

func schemaGrants() []*luasandbox.Grant {
	_, army := army()
	return []*luasandbox.Grant{army, luasandbox.NewGrant("", "Globals.",
		luasandbox.Func("plant", func(context.Context, tree, ...int8) (map[string]uint64, error) { return nil, nil },
			luasandbox.Doc("Plants."), luasandbox.Params("what", "ages"), luasandbox.Returns("counts"), luasandbox.Cost(7), luasandbox.CostPer("what", 2)),
		luasandbox.Func("ask", func(string) *luasandbox.Pending { return luasandbox.Later() }, luasandbox.Returns("answer"), luasandbox.Blocking()),
		luasandbox.Func("vary", func(*luasandbox.Function, []byte, *float64) luasandbox.Results { return nil }),
		luasandbox.Func("here", func(forest, struct {
			A int `lua:"a"`
		}) {
		}, luasandbox.Params("f", "s"), luasandbox.Optional("f"), luasandbox.AllowNaN()),
	)}
}

func TestSchema(t *testing.T) {
	got, err := luasandbox.Schema(schemaGrants()...)
	if err != nil {
		t.Fatal(err)
	}
	again, err := luasandbox.Schema(schemaGrants()...)
	if err != nil || string(again) != string(got) {
		t.Errorf("not the same again: %v", err)
	}
	var doc struct {
		Grants []struct {
			Name      string
			Functions []struct {
				Name, Doc   string
				Params      []map[string]any
				Results     []map[string]any
				ResultsVary bool `json:"results_vary"`
				Later       bool
				Fails       bool
				Blocking    bool
				Cost        int
			}
			Values  []map[string]any
			Handles []struct {
				Name, Doc  string
				Methods    []struct{ Name string }
				Properties []map[string]any
			}
		}
		Records []map[string]any
	}
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	type l = []any
	army, globals := doc.Grants[0], doc.Grants[1]
	integer := func(least, most float64) m { return m{"kind": "integer", "min": least, "max": most} }
	soldier := m{"kind": "handle", "name": "Soldier"}
	for _, tt := range []struct {
		name      string
		want, got any
	}{
		{"plant params", []m{
			{"name": "what", "type": m{"kind": "record", "name": "tree"}, "cost_per": 2.0},
			{"name": "ages", "type": integer(-128, 127), "variadic": true},
		}, globals.Functions[0].Params},
		{"plant results", []m{{"name": "counts", "type": m{"kind": "map", "key": m{"kind": "string"}, "of": integer(0, 18446744073709551615)}}}, globals.Functions[0].Results},
		{"plant", []any{"plant", "Plants.", true, 71}, []any{globals.Functions[0].Name, globals.Functions[0].Doc, globals.Functions[0].Fails, globals.Functions[0].Cost}},
		{"ask", []any{true, true, true, true}, []any{globals.Functions[1].Later, globals.Functions[1].Fails, globals.Functions[1].Blocking, globals.Functions[1].ResultsVary}},
		{"ask results", []m{{"name": "answer", "type": m{"kind": "any"}}}, globals.Functions[1].Results},
		{"vary params", []m{
			{"name": "arg1", "type": m{"kind": "function"}},
			{"name": "arg2", "type": m{"kind": "bytes"}},
			{"name": "arg3", "type": m{"kind": "number"}, "optional": true},
		}, globals.Functions[2].Params},
		{"here params", []m{
			{"name": "f", "type": m{"kind": "list", "of": m{"kind": "any"}}, "optional": true},
			{"name": "s", "type": m{"kind": "record", "name": "record"}},
		}, globals.Functions[3].Params},
		{"find", []m{{"type": soldier}}, army.Functions[0].Results},
		{"all", []m{{"type": m{"kind": "list", "of": soldier}}}, army.Functions[1].Results},
		{"kind", []m{{"name": "arg1", "type": m{"kind": "handle"}}}, army.Functions[6].Params},
		{"captain", []m{{"name": "captain", "type": soldier}}, army.Values},
		{"properties", []m{
			{"name": "hp", "doc": "Health.", "type": integer(-9223372036854775808, 9223372036854775807), "writable": true},
			{"name": "rank", "doc": "", "type": m{"kind": "string"}},
			{"name": "pos", "doc": "", "type": m{"kind": "map", "key": m{"kind": "string"}, "of": m{"kind": "list", "of": integer(-9223372036854775808, 9223372036854775807)}}},
		}, army.Handles[0].Properties},
		{"records", []m{
			{"name": "tree", "fields": l{
				m{"name": "name", "type": m{"kind": "string"}},
				m{"name": "kids", "type": m{"kind": "list", "of": m{"kind": "record", "name": "tree"}}, "optional": true},
				m{"name": "left", "type": m{"kind": "record", "name": "tree"}, "optional": true},
				m{"name": "any", "type": m{"kind": "any"}, "optional": true},
				m{"name": "key", "type": m{"kind": "list", "of": m{"kind": "boolean"}, "length": 2.0}},
			}},
			{"name": "record", "fields": l{m{"name": "a", "type": integer(-9223372036854775808, 9223372036854775807)}}},
		}, doc.Records},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
	var methods []string
	for _, f := range army.Handles[0].Methods {
		methods = append(methods, f.Name)
	}
	if diff := cmp.Diff([]string{"name", "hurt", "aim", "maybeAim", "target", "pack", "panics"}, methods); diff != "" {
		t.Error(diff)
	}

	if _, err := luasandbox.Schema(luasandbox.NewGrant("g", "", luasandbox.Func("f", 1))); err == nil {
		t.Error("a grant with a mistake has a schema")
	} else if declared := (*luasandbox.DeclarationError)(nil); !errors.As(err, &declared) {
		t.Errorf("%v", err)
	}
	if _, err := luasandbox.Schema(nil); err == nil {
		t.Error("nil has a schema")
	}
	if empty, err := luasandbox.Schema(); err != nil || string(empty) != "{\n  \"grants\": [],\n  \"records\": []\n}" {
		t.Errorf("%s, %v", empty, err)
	}
}
