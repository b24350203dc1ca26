package mods_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// The mods in testdata/mods, and what they do by themselves, are described in
// the comments at their beginnings.
const testMods = "../testdata/mods"

func allTestMods(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(testMods)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

var hostileMods = []string{"crypto-miner", "memory-hog", "snooper"}

func goodTestMods(t testing.TB) []string {
	return slices.DeleteFunc(allTestMods(t), func(name string) bool { return slices.Contains(hostileMods, name) })
}

// observer is a mod that counts the events of all others and prints chat
// replies.
const observer = `
local count = {}
for _, name in ipairs{"weather.changed", "season.changed", "loot.dropped", "quest.completed", "news.published",
    "name.generated", "guard.alarm", "day.phase", "day.bell", "market.prices"} do
  count[name] = 0
  events.on(name, function() count[name] = count[name] + 1 end)
end
events.on("chat.reply", function(reply) print(clock.tick() .. " " .. reply.text) end)
return { stop = function()
  local names = {}
  for name in pairs(count) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do print("count " .. name .. " " .. count[name]) end
end }
`

const observerManifest = `
[permissions]
clock = {reason = "test"}
events = {reason = "test", subscribe = ["weather.changed", "season.changed", "loot.dropped", "quest.completed",
  "news.published", "name.generated", "guard.alarm", "day.phase", "day.bell", "market.prices", "chat.reply"]}
`

// testModSources opens mods of testdata.
func testModSources(t testing.TB, names []string) (sources []mods.Source) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(testMods, name)
		b, err := bundle.OpenPath(path, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, mods.Source{Bundle: b, Path: path})
	}
	return sources
}

// session runs mods of testdata for 50 ticks, with something said in the chat. Each
// frame is enough for all of them, and who is quarantined stays so, unless cfg says
// otherwise.
func session(t testing.TB, cfg mods.Config, names []string, chat map[int][2]string) *world {
	t.Helper()
	if cfg.Frame.Instructions == 0 {
		cfg.Frame.Instructions = 50_000_000
	}
	if cfg.Health.Backoff == 0 {
		cfg.Health = health.Config{Backoff: time.Hour, MaxBackoff: time.Hour}
	}
	w := newWorld(t, cfg)
	w.load(append(testModSources(t, names), source(t, "observer", observerManifest, observer))...)
	for n := 1; n <= 50; n++ {
		if line, ok := chat[n]; ok {
			w.emit("chat", map[string]any{"player": line[0], "text": line[1]})
		}
		w.run(1)
	}
	w.stop()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

var somebodySays = map[int][2]string{
	5:  {"alice", "!help"},
	7:  {"bob", `!say "two words" --shout`},
	9:  {"bob", "!roll 3d6+2"},
	11: {"bob", "!roll 3d6+2"},
	13: {"alice", "!calc 2*(3+4)^2 - -1"},
	19: {"cyd", "!pirce bread"},
	21: {"cyd", "!price frog"},
	23: {"cyd", "!buy bread 3"},
	29: {"cyd", "!name elf 3"},
	31: {"cyd", `!say "unclosed`},
	33: {"cyd", "!quests"},
}

// wantLog checks how many lines of a mod begin with each text.
func (w *world) wantLog(id string, counts map[string]int) {
	w.t.Helper()
	for text, want := range counts {
		if got := w.log.count(id, text); got != want {
			w.t.Errorf("%s logged %q %d times, want %d", id, text, got, want)
		}
	}
}

func TestGoodMods(t *testing.T) {
	w := session(t, mods.Config{}, goodTestMods(t), somebodySays)
	w.well(w.Mods()...)
	w.wantLog("weather", map[string]int{"outlook for spring": 1, "outlook for summer": 1, "outlook for autumn": 1, "the sky is done": 1})
	w.wantLog("quest-log", map[string]int{"quest completed": 5, "quest completed: First Steps": 1,
		"quest completed: Treasure Hunter fields=[reward=a bigger bag ticks=12]": 1, "progress resumed": 0, "quest log closed": 1})
	w.wantLog("chat-commands", map[string]int{"listening fields=[commands=6": 1, "commands used": 1, "command refused": 0})
	w.wantLog("loot-table", map[string]int{"odds over 500 chests": 1, "chests opened fields=[dry=": 1})
	w.wantLog("guard-ai", map[string]int{"Odile raises the alarm fields=[tick=9]": 1, "Bram raises the alarm fields=[tick=29]": 1,
		"Bram caught the raider fields=[blows=4 tick=35]": 1, "guard fault": 0,
		"Bram off duty fields=[blows=4 faults=0 health=58 laps=2": 1, "Odile off duty fields=[blows=6 faults=0 health=86": 1})
	w.wantLog("name-generator", map[string]int{"learned dwarf fields=[words=27]": 1, "learned elf fields=[words=24]": 1, "learned harbour fields=[words=21]": 1})
	w.wantLog("day-night", map[string]int{"the bell rests fields=[cancelled=true]": 1, "the bell strikes": 3})
	w.wantLog("economy", map[string]int{"the market opens fields=[goods=5 traders=8]": 1, "market at tick": 5, "the market closes": 1, "trader failed": 0})
	w.wantLog("town-crier", map[string]int{"*** The Vale Crier, no. ": 5, "* Alarm! Odile saw a raider near 17, 10.": 1,
		"the crier goes home after 5 editions": 1, "story spiked": 0})
	if w.log.count("loot-table", "a legend was found") == 0 {
		t.Error("no legend in 50 ticks: one is certain by tick 32")
	}
	lines := map[string]bool{}
	for _, line := range w.printed() {
		lines[line] = true
	}
	for _, want := range []string{
		"[observer] count season.changed 2",
		"[observer] count loot.dropped 12",
		"[observer] count quest.completed 5",
		"[observer] count news.published 5",
		"[observer] count name.generated 10",
		"[observer] count guard.alarm 2",
		"[observer] count day.phase 5",
		"[observer] count day.bell 3",
		"[observer] count market.prices 5",
		"[observer] 5 commands: buy, calc, count, help, name, price, quest, quests, roll, say, sell, time",
		"[observer] 7 bob says: TWO WORDS!",
		"[observer] 11 wait 0.9 s before roll",
		"[observer] 13 = 99",
		"[observer] 19 unknown command pirce, did you mean price?",
		"[observer] 21 no one here trades in frog",
		`[observer] 31 unclosed " at column 5`,
	} {
		if !lines[want] {
			t.Errorf("not printed: %s", want)
		}
	}
	for _, start := range []string{"[observer] 9 bob rolls 3d6+2: ", "[observer] 23 you buy 3 bread and have ", "[observer] 29 ", "[observer] 33 "} {
		if !slices.ContainsFunc(w.printed(), func(line string) bool { return strings.HasPrefix(line, start) }) {
			t.Errorf("not printed: %s...", start)
		}
	}
	if t.Failed() {
		t.Log(w.out.String())
	}
}

// TestDebugLibrary: of debug there is traceback, which reveals nothing, and no
// more.
func TestDebugLibrary(t *testing.T) {
	w, m := one(t, mods.Config{}, `for name in pairs(debug or {}) do print(name) end`)
	w.well(m)
	if got := w.out.String(); got != "" && got != "[one] traceback\n" {
		t.Errorf("debug has: %s", got)
	}
}

func TestHostileModsAmongGoodOnes(t *testing.T) {
	alone := session(t, mods.Config{}, goodTestMods(t), somebodySays)
	w := session(t, mods.Config{}, allTestMods(t), somebodySays)
	for _, line := range append(slices.Clone(w.log.lines()), w.printed()...) {
		if strings.Contains(line, "ESCAPED") {
			t.Errorf("a mod got out: %s", line)
		}
	}
	byID := map[string]*mods.Mod{}
	for _, m := range w.Mods() {
		byID[m.ID()] = m
	}
	for id, want := range map[string]struct {
		limit string
		tick  int64
	}{"crypto-miner": {"instructions", 3}, "memory-hog": {"memory", 2}, "snooper": {"instructions", 4}} {
		r := byID[id].Report()
		if r.State != mods.Quarantined || len(r.Violations) != 1 {
			t.Errorf("%s is %s with %d violations", id, r.State, len(r.Violations))
			continue
		}
		if v := r.Violations[0]; v.Kind != mods.LimitViolation || v.Limit != want.limit || v.Tick != want.tick || v.During != "tick hook" || !strings.HasPrefix(v.Where, "main.lua:") {
			t.Errorf("%s: %+v", id, v)
		}
	}
	w.wantLog("crypto-miner", map[string]int{"tick-tock 1": 1, "tick-tock 2": 1, "tick-tock 3": 0})
	w.wantLog("memory-hog", map[string]int{"cached 100 things": 1})
	w.wantLog("snooper", map[string]int{"attempts: 121, failed: 121": 1, "recursion came back from ": 1, `harmless\nFORGED 1`: 1})

	var tried, failed int
	if _, err := fmt.Sscanf(w.log.of("snooper")[0], "attempts: %d, failed: %d", &tried, &failed); err != nil || tried < 100 || failed != tried {
		t.Errorf("of %d attempts to get out %d failed (%v)", tried, failed, err)
	}

	// The good mods noticed nothing: same lines, same figures.
	for _, m := range alone.Mods() {
		if diff := cmp.Diff(alone.log.of(m.ID()), w.log.of(m.ID())); diff != "" {
			t.Errorf("%s logged something else beside hostile mods (-alone +beside):\n%s", m.ID(), diff)
		}
		before, after := m.Report(), byID[m.ID()].Report()
		before.WallMS, after.WallMS = 0, 0
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s (-alone +beside):\n%s", m.ID(), diff)
		}
		delete(byID, m.ID())
	}
	if len(byID) != len(hostileMods) {
		t.Errorf("%d mods are left, want the hostile ones", len(byID))
	}
	if alone.out.String() != w.out.String() {
		t.Error("something else was printed")
	}
}

// TestSmallFrames: where a frame is not enough for all, and who was quarantined comes
// back, good mods get along, and hostile ones get no further.
func TestSmallFrames(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 500_000}, Health: health.Config{Backoff: 200 * time.Millisecond}})
	all := w.load(testModSources(t, allTestMods(t))...)
	w.run(600)
	for _, m := range all {
		if r := m.Report(); !slices.Contains(hostileMods, r.ID) {
			w.well(m)
		}
	}
	for _, line := range append(w.log.lines(), w.printed()...) {
		// In a later life, or when it was too busy for some ticks, a mod is called again.
		if strings.Contains(line, "ESCAPED") && !strings.Contains(line, "ESCAPED: called again after tick") {
			t.Errorf("a mod got out: %s", line)
		}
	}
}

// TestNothingForged looks at what a real handler writes of what the snooper
// logs and prints.
func TestNothingForged(t *testing.T) {
	for _, print := range []bool{false, true} {
		var out bytes.Buffer
		w := newWorld(t, mods.Config{Output: &out, Logger: slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		files := []string{}
		for _, name := range []string{"mod.toml", "main.lua", "lib/attempts.lua"} {
			text, err := os.ReadFile(filepath.Join(testMods, "snooper", name))
			if err != nil {
				t.Fatal(err)
			}
			if name == "main.lua" && print { // where there is no log, the snooper prints
				text = append([]byte("log = nil "), text...)
			}
			files = append(files, name, string(text))
		}
		w.load(mods.Source{Bundle: bundleOf(t, files...), Path: "snooper"})
		w.run(4)
		forged := 0
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "FORGED") {
				forged++
			}
			if !strings.HasPrefix(line, "[snooper] ") && !json.Valid([]byte(line)) {
				t.Errorf("a line of nobody's: %q", line)
			}
			for _, r := range strings.TrimSuffix(line, "\n") {
				if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u202e' || r == '\u2028' || r == '\ufffd' {
					t.Errorf("%U in %q", r, line)
				}
			}
		}
		if forged < 8 {
			t.Errorf("%d lines with forgeries; the test proves nothing", forged)
		}
	}
}

func TestSecondSessionGoesOn(t *testing.T) {
	dir := t.TempDir()
	stores := map[string]func() mods.Config{
		"boltstore": func() mods.Config { return mods.Config{DataDir: dir, OpenStore: boltstore.Open} },
	}
	var memory storage.Memory
	stores["memory"] = func() mods.Config {
		return mods.Config{OpenStore: func(string) (storage.Store, error) { return &memory, nil }}
	}
	for name, config := range stores {
		t.Run(name, func(t *testing.T) {
			session(t, config(), goodTestMods(t), nil)
			w := session(t, config(), goodTestMods(t), nil)
			w.well(w.Mods()...)
			w.wantLog("quest-log", map[string]int{"progress resumed fields=[damaged=0 ": 1, "quest log open fields=[active=2 done=4 session=2]": 1})
			w.wantLog("economy", map[string]int{"prices carried over fields=[tick=50]": 1})
			w.wantLog("loot-table", map[string]int{"chests opened": 1})
			w.wantLog("town-crier", map[string]int{"*** The Vale Crier, no. 6,": 1, "*** The Vale Crier, no. 10,": 1})
			opened := 0
			for _, line := range w.log.of("loot-table") {
				if strings.HasPrefix(line, "chests opened") && strings.Contains(line, "opened=24") {
					opened++
				}
			}
			if opened != 1 {
				t.Error("the chests of the first session were forgotten")
			}
		})
	}
	s, err := boltstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for mod, keys := range map[string][]string{
		"town-crier": {"editions", "news/006", "news/007", "news/008", "news/009", "news/010"},
		"loot-table": {"dry", "opened"},
		"economy":    {"ledger"},
		"weather":    nil,
	} {
		pairs, err := s.Load(mod)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for key := range pairs {
			got = append(got, key)
		}
		slices.Sort(got)
		if diff := cmp.Diff(keys, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mod, diff)
		}
	}
}

func TestRunsAreTheSame(t *testing.T) {
	type result struct {
		Log     []string
		Printed string
		Reports []mods.Report
	}
	run := func(seed uint64) result {
		w := session(t, mods.Config{Seed: seed}, allTestMods(t), somebodySays)
		r := result{Log: w.log.lines(), Printed: w.out.String()}
		for _, m := range w.Mods() {
			report := m.Report()
			report.WallMS = 0
			r.Reports = append(r.Reports, report)
		}
		return r
	}
	first := run(1)
	if diff := cmp.Diff(first, run(1)); diff != "" {
		t.Errorf("two runs with one seed differ:\n%s", diff)
	}
	if cmp.Equal(first.Printed, run(2).Printed) {
		t.Error("another seed changes nothing")
	}
}
