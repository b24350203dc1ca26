package drill

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
)

// archive returns a zip archive of files: name and text in turn.
func archive(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// unpacked is the mod in an archive.
func unpacked(path string, data []byte) mods.Source {
	b, err := bundle.OpenZip(bytes.NewReader(data), int64(len(data)), bundle.Limits{})
	return mods.Source{Bundle: b, Path: path, Err: err}
}

// version returns a mod of the drill's as it is, or with another main file.
func version(mod, main string) mods.Source {
	read := func(name string) string {
		text, err := fs.ReadFile(files, "faults/"+mod+"/"+name)
		if err != nil {
			panic(err) // it is embedded
		}
		return string(text)
	}
	if main == "" {
		main = read("main.lua")
	}
	manifest := strings.Replace(read(bundle.ManifestName), `"1.0.0"`, `"1.0.1"`, 1)
	return unpacked(mod+".zip", archive(bundle.ManifestName, manifest, "main.lua", main))
}

// reload puts a new version in the place of a mod of the drill's. The reply is nil if
// it was refused at once.
func (t *trial) reload(w *world, mod, main string) *mods.Reply {
	r, err := w.host.Reload(ownPrefix+mod, version(mod, main))
	if err != nil {
		t.problem("reload of %s: %v", mod, err)
	}
	return r
}

// brokenVersions are main files that must not take the place of one that works.
var brokenVersions = []struct{ what, main string }{
	{"a syntax error", "return {tick = function( end}"},
	{"an error in the main file", "error('not today')"},
	{"hooks that are none", "return {tick = 'every second'}"},
	{"an error in on_load", "return {on_save = function() end, on_load = function(state) error(state.missing.field) end}"},
	{"a main file that uses up all memory", "local all = {} for i = 1, 1000 do all[i] = string.rep(tostring(i), 1024 * 1024) end"},
	{"a main file without end", "while true do end"},
}

// brokenReload: each broken version is given up, and the old one goes on where it was.
// A version that works then takes its state.
func brokenReload(t *trial) { t.reloads(brokenVersions) }

func (t *trial) reloads(versions []struct{ what, main string }) {
	type attempt struct {
		begun, ended int64
		reply        *mods.Reply
		err          error
	}
	attempts := make([]attempt, len(versions)+1) // the last one is well
	waiting := func() *attempt {                 // the one that is under way
		for i := range attempts {
			if a := &attempts[i]; a.ended == 0 {
				return a
			}
		}
		return nil
	}
	s := setup{faults: []string{"reload"}, most: faultTick + 2*deadline}
	s.before = func(w *world) {
		a := waiting()
		if !w.faulty || w.tick < faultTick || a == nil || a.begun > 0 {
			return
		}
		a.begun = w.tick
		main := ""
		if i := slices.IndexFunc(attempts, func(b attempt) bool { return b.begun == w.tick }); i < len(versions) {
			main = versions[i].main
		}
		if a.reply, a.err = w.host.Reload("drill-reload", version("reload", main)); a.err != nil {
			a.ended = w.tick
		}
	}
	s.over = func(w *world) bool {
		a := waiting()
		if a == nil {
			return w.tick >= attempts[len(versions)].ended+rest
		}
		if a.begun > 0 && a.ended == 0 {
			if _, err := a.reply.Get(); !errors.Is(err, mods.ErrPending) {
				a.ended, a.err = w.tick, err
			}
		}
		return !w.faulty && w.tick > faultTick+deadline/10
	}
	got, _ := t.inject(s, census)
	if got == nil {
		return
	}
	good := attempts[len(versions)]
	kept, slowest := 0, attempt{}
	for i, a := range attempts[:len(versions)] {
		_, failed := errors.AsType[*mods.ReloadError](a.err)
		if a.ended == 0 || !failed {
			t.problem("%s: loaded in place of what worked (%v)", versions[i].what, a.err)
			continue
		}
		kept++
		if slowest.begun == 0 || a.ended-a.begun > slowest.ended-slowest.begun {
			slowest = a
		}
	}
	if kept == len(versions) && kept > 0 {
		t.detected(got, slowest.begun, slowest.ended)
	}
	count, pause := uninterrupted(got.lines["drill-reload"])
	t.require(count == len(got.lines["drill-reload"]), "the old version lost its state: it did not count on after %d", count)
	t.require(pause <= reloadPause, "the old version stood still for %d ticks", pause)
	t.contained("old goes on", count > 0 && pause <= reloadPause && kept == len(versions) && kept > 0)
	if good.ended > 0 && good.err == nil && got.mod("reload").Report().Version == "1.0.1" {
		t.recovered(got, good.begun, good.ended)
	}
}

// reloadPause is for how many ticks a mod may stand still while the main file of its new
// version runs: for as long as that takes to pass its limits.
const reloadPause = 1

// uninterrupted returns how far lines "count 1", "count 2" count on without a gap, and
// for how many ticks there was none.
func uninterrupted(lines []line) (count int, pause int64) {
	for i, l := range lines {
		if l.text != fmt.Sprintf("count %d", i+1) {
			break
		}
		count++
		if i > 0 {
			pause = max(pause, l.tick-lines[i-1].tick-1)
		}
	}
	return count, pause
}

// hostile returns mods that must be refused.
func hostile() map[string]mods.Source {
	head := func(id, rest string) string {
		return fmt.Sprintf("[mod]\nid = %q\nversion = \"1.0.0\"\n%s", id, rest)
	}
	const ran = `print("ran")`
	mod := func(id, rest string) mods.Source {
		return unpacked(id+".zip", archive(bundle.ManifestName, head(id, rest), "main.lua", ran))
	}
	whole := archive(bundle.ManifestName, head("drill-torn", ""), "main.lua", ran)
	return map[string]mods.Source{
		"no archive":                unpacked("noise.zip", bytes.Repeat([]byte("noise"), 100)),
		"a torn archive":            unpacked("torn.zip", whole[:len(whole)*2/3]),
		"a path out of it":          unpacked("path.zip", archive(bundle.ManifestName, head("drill-path", ""), "main.lua", ran, "../../evil.lua", ran)),
		"a bomb":                    unpacked("bomb.zip", archive(bundle.ManifestName, head("drill-bomb", ""), "main.lua", ran+strings.Repeat(" ", 3<<20))),
		"no manifest":               unpacked("bare.zip", archive("main.lua", ran)),
		"a manifest of noise":       unpacked("noisy.zip", archive(bundle.ManifestName, "\x00\xff[[[", "main.lua", ran)),
		"an id with a slash":        mod("../drill", ""),
		"an unknown capability":     mod("drill-wants", "[permissions.os]\nreason = \"x\"\n"),
		"a wrong option":            mod("drill-option", "[permissions.storage]\nreason = \"x\"\nquota = \"1TB\"\n"),
		"limits that are none":      mod("drill-limits", "[limits]\nmemory = -1\n"),
		"a dependency on itself":    mod("drill-self", "[dependencies]\ndrill-self = \"*\"\n"),
		"a missing dependency":      mod("drill-lonely", "[dependencies]\ndrill-nobody = \"*\"\n"),
		"a main file elsewhere":     unpacked("entry.zip", archive(bundle.ManifestName, head("drill-entry", "entry = \"../main.lua\"\n"), "main.lua", ran)),
		"the id of a mod that runs": unpacked("twice.zip", archive(bundle.ManifestName, head("drill-listener", ""), "main.lua", ran)),
	}
}

// hostileMods: what cannot be trusted is refused before any of it runs, with a reason;
// what is loaded with it runs.
func hostileMods(t *trial) { t.refusals(hostile()) }

func (t *trial) refusals(all map[string]mods.Source) {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var loaded []*mods.Mod
	var told error
	s := setup{faults: []string{"listener"}, most: calmTick + rest}
	s.before = func(w *world) {
		if !w.begins(faultTick) {
			return
		}
		var sources []mods.Source
		for _, name := range names {
			sources = append(sources, all[name])
		}
		loaded, told = w.host.Load(append(sources, version("keeper", ""))...)
	}
	got, _ := t.inject(s, 0)
	if got == nil || loaded == nil {
		return
	}
	refused := 0
	for i, name := range names {
		r := loaded[i].Report()
		if r.State == mods.Refused && r.Reason != "" && loaded[i].Err() != nil && r.Instructions == 0 {
			refused++
		} else {
			t.problem("%s is %s: %s", name, r.State, r.Reason)
		}
	}
	if told != nil && refused > 0 {
		t.detected(got, faultTick, faultTick)
	}
	for id, lines := range got.lines {
		t.require(!slices.ContainsFunc(lines, func(l line) bool { return l.text == "ran" }), "something of the refused mod %s ran", id)
	}
	t.contained("refused", refused == len(names))
	// The one that is well and was loaded with them.
	t.recovered(got, faultTick, got.first(faultTick, func(n int64) bool { return got.at("keeper", n).runs() && got.last("keeper").runs() }))
}
