package mods

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// library is a copy of a library in one edition of a mod.
type library struct {
	bundle   *bundle.Bundle
	manifest *manifest.Manifest
	needs    []string          // libraries that its files may require, sorted
	files    map[string]string // by the name of the module: "the.id", "the.id.part"
	modules  map[string]module // compiled with the edition, by the same names
}

// LibraryError is the refusal of a mod for a library that is to be copied into it. Its
// Err has the place in the mod's manifest.
type LibraryError struct {
	Mod     string
	Library string   // the id
	Chain   []string // who needs it: the mod, and libraries, each by the one before
	Want    string   // the range; "" if it is not about a version
	Have    string   // the version that is there; "" if none is
	Err     *manifest.Problem
}

// Error is that of the problem.
func (e *LibraryError) Error() string { return e.Err.Error() }

// Unwrap returns the [*manifest.Problem].
func (e *LibraryError) Unwrap() error { return e.Err }

// adopt checks the libraries that come with a mod, and returns those that it needs, by
// id: one version of each.
func adopt(man *manifest.Manifest, given []*bundle.Bundle) ([]*library, error) {
	if len(man.Libraries) == 0 {
		return nil, nil
	}
	there := map[string]*library{}
	for _, b := range given {
		m, err := manifest.Parse(bundle.ManifestName, b.Manifest())
		if err != nil {
			return nil, err
		}
		if there[m.ID] != nil {
			return nil, libraryError(man, m.ID, nil, "", "", "the library %q comes with it twice", m.ID)
		}
		there[m.ID] = &library{bundle: b, manifest: m}
	}
	type need struct {
		manifest.Requirement
		chain []string
	}
	var needs []need
	for _, r := range man.Libraries {
		needs = append(needs, need{r, []string{man.ID}})
	}
	used := map[string]*library{}
	for len(needs) > 0 { // no longer than all requirements of all libraries
		n := needs[0]
		needs = needs[1:]
		l := there[n.ID]
		by := strings.Join(n.chain, " -> ")
		switch {
		case l == nil:
			return nil, libraryError(man, n.ID, n.chain, n.Range.Text, "", "the library %q, version %s, is needed by %s and is not there", n.ID, n.Range.Text, by)
		case !l.manifest.Library:
			return nil, libraryError(man, n.ID, n.chain, "", "", "%q is a mod of its own, and no library; it belongs under [dependencies]", n.ID)
		case !n.Range.Contains(l.manifest.Version):
			return nil, libraryError(man, n.ID, n.chain, n.Range.Text, l.manifest.Version.String(), "the library %q is there in version %s; %s needs %s", n.ID, l.manifest.Version, by, n.Range.Text)
		case used[n.ID] != nil:
			continue
		}
		used[n.ID] = l
		for _, r := range l.manifest.Libraries {
			l.needs = append(l.needs, r.ID)
			needs = append(needs, need{r, append(slices.Clone(n.chain), n.ID)})
		}
	}
	var all []*library
	for _, id := range sortedNames(used) {
		l := used[id]
		if err := l.name(); err != nil {
			return nil, libraryError(man, id, nil, "", l.manifest.Version.String(), "the library %q: %v", id, err)
		}
		all = append(all, l)
	}
	return all, distinct(man, all)
}

func libraryError(man *manifest.Manifest, id string, chain []string, want, have, format string, args ...any) error {
	at := id
	if len(chain) > 1 {
		at = chain[1] // the library in the mod's own manifest through which it is needed
	}
	return &LibraryError{Mod: man.ID, Library: id, Chain: chain, Want: want, Have: have,
		Err: man.Problem(fmt.Sprintf(format, args...), "libraries", at)}
}

// name finds the names of the library's modules.
func (l *library) name() error {
	id := l.manifest.ID
	l.files = map[string]string{}
	if _, err := fs.Stat(l.bundle.FS(), l.manifest.Entry); err != nil {
		return fmt.Errorf("there is no file %q in it, which require runs first", l.manifest.Entry)
	}
	l.files[id] = l.manifest.Entry
	for _, f := range l.bundle.Files() {
		base, isLua := strings.CutSuffix(f.Path, ".lua")
		if !isLua || f.Path == l.manifest.Entry || strings.Contains(base, ".") {
			continue // a name with a dot could be two
		}
		name := id + "." + strings.ReplaceAll(base, "/", ".")
		l.files[name] = f.Path
		if dir, isInit := strings.CutSuffix(name, ".init"); isInit && dir != id && l.files[dir] == "" {
			l.files[dir] = f.Path // lib.lua comes before lib/init.lua, which sorts before it
		}
	}
	return nil
}

// distinct refuses names that two files would have.
func distinct(man *manifest.Manifest, all []*library) error {
	owner := map[string]string{}
	for _, l := range all {
		for name := range l.files {
			if other, taken := owner[name]; taken {
				first, second := min(other, l.manifest.ID), max(other, l.manifest.ID)
				return libraryError(man, second, nil, "", "", "require(%q) could be a file of the library %q or of %q", name, first, second)
			}
			owner[name] = l.manifest.ID
		}
	}
	return nil
}

// identity says which bytes make an edition: the digest of the mod, and those of the
// libraries in it.
func identity(b *bundle.Bundle, libraries []*library) string {
	digests := b.Digest()
	for _, l := range libraries {
		digests += " " + l.bundle.Digest()
	}
	return digests
}

// compile compiles the library's files, as long as what is left of the mod's limit of
// source texts allows.
func (l *library) compile(e *edition, left *int64) {
	l.modules = map[string]module{}
	for _, name := range sortedNames(l.files) {
		text, err := l.bundle.ReadFile(l.files[name])
		if err != nil || int64(len(text)) > *left {
			continue
		}
		*left -= int64(len(text))
		var m module
		m.program, m.broken = luasandbox.Compile(l.chunk(name), string(text), e.limits)
		l.modules[name] = m
	}
}

// chunk returns what messages call a module of the library. No file of the mod's own
// can be called so: names of files have no colon.
func (l *library) chunk(name string) string { return l.manifest.ID + ":" + l.files[name] }

// moduleOf returns the library that has a module of that name.
func (e *edition) moduleOf(name string) *library {
	for _, l := range e.libraries {
		if _, ok := l.files[name]; ok {
			return l
		}
	}
	return nil
}

// resolveModule says what require means by a name in a chunk. The mod's own files mean
// their own, and the libraries that its manifest names; a library's files mean those
// of the library, and the libraries that its manifest names.
func (e *edition) resolveModule(name, chunk string) (module string, ok bool) {
	asker, _, fromLibrary := strings.Cut(chunk, ":")
	if fromLibrary {
		i := slices.IndexFunc(e.libraries, func(l *library) bool { return l.manifest.ID == asker })
		if i >= 0 {
			l := e.libraries[i]
			if own := l.manifest.ID + "." + name; l.files[own] != "" {
				return own, true
			}
			other := e.moduleOf(name)
			return name, other != nil && (other == l || slices.Contains(l.needs, other.manifest.ID))
		}
	}
	if l := e.moduleOf(name); l != nil {
		needed := slices.ContainsFunc(e.manifest.Libraries, func(r manifest.Requirement) bool { return r.ID == l.manifest.ID })
		return name, needed
	}
	return name, true
}

// hasModule reports whether the mod itself has a module of that name.
func (e *edition) hasModule(name string) bool {
	return slices.ContainsFunc(modulePaths(name), func(path string) bool {
		_, err := fs.Stat(e.bundle.FS(), path)
		return err == nil
	})
}

// checkModules refuses a file of the mod's own whose name is a library's module.
func (e *edition) checkModules() error {
	for _, l := range e.libraries {
		for _, name := range sortedNames(l.files) {
			if e.hasModule(name) {
				return libraryError(e.manifest, l.manifest.ID, nil, "", "", "require(%q) could be a file of the mod or of the library %q; rename the mod's", name, l.manifest.ID)
			}
		}
	}
	return nil
}
