package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/filter"
)

var _ luasandbox.Filter = filter.Filter{}

func TestClean(t *testing.T) {
	keep := filter.Filter{Markup: filter.Keep}
	lines := filter.Filter{MaxLines: 3, Markup: filter.Keep}
	spaces := filter.Filter{MaxLines: 3, Markup: filter.Keep, KeepSpaces: true}
	escape := filter.LogLine
	replace := filter.Filter{Bad: filter.Replace}
	defuse := filter.Filter{Markup: filter.Defuse}
	short := filter.Filter{MaxRunes: 5, Markup: filter.Keep}
	few := filter.Filter{MaxBytes: 7, Markup: filter.Keep}
	tests := []struct {
		name     string
		filter   filter.Filter
		in, want string
	}{
		{"plain", filter.Filter{}, "hello, world!", "hello, world!"},
		{"letters", filter.Filter{}, "größe, 名前, имя, שם, ชื่อ 🐑", "größe, 名前, имя, שם, ชื่อ 🐑"},
		{"nothing", filter.Filter{}, "", ""},
		{"control", filter.Filter{}, "a\x00b\x07c\x7fd\u0080e", "abcde"},
		{"invalid", filter.Filter{}, "a\xffb\xc3c\xed\xa0\x80d\xf4\x90\x80\x80e", "abcde"},
		{"one line", filter.Filter{}, "a\r\nb\nc\u2028d\ve\tf", "a b c d e f"},
		{"direction", filter.Filter{}, "a\u202eb\u2066c\u200fd\u061ce", "abcde"},
		{"no width", filter.Filter{}, "a\u200bb\u200dc\ufeffd\u2060e\u00adf\u180eg", "abcdefg"},
		{"blank letters", filter.Filter{}, "a\u3164b\u115fc\u1160d\uffa0e\u2800f\u034fg\ufe0fh\U000e0100i", "abcdefghi"},
		{"private and unassigned", filter.Filter{}, "a\ue000b\U0010fffdc\ufffed\u0378e\ufdd0f", "abcdef"},
		{"tags", filter.Filter{}, "a\U000e0041\U000e007fb", "ab"},
		{"spaces", filter.Filter{}, "\u00a0 a \u3000\u2003 b\u1680", "a b"},
		{"composed", filter.Filter{}, "e\u0301", "\u00e9"},
		{"singletons", filter.Filter{}, "\u212a\u2126\u037e", "K\u03a9;"},
		{"zalgo", filter.Filter{}, "x" + strings.Repeat("\u0335", 100) + "y", "x" + strings.Repeat("\u0335", 4) + "y"},
		{"mark on nothing", filter.Filter{}, " \u0335\u0301abc", "abc"},
		{"mark on a line's beginning", lines, "a\n\u0335b", "a\nb"},
		{"mark on a space", filter.Filter{}, "a  \u0335b", "a \u0335b"},

		{"tag", filter.Filter{}, "<b>bold</b> <color=#f00>red</color> <br/> a <!-- x --> b", "bold red a b"},
		{"tag in a tag", filter.Filter{}, "<<b>script>x<</b>/script>", "‹script›x‹/script›"},
		{"tag with something hidden", filter.Filter{}, "<\u200bb\u200b>x", "x"},
		{"wide tag", filter.Filter{}, "＜b＞x﹤/b﹥", "x"},
		{"no tag", filter.Filter{}, "1 < 2 > 0, <3, a<b", "1 ‹ 2 › 0, ‹3, a‹b"},
		{"composed bracket", filter.Filter{}, "a≮b", "a‹b"},
		{"composed tag", filter.Filter{}, "a≮b≯", "a"},
		{"BBCode", filter.Filter{}, "[b]x[/b] [url=http://example.com]y[/url] [AFK] [1]", "x y (AFK) (1)"},
		{"colour code", filter.Filter{}, "{red}x{/} {#ff00ff}y {not a code}", "x y (not a code)"},
		{"entity", filter.Filter{}, "&lt;b&gt; &#60; &#x3c; Tom & Jerry &ltb", "b Tom + Jerry +ltb"},
		{"section sign", filter.Filter{}, "§ax§ry §5z §! §", "xy z S! S"},
		{"terminal", filter.Filter{}, "\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \u009b1mC1\x1b(B \x1b\x1b[2Jx\x1b", "red link C1 x"},
		{"open terminal string", filter.Filter{}, "\x1b]0;title", ")0;title"},
		{"defused", defuse, "<b>[i]{x}&amp;§a\x1b[31m", "‹b›(i)(x)+amp;Sa(31m"},
		{"meta", filter.Filter{Meta: "^|"}, "^1red |cffff0000x| \uff3e2y", "1red cffff0000x 2y"},
		{"meta look-alike", filter.Filter{Meta: "()"}, "[x] (y)", "x y"},
		{"kept", keep, "<b>&amp;[i]{x}§a", "<b>&amp;[i]{x}§a"},
		{"kept, but no terminal", keep, "\x1b[31m<b>", "[31m<b>"},

		{"replaced", replace, "a\x00\x01\xff\u202eb\x00", "a\ufffdb\ufffd"},
		{"escaped", escape, "a\x00\x1b[31m\u202e\xff\n\r\U000e0001\t\u2028 b  ", `a\x00\x1b[31m\u202e\xff\n\r\U000e0001 \u2028 b  `},

		{"lines", lines, "\n\n a  b \r\n c\rd\ne\n\n", "a b\nc\nd e"},
		{"lines and spaces", spaces, " a \n\n b\nc\n", " a \n\n b c "},
		{"empty lines", lines, "a\n\n\n\nb", "a\n\nb"},
		{"characters", short, "äöüßéx", "äöüßé"},
		{"characters, no space at the end", short, "abcd e", "abcd"},
		{"characters, emoji", short, "🐑🐑🐑🐑🐑🐑", "🐑🐑🐑🐑🐑"},
		{"a space at the end", filter.Filter{}, "abc ", "abc"},
		{"a space counts as a byte", few, "aä ab c", "aä ab"},
		{"line ends count as bytes", filter.Filter{MaxBytes: 3, MaxLines: 9}, "a\n\nb", "a"},
		{"bytes", few, "ääää", "äää"},
		{"bytes of what goes", few, strings.Repeat("\u200b", 3) + "abc", "abc"},
		{"all of what is looked at goes", few, strings.Repeat("\u200b", 30) + "abc", ""},
		{"decomposed grows", filter.Filter{MaxBytes: 6}, "\u0958\u0958", "\u0915\u093c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.filter.Clean(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Clean(%+q) (-want +got):\n%s", tt.in, diff)
			}
			check(t, tt.filter, tt.in)
		})
	}
}

func TestRefusals(t *testing.T) {
	refuse := filter.Filter{Label: "strict", Long: filter.RefuseLong, Bad: filter.RefuseBad, Markup: filter.RefuseMarkup, Meta: "^", MaxRunes: 10, MaxBytes: 20, MaxLines: 2, NonEmpty: true}
	oneLine := refuse
	oneLine.MaxLines = 1
	e := func(reason filter.Reason, offset int, r rune) filter.Error {
		return filter.Error{Filter: "strict", Reason: reason, Offset: offset, Rune: r}
	}
	long, lines := e(filter.TooLong, -1, 0), e(filter.TooManyLines, -1, 0)
	long.Max, long.MaxRunes, lines.Max = 20, 10, 2
	longer := e(filter.TooLong, 80, 0)
	longer.Max = 20
	tests := []struct {
		name   string
		filter filter.Filter
		in     string
		want   filter.Error
		text   string
	}{
		{"characters", refuse, "ab cd ef gh", long, `text too long for "strict": want at most 10 characters and 20 bytes`},
		{"long input", refuse, strings.Repeat(" ", 81), longer, `text too long for "strict": want at most 20 bytes`},
		{"lines", refuse, "a\nb\nc", lines, `too many lines for "strict": want at most 2`},
		{"bad", refuse, "aä\u202e", e(filter.BadCharacter, 3, 0x202e), `character U+202E at byte 4 is not allowed in "strict"`},
		{"bad line end", oneLine, "a\nb", e(filter.BadCharacter, 1, '\n'), `character U+000A at byte 2 is not allowed in "strict"`},
		{"invalid", refuse, "aä\xff", e(filter.NotUTF8, 3, 0xff), `byte 0xff at byte 4 is not UTF-8, which "strict" has to be`},
		{"markup", refuse, "a<", e(filter.HasMarkup, 1, '<'), `character U+003C at byte 2 could be markup, which is not allowed in "strict"`},
		{"wide markup", refuse, "a＜", e(filter.HasMarkup, 1, '＜'), `character U+FF1C at byte 2 could be markup, which is not allowed in "strict"`},
		{"meta", refuse, "a^", e(filter.HasMarkup, 1, '^'), `character U+005E at byte 2 could be markup, which is not allowed in "strict"`},
		{"empty", refuse, " \n ", e(filter.Empty, 0, 0), `nothing to be seen in the text: "strict" needs at least one character`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.filter.Clean(tt.in)
			refused, ok := errors.AsType[*filter.Error](err)
			if !ok || got != "" {
				t.Fatalf("Clean(%+q) = %q, %v; want a refusal", tt.in, got, err)
			}
			if diff := cmp.Diff(tt.want, *refused); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, fine := range []string{"a\nb", "a\nb\n\n", "\n\na b", "äöüß"} {
		if _, err := refuse.Clean(fine); err != nil {
			t.Errorf("Clean(%+q): %v", fine, err)
		}
	}
}

func TestWrongFilters(t *testing.T) {
	for name, f := range map[string]filter.Filter{
		"negative bytes": {MaxBytes: -1},
		"negative runes": {MaxRunes: -1},
		"negative lines": {MaxLines: -1},
		"negative marks": {MaxMarks: -1},
		"no such markup": {Markup: filter.Keep + 1},
		"no such action": {Bad: filter.RefuseBad + 1},
		"no such length": {Long: filter.RefuseLong + 1},
		"meta letter":    {Meta: "^a"},
		"meta space":     {Meta: " "},
		"meta not ASCII": {Meta: "†"},
		"meta escape":    {Meta: `\`, Bad: filter.Escape},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Clean("x")
			if refused, ok := errors.AsType[*filter.Error](err); !ok || refused.Reason != filter.BadFilter || refused.Filter != "text" {
				t.Errorf("%v; want %q", err, filter.BadFilter)
			}
		})
	}
}

func TestReadyMade(t *testing.T) {
	for _, tt := range []struct {
		filter   filter.Filter
		in, want string
	}{
		{filter.Name, "  Sir\n<b>Lancelot</b>\u202e ", "Sir Lancelot"},
		{filter.ChatLine, "hi §cthere\nfriend", "hi there friend"},
		{filter.Text, "Dear all,\n\n\tI <b>quit</b>.\n", "Dear all,\n\nI ‹b›quit‹/b›."},
		{filter.LogLine, "ok\n[ERROR] \x1b[31mforged", `ok\n[ERROR] \x1b[31mforged`},
	} {
		got, err := tt.filter.Clean(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%s: Clean(%q) = %q, %v; want %q", tt.filter.Name(), tt.in, got, err, tt.want)
		}
	}
	if _, err := filter.Name.Clean("\u3164\u200b "); err == nil {
		t.Error("a name of which nothing can be seen is accepted")
	}
}

func BenchmarkClean(b *testing.B) {
	for name, text := range map[string]string{
		"plain":  "the quick brown fox jumps over the lazy dog, 3 times",
		"marked": "buy <b>große</b> sheep §aat {red}half\u202e\u200b the price",
		"long":   strings.Repeat("<b>\u202e§a", 1<<20),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := filter.ChatLine.Clean(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
