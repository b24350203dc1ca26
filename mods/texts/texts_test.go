package texts_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/texts"
)

func read(t testing.TB, files map[string]string) *texts.Tables {
	t.Helper()
	tables, err := texts.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// show returns a text for values given by name.
func show(tables *texts.Tables, chain []string, key string, values map[string]string) string {
	text := tables.Find(chain, key)
	if text == nil {
		return "(none)"
	}
	find := func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	got := text.Template(0, false).Format(find)
	if n := text.Template(0, false).Size(find); n != len(got) {
		return fmt.Sprintf("Size is %d for %q", n, got)
	}
	return got
}

func TestFind(t *testing.T) {
	tables := read(t, map[string]string{
		"lang/en.json":      "\ufeff" + `{"hello": "Hello, {name}!", "bye": "Bye", "only": "English"}`,
		"lang/de.json":      `{"hello": "Hallo, {name}!", "bye": "Tschüss"}`,
		"lang/de-AT.json":   `{"bye": "Baba"}`,
		"lang/zh-Hant.json": `{"bye": "再見"}`,
	})
	if diff := cmp.Diff([]string{"de", "de-AT", "en", "zh-Hant"}, tables.Tags()); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct{ player, own, key, want string }{
		{"de-AT", "en", "bye", "Baba"},
		{"de-AT", "en", "hello", "Hallo, Ada!"},
		{"de-CH", "en", "bye", "Tschüss"},
		{"de", "en", "bye", "Tschüss"},
		{"de-AT", "en", "only", "English"},
		{"fr", "en", "bye", "Bye"},
		{"fr", "en-GB", "bye", "Bye"},
		{"zh-Hant-TW", "en", "bye", "再見"},
		{"zh-Hans", "en", "bye", "Bye"},
		{"fr", "de-AT", "hello", "Hallo, Ada!"},
		{"fr", "fr", "bye", "(none)"},
		{"en", "en", "hell", "(none)"},
		{"en", "en", "", "(none)"},
	} {
		if got := show(tables, texts.Chain(test.player, test.own), test.key, map[string]string{"name": "Ada"}); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
	var none *texts.Tables
	if none.Find([]string{"en"}, "a") != nil || none.Tags() != nil {
		t.Error("no tables have texts")
	}
}

func TestChain(t *testing.T) {
	for _, test := range []struct {
		player, own string
		want        []string
	}{
		{"en", "en", []string{"en"}},
		{"pt-BR", "en", []string{"pt-BR", "pt", "en"}},
		{"de-AT", "de-CH", []string{"de-AT", "de", "de-CH"}},
		{"zh-Hant-TW", "en-x-pirate", []string{"zh-Hant-TW", "zh-Hant", "zh", "en-x-pirate", "en"}},
		{"", "en", []string{"en"}},
	} {
		if diff := cmp.Diff(test.want, texts.Chain(test.player, test.own)); diff != "" {
			t.Errorf("%s, %s: %s", test.player, test.own, diff)
		}
	}
}

func TestParseTag(t *testing.T) {
	for text, want := range map[string]string{
		"en": "en", "EN": "en", "pt-br": "pt-BR", "zh-hant-tw": "zh-Hant-TW", "iw": "he", "de-1996": "de-1996", "en-x-pirate": "en-x-pirate",
		"": "", "e": "", "en_US": "", "english": "", "xx": "", "de-": "", "-de": "", "de--AT": "", "de AT": "", "../de": "", "dé": "", "en-" + strings.Repeat("abcdefgh-", 5) + "a": "",
	} {
		got, err := texts.ParseTag(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
		if again, err := texts.ParseTag(got); want != "" && (again != want || err != nil) {
			t.Errorf("%q: %q, %v", got, again, err)
		}
	}
}

func TestTemplates(t *testing.T) {
	values := map[string]string{"a": "1", "b_2": "{a}", "A": ""}
	for text, want := range map[string]string{
		"": "", "plain": "plain", "{a}": "1", "x{a}y{a}z": "x1y1z", "{b_2}": "{a}", "[{A}]": "[]", "{none}": "{none}", "{none}{a}": "{none}1",
		"{{a}}": "{a}", "{{{a}}}": "{1}", "{{": "{", "}}": "}", "ä{a}ö": "ä1ö",
	} {
		tables := read(t, map[string]string{"lang/en.json": fmt.Sprintf(`{"k": %q}`, text)})
		if got := show(tables, []string{"en"}, "k", values); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"{", "}", "{a", "a}", "{}", "{a b}", "{1}", "{a.b}", "{{a}", "{a}}", "{a{b}}", "{" + strings.Repeat("a", 65) + "}"} {
		_, err := texts.Read(map[string]string{"lang/en.json": fmt.Sprintf(`{"k": %q}`, text)})
		if problem, ok := errors.AsType[*texts.Error](err); !ok || problem.Key != "k" || problem.File != "lang/en.json" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPlurals: the rules of CLDR for languages that have few and many categories.
// Each has texts that are the categories' names.
func TestPlurals(t *testing.T) {
	const all = `{"k": {"zero": "zero", "one": "one", "two": "two", "few": "few", "many": "many", "other": "other"}, "o": {"one": "one", "other": "other"}}`
	for tag, want := range map[string]map[float64]string{
		"en": {0: "other", 1: "one", -1: "one", 2: "other", 1.5: "other", 11: "other", 1e300: "other", 1e-300: "other", math.Inf(1): "other", math.NaN(): "other"},
		"fr": {0: "one", 1: "one", 1.5: "one", 2: "other"},
		"ja": {0: "other", 1: "other"},
		"ru": {1: "one", 2: "few", 5: "many", 11: "many", 21: "one", 22: "few", 111: "many", 1.5: "other", 1000001: "one", 1000011: "many", 1e15 + 2: "few", 1e300: "many"},
		"pl": {1: "one", 2: "few", 5: "many", 22: "few", 12: "many", 0.5: "other"},
		"ar": {0: "zero", 1: "one", 2: "two", 3: "few", 11: "many", 100: "other"},
		"cs": {1: "one", 3: "few", 5: "other", 1.5: "many"},
	} {
		tables := read(t, map[string]string{"lang/" + tag + ".json": all})
		for n, form := range want {
			none := func(string) (string, bool) { return "", false }
			if got := tables.Find([]string{tag}, "k").Template(n, true).Format(none); got != form {
				t.Errorf("%s, %v: %s, want %s", tag, n, got, form)
			}
			if got := tables.Find([]string{tag}, "k").Template(n, false).Format(none); got != "other" {
				t.Errorf("%s without a number: %s", tag, got)
			}
			if got := tables.Find([]string{tag}, "o").Template(n, true).Format(none); got != "other" && form != "one" {
				t.Errorf("%s, %v: %s where there is no %s", tag, n, got, form)
			}
		}
	}
}

// hostile are files that are refused, with the beginning of what is said.
func hostile() map[string]map[string]string {
	one := func(text string) map[string]string { return map[string]string{"lang/en.json": text} }
	many := map[string]string{}
	for i := range texts.MaxFiles + 1 {
		many[fmt.Sprintf("lang/en-x-a%d.json", i)] = "{}"
	}
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return "{" + b.String() + "}"
	}
	large := map[string]string{}
	for _, tag := range []string{"de", "en", "es", "fr", "it"} {
		large["lang/"+tag+".json"] = numbered(15, `"k%d":"`+strings.Repeat("x", 16000)+`"`)
	}
	marks := map[string]string{}
	for _, tag := range []string{"de", "en"} {
		marks["lang/"+tag+".json"] = numbered(15, `"k%d":"`+strings.Repeat("{a}", 1000)+`"`)
	}
	return map[string]map[string]string{
		`"lang/en.json":1:1: `:                            one(""),
		`"lang/en.json":2:6: `:                            one("{\n\"a\": x}"),
		`"lang/en.json":1:9: `:                            one(`{"a":"",}`),
		`"lang/en.json":1:9: the object has this key`:     one(`{"a":"","a":""}`),
		`"lang/en.json":1:3: the text is not UTF-8`:       one("{\"\xff\":1}"),
		`"lang/en.json":1:101: nested`:                    one(strings.Repeat("[", 200_000)),
		`"lang/en.json": want an object`:                  one(`["a"]`),
		`"lang/en.json": the text of "a": want a text`:    one(`{"a": 5}`),
		`"lang/en.json": the text of "b": want a text`:    one(`{"a": "", "b": ["x"]}`),
		`"lang/en.json": the text of "a": it has no form`: one(`{"a": {}}`),
		`"lang/en.json": the text of "a": "some": the fo`: one(`{"a": {"some": "x"}}`),
		`"lang/en.json": the text of "a": "one": the for`: one(`{"a": {"one": {}}}`),
		`"lang/en.json": the text of "a": other: a "{"`:   one(`{"a": {"other": "{"}}`),
		`"lang/en.json": a key of 0 byte`:                 one(`{"": "x"}`),
		`"lang/en.json": the text of "k\x1bk": want a te`: one(`{"k\u001bk": 1}`),
		`"lang/en.json": the text of "kkk`:                one(`{"` + strings.Repeat("k", 129) + `": ""}`),
		`"lang/en.json": the text of "a": 16385 bytes`:    one(`{"a": "` + strings.Repeat("x", 16385) + `"}`),
		`"lang/en.json": 270000 bytes`:                    one(strings.Repeat(" ", 270_000)),
		`"lang/en.json": the text of "k9`:                 one(numbered(texts.MaxTexts+1, `"k%d":""`)),
		`"lang/en.json": the text of "k`:                  marks,
		`"lang/it.json": `:                                large,
		`"lang": 65 tables`:                               many,
		`"lang/xx.json": "xx" is not the tag`:             {"lang/xx.json": "{}"},
		`"lang/en_US.json": "en_US" is not a language`:    {"lang/en_US.json": "{}"},
		`"lang/iw.json": the language he has another`:     {"lang/iw.json": "{}", "lang/he.json": "{}"},
		`"main.lua": not the path`:                        {"main.lua": "{}"},
	}
}

func TestHostileTables(t *testing.T) {
	for want, files := range hostile() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := texts.Read(files)
		runtime.ReadMemStats(&after)
		if _, ok := errors.AsType[*texts.Error](err); !ok || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.400v; want %s", err, want)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 32<<20 {
			t.Errorf("%s: %d bytes were allocated", want, spent)
		}
	}
}

// TestFullTables: what is just inside the bounds is read, and takes a few MiB.
func TestFullTables(t *testing.T) {
	var b strings.Builder
	for i := range texts.MaxTexts / 2 {
		fmt.Fprintf(&b, `"%d":{"one":"{a}{b}","other":"{c}"},`, i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tables := read(t, map[string]string{"lang/en.json": "{" + strings.TrimSuffix(b.String(), ",") + "}"})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 8<<20 {
		t.Errorf("%d bytes are held", held)
	}
	runtime.KeepAlive(tables)
}

func FuzzRead(f *testing.F) {
	f.Add("en", `{"hello": "Hello, {name}!", "n": {"one": "{count} {{", "other": "}}"}}`)
	f.Add("pt-BR", `{"a": "{", "b": "\u0000"}`)
	for _, files := range hostile() {
		for path, text := range files {
			tag, _ := texts.Path(path)
			f.Add(tag, text[:min(len(text), 300)])
		}
	}
	f.Fuzz(func(t *testing.T, tag, text string) {
		tables, err := texts.Read(map[string]string{"lang/" + tag + ".json": text})
		if err != nil {
			if _, ok := errors.AsType[*texts.Error](err); !ok || len(err.Error()) > 1000 {
				t.Errorf("%T %v", err, err)
			}
			return
		}
		tags := tables.Tags()
		if len(tags) != 1 {
			t.Fatalf("%q", tags)
		}
		for _, key := range []string{"hello", "n", "a"} {
			if found := tables.Find(texts.Chain(tags[0], ""), key); found != nil {
				find := func(name string) (string, bool) { return name + "{a}", len(name) < 5 }
				for _, n := range []float64{0, 1, -2.5, 1e300, math.NaN()} {
					template := found.Template(n, true)
					if got := template.Format(find); len(got) != template.Size(find) || len(got) > len(text)*10+10 {
						t.Errorf("%q: %d bytes, Size %d", got, len(got), template.Size(find))
					}
				}
			}
		}
	})
}

func TestFuzzSeedsExist(t *testing.T) {
	if n := len(hostile()); n < 20 {
		t.Errorf("%d seeds", n)
	}
}
