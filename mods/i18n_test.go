package mods_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/texts"
)

const asksForTexts = "[permissions]\ni18n = {reason = 'test'}\n"

var twoLanguages = []string{
	"lang/en.json", `{"hello": "Hello, {name}!", "apples": {"one": "{count} apple", "other": "{count} apples"}, "only": "English only"}`,
	"lang/de.json", `{"hello": "Hallo, {name}!", "apples": {"one": "{count} Apfel", "other": "{count} Äpfel"}}`,
}

func TestTexts(t *testing.T) {
	w := newWorld(t, mods.Config{Language: "de-at"})
	m := w.with("one", asksForTexts, `
		local t = i18n.t
		local function show() print(i18n.language(), t("hello", {name = "Ada"}), t("apples", {count = 1}), t("apples", {count = 2}), t("only"), t("none")) end
		show()
		print(t("hello"), t("hello", {}), t("hello", {name = "{name}"}), t("hello", {name = 1e6}), t("hello", {name = 0.5}), t("hello", {name = true}))
		print(t("apples"), t("apples", {count = "1"}), t("apples", {count = 1.5}))
		for _, values in ipairs{5, "x", {1, 2}, {name = {}}, {name = print}} do print(pcall(t, "hello", values)) end
		print(pcall(t)) print(pcall(t, 5))
		return {show = show}`, twoLanguages...)
	w.run(2)
	w.well(m)
	w.wantPrinted(`[one] de-AT\tHallo, Ada!\t1 Apfel\t2 Äpfel\tEnglish only\tnone`,
		`[one] Hallo, {name}!\tHallo, {name}!\tHallo, {name}!\tHallo, 1000000!\tHallo, 0.5!\tHallo, true!`,
		`[one] {count} Äpfel\t1 Äpfel\t1.5 Äpfel`,
		`[one] false\ti18n.t: values must be a table with names, as {count = 3}`,
		`[one] false\ti18n.t: values must be a table with names, as {count = 3}`,
		`[one] false\ti18n.t: values must be a table with names, as {count = 3}`,
		`[one] false\ti18n.t: the value of "name" is neither a text, nor a number, nor true or false`,
		`[one] false\ti18n.t: the value of "name" is neither a text, nor a number, nor true or false`,
		`[one] false\tbad argument #1 to 't' (string expected, got no value)`,
		`[one] false\tbad argument #1 to 't' (string expected, got 5)`)
	if err := w.SetLanguage("fr"); err != nil {
		t.Fatal(err)
	}
	w.call("one", "show")
	w.run(1)
	w.wantPrinted(`[one] fr\tHello, Ada!\t1 apple\t2 apples\tEnglish only\tnone`)
	for _, bad := range []string{"", "english", "de_AT", "../de", "de\n"} {
		if err := w.SetLanguage(bad); !as[*mods.ConfigError](err) {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := mods.Open(mods.Config{Language: bad}); bad != "" && !as[*mods.ConfigError](err) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w.stop()
	if err := w.SetLanguage("de"); !errors.Is(err, mods.ErrStopped) {
		t.Error(err)
	}
}

// TestOwnLanguage: the option default is what texts fall back to.
func TestOwnLanguage(t *testing.T) {
	w := newWorld(t, mods.Config{Language: "fr"})
	german := "[permissions]\ni18n = {reason = 'test', default = 'de'}\n"
	w.with("one", german, `print(i18n.t("hello", {name = "Ada"}), i18n.t("only"))`, twoLanguages...)
	none := w.with("none", asksForTexts, `print(i18n.t("hello"))`)
	w.with("lost", "[permissions]\ni18n = {reason = 'test', default = 'pt-BR'}\n", `print(i18n.t("only"))`, twoLanguages...)
	w.run(2)
	w.well(none)
	w.wantPrinted(`[one] Hallo, Ada!\tonly`, `[none] hello`, `[lost] only`)
	if n := w.log.told("none in its own language mod=lost language=pt-BR has=de, en"); n != 1 {
		t.Errorf("%q", w.log.lines())
	}
	if n := w.log.told("none in its own language"); n != 1 {
		t.Errorf("%q", w.log.lines())
	}
	for text, want := range map[string]string{"deutsch": `"deutsch" is not`, "pt-br": `write it as "pt-BR"`} {
		if _, err := w.try("bad", "[permissions]\ni18n = {reason = 'test', default = '"+text+"'}\n", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestMissingTexts: a modder is told of each key once, and of so many.
func TestMissingTexts(t *testing.T) {
	w := newWorld(t, mods.Config{})
	few := w.with("few", asksForTexts, `return {tick = function() i18n.t("a") i18n.t("b") i18n.t("a") i18n.t("only") end}`, twoLanguages...)
	w.run(5)
	w.well(few)
	if n := w.log.told("mod has no text for a key mod=few"); n != 2 {
		t.Errorf("told %d times", n)
	}
	m := w.with("one", asksForTexts, `
		return {tick = function()
		  for i = 1, 100 do assert(i18n.t("no" .. i) == "no" .. i) end
		  i18n.t("\27[31m") i18n.t(("long"):rep(10000))
		end}`, twoLanguages...)
	w.run(5)
	w.well(m)
	if n := w.log.told("mod has no text for a key mod=one key=no7 languages=en"); n != 1 {
		t.Errorf("told %d times", n)
	}
	if n := w.log.told("mod has no text"); n != 2+65 {
		t.Errorf("%d lines: %q", n, w.log.lines())
	}
}

// TestBadTexts: a table that cannot be used refuses the mod, with the place; and only
// if the mod asks for texts.
func TestBadTexts(t *testing.T) {
	w := newWorld(t, mods.Config{})
	many := []string{}
	for i := range 65 {
		many = append(many, fmt.Sprintf("lang/en-x-a%d.json", i), "{}")
	}
	for want, files := range map[string][]string{
		`"lang/de.json":2:1: `:              {"lang/de.json", "{\n"},
		`"lang/de.json": the text of "a"`:   {"lang/de.json", `{"a": "{"}`},
		`"lang/deutsch.json": "deutsch" is`: {"lang/deutsch.json", `{}`},
		`it is too much: at most 64`:        many,
		`tables of 262144 bytes`:            {"lang/de.json", strings.Repeat(" ", 300_000)},
	} {
		m, err := w.try("one", asksForTexts, "", files...)
		if !as[*texts.Error](err) || !strings.Contains(err.Error(), want) || m.State() != mods.Refused {
			t.Errorf("%s: %s, %v", want, m.State(), err)
		}
		id := fmt.Sprintf("other%d", len(want))
		if _, err := w.try(id, "", "", files...); err != nil {
			t.Errorf("%s, without asking for texts: %v", want, err)
		}
	}
	m := w.with("readme", asksForTexts, "", "lang/README.md", "{", "lang/old/de.json", "{", "language/de.json", "{")
	w.run(2)
	w.well(m)
}

// TestTextsAtLimit: a text that values make long is paid for before it is made.
func TestTextsAtLimit(t *testing.T) {
	table := `{"big": "` + strings.Repeat("{a}", 5000) + `"}`
	w := newWorld(t, mods.Config{Limits: limits.Limits{String: 1 << 20, Memory: 8 << 20, Instructions: 3_000_000}})
	m := w.with("one", asksForTexts, `
		print(pcall(i18n.t, "big", {a = ("x"):rep(1000000)}))
		assert(#i18n.t("big", {a = "xx"}) == 10000)
		return {tick = function() while true do i18n.t("big", {a = "xxxxxxxxxxxxxxxxxxxx"}) end end}`, "lang/en.json", table)
	w.in(m, mods.Quarantined)
	w.wantPrinted(`[one] false\ti18n.t: the text of "big" would have 5000000000 bytes; at most 1048576`)
	if r := m.Report(); r.Violations[0].Limit != "instructions" || r.HostCalls > 20 {
		t.Errorf("%d calls: %+v", r.HostCalls, r.Violations)
	}
}
