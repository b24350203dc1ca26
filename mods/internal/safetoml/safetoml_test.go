package safetoml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

var bounds = safetoml.Bounds{Bytes: 1000, Depth: 4, KeyBytes: 20, Entries: 20}

type file struct {
	Title string `toml:"title"`
	Keys  map[string]struct {
		Count int      `toml:"count"`
		IDs   []string `toml:"ids"`
	} `toml:"keys"`
}

func TestDecode(t *testing.T) {
	var got file
	d, err := safetoml.Decode("a.toml", []byte("\ufefftitle = 'x'\n[keys.one]\ncount = 1\nids = ['a', 'b']\n"), bounds, &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Title != "x" || got.Keys["one"].Count != 1 || len(got.Keys["one"].IDs) != 2 {
		t.Errorf("%+v", got)
	}
	want := &safetoml.Error{File: "a.toml", Line: 3, Column: 1, Key: "keys.one.count", Message: "1 is odd"}
	if diff := cmp.Diff(want, d.Errorf([]string{"keys", "one", "count"}, "%d is odd", 1)); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, test := range []struct {
		name, text, place, message string
	}{
		{"unknown key", "title = 'x'\n[keys.one]\ncuont = 1", "a.toml:3:1", "unknown key keys.one.cuont"},
		{"wrong type", "title = 'x'\n[keys.one]\ncount = 'y'", "a.toml:3:1", "keys.one.count must be a whole number"},
		{"wrong type in a list", "[keys.one]\nids = ['a', 1]", "a.toml:2:13", "keys.one.ids.1 must be a string"},
		{"wrong type of a table", "[keys]\none = 1", "a.toml:2:1", "keys.one must be a table"},
		{"a list", "[keys.one]\nids = 'a'", "a.toml:2:1", "keys.one.ids must be an array"},
		{"other letters", "title = 'x'\n[keys.one]\nCount = 1", "a.toml:3:1", "small and capital"},
		{"both spellings", "title = 'x'\nTitle = 'y'", "a.toml:2:1", "small and capital"},
		{"not TOML", "title = \n", "a.toml:1:9", "expected a value"},
		{"twice", "title = 'x'\ntitle = 'y'", "a.toml:2:1", "already on line 1"},
		{"too long", strings.Repeat("#", 1001), "a.toml", "at most 1000"},
		{"too deep", "a = [[[[[1]]]]]", "a.toml:1:9", "more than 4 brackets"},
		{"dots", "a.b.c.d.e = 1", "a.toml:1:1", "more than 4 names"},
		{"long key", strings.Repeat("k", 21) + " = 1", "a.toml:1:1", "at most 20"},
		{"many", strings.Repeat("\n", 3) + lines(21), "a.toml:24:1", "more than 20 keys"},
		{"array of tables", "[[keys]]", "a.toml:1:1", "no arrays of tables"},
		{"not UTF-8", "a = '\xff'", "a.toml:1:6", "UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := safetoml.Decode("a.toml", []byte(test.text), bounds, &file{})
			e, ok := errors.AsType[*safetoml.Error](err)
			if !ok || !strings.HasPrefix(e.Error(), test.place) || !strings.Contains(e.Message, test.message) {
				t.Errorf("%v", err)
			}
		})
	}
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d = 1\n", i)
	}
	return b.String()
}
