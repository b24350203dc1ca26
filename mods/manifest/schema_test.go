package manifest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/luasandbox/modrunner/mods/manifest"
)

var update = flag.Bool("update", false, "write the generated files anew")

func TestGeneratedFiles(t *testing.T) {
	for name, want := range map[string][]byte{
		"mod.schema.json": manifest.Schema(),
		"REFERENCE.md":    []byte(manifest.Reference()),
	} {
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date; run go test ./mods/manifest -run TestGeneratedFiles -update\n%s", name, cmp.Diff(string(got), string(want)))
		}
	}
}

func schema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(manifest.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// asJSON gives TOML the types that it would have as JSON.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var table map[string]any
	if _, err := toml.Decode(text, &table); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemaAcceptsGoodManifests(t *testing.T) {
	s := schema(t)
	files, err := filepath.Glob("testdata/good/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no manifests", err)
	}
	for _, file := range files {
		text := strings.TrimPrefix(string(readGood(t, filepath.Base(file))), "\ufeff")
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The schema and the parser come from one table: what the schema refuses, the
// parser refuses too.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	for _, text := range []string{
		"",
		"[mod]\nid = 'abc'",
		"[mod]\nid = 'Abc'\nversion = '1.0.0'",
		"[mod]\nid = 'abc'\nversion = 'one'",
		head + "verison = 1",
		head + "authors = 'Ada'",
		head + "authors = [1]",
		head + "name = ''",
		head + "entry = 'main.txt'",
		head + "[frobnicate]",
		head + "[permissions]\nlog = true",
		head + "[permissions]\nlog = {}",
		head + "[permissions]\nLog = { reason = 'x' }",
		head + "[permissions]\nlog = { reason = 'x', o = { a = 1 } }",
		head + "[permissions]\nlog = { reason = 'x', O = 1 }",
		head + "[limits]\ndepth = 0",
		head + "[limits]\ndepth = 1.5",
		head + "[limits]\ndepth = '5'",
		head + "[limits]\nmemory = 'much'",
		head + "[limits]\ntime = 5",
		head + "[limits]\ntime = '-5s'",
		head + "[settings]\nrain = 1",
		head + "[settings]\nrain = {type = 'boolean'}",
		head + "[settings]\nrain = {default = true}",
		head + "[settings]\nRain = {type = 'boolean', default = true}",
		head + "[settings]\nrain = {type = 'bool', default = true}",
		head + "[settings]\nrain = {type = 'boolean', default = [true]}",
		head + "[settings]\nrain = {type = 'boolean', default = true, color = 'red'}",
		head + "[settings]\nrain = {type = 'boolean', default = true, title = ''}",
		head + "[settings]\nrain = {type = 'integer', default = 1, min = '1'}",
		head + "[settings]\nrain = {type = 'text', default = '', max_length = 0}",
		head + "[settings]\nrain = {type = 'text', default = '', max_length = 1025}",
		head + "[settings]\nrain = {type = 'choice', default = 'a', choices = []}",
		head + "[settings]\nrain = {type = 'choice', default = 'a', choices = ['a', 'a']}",
		head + "[settings]\nrain = {type = 'choice', default = 'a', choices = ['a', '']}",
		head + "[dependencies]\nBase = '*'",
		head + "[dependencies]\nbase = 1",
		head + "[conflicts]\nbase = ''",
	} {
		if err := s.Validate(asJSON(t, text)); err == nil {
			t.Errorf("the schema accepts %q", text)
		}
		if _, err := manifest.Parse("mod.toml", []byte(text)); err == nil {
			t.Errorf("the parser accepts %q", text)
		}
	}
}

// The example in the reference has every key, and is a good manifest.
func TestReferenceExample(t *testing.T) {
	_, rest, _ := strings.Cut(manifest.Reference(), "```toml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example")
	}
	m, err := manifest.Parse("mod.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(asJSON(t, text)); err != nil {
		t.Error(err)
	}
	if len(m.Permissions) == 0 || len(m.Dependencies) == 0 || len(m.OptionalDependencies) == 0 || len(m.Conflicts) == 0 || len(m.Settings) == 0 || m.API.IsZero() {
		t.Error("the example does not show everything")
	}
}
