package mods

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"plain ~!":                 "plain ~!",
		"grüße 🌧":                  "grüße 🌧",
		"a\nb\r\tc":                `a\nb\r\tc`,
		"\x00\x07\x1b[0m\x7f":      `\x00\a\x1b[0m\x7f`,
		"\u0085\u2028\u2029":       `\u0085\u2028\u2029`,
		"\u202e\u2066\u200b":       `\u202e\u2066\u200b`,
		"\u00a0\ufeff\U000e0001":   `\u00a0\ufeff\U000e0001`,
		"\xff\xc0\x80\xed\xa0\x80": `\xff\xc0\x80\xed\xa0\x80`,
		"\ufffd":                   "\ufffd",
		"it's \"quoted\" \\n":      "it's \"quoted\" \\n",
	} {
		if got := escape(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got, want := escapeLines("a\n\tb\r\x1b"), `a`+"\n"+`  b\r\x1b`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\n\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{escape(text), strings.ReplaceAll(escapeLines(text), "\n", ""), escape(clip(text, 10))} {
			if !utf8.ValidString(got) {
				t.Fatalf("%q is not UTF-8", got)
			}
			for _, r := range got {
				if !unicode.IsPrint(r) {
					t.Fatalf("%U in %q", r, got)
				}
			}
		}
	})
}
