package mods_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// engineOf is a capability "engine" with these members.
func engineOf(members ...luasandbox.Member) mods.Capability {
	return mods.Capability{Name: "engine", Members: members}
}

func TestOptions(t *testing.T) {
	var seen mods.Options
	even := func(v any) error {
		if v.(int64)%2 != 0 {
			return errors.New("must be even")
		}
		return nil
	}
	cap := mods.Capability{Name: "world.edit", Options: []mods.Option{
		{Name: "region", Type: mods.TextOption, Required: true, Doc: "where"},
		{Name: "mode", Type: mods.TextOption, Default: "slow", Choices: []string{"slow", "fast"}},
		{Name: "blocks", Type: mods.TextsOption, Choices: []string{"a", "b", "c"}},
		{Name: "count", Type: mods.CountOption, Check: even, Min: 2, Max: 10},
		{Name: "speed", Type: mods.NumberOption, Default: 0.5, Min: -1, Max: 1},
		{Name: "size", Type: mods.SizeOption, Default: int64(64), Max: 1 << 20},
		{Name: "loud", Type: mods.FlagOption, Default: true},
	}, Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		if g.ID() != "" {
			seen = g.Options()
		}
		return []luasandbox.Member{luasandbox.Value("there", true)}, nil
	}}
	for rest, good := range map[string]bool{
		"region = 'n'\nmode = 'fast'\nblocks = ['a', 'b']\ncount = 4\nspeed = 1\nsize = '1KiB'\nloud = false": true,
		"region = 'n'":                     true,
		"":                                 false,
		"region = 5":                       false,
		"region = 'n'\nmode = 'medium'":    false,
		"region = 'n'\nblocks = 'a'":       false,
		"region = 'n'\nblocks = [1]":       false,
		"region = 'n'\nblocks = ['a','d']": false,
		"region = 'n'\nblocks = ['a','a']": false,
		"region = 'n'\ncount = 3":          false,
		"region = 'n'\ncount = 0":          false,
		"region = 'n'\ncount = 12":         false,
		"region = 'n'\ncount = -2":         false,
		"region = 'n'\ncount = 2.0":        false,
		"region = 'n'\nspeed = 'fast'":     false,
		"region = 'n'\nspeed = 1.5":        false,
		"region = 'n'\nspeed = nan":        false,
		"region = 'n'\nspeed = -inf":       false,
		"region = 'n'\nsize = 0":           false,
		"region = 'n'\nsize = '2MiB'":      false,
		"region = 'n'\nsize = '1 KiB'":     false,
		"region = 'n'\nsize = 'unlimited'": false,
		"region = 'n'\nloud = 1":           false,
		"region = 'n'\nversion = 1":        false,
		"region = 'n'\nrigeon = 'n'":       false,
	} {
		w := newWorld(t, mods.Config{Capabilities: []mods.Capability{cap}})
		m, err := w.try("one", "[permissions.\"world.edit\"]\nreason = 'x'\n"+rest, "assert(world.there)")
		if (err == nil) != good || !good && !as[*manifest.Problem](err) {
			t.Errorf("%q: %v", rest, err)
			continue
		}
		if !good {
			continue
		}
		w.run(1)
		w.well(m)
		got := []any{seen.Text("region"), seen.Text("mode"), seen.Texts("blocks"), seen.Int("count"), seen.Number("speed"), seen.Int("size"), seen.Flag("loud"), seen.Has("count"), seen.Has("mode")}
		want := []any{"n", "fast", []string{"a", "b"}, int64(4), 1.0, int64(1024), false, true, true}
		if rest == "region = 'n'" {
			want = []any{"n", "slow", []string(nil), int64(0), 0.5, int64(64), true, false, true}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestBadCapabilities: what an engine declares wrongly, it is told of by Open.
func TestBadCapabilities(t *testing.T) {
	none := []luasandbox.Member{}
	for name, caps := range map[string][]mods.Capability{
		"no name":           {{Members: none}},
		"a bad name":        {{Name: "World", Members: none}},
		"a long name":       {{Name: strings.Repeat("x", 65), Members: none}},
		"taken":             {{Name: "log", Members: none}},
		"twice":             {{Name: "world", Members: none}, {Name: "world", Version: "1.0.0", Members: none}},
		"a bad version":     {{Name: "world", Version: "1", Members: none}},
		"no members":        {{Name: "world"}},
		"members and Grant": {{Name: "world", Members: none, Grant: func(*mods.Grantee) ([]luasandbox.Member, error) { return nil, nil }}},
		"a bad function":    {engineOf(luasandbox.Func("f", func(chan int) {}))},
		"a bad risk":        {{Name: "world", Risk: "some", Members: none}},
		"a bad option":      {{Name: "world", Members: none, Options: []mods.Option{{Name: "A b", Type: mods.TextOption}}}},
		"an option twice":   {{Name: "world", Members: none, Options: []mods.Option{{Name: "a", Type: mods.TextOption}, {Name: "a", Type: mods.FlagOption}}}},
		"a taken option":    {{Name: "world", Members: none, Options: []mods.Option{{Name: "reason", Type: mods.TextOption}}}},
		"a bad default":     {{Name: "world", Members: none, Options: []mods.Option{{Name: "a", Type: mods.CountOption, Default: int64(5), Max: 3}}}},
		"a negative limit":  {{Name: "world", Members: none, IO: mods.IOLimits{OpsPerTick: -1}}},
		"Grant panics":      {{Name: "world", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) { panic("a bug") }}},
		"Grant needs a mod": {{Name: "world", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) { return nil, errors.New("no mod") }}},
	} {
		_, err := mods.Open(mods.Config{Capabilities: caps})
		if e, ok := errors.AsType[*mods.ConfigError](err); !ok || e.Field != "Capabilities" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGrantThatFails for a mod: the mod is refused before any of it runs.
func TestGrantThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, grant := range map[string]func() ([]luasandbox.Member, error){
		"error": func() ([]luasandbox.Member, error) { return nil, broken },
		"panic": func() ([]luasandbox.Member, error) { panic(broken) },
		"bad grant": func() ([]luasandbox.Member, error) {
			return []luasandbox.Member{luasandbox.Func("f", func(chan int) {})}, nil
		},
	} {
		cap := mods.Capability{Name: "engine", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			if g.ID() == "" {
				return nil, nil
			}
			return grant()
		}}
		w := newWorld(t, mods.Config{Capabilities: []mods.Capability{cap}})
		m := w.with("one", "[permissions.engine]\nreason = 'x'", "print('runs')")
		other := w.with("two", "", "")
		w.run(1)
		e, ok := errors.AsType[*mods.GrantError](m.Err())
		if m.State() != mods.Refused || !ok || e.Capability != "engine" || w.out.Len() > 0 || name == "error" && !errors.Is(e, broken) {
			t.Errorf("%s: %s, %v, %q", name, m.State(), m.Err(), w.out)
		}
		w.well(other)
	}
}

// TestOneTable: two capabilities of one table cannot both be a mod's.
func TestOneTable(t *testing.T) {
	caps := []mods.Capability{{Name: "world.read", Members: []luasandbox.Member{}}, {Name: "world.edit", Members: []luasandbox.Member{}}}
	w := newWorld(t, mods.Config{Capabilities: caps})
	if _, err := w.try("one", "[permissions]\n'world.read' = {reason = 'x'}\n'world.edit' = {reason = 'x'}", ""); !as[*manifest.Problem](err) {
		t.Errorf("got %v", err)
	}
	w.with("two", "[permissions]\n'world.edit' = {reason = 'x'}", "")
}

// TestVersions: several versions of one capability side by side, ranges, one that is
// deprecated, one behind a flag.
func TestVersions(t *testing.T) {
	version := func(v string, more mods.Capability) mods.Capability {
		more.Name, more.Version = "world", v
		more.Members = []luasandbox.Member{luasandbox.Value("version", v)}
		return more
	}
	w := newWorld(t, mods.Config{
		Flags: map[string][]string{"early": {"new-world"}, "other": {"something"}},
		Capabilities: []mods.Capability{
			version("1.0.0", mods.Capability{Deprecated: "version 2"}), version("2.0.0", mods.Capability{}),
			version("1.4.2", mods.Capability{Deprecated: "version 2"}), version("3.0.0", mods.Capability{Flag: "new-world"}),
			{Name: "secret", Flag: "nobody-has-it", Members: []luasandbox.Member{}},
		}})
	for _, test := range []struct{ id, want, got string }{
		{"any", "", "2.0.0"}, {"new", "^2", "2.0.0"}, {"old", "^1", "1.4.2"}, {"older", "~1.0", "1.0.0"}, {"exact", "1.4.2", "1.4.2"}, {"wide", ">=1, <99", "2.0.0"},
		{"early", "", "3.0.0"}, {"early-old", "^1", "1.4.2"},
	} {
		text := ""
		if test.want != "" {
			text = fmt.Sprintf("version = %q\n", test.want)
		}
		m := w.with(test.id, "[permissions.world]\nreason = 'x'\n"+text, "print(world.version)")
		w.run(1)
		w.wantPrinted("[" + test.id + "] " + test.got)
		w.well(m)
	}
	if n := w.log.told("mod uses a deprecated capability"); n != 4 {
		t.Errorf("%d warnings: %q", n, w.log.lines())
	}
	if n := w.log.told("mod uses a deprecated capability mod=old capability=world version=1.4.2 where=mod.toml:4 instead=version 2"); n != 1 {
		t.Errorf("%q", w.log.lines())
	}
	for name, test := range map[string]struct {
		rest string
		is   func(error) bool
	}{
		"a version that is gone":     {"[permissions.world]\nreason = 'x'\nversion = '^4'", as[*mods.APIError]},
		"one behind a flag":          {"[permissions.world]\nreason = 'x'\nversion = '^3'", as[*mods.APIError]},
		"a capability behind one":    {"[permissions.secret]\nreason = 'x'", as[*mods.PermissionError]},
		"no range":                   {"[permissions.world]\nreason = 'x'\nversion = 'new'", as[*manifest.Problem]},
		"an API that it has not":     {"api = '^9'", as[*mods.APIError]},
		"an API that it has no more": {"api = '<1'", as[*mods.APIError]},
	} {
		m, err := w.try("refused", test.rest, "print('runs')")
		if !test.is(err) || m.State() != mods.Refused {
			t.Errorf("%s: %v", name, err)
		}
		if p, ok := errors.AsType[*manifest.Problem](err); !ok || p.Line < 4 {
			t.Errorf("%s: no line in %v", name, err)
		}
		w.run(1)
		w.wantPrinted()
	}
	w.with("known-api", "api = '^"+mods.APIVersion+"'", "")
}

// TestIOLimits: operations and bytes in a tick, in total, and in a second; what was
// refused takes nothing.
func TestIOLimits(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		io   mods.IOLimits
		size int64
		want []int // how many of 10 in each of five ticks
		why  string
	}{
		"in a tick":           {mods.IOLimits{OpsPerTick: 3}, 1, []int{3, 3, 3, 3, 3}, "more than 3 operations in one tick"},
		"bytes in a tick":     {mods.IOLimits{BytesPerTick: 10 << 10}, 4 << 10, []int{2, 2, 2, 2, 2}, "more than 10KiB in one tick"},
		"in total":            {mods.IOLimits{OpsPerTick: 3, Ops: 7}, 1, []int{3, 3, 1, 0, 0}, "all 7 operations are used up"},
		"bytes in total":      {mods.IOLimits{OpsPerTick: 3, Bytes: 30 << 10}, 4 << 10, []int{3, 3, 1, 0, 0}, "all 30KiB are used up"},
		"a rate":              {mods.IOLimits{Rate: 2, Burst: 4}, 1, []int{4, 1, 1, 1, 1}, "more than 2 operations in a second"}, // a tick is half a second
		"too large by itself": {mods.IOLimits{BytesPerTick: 3 << 10}, 4 << 10, []int{0, 0, 0, 0, 0}, "more than 3KiB in one tick"},
		"the defaults":        {mods.IOLimits{}, 1 << 17, []int{8, 8, 8, 8, 8}, "more than 1MiB in one tick"},
	} {
		cap := mods.Capability{Name: "engine", IO: test.io, Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			return []luasandbox.Member{luasandbox.Func("spend", func() error { return g.Spend(1, test.size) })}, nil
		}}
		w := newWorld(t, mods.Config{Capabilities: []mods.Capability{cap}, Now: func() time.Time { at = at.Add(500 * time.Millisecond); return at }})
		main := `return {tick = function() local n, why = 0 for i = 1, 10 do local ok, problem = pcall(engine.spend) if ok then n = n + 1 else why = problem end end print(n, why) end}`
		all := w.load(source(t, "one", "[permissions.engine]\nreason = 'x'", main), source(t, "two", "[permissions.engine]\nreason = 'x'", main))
		w.run(5)
		for _, m := range all { // each has an account of its own
			var got []int
			why := ""
			for _, line := range w.printed() {
				if text, ok := strings.CutPrefix(line, "["+m.ID()+"] "); ok {
					var n int
					count, problem, _ := strings.Cut(text, `\tengine: `)
					if _, err := fmt.Sscan(count, &n); err != nil {
						t.Fatal(err)
					}
					got, why = append(got, n), problem
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" || why != test.why {
				t.Errorf("%s: %s: %s (-want +got):\n%s", name, m.ID(), why, diff)
			}
		}
		w.well(all...)
	}
}

// TestQueue: a capability has functions of the mod called later.
func TestQueue(t *testing.T) {
	var doors []func(args ...any) error
	cap := mods.Capability{Name: "engine", Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
		return []luasandbox.Member{luasandbox.Func("on_door", func(fn *luasandbox.Function) {
			doors = append(doors, func(args ...any) error { return g.Queue("door opened", fn, args...) })
		})}, nil
	}}
	w := newWorld(t, mods.Config{Capabilities: []mods.Capability{cap}})
	m := w.with("one", "[permissions.engine]\nreason = 'x'", `
		engine.on_door(function(who, n) print("door", who, n) if n == 2 then error("stuck") end end)
		return {tick = function() print("tick") end}`)
	w.run(1)
	w.out.Reset()
	for n := 1; n <= 2; n++ {
		if err := doors[0]("ada", n); err != nil {
			t.Fatal(err)
		}
	}
	w.run(1)
	w.wantPrinted(`[one] door\tada\t1`, `[one] door\tada\t2`, "[one] tick")
	if r := m.Report(); len(r.Violations) != 1 || r.Violations[0].During != "door opened" {
		t.Errorf("%+v", r.Violations)
	}
	full := 0
	for range 300 {
		if err := doors[0]("bob", 3); errors.Is(err, mods.ErrQueueFull) {
			full++
		}
	}
	if full != 300-256 {
		t.Errorf("%d had no room", full)
	}
	w.run(1)
	if err := w.Unload("one"); err != nil {
		t.Fatal(err)
	}
	w.run(1)
	w.out.Reset()
	if err := doors[0]("eve", 4); !errors.Is(err, mods.ErrNotRunning) {
		t.Errorf("after the unload: %v", err)
	}
	w.run(1)
	w.wantPrinted()
}

// TestDocumentHasEveryFunction: the document has all that a mod can reach.
func TestDocumentHasEveryFunction(t *testing.T) {
	w := newWorld(t, mods.Config{})
	text, err := w.API()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Capabilities []struct {
			Name   string
			Schema json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	m := w.with("one", serving(nil, nil), `
		for _, name in ipairs{"log", "events", "timer", "task", "storage", "random", "clock", "json", "services"} do
		  for member in pairs(_G[name]) do print(name, member) end
		end`)
	w.run(1)
	w.well(m)
	if n := len(w.printed()); n < 30 {
		t.Errorf("%d functions", n)
	}
	for _, line := range w.printed() {
		name, member, _ := strings.Cut(strings.TrimPrefix(line, "[one] "), `\t`)
		found := false
		for _, c := range doc.Capabilities {
			found = found || c.Name == name && strings.Contains(string(c.Schema), fmt.Sprintf("%q", member))
		}
		if !found && line != `[one] random\tchoice` && line != `[one] random\tshuffle` { // which are Lua
			t.Errorf("%s.%s is not in the document", name, member)
		}
	}
}
