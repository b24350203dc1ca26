package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
)

// told is a watcher that knows what it was told.
type told struct{ changes }

// Changes returns it once.
func (w *told) Changes() changes {
	c := w.changes
	w.changes = changes{}
	return c
}

// stage is a game that follows the files of a folder, whose time the test makes.
type stage struct {
	t    *testing.T
	dir  string // of mods
	game *game
	w    told
	now  time.Time
	out  *os.File
	read int64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	s := &stage{t: t, dir: filepath.Join(dir, "shelf"), now: time.Unix(1000, 0), out: out}
	c := newConsole(nil, out, out)
	var o runOptions
	o.tick, o.frame, o.watch = defaultTick, mods.DefaultFrameInstructions, true
	s.game = &game{console: c, options: o, log: &modLog{to: c.out.modLines()}, told: map[*mods.Mod]bool{}, tape: &tape{}}
	return s
}

// begin loads what is in the folder.
func (s *stage) begin() {
	s.t.Helper()
	s.game.paths = []string{s.dir}
	s.game.options.gateFlags.home.dir = filepath.Join(s.dir, "..", "home")
	if err := s.game.open(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.game.close() })
	s.game.shelf = newShelf(s.game, s.game.paths)
	if err := s.game.add(); err != nil {
		s.t.Fatal(err)
	}
}

// mod writes a mod: a manifest with these lines more, and a main file.
func (s *stage) mod(name, version, lines, main string) {
	s.t.Helper()
	s.write(name+"/mod.toml", "[mod]\nid = \""+name+"\"\nversion = \""+version+"\"\nentry = \"main.lua\"\n"+lines)
	s.write(name+"/main.lua", main)
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) remove(name string) {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// run is so many ticks, at the first of which the game is told of changes of these
// mods. It returns the lines that were written, with the folder as "shelf".
func (s *stage) run(ticks int, changed ...string) string {
	s.t.Helper()
	for _, name := range changed {
		s.w.paths = append(s.w.paths, filepath.Join(s.dir, name))
	}
	beats := make(chan time.Time, ticks)
	for range ticks {
		s.now = s.now.Add(defaultTick)
		beats <- s.now
	}
	s.game.options.ticks = s.game.ticks + int64(ticks)
	s.game.follow(s.t.Context(), &s.w, beats)
	s.game.log.Flush()
	s.game.console.out.Flush()
	text := make([]byte, 1<<16)
	n, _ := s.out.ReadAt(text, s.read) // to the end of the file
	s.read += int64(n)
	return strings.ReplaceAll(string(text[:n]), s.dir, "shelf")
}

// expect fails unless these are the lines.
func (s *stage) expect(what, got string, want ...string) {
	s.t.Helper()
	text := strings.Join(want, "\n")
	if text != "" {
		text += "\n"
	}
	if diff := cmp.Diff(text, got); diff != "" {
		s.t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

const settled = 6 // ticks, after which what changed has been taken and told

// A mod that changed is reloaded with its state; one that is broken is not, and that
// is said once.
func TestFollowReloads(t *testing.T) {
	const counts = `local n = 0
return {tick = function() n = n + 1 end, on_save = function() return {n = n} end, on_load = function(s) n = s.n print("VERSION goes on at " .. n) end}`
	s := newStage(t)
	s.mod("weather", "1.0.0", "", counts)
	s.begin()
	s.expect("start", s.run(10))

	s.mod("weather", "1.1.0", "", strings.Replace(counts, "VERSION", "1.1.0", 1))
	s.expect("reload", s.run(settled, "weather"), "[weather] 1.1.0 goes on at 13", "modrunner: weather 1.1.0 reloaded")
	s.expect("nothing but a time changed", s.run(settled, "weather"))

	for what, c := range map[string]struct{ file, text, want string }{
		"syntax":      {"main.lua", "x = = 1", "main.lua:1: unexpected symbol near '='"},
		"main file":   {"main.lua", "\nerror('boom')", "main.lua:2: boom"},
		"limit":       {"main.lua", "while true do end", "instruction limit exceeded: 20000000 of 20000000 used"},
		"manifest":    {"mod.toml", "[mod]\nid = weather\n", "mod.toml:2:6: "},
		"permission":  {"mod.toml", "[mod]\nid = \"weather\"\nversion = \"1.2.0\"\nentry = \"main.lua\"\n[permissions.network]\nreason = \"x\"\n", "mod.toml:5:1: this host has no capability \"network\""},
		"no manifest": {"mod.toml", "", "no manifest"},
	} {
		if c.text == "" {
			s.remove("weather/mod.toml")
		} else {
			s.write("weather/"+c.file, c.text)
		}
		got := s.run(40, "weather") // a limit takes its time
		want := "modrunner: weather: not reloaded, version 1.1.0 goes on: " + c.want
		if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: got\n%swant one line that begins\n%s", what, got, want)
		}
		s.expect(what+": said once", s.run(settled, "weather"))
		s.mod("weather", "1.1.0", "", strings.Replace(counts, "VERSION", "again", 1))
		if got := s.run(settled, "weather"); !strings.Contains(got, "again goes on at ") || !strings.HasSuffix(got, "modrunner: weather 1.1.0 reloaded\n") {
			t.Errorf("%s: mended: %s", what, got)
		}
	}
}

// What is half written is not read: only what has been left alone for a while is.
func TestFollowWaitsForQuiet(t *testing.T) {
	s := newStage(t)
	s.mod("weather", "1.0.0", "", "")
	s.begin()
	s.run(3)
	s.write("weather/main.lua", "half of a")
	s.expect("half", s.run(2, "weather"))
	s.write("weather/main.lua", "print('whole')")
	s.expect("whole", s.run(3, "weather")) // at the first of which it is noted
	s.expect("quiet", s.run(3), "[weather] whole", "modrunner: weather 1.0.0 reloaded")

	// Unless it is never left alone.
	s.write("weather/main.lua", "print('noise')")
	var got strings.Builder
	for range int(noisyMost/defaultTick) + 2 {
		got.WriteString(s.run(1, "weather"))
	}
	s.expect("noise", got.String(), "[weather] noise", "modrunner: weather 1.0.0 reloaded")
}

// What changes while a reload is under way is taken after it.
func TestFollowOneReloadAtATime(t *testing.T) {
	s := newStage(t)
	s.game.options.frame = 100_000
	s.mod("weather", "1.0.0", "", "")
	s.begin()
	s.run(3)
	s.mod("weather", "1.1.0", "", "for i = 1, 2000000 do end") // takes some ticks
	s.expect("under way", s.run(settled, "weather"))
	s.mod("weather", "1.2.0", "", "print('the last')")
	s.expect("both", s.run(500, "weather"), "modrunner: weather 1.1.0 reloaded", "[weather] the last", "modrunner: weather 1.2.0 reloaded")
}

// Mods come and go, and with them those that need them.
func TestFollowComeAndGo(t *testing.T) {
	const needs = "[dependencies]\nweather = \"^1.0\"\n"
	s := newStage(t)
	s.mod("good", "1.0.0", "", "")
	s.begin()
	s.run(3)

	s.mod("crops", "0.1.0", needs, "")
	s.expect("too early", s.run(settled, "crops"),
		`modrunner: shelf/crops: not loaded: mod.toml:6:1: the mod "weather" is not there; version ^1.0 is needed`)
	s.mod("weather", "1.0.0", "", "print('here')")
	s.expect("new", s.run(2*settled, "weather"), "[weather] here", "modrunner: weather 1.0.0 loaded", "modrunner: crops 0.1.0 loaded")

	s.remove("weather")
	got := s.run(2*settled, "weather")
	s.expect("gone", got, "modrunner: weather 1.0.0 unloaded: shelf/weather is gone",
		"modrunner: crops 0.1.0 unloaded: a mod that it needs was; it comes back with that",
		`modrunner: shelf/crops: not loaded: mod.toml:6:1: the mod "weather" is not there; version ^1.0 is needed`)
	s.mod("weather", "1.5.0", "", "print('back')")
	s.expect("back", s.run(2*settled, "weather"), "[weather] back", "modrunner: weather 1.5.0 loaded", "modrunner: crops 0.1.0 loaded")

	// A folder that gets another name, and one that becomes another mod.
	if err := os.Rename(filepath.Join(s.dir, "weather"), filepath.Join(s.dir, "sky")); err != nil {
		t.Fatal(err)
	}
	got = s.run(2*settled, "weather", "sky")
	s.expect("renamed", got, "modrunner: weather 1.5.0 unloaded: shelf/weather is gone",
		"modrunner: crops 0.1.0 unloaded: a mod that it needs was; it comes back with that",
		"[weather] back", "modrunner: crops 0.1.0 loaded", "modrunner: weather 1.5.0 loaded")
	s.write("good/mod.toml", "[mod]\nid = \"better\"\nversion = \"2.0.0\"\nentry = \"main.lua\"\n")
	s.expect("another id", s.run(2*settled, "good"), "modrunner: good 1.0.0 unloaded: shelf/good is another mod now", "modrunner: better 2.0.0 loaded")

	// What is reported on in the end is what is there.
	var ids []string
	for _, m := range s.game.mods() {
		ids = append(ids, m.ID()+" "+string(m.State()))
	}
	if diff := cmp.Diff([]string{"weather active", "crops active", "better active"}, ids); diff != "" {
		t.Error(diff)
	}

	// The whole folder goes, and comes back.
	if err := os.Rename(s.dir, s.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	got = s.run(2*settled, "")
	if strings.Count(got, "unloaded: ") != 3 || len(s.game.mods()) != 0 {
		t.Error("all gone:", got)
	}
	if err := os.Rename(s.dir+"-away", s.dir); err != nil {
		t.Fatal(err)
	}
	if got := s.run(2*settled, ""); strings.Count(got, " loaded\n") != 3 {
		t.Error("all back:", got)
	}
}

// A mod that is quarantined, or refused, is tried again when its files are others.
func TestFollowMends(t *testing.T) {
	s := newStage(t)
	s.mod("broken", "1.0.0", "", "error('boom')")
	s.mod("greedy", "1.0.0", "[permissions.network]\nreason = \"x\"\n", "")
	s.begin()
	if got := s.run(3); !strings.Contains(got, "modrunner: broken: quarantined: main.lua:1: boom") || !strings.Contains(got, "no capability") {
		t.Error(got)
	}
	s.expect("the same files", s.run(settled, "broken", "greedy"))
	s.mod("broken", "1.0.1", "", "")
	s.mod("greedy", "1.0.1", "", "")
	got := s.run(2*settled, "broken", "greedy")
	for _, want := range []string{"modrunner: broken 1.0.1 reloaded\n", "modrunner: greedy 1.0.1 loaded\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, m := range s.game.mods() {
		if m.State() != mods.Active {
			t.Errorf("%s is %s", m.ID(), m.State())
		}
	}
}

// Where the watcher lost something, everything is looked at again.
func TestFollowLost(t *testing.T) {
	s := newStage(t)
	s.mod("weather", "1.0.0", "", "")
	s.begin()
	s.run(3)
	s.mod("weather", "1.1.0", "", "")
	s.mod("other", "1.0.0", "", "")
	s.expect("nobody knows", s.run(settled))
	s.w.lost = true
	s.expect("lost", s.run(2*settled), "modrunner: weather 1.1.0 reloaded", "modrunner: other 1.0.0 loaded")
	if got, want := s.game.progress(), "tick 21, 2 mods, 2 active"; got != want {
		t.Errorf("the line at the bottom is %q, want %q", got, want)
	}
	s.w.trouble = os.ErrPermission
	s.expect("trouble", s.run(1), "modrunner: --watch: permission denied")
}

// What a player has set holds for a mod that comes later, and for its next version;
// what it does not take is told.
func TestShelfSettings(t *testing.T) {
	const settings = "[permissions.config]\nreason = \"to be told\"\n[settings]\nrain = { type = \"boolean\", default = false }\n"
	s := newStage(t)
	s.game.options.choices = []choice{{"late", "rain", "true"}, {"late", "snow", "true"}}
	s.mod("first", "1.0.0", "", "")
	s.begin()
	s.run(1)
	s.mod("late", "1.0.0", settings, `print("rain", config.get("rain"))`)
	got := s.run(30, "late")
	for _, want := range []string{"modrunner: --set late.snow=true: the mod has no such setting\n", "[late] rain\\ttrue\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	s.mod("late", "1.1.0", settings, `print("again", config.get("rain"))`)
	if got := s.run(30, "late"); !strings.Contains(got, "[late] again\\ttrue\n") {
		t.Error(got)
	}
}

// What libraries become, the mods that have them follow.
func TestShelfLibraries(t *testing.T) {
	s := newStage(t)
	s.mod("lib", "1.0.0", "library = true\n", "return 'one'")
	s.mod("hello", "1.0.0", "[libraries]\nlib = '*'\n", "print('says ' .. require('lib'))")
	s.begin()
	if got := s.run(3); !strings.Contains(got, "[hello] says one\n") {
		t.Errorf("at first: %s", got)
	}
	s.mod("lib", "1.1.0", "library = true\n", "return 'two'")
	if got := s.run(20, "lib"); !strings.Contains(got, "[hello] says two\nmodrunner: hello 1.0.0 reloaded\n") {
		t.Errorf("after a change: %s", got)
	}
	s.remove("lib")
	if got := s.run(20, "lib"); !strings.Contains(got, "not reloaded") || !strings.Contains(got, "lib") {
		t.Errorf("after it is gone: %s", got)
	}
	s.mod("lib", "2.0.0", "library = true\n", "return 'three'")
	if got := s.run(20, "lib"); !strings.Contains(got, "[hello] says three\n") {
		t.Errorf("after it is back: %s", got)
	}
}
