package vm

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/parse"

	"github.com/luasandbox/modrunner/limits"
)

// numerals that the parser reads as two tokens and C Lua as one.
var hexFraction = regexp.MustCompile(`0[xX][0-9a-fA-F]*[.pP]`)

// FuzzScan holds the text that the scanner writes out against the text as it was: if
// the parser takes that, and the scanner does, both give the same syntax tree, down to
// the lines. Where the scanner means to change what the parser reads, the parser does
// not take the text as it was, hexadecimal fractions aside.
func FuzzScan(f *testing.F) {
	files, err := filepath.Glob("testdata/lua/*.lua")
	if err != nil || len(files) == 0 {
		f.Fatalf("no Lua files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.SplitAfter(string(text), "\nend\n") {
			f.Add(part)
		}
	}
	for _, text := range []string{
		"a = 1 --[[ b ]] c = 2", "--[==[\n]]\n]==] a = 1", "a--\n=1", "a = [[\n--]] --]]", "a = '--' -- b", "a = \"\\\n--\" b = 1", "a = 1-- -1\nb=2", "-- \\\n a = 1", "a\r\n=\n\r1 --\r\nb=2", "goto x ::x:: a = b", "a = {1, --[[x]] 2; 3}", "a=1--[=[\r\n]=]b=2", "f--[[]]'x'", "local t = {[ [[x]] ] = 1}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 5000 || hexFraction.MatchString(text) {
			return
		}
		s, err := scan("fuzz", text, limits.Defaults())
		if err != nil {
			return
		}
		if len(s.out) != len(text) || strings.Count(string(s.out), "\n") != strings.Count(text, "\n") {
			t.Errorf("%q became %q", text, s.out)
		}
		want, err := parse.Parse(strings.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		got, err := parse.Parse(strings.NewReader(string(s.out)), "fuzz")
		if err != nil {
			t.Fatalf("%q is a program, %q: %v", text, s.out, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as\n%s\n%q as\n%s", text, parse.Dump(want), s.out, parse.Dump(got))
		}
	})
}
