package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestVisible(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain\ttext\n", "plain\ttext\n"},
		{"grüße, 世界 👩\u200d🚀 نص", "grüße, 世界 👩\u200d🚀 نص"},
		{"a\rb", `a\rb`},
		{"\x1b[2K\x1b]0;title\x07", `\x1b[2K\x1b]0;title\x07`},
		{"\x00\x08\x7f", `\x00\x08\x7f`},
		{"\u0085\u009b31m", `\u0085\u009b31m`},
		{"\u2028\u2029", `\u2028\u2029`},
		{"\u202eevil\u202c \u2066\u2069 \u200f\u061c", `\u202eevil\u202c \u2066\u2069 \u200f\u061c`},
		{"\ufeff\u00ad\U000e0041", `\ufeff\u00ad\U000e0041`},
		{"\xff\xfe\x80", `\xff\xfe\x80`},
		{"\xed\xa0\x80", `\xed\xa0\x80`}, // a surrogate
		{"\xc0\xaf", `\xc0\xaf`},         // overlong
		{"\xe2\x80", `\xe2\x80`},         // cut short
		{"\ufffd", "\ufffd"},
	} {
		if got := visible(tt.in); got != tt.want {
			t.Errorf("visible(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHanging(t *testing.T) {
	got := hanging("first\nmodrunner: forged\r\n\tindented\n\nend")
	want := "first\n\tmodrunner: forged\\r\n\tindented\n\t\n\tend"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOneLine(t *testing.T) {
	if got, want := oneLine("a\nb\tc\rd"), `a\nb\tc\rd`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFoldLine(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"short", 10, "short"},
		{"0123456789", 10, "0123456789"},
		{"0123456789a", 10, "0123456789\n    a"},
		{"0123456789abcdefghi", 10, "0123456789\n    abcdef\n    ghi"},
		{"0123 5678 0123 567 90123", 20, "0123 5678 0123 567 \n    90123"},
		{"a blankthatisfar", 10, "a blanktha\n    tisfar"},
		{"世界世界世界", 10, "世界世界世\n    界"},
		{"a\tb", 10, "a  b"},
		{strings.Repeat("x", 10), 1, "xxxxxxxx\n    xx"}, // never narrower than 8
	} {
		if got := foldLine(tt.in, tt.most); got != tt.want {
			t.Errorf("foldLine(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}

// FuzzVisible: whatever a script prints, in whatever pieces, nothing dangerous
// comes out, the text of honest scripts is not changed, and JSON means the same.
func FuzzVisible(f *testing.F) {
	f.Add("plain text, grüße\n", 3)
	f.Add("\x1b[2J\u202e\u0085\u2028\xff\xe2\x80\xae", 1)
	f.Add("\U000e0041\ufeff\xf0\x9f\x91", 2)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		shown := visible(text)
		if !utf8.ValidString(shown) {
			t.Fatalf("%q is not UTF-8", shown)
		}
		for _, r := range shown {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') {
				t.Fatalf("%U came through in %q", r, shown)
			}
		}
		if visible(shown) != shown {
			t.Fatalf("%q changes when made visible again", shown)
		}

		var pieces bytes.Buffer
		e := &escaper{w: &pieces}
		for rest := text; rest != ""; {
			n := 1 + min(max(cut, 0), len(rest)-1)
			if got, err := e.Write([]byte(rest[:n])); got != n || err != nil {
				t.Fatalf("Write = %d, %v", got, err)
			}
			rest = rest[n:]
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shown, pieces.String()); diff != "" {
			t.Fatalf("in pieces of %d: %s", cut+1, diff)
		}

		doc, err := json.Marshal(jsonText(text))
		if err != nil {
			t.Fatal(err)
		}
		safe := safeJSON(doc)
		if bytes.ContainsFunc(safe, dangerous) {
			t.Fatalf("dangerous JSON %q", safe)
		}
		var back string
		if err := json.Unmarshal(safe, &back); err != nil || back != jsonText(text) {
			t.Fatalf("%q reads %q, %v", safe, back, err)
		}
	})
}
