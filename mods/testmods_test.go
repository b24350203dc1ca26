package mods_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/storage/boltstore"
)

// The mods in testdata/mods, and what they do by themselves, are described in
// the comments at their beginnings.
const testMods = "../testdata/mods"

// journal is a slog.Handler that keeps what mods and host log, as lines.
type journal struct{ lines *[]string }

func newJournal() journal { return journal{new([]string)} }

func (j journal) Enabled(context.Context, slog.Level) bool { return true }
func (j journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j journal) WithGroup(string) slog.Handler            { return j }

func (j journal) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	*j.lines = append(*j.lines, b.String())
	return nil
}

// of returns what one mod logged.
func (j journal) of(id string) []string {
	var found []string
	for _, line := range *j.lines {
		if _, text, ok := strings.Cut(line, mods.LogMessage+" mod="+id+" text="); ok {
			found = append(found, text)
		}
	}
	return found
}

// count returns how many lines of a mod begin with text.
func (j journal) count(id, text string) int {
	n := 0
	for _, line := range j.of(id) {
		if strings.HasPrefix(line, text) {
			n++
		}
	}
	return n
}

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

var hostile = []string{"crypto-miner", "memory-hog", "snooper"}

func goodTestMods(t testing.TB) []string {
	return slices.DeleteFunc(allTestMods(t), func(name string) bool { return slices.Contains(hostile, name) })
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

// session runs mods of testdata for 50 ticks, with something said in the chat.
func session(t testing.TB, cfg mods.HostConfig, names []string, chat map[int][2]string) *world {
	t.Helper()
	w := newWorld(t, cfg)
	for _, name := range names {
		path := filepath.Join(testMods, name)
		b, err := bundle.OpenPath(path, bundle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(b, path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.try("observer", observerManifest, observer); err != nil {
		t.Fatal(err)
	}
	w.start()
	for n := 1; n <= 50; n++ {
		if line, ok := chat[n]; ok {
			if err := w.Emit(context.Background(), "chat", map[string]any{"player": line[0], "text": line[1]}); err != nil {
				t.Fatal(err)
			}
		}
		w.ticks(1)
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
	w := session(t, mods.HostConfig{}, goodTestMods(t), somebodySays)
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
	w, m := one(t, mods.HostConfig{}, `for name in pairs(debug or {}) do print(name) end`)
	w.well(m)
	if got := w.out.String(); got != "" && got != "[one] traceback\n" {
		t.Errorf("debug has: %s", got)
	}
}

func TestHostileModsAmongGoodOnes(t *testing.T) {
	alone := session(t, mods.HostConfig{}, goodTestMods(t), somebodySays)
	w := session(t, mods.HostConfig{}, allTestMods(t), somebodySays)
	for _, line := range append(slices.Clone(*w.log.lines), w.printed()...) {
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
		got := r.Violations[0]
		got.Message = ""
		if diff := cmp.Diff(mods.Violation{Kind: mods.LimitViolation, Limit: want.limit, Tick: want.tick, During: "tick hook"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
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
	if len(byID) != len(hostile) {
		t.Errorf("%d mods are left, want the hostile ones", len(byID))
	}
	if alone.out.String() != w.out.String() {
		t.Error("something else was printed")
	}
}

// TestNothingForged looks at what a real handler writes of what the snooper
// logs and prints.
func TestNothingForged(t *testing.T) {
	for _, print := range []bool{false, true} {
		var out bytes.Buffer
		cfg := mods.HostConfig{Output: &out, Policy: mods.PolicyAll}
		cfg.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		h, err := mods.NewHost(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
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
		if _, err := h.Add(bundleOf(t, files...), "snooper"); err != nil {
			t.Fatal(err)
		}
		if err := h.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if err := h.Tick(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
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
	stores := map[string]func() mods.HostConfig{
		"boltstore": func() mods.HostConfig { return mods.HostConfig{DataDir: dir, OpenStore: boltstore.Open} },
	}
	var memory storage.Memory
	stores["memory"] = func() mods.HostConfig {
		return mods.HostConfig{OpenStore: func(string) (storage.Store, error) { return &memory, nil }}
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
		w := session(t, mods.HostConfig{Seed: seed}, allTestMods(t), somebodySays)
		r := result{Log: *w.log.lines, Printed: w.out.String()}
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
