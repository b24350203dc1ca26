package gate

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Checker says what mods are held against. The zero Checker knows no host: rules that
// need one find nothing. It may be used by several goroutines.
type Checker struct {
	// API is what the host offers; nil if that is not known.
	API *API
	// Measured is what a run of the mod took; nil if it was not measured.
	Measured *Measured
}

// MaxLua is how much Lua of one mod is looked at, in bytes: twice what a host compiles
// when it loads a mod.
const MaxLua = 2 << 20

// Measured is what a mod took in a run that is like those it is made for.
type Measured struct {
	Memory       int64 // bytes live at the most
	Instructions int64 // of all calls together: none took more
}

// Check holds a mod, whose manifest man is, against all rules, and returns what they
// found, by path, line and column: of one rule and severity at most [MaxOfRule], the
// last of which says how many more there are. Nothing of the mod runs. Time and memory
// are bounded in proportion to the bundle, whatever is in it; of memory, to its longest
// Lua file. A Lua file longer than [limits.DefaultSource] is not looked at, nor is what
// is beyond [MaxLua] in all; each is an error.
//
// It does not say whether a host would take the mod: what is wrong with the manifest,
// or asked for in vain, the host tells.
func (c Checker) Check(b *bundle.Bundle, man *manifest.Manifest) []Finding {
	findings, _ := c.check(b, man)
	return findings
}

func (c Checker) check(b *bundle.Bundle, man *manifest.Manifest) ([]Finding, *inspection) {
	in := inspect(c.API, man)
	in.manifestRules(c.Measured)
	in.invisible(bundle.ManifestName, string(b.Manifest()))
	for _, f := range b.Files() {
		if strings.HasSuffix(f.Path, ".lua") {
			in.lua[f.Path] = true
		}
	}
	left := MaxLua
	for _, path := range sortedKeys(in.lua) {
		text, err := b.ReadFile(path)
		if err != nil {
			continue
		}
		if left -= len(text); left < 0 {
			in.add("syntax", Error, place{path: path}, "", "keep data in files that are no Lua", "there are more than %d MiB of Lua in the mod: from here on, nothing was looked at", MaxLua>>20)
			break
		}
		in.file(path, string(text))
	}
	in.finish()
	return in.justify(in.found.all()), in
}

// inspection is the check of one mod.
type inspection struct {
	man   *manifest.Manifest
	api   *API
	found *collector
	told  map[string]bool // what is told once of a file

	granted   map[string]grant // by table
	lua       map[string]bool  // the mod's Lua files
	requires  map[string][]string
	mentioned map[string]bool // globals
	assigned  map[string]bool // globals that the mod gives a value
	defined   map[path]bool   // fields of globals that it gives a value
	unknown   map[string]*unknown
	writes    map[string]place // globals that are written, and where first

	dynamic   bool // globals are read in a way that cannot be followed
	anyGlobal bool // globals are written in such a way
	anyModule bool // modules are required in such a way
	loads     bool // code is made of strings
	steps     int  // that the walks took
}

// grant is a request for a capability, and what the host has for it.
type grant struct {
	permission manifest.Permission
	capability *Capability
}

// unknown is a global that is read.
type unknown struct {
	at    place
	times int
}

func inspect(api *API, man *manifest.Manifest) *inspection {
	in := &inspection{
		man: man, api: api, found: newCollector(), told: map[string]bool{},
		granted: map[string]grant{}, lua: map[string]bool{}, requires: map[string][]string{},
		mentioned: map[string]bool{}, assigned: map[string]bool{}, defined: map[path]bool{},
		unknown: map[string]*unknown{}, writes: map[string]place{},
	}
	for _, p := range man.Permissions {
		if c := api.chosen(p); c != nil {
			in.granted[c.Table] = grant{p, c}
		} else if c := api.named(p.Name); c != nil {
			in.granted[c.Table] = grant{permission: p} // of a version that there is not
		}
	}
	return in
}

// add reports a finding. If it is about a capability's table, or a field of a shared
// table, and the mod defines that itself, it is dropped in the end.
func (in *inspection) add(rule string, severity Severity, at place, about, suggestion, format string, args ...any) {
	in.found.add(rule, severity, at, about, suggestion, format, args...)
}

// once reports a finding of a kind that is told once of each file and thing that it is
// about.
func (in *inspection) once(rule string, severity Severity, at place, about, suggestion, format string, args ...any) {
	key := rule + "\x00" + string(severity) + "\x00" + at.path + "\x00" + about
	if !in.told[key] {
		in.told[key] = true
		in.add(rule, severity, at, about, suggestion, format, args...)
	}
}

// described returns the capability that a table is, if the mod has it and the API
// document says what is in it.
func (in *inspection) described(table string) *Capability {
	if g := in.granted[table]; g.capability != nil && g.capability.Described {
		return g.capability
	}
	return nil
}

// shared reports whether a global is a table of the library, or a capability's.
func (in *inspection) shared(table string) bool {
	return isLibrary(table) || in.granted[table].capability != nil
}

// unknownGlobal notes that a global is read that neither the library nor the API has.
func (in *inspection) unknownGlobal(name string, at place) {
	if in.unknown[name] == nil {
		in.unknown[name] = &unknown{at: at}
	}
	in.unknown[name].times++
}

// globalWrite notes that a global is written.
func (in *inspection) globalWrite(name string, at place) {
	if _, again := in.writes[name]; !again {
		in.writes[name] = at
	}
}

// file holds one Lua file against the rules.
func (in *inspection) file(name, text string) {
	in.invisible(name, text)
	chunk, err := luasandbox.Parse(name, text, limits.Limits{})
	if err != nil {
		at := place{path: name}
		if e, ok := errors.AsType[*luasandbox.SyntaxError](err); ok {
			at.line, at.column = e.Line, e.Column
		}
		in.add("syntax", Error, at, "", "", "this cannot be read: %s", visible(reason(err)))
		return
	}
	t := tokenize(text)
	in.written(name, t)
	r := resolve(chunk, t.spots)
	in.steps += r.steps
	walk(in, name, chunk, r)
}

// reason is what is wrong with a text, without the place.
func reason(err error) string {
	e, ok := errors.AsType[*luasandbox.SyntaxError](err)
	if !ok {
		return err.Error()
	}
	if e.Near == "" {
		return e.Message
	}
	return e.Message + " near '" + e.Near + "'"
}

// written reports how a file is written.
func (in *inspection) written(path string, t *tokens) {
	for _, s := range t.strings {
		at := place{path, int(s.at.line), int(s.at.column)}
		if s.encoded {
			in.add("obfuscation", Warning, at, "", "keep data in a file of its own and read it with the capability assets", "a text of %d bytes that looks encoded", s.bytes)
		} else {
			in.add("obfuscation", Warning, at, "", "write the text itself", "%d of the %d bytes of a text are written as numbers", s.escapes, s.bytes)
		}
	}
	for _, s := range t.crowded {
		in.add("obfuscation", Warning, place{path, int(s.line), 1}, "", "", "more than %d words on one line: this was made by a program, not for readers", mostWords)
	}
	if len(t.odd) >= leastOdd {
		in.add("obfuscation", Warning, place{path, int(t.oddAt.line), int(t.oddAt.column)}, "", "", "%d names that are hard to tell apart, such as %s",
			len(t.odd), clip(sortedKeys(t.odd)[0]))
	}
}

// modulePaths returns which files of a mod a name of require may mean, as the host
// looks for them.
func modulePaths(name string) []string {
	base := strings.ReplaceAll(name, ".", "/")
	if strings.Contains(name, "/") || !fs.ValidPath(base) || base == "." {
		return nil
	}
	return []string{base + ".lua", base + "/init.lua"}
}

// require notes that a file requires a module by a constant name. One that it can do
// without need not be there.
func (in *inspection) require(from, name string, at place, optional bool) {
	own := name
	of := func(id string) (rest string, ok bool) {
		if name == id {
			return "", true
		}
		return strings.CutPrefix(name, id+".")
	}
	for _, l := range in.man.Libraries {
		if _, ok := of(l.ID); ok {
			return
		}
	}
	if in.man.Library {
		rest, ok := of(in.man.ID)
		switch {
		case ok && rest == "":
			in.requires[from] = append(in.requires[from], in.man.Entry)
			return
		case ok:
			own = rest
		case !isLibrary(name) && name != "_G":
			in.add("library-require", Error, at, "", fmt.Sprintf("write require(%q)", in.man.ID+"."+name),
				"a library is copied into other mods, where %q is a file of theirs", clip(name))
			return
		}
	}
	for _, path := range modulePaths(own) {
		if in.lua[path] {
			in.requires[from] = append(in.requires[from], path)
			return
		}
	}
	switch {
	case name == "_G":
		in.dynamic = true
		in.once("dynamic-globals", Note, at, "", "", "the table of globals is required as a module: nobody can tell which globals are reached")
	case isLibrary(name), optional:
	default:
		in.add("missing-module", Error, at, "", in.nearestModule(name), "there is no module %q in the mod", clip(name))
	}
}

// nearestModule guesses which file was meant.
func (in *inspection) nearestModule(name string) string {
	if in.found.full("missing-module", Error) {
		return ""
	}
	var names []string
	for path := range in.lua {
		names = append(names, strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(path, ".lua"), "/init"), "/", "."))
	}
	slices.Sort(names)
	return didYouMean("", name, names)
}

// didYouMean is a suggestion of the nearest of some names, "" if none is near.
func didYouMean(prefix, name string, names []string) string {
	if near := manifest.Nearest(name, names); near != "" {
		return "did you mean " + clip(prefix+near) + "?"
	}
	return ""
}

// finish reports what can be told only when all files have been looked at.
func (in *inspection) finish() {
	in.found.drop(func(about string) bool {
		table, member, _ := strings.Cut(about, ".")
		return in.assigned[table] || member != "" && (in.defined[path{table, member}] || in.defined[path{table, ""}])
	})
	in.finishUnknown()
	in.finishWrites()
	in.finishPermissions()
	in.finishFiles()
}

// finishUnknown reports globals that nobody defines.
func (in *inspection) finishUnknown() {
	if in.anyGlobal {
		return // somebody may
	}
	severity := Warning
	if len(in.man.Libraries) > 0 {
		severity = Note // a library may
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(in.unknown)), func(name string) bool { return in.assigned[name] })
	slices.SortFunc(names, func(a, b string) int {
		x, y := in.unknown[a].at, in.unknown[b].at
		return cmp.Or(cmp.Compare(x.path, y.path), cmp.Compare(x.line, y.line), cmp.Compare(x.column, y.column))
	})
	known := sortedKeys(library[""])
	for table := range in.granted {
		known = append(known, table)
	}
	slices.Sort(known)
	for _, name := range names {
		u, times := in.unknown[name], ""
		if u.times > 1 {
			times = fmt.Sprintf(", %d times in all", u.times)
		}
		if why := absent[name]; why != "" {
			in.add("unknown-global", severity, u.at, "", "", "there is no %s in a sandbox: %s", name, why+times)
			continue
		}
		near := ""
		if !in.found.full("unknown-global", severity) {
			near = didYouMean("", name, known)
		}
		in.add("unknown-global", severity, u.at, "", near, "nothing defines the global %s, which is read%s", clip(name), times)
	}
}

// finishWrites reports globals that the mod writes.
func (in *inspection) finishWrites() {
	names := slices.Collect(maps.Keys(in.writes))
	slices.SortFunc(names, func(a, b string) int {
		x, y := in.writes[a], in.writes[b]
		return cmp.Or(cmp.Compare(x.path, y.path), cmp.Compare(x.line, y.line), cmp.Compare(x.column, y.column))
	})
	for _, name := range names {
		in.add("global-write", Note, in.writes[name], "", "write local before it, if it is not meant for other files", "%s is a global variable of the mod", clip(name))
	}
}

// finishPermissions reports capabilities that are asked for in vain.
func (in *inspection) finishPermissions() {
	for _, table := range sortedKeys(in.granted) {
		g := in.granted[table]
		if g.capability == nil || in.mentioned[table] || in.dynamic || in.loads {
			continue
		}
		at, severity := in.inManifest("permissions", g.permission.Name), Warning
		suggestion := "take it out of the manifest"
		if len(in.man.Libraries) > 0 {
			severity, suggestion = Note, "take it out of the manifest, unless a library needs it"
		}
		in.add("unused-permission", severity, at, "", suggestion, "the capability %q is asked for, and %s is never used", g.permission.Name, clip(table))
	}
}

// finishFiles reports Lua files that nothing runs.
func (in *inspection) finishFiles() {
	if in.anyModule || in.loads || in.man.Library {
		return
	}
	reached := map[string]bool{in.man.Entry: true}
	for queue := []string{in.man.Entry}; len(queue) > 0; {
		path := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, next := range in.requires[path] {
			if !reached[next] {
				reached[next] = true
				queue = append(queue, next)
			}
		}
	}
	for _, path := range sortedKeys(in.lua) {
		if !reached[path] {
			in.add("unused-file", Note, place{path: path}, "", "leave it out of the mod", "nothing requires this file")
		}
	}
}

// inManifest is the place of a key of the manifest.
func (in *inspection) inManifest(path ...string) place {
	at := in.man.Where(path...)
	return place{bundle.ManifestName, at.Line, at.Column}
}
