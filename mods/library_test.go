package mods_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// libraryOf makes a library of version 1.0.0.
func libraryOf(t testing.TB, id, rest, main string, files ...string) *bundle.Bundle {
	t.Helper()
	files = append([]string{"mod.toml", "[mod]\nid = '" + id + "'\nversion = '1.0.0'\nlibrary = true\n" + rest, "main.lua", main}, files...)
	return bundleOf(t, files...)
}

// A library is copied into each mod that names it: its variables are the mod's, and it
// sees what the mod may do and nothing else.
func TestLibrariesAreCopies(t *testing.T) {
	counter := libraryOf(t, "com.example.counter", "", "local n = 0 return {up = function() n = n + 1 return n end, can = function() return storage ~= nil end, name = ...}")
	w := newWorld(t, mods.Config{})
	main := "local c = require('com.example.counter') print(c.up(), c.up(), c.can(), c.name, c == require('com.example.counter'))"
	one := source(t, "one", "[libraries]\n'com.example.counter' = '^1'\n[permissions]\nstorage.reason = 'test'", main)
	two := source(t, "two", "[libraries]\n'com.example.counter' = '^1'", main)
	one.Libraries, two.Libraries = []*bundle.Bundle{counter}, []*bundle.Bundle{counter}
	all := w.load(one, two)
	w.run(2)
	w.well(all...)
	w.wantPrinted(`[one] 1\t2\ttrue\tcom.example.counter\ttrue`, `[two] 1\t2\tfalse\tcom.example.counter\ttrue`)
	want := []mods.LibraryReport{{ID: "com.example.counter", Version: "1.0.0", Digest: counter.Digest()}}
	if diff := cmp.Diff(want, all[0].Report().Libraries); diff != "" {
		t.Error(diff)
	}
}

// What a name means depends on whose file asks: nobody gets another's file by accident.
func TestRequireInLibraries(t *testing.T) {
	base := libraryOf(t, "base", "", "return 'base ' .. require('part')", "part.lua", "return 'part of base, as ' .. ...")
	top := libraryOf(t, "top.level", "[libraries]\nbase = '*'\n", `
		return {
			own = require("part"), long = require((...) .. ".part"), base = require("base"), sub = require("sub"),
			theirs = {pcall(require, "secret")}, main = {pcall(require, "main")}, std = require("string") == string,
			error = function() error("here") end,
		}`, "part.lua", "return 'part of top, as ' .. ...", "sub/init.lua", "return 'init of ' .. ...", "own.dots.lua", "return 1")
	w := newWorld(t, mods.Config{})
	s := source(t, "mod", "[libraries]\n'top.level' = '^1'", `
		local top = require("top.level")
		print(top.own, top.long, top.base, top.sub)
		print(unpack(top.theirs)) print(top.main[1], top.main[2], top.std)
		print(require("part"), require("top.level.part"))
		print(pcall(require, "base")) print(pcall(require, "base.part")) print(pcall(require, "top"))
		print(pcall(top.error))`,
		"secret.lua", "return 'secret'", "part.lua", "return 'part of the mod'")
	s.Libraries = []*bundle.Bundle{top, base}
	m := w.load(s)[0]
	w.run(2)
	w.well(m)
	w.wantPrinted(
		`[mod] part of top, as top.level.part\tpart of top, as top.level.part\tbase part of base, as base.part\tinit of top.level.sub`,
		`[mod] false\tmodule 'secret' not found`, `[mod] false\tmodule 'main' not found\ttrue`,
		`[mod] part of the mod\tpart of top, as top.level.part`,
		`[mod] false\tmodule 'base' not found`, `[mod] false\tmodule 'base.part' not found`, `[mod] false\tmodule 'top' not found`,
		`[mod] false\ttop.level:main.lua:5: here`)
}

func TestLibrariesThatDoNotFit(t *testing.T) {
	lib := func(id, rest string) *bundle.Bundle { return libraryOf(t, id, rest, "return 1") }
	for name, test := range map[string]struct {
		rest  string
		given []*bundle.Bundle
		files []string
		want  string // in the message
	}{
		"not there":          {rest: "[libraries]\nvec = '^1'", want: `the library "vec", version ^1, is needed by mod and is not there`},
		"another version":    {rest: "[libraries]\nvec = '^2'", given: []*bundle.Bundle{lib("vec", "")}, want: "is there in version 1.0.0; mod needs ^2"},
		"needed by another":  {rest: "[libraries]\nvec = '^1'", given: []*bundle.Bundle{lib("vec", "[libraries]\nnum = '*'")}, want: "is needed by mod -> vec and is not there"},
		"version of another": {rest: "[libraries]\nvec = '^1'", given: []*bundle.Bundle{lib("vec", "[libraries]\nnum = '~3'"), lib("num", "")}, want: "1.0.0; mod -> vec needs ~3"},
		"twice":              {rest: "[libraries]\nvec = '^1'", given: []*bundle.Bundle{lib("vec", ""), lib("vec", "")}, want: "comes with it twice"},
		"a mod":              {rest: "[libraries]\nvec = '^1'", given: []*bundle.Bundle{bundleOf(t, "mod.toml", "[mod]\nid = 'vec'\nversion = '1.0.0'", "main.lua", "")}, want: "no library; it belongs under [dependencies]"},
		"no main file":       {rest: "[libraries]\nvec = '^1'", given: []*bundle.Bundle{bundleOf(t, "mod.toml", "[mod]\nid = 'vec'\nversion = '1.0.0'\nlibrary = true")}, want: `there is no file "main.lua"`},
		"a file of the mod":  {rest: "[libraries]\nvec = '^1'", given: []*bundle.Bundle{lib("vec", "")}, files: []string{"vec/init.lua", ""}, want: "could be a file of the mod or of the library"},
		"two libraries' file": {rest: "[libraries]\nvec = '^1'\n'vec.two' = '^1'", given: []*bundle.Bundle{
			libraryOf(t, "vec", "", "", "two.lua", ""), lib("vec.two", "")}, want: `could be a file of the library "vec" or of "vec.two"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mods.Config{})
			s := source(t, "mod", test.rest, "print('runs')", test.files...)
			s.Libraries = test.given
			_, err := w.Load(s)
			e, ok := errors.AsType[*mods.LibraryError](err)
			if !ok || !strings.Contains(err.Error(), test.want) || e.Err.Line < 5 {
				t.Errorf("%v", err)
			}
			w.run(1)
			w.wantPrinted()
		})
	}
}

// Libraries that need each other in a circle are loaded as modules are: the circle is
// an error of require.
func TestLibrariesInACircle(t *testing.T) {
	a := libraryOf(t, "aaa", "[libraries]\nbbb = '*'", "return require('bbb')")
	b := libraryOf(t, "bbb", "[libraries]\naaa = '*'", "return require('aaa')")
	w := newWorld(t, mods.Config{})
	s := source(t, "mod", "[libraries]\naaa = '*'", "print(pcall(require, 'aaa'))")
	s.Libraries = []*bundle.Bundle{a, b}
	w.load(s)
	w.run(1)
	w.wantPrinted(`[mod] false\tbbb:main.lua:1: loop or previous error loading module 'aaa'`)
}

// A library is not run as a mod.
func TestLibraryAsMod(t *testing.T) {
	w := newWorld(t, mods.Config{})
	_, err := w.Load(mods.Source{Bundle: libraryOf(t, "vec", "", "print('runs')")})
	if err == nil || !strings.Contains(err.Error(), "this is a library") {
		t.Error(err)
	}
	w.run(1)
	w.wantPrinted()
}

// A reload may bring other libraries.
func TestReloadWithLibraries(t *testing.T) {
	with := func(text string) mods.Source {
		s := source(t, "mod", "[libraries]\nvec = '*'", "print(require('vec'))")
		s.Libraries = []*bundle.Bundle{libraryOf(t, "vec", "", "return '"+text+"'")}
		return s
	}
	w := newWorld(t, mods.Config{})
	w.load(with("old"))
	w.run(1)
	if err := w.reloaded("mod", with("new")); err != nil {
		t.Fatal(err)
	}
	w.wantPrinted(`[mod] old`, `[mod] new`)
}

func TestLoadAfter(t *testing.T) {
	w := newWorld(t, mods.Config{})
	main := "print('main')"
	w.load(
		source(t, "aaa", "[load_after]\nzzz = '^1'\nnothere = '*'\nmmm = '^2'", main), // mmm is there in version 1
		source(t, "mmm", "[load_after]\naaa = '*'", main),
		source(t, "zzz", "[load_after]\nmmm = '*'", main)) // which closes a circle
	w.run(2)
	w.wantPrinted("[aaa] main", "[mmm] main", "[zzz] main")

	w = newWorld(t, mods.Config{})
	w.load(source(t, "aaa", "[load_after]\nzzz = '^1'", main), source(t, "zzz", "", main))
	w.run(2)
	w.wantPrinted("[zzz] main", "[aaa] main")
	if err := w.Unload("zzz"); err != nil { // and aaa stays
		t.Fatal(err)
	}
	w.run(1)
	if w.Mod("aaa") == nil {
		t.Error("unloaded with one that it only follows")
	}
}
