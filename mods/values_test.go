package mods_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

func TestJSON(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local function same(value, text) local got = json.encode(value) assert(got == text, got) end
		same(nil, "null") same(json.null, "null") same(true, "true") same(5, "5") same(-0.5, "-0.5") same(1e300, "1e+300") same("ä\n", '"ä\\n"')
		same({}, "{}") same({1, "x", {}}, '[1,"x",{}]') same({b = 1, a = {json.null}}, '{"a":[null],"b":1}')
		assert(json.encode({a = {1}, b = {}}, {indent = true}) == '{\n  "a": [\n    1\n  ],\n  "b": {}\n}')
		assert(json.encode({1}, {indent = false}) == "[1]" and json.encode({1}, {}) == "[1]" and json.encode({1}, nil) == "[1]")

		assert(json.decode("null") == json.null and json.null ~= nil and json.null == json.null and json.null ~= {})
		assert(tostring(json.null):find("null"), tostring(json.null))
		local v = json.decode('{"list": [1, null, {"x": "\\u00e4\\ud83c\\udf27"}], "": -0, "empty": []}')
		assert(v.list[1] == 1 and v.list[2] == json.null and #v.list == 3 and v.list[3].x == "ä🌧" and 1 / v[""] == -1/0 and #v.empty == 0)
		same(v, '{"":-0,"empty":{},"list":[1,null,{"x":"ä🌧"}]}')
		v.list[3] = 3 -- what was decoded is the mod's
		assert(not pcall(function() json.null = 1 end) and not pcall(function() json.null.x = 1 end))
		print("done")`)
	w.well(m)
	w.wantPrinted("[one] done")
}

func TestJSONRefuses(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local loop = {} loop.loop = loop
		local deep = {} for i = 1, 100 do deep = {deep} end
		local function try(f, ...) local ok, problem = pcall(f, ...) print(ok, #problem < 500 and problem) end
		for _, v in ipairs{0/0, 1/0, print, coroutine.create(function() end), {1, x = 2}, {[3] = 1}, {[{}] = 1}, loop, deep, "\255", {["\255"] = 1}} do try(json.encode, v) end
		try(json.encode, {}, {indnet = true}) try(json.encode, {}, 5)
		for _, text in ipairs{"", "{", "[1,]", '{"a":1,"a":2}', "1e999", '"\\ud800"', '"\255"', "nul", "1 2", ("["):rep(101) .. ("]"):rep(101),
		    "[" .. ("0,"):rep(300000) .. "0]"} do try(json.decode, text) end
		try(json.decode) try(json.decode, 5)
		print(pcall(json.decode, '{"a":\n tru}'))`)
	w.well(m)
	lines := w.printed()
	if len(lines) != 27 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `[one] false\t`) || strings.Contains(line, "host error") || strings.HasSuffix(line, "false") {
			t.Error(line)
		}
	}
	if got, want := lines[26], `[one] false\tjson.decode: line 2, column 2: unexpected 't', where a value should be`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestJSONBombs: what takes the host's memory and time is the mod's to pay.
func TestJSONBombs(t *testing.T) {
	small := limits.Limits{Memory: 2 << 20, Instructions: 2_000_000}
	for name, test := range map[string]struct {
		main  string
		limit string // "" for an error that the script can catch
	}{
		"many small objects": {`local text = "[" .. ("{},"):rep(60000) .. "0]" print(pcall(json.decode, text))`, "memory"},
		"many small strings": {`local text = "[" .. ('"",'):rep(60000) .. "0]" print(pcall(json.decode, text))`, "memory"},
		"again and again":    {`local text = "[" .. ("0,"):rep(1000) .. "0]" while true do pcall(json.decode, text) end`, "instructions"},
		"one long string":    {`local text = '"' .. ("x"):rep(100000) .. '"' while true do pcall(json.decode, text) end`, "instructions"},
		"encode for ever":    {`local list = {} for i = 1, 1000 do list[i] = i end while true do pcall(json.encode, list) end`, "instructions"},
		"wide and shared":    {`local v = "x" for i = 1, 30 do v = {v, v} end print(pcall(json.encode, v))`, "either"},
		"escapes":            {`local s = ("\0"):rep(400000) print((pcall(json.encode, s)))`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, m := one(t, mods.Config{Limits: small}, test.main)
			r := m.Report()
			switch {
			case test.limit == "":
				w.well(m)
				w.wantPrinted("[one] false")
			case r.State != mods.Quarantined || w.out.Len() > 0:
				t.Errorf("%s, printed %q", r.State, w.out)
			case r.Violations[0].Limit != test.limit && test.limit != "either":
				t.Errorf("stopped for %s", r.Violations[0].Limit)
			}
		})
	}
}

func TestRandom(t *testing.T) {
	main := `
		local function draw()
		  local out = {}
		  for i = 1, 5 do out[i] = ("%.17g"):format(random.float()) .. " " .. random.integer(-1000, 1000) end
		  return table.concat(out, " ")
		end
		print(draw(), math.random())`
	draws := map[string]string{}
	run := func(name, id string, seed uint64, before string) {
		w := newWorld(t, mods.Config{Seed: seed})
		other := w.mod("aaaa", before)
		m := w.mod(id, main)
		w.run(1)
		w.well(other, m)
		draws[name] = strings.TrimPrefix(w.out.String(), "["+id+"] ")
	}
	run("first", "one", 1, "")
	run("again", "one", 1, "")
	run("another mod draws, too", "one", 1, "for i = 1, 100 do random.float() end")
	run("another seed", "one", 2, "")
	run("another id", "two", 1, "")
	for _, name := range []string{"again", "another mod draws, too"} {
		if draws[name] != draws["first"] {
			t.Errorf("%s: %s and %s", name, draws["first"], draws[name])
		}
	}
	for _, name := range []string{"another seed", "another id"} {
		if draws[name] == draws["first"] {
			t.Errorf("%s changes nothing", name)
		}
	}
}

func TestRandomValues(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		local seen, sum = {}, 0
		for i = 1, 6000 do local n = random.integer(1, 6) seen[n] = (seen[n] or 0) + 1 end
		for n = 1, 6 do assert(seen[n] > 800 and seen[n] < 1200) end
		assert(#seen == 6)
		for i = 1, 1000 do local f = random.float() assert(f >= 0 and f < 1) sum = sum + f end
		assert(sum > 400 and sum < 600)
		assert(random.integer(5, 5) == 5)
		for i = 1, 100 do
		  local n = random.integer(-2^53, 2^53)
		  assert(n == math.floor(n) and n >= -2^53 and n <= 2^53)
		end
		local a, b = {}, function() end
		local list = {a, b, "c"}
		local got = {}
		for i = 1, 100 do got[random.choice(list)] = true end
		assert(got[a] and got[b] and got.c, "choice returns the element itself")
		local cards = {} for i = 1, 52 do cards[i] = i end
		assert(random.shuffle(cards) == cards)
		local moved, all = 0, {}
		for i, card in ipairs(cards) do all[card] = true if i ~= card then moved = moved + 1 end end
		assert(#all == 52 and moved > 40)
		assert(#random.shuffle({}) == 0)
		local function fails(f, ...) local ok, problem = pcall(f, ...) print(ok, problem) end
		fails(random.choice, {}) fails(random.choice) fails(random.choice, "abc") fails(random.shuffle, 5)
		fails(random.integer, 2, 1) fails(random.integer, 1) fails(random.integer, 1, 1.5) fails(random.integer, 0/0, 1) fails(random.integer, -2^54, 0) fails(random.integer, 0, 2^60)
		fails(function() random.choice({}) end)`)
	w.well(m)
	w.wantPrinted(
		`[one] false\tbad argument #1 to 'choice' (the list is empty)`,
		`[one] false\tbad argument #1 to 'choice' (table expected, got nil)`,
		`[one] false\tbad argument #1 to 'choice' (table expected, got string)`,
		`[one] false\tbad argument #1 to 'shuffle' (table expected, got number)`,
		`[one] false\trandom.integer: there is no number from 2 to 1`,
		`[one] false\tbad argument #2 to 'integer' (integer in -9223372036854775808..9223372036854775807 expected, got no value)`,
		`[one] false\tbad argument #2 to 'integer' (integer in -9223372036854775808..9223372036854775807 expected, got 1.5)`,
		`[one] false\tbad argument #1 to 'integer' (integer in -9223372036854775808..9223372036854775807 expected, got -nan)`,
		`[one] false\trandom.integer: the bounds must be from -2^53 to 2^53`,
		`[one] false\trandom.integer: the bounds must be from -2^53 to 2^53`,
		`[one] false\tmain.lua:27: bad argument #1 to 'choice' (the list is empty)`)
}

func TestClock(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 345678901, time.UTC)
	w := newWorld(t, mods.Config{Now: func() time.Time { at = at.Add(time.Second); return at }})
	w.dt = 250 * time.Millisecond
	w.mod("one", `
		local function say() print(("%.3f"):format(clock.now()), clock.tick(), clock.elapsed()) end
		say() return {start = say, tick = say}`)
	w.run(2)
	// The main file, the start hook and the first tick hook: one tick, one time.
	first := `[one] 1795348802.345\t1\t0.25`
	w.wantPrinted(first, first, first, `[one] 1795348803.345\t2\t0.5`)

	w = newWorld(t, mods.Config{})
	w.mod("one", `print(clock.now(), os.time())`)
	w.run(1)
	w.wantPrinted(`[one] 946684800\t946684800`)
}

func TestLog(t *testing.T) {
	w, m := one(t, mods.Config{}, `
		log.debug("quiet") log.info("normal", {n = 1000000, f = 0.5, yes = true, s = "a b", ["\27k"] = "\n"}) log.warn("hm", {}) log.error("loud", {list = {1, "\226\128\174"}, deep = {a = {b = 1}}})
		log.info(("x"):rep(5000), {long = ("y"):rep(2000), f = print, nan = 0/0, mixed = {1, x = 2}, huge = {("z"):rep(2000)}})
		for _, args in ipairs{{}, {5}, {"x", 5}, {"x", {1, 2}}, {"x", {[{}] = 1}}, {"x", "y"}} do print(pcall(log.info, unpack(args))) end
		local many = {} for i = 1, 33 do many["k" .. i] = i end
		print(pcall(log.info, "x", many))`)
	w.well(m)
	lines := w.log.lines()
	want := []string{
		"DEBUG mod log mod=one text=quiet",
		`INFO mod log mod=one text=normal fields=[\x1bk=\n f=0.5 n=1000000 s=a b yes=true]`,
		"WARN mod log mod=one text=hm",
		`ERROR mod log mod=one text=loud fields=[deep={"a":{"b":1}} list=[1,"\u202e"]]`,
	}
	for i, line := range want {
		if i >= len(lines) || lines[i] != line {
			t.Errorf("logged %q\nwant %q", lines[min(i, len(lines)-1)], line)
		}
	}
	if len(lines) != 5 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for _, part := range []string{"xxx... (904 more bytes)", "yyy... (976 more bytes)", "f=(", "nan=nan", "mixed=(", "huge=(value is too large)"} {
		if !strings.Contains(strings.ToLower(lines[4]), part) {
			t.Errorf("no %s in %s", part, lines[4])
		}
	}
	for _, line := range w.printed() {
		if !strings.HasPrefix(line, `[one] false\t`) || strings.Contains(line, "host error") {
			t.Error(line)
		}
	}
	if got := m.Report().LogLines; got != 5 {
		t.Errorf("%d lines are counted", got)
	}
}

func TestLogIsBounded(t *testing.T) {
	w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 100_000_000}})
	m := w.mod("one", `return {tick = function(n)
		for i = 1, 1000 do log.info(n == 1 and "spam" or ("x"):rep(1000), n == 3 and {f = ("y"):rep(1000)} or nil) end
	end}`)
	other := w.mod("other", `return {tick = function(n) for i = 1, 5 do log.info("fine") end end}`)
	w.run(3)
	w.well(m, other)
	r := m.Report()
	if got := len(w.log.of("one")); int64(got) != r.LogLines || got != 100+32+16 || r.LogDropped != 3000-int64(got) {
		t.Errorf("%d lines, %d counted, %d dropped", got, r.LogLines, r.LogDropped)
	}
	if w.log.count("other", "fine") != 15 {
		t.Error("another mod's lines are missing")
	}
	told := 0
	for _, line := range w.log.lines() {
		if strings.HasPrefix(line, "WARN mod logs too much; lines dropped mod=one lines=") {
			told++
		}
	}
	if told != 3 {
		t.Errorf("the operator was told %d times", told)
	}
}

// TestFieldsCannotForgeKeys: what a mod calls its fields is apart from what the
// host calls its own.
func TestFieldsCannotForgeKeys(t *testing.T) {
	var out bytes.Buffer
	one(t, mods.Config{Logger: slog.New(slog.NewJSONHandler(&out, nil))},
		`log.info("x", {level = "ERROR", mod = "other", msg = "all is lost", time = "never", text = "forged", fields = "z"})`)
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatal(err)
	}
	delete(record, "time")
	if got := fmt.Sprint(record); got != "map[fields:map[fields:z level:ERROR mod:other msg:all is lost text:forged time:never] level:INFO mod:one msg:mod log text:x]" {
		t.Error(got)
	}
}

func TestPrint(t *testing.T) {
	w, m := one(t, mods.Config{}, `print("a\nb\r\27[0m\226\128\168\255", nil, 1.5) print() print(("x"):rep(5000))`)
	w.well(m)
	lines := w.printed()
	if lines[0] != `[one] a\nb\r\x1b[0m\u2028\xff\tnil\t1.5` || lines[1] != "[one] " || !strings.HasSuffix(lines[2], "xxx... (904 more bytes)") || len(lines) != 3 {
		t.Errorf("%q", lines)
	}
}
