package manifest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// bombs are texts that cost the TOML decoder far more than their size.
func bombs() map[string]string {
	return map[string]string{
		"5 MB of brackets": "a = " + strings.Repeat("[", 5<<20),
		"header brackets":  strings.Repeat("[", 60<<10),
		"arrays":           "a = " + strings.Repeat("[", 30<<10) + strings.Repeat("]", 30<<10),
		"inline tables":    "a = " + strings.Repeat("{a=", 15<<10) + "1" + strings.Repeat("}", 15<<10),
		"dotted key":       strings.Repeat("a.", 30<<10) + "a = 1",
		"dotted header":    "[" + strings.Repeat("a.", 30<<10) + "a]",
		"dotted in braces": "a = {" + strings.Repeat("a.", 30<<10) + "a = 1}",
		"quoted dots":      strings.Repeat(`"a" . `, 10<<10) + "a = 1",
		"long header":      "[" + strings.Repeat("a", 30<<10) + "]\n" + numbered(5000, "%x=1\n"),
		"many keys":        numbered(5000, "k%x=1\n"),
		"many tables":      numbered(5000, "[t%x]\n"),
		"many elements":    "a = [" + numbered(9000, "%d,") + "]",
		"many in braces":   "a = {" + numbered(5000, "k%x=1,") + "}",
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestBombsAreRefusedBeforeDecoding(t *testing.T) {
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			data := []byte(text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := manifest.Parse("mod.toml", data)
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 4<<20 {
				t.Errorf("%d bytes were allocated", spent)
			}
			p := problemsOf(t, []byte(text), err)[0]
			if p.Kind != manifest.TooComplex && p.Kind != manifest.Syntax {
				t.Errorf("%s: kind %q", p, p.Kind)
			}
		})
	}
}

// What looks like nesting inside strings and comments is none.
func TestBracketsInTextAreFine(t *testing.T) {
	deep := strings.Repeat("[{", 200)
	text := head + "# " + deep + "\n" +
		"name = \"" + deep[:60] + "\\\" [[\"\n" +
		"description = '''\n" + deep + "''\n'''''\n" + // two quotes, then the closing three
		"authors = [ # [[[\n'[[{', \"\\\\\", \"\"\"\n{{{ \\\"\"\"\" ]\n" // an escaped quote before the closing three
	m, err := manifest.Parse("mod.toml", []byte(strings.Replace(text, "\"\"\"\n{{{", "\"\"\"{{{", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if want := deep + "''\n''"; m.Description != want {
		t.Errorf("description %q, want %q", m.Description, want)
	}
	if got := strings.Join(m.Authors, "|"); got != `[[{|\|{{{ "` {
		t.Errorf("authors %q", got)
	}
}

func TestDepthIsExact(t *testing.T) {
	tests := []struct {
		text string
		want manifest.Kind
	}{
		{"a.b.c.d.e.f.g.h = 1", manifest.UnknownKey},
		{"a.b.c.d.e.f.g.h.i = 1", manifest.TooComplex},
		{"[a.b.c.d]\ne.f.g.h = 1", manifest.UnknownKey},
		{"[a.b.c.d]\ne.f.g = {h = {i = 1}}", manifest.TooComplex},
		{"a = [[[[[[[[1]]]]]]]]", manifest.UnknownKey},
		{"a = [[[[[[[[[1]]]]]]]]]", manifest.TooComplex},
		{strings.Repeat("k", 128) + " = 1", manifest.UnknownKey},
		{strings.Repeat("k", 129) + " = 1", manifest.TooComplex},
	}
	for _, test := range tests {
		text := test.text + "\n" + head
		_, err := manifest.Parse("mod.toml", []byte(text))
		if p := problemsOf(t, []byte(text), err)[0]; p.Kind != test.want {
			t.Errorf("%q: %q, want %q", test.text, p.Kind, test.want)
		}
	}
}
