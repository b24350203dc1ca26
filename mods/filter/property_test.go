package filter_test

import (
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/mods/filter"
)

// The promises of the package's documentation, written down a second time and
// without the package's tables.

// check holds the result of cleaning s against the promises.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, f filter.Filter, s string) {
	t.Helper()
	out, err := f.Clean(s)
	if err != nil {
		return
	}
	again, err := f.Clean(out)
	if err != nil || again != out {
		t.Errorf("%+v: Clean(%+q) = %+q, cleaned again %+q, %v", f, s, out, again, err)
	}
	if broken := brokenPromise(f, out); broken != "" {
		t.Errorf("%+v: Clean(%+q) = %+q: %s", f, s, out, broken)
	}
}

// otherwise returns n, or what zero stands for.
func otherwise(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}

// brokenPromise returns what is wrong with a text that f has let pass.
func brokenPromise(f filter.Filter, out string) string {
	switch {
	case !utf8.ValidString(out):
		return "not UTF-8"
	case len(out) > otherwise(f.MaxBytes, filter.DefaultBytes):
		return "too many bytes"
	case utf8.RuneCountInString(out) > otherwise(f.MaxRunes, filter.DefaultRunes):
		return "too many characters"
	case strings.Count(out, "\n") >= otherwise(f.MaxLines, 1):
		return "too many lines"
	case !norm.NFC.IsNormalString(out) && !manyJamo(out):
		return "not in normal form C"
	case f.NonEmpty && out == "":
		return "empty"
	case f.Markup != filter.Keep && strings.ContainsAny(norm.NFKD.String(out), "<>[]{}&§"+f.Meta):
		return "markup"
	case !f.KeepSpaces && (strings.TrimSpace(out) != out || strings.Contains(out, "  ") || strings.Contains(out, "\n ") || strings.Contains(out, " \n")):
		return "spaces"
	}
	marks, base := 0, false
	for _, r := range out {
		if r == '\n' {
			marks, base = 0, false
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; !base || marks > otherwise(f.MaxMarks, filter.DefaultMarks) {
				return "marks"
			}
		} else {
			marks, base = 0, true
		}
		switch {
		case r == ' ':
		case unicode.In(r, unicode.C, unicode.Z):
			return "a character of Unicode's categories C or Z"
		case !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S):
			return "an unassigned character"
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Bidi_Control, unicode.Join_Control, unicode.Noncharacter_Code_Point):
			return "a character that is not seen"
		case strings.ContainsRune("\u115f\u1160\u2800\u3164\uffa0\ufffc", r):
			return "a blank"
		}
	}
	return ""
}

// manyJamo reports whether s has a run of more than 30 characters that compose
// with what is before them, where the normal form is that of the stream-safe
// text format, without its joiners.
func manyJamo(s string) bool {
	run := 0
	for i := 0; i < len(s); {
		p := norm.NFC.PropertiesString(s[i:])
		if p.BoundaryBefore() {
			run = 0
		}
		if run++; run > 30 {
			return true
		}
		i += max(p.Size(), 1)
	}
	return false
}

// Whatever a filter lets pass alone, and whatever it makes of it, is closed: for
// each code point there is, alone, between letters, and with a mark.
func TestEveryCharacter(t *testing.T) {
	filters := []filter.Filter{{}, {Meta: "`^|%"}, {Markup: filter.Defuse, MaxLines: 3, KeepSpaces: true}, {Markup: filter.Keep, Bad: filter.Replace}, filter.LogLine}
	texts := func(r rune) []string { return []string{string(r), "a" + string(r) + "b", string(r) + "\u0338"} }
	if testing.Short() {
		filters = filters[:2]
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if 0x3400 < r && r < 0x9f00 || 0xac80 < r && r < 0xd700 || 0x20000 < r && r < 0x2f700 || 0x30000 < r && r < 0xdff00 || 0xe1000 < r && r < 0x10ff00 {
			continue // letters all alike, private or unassigned
		}
		for _, f := range filters {
			for _, s := range texts(r) {
				check(t, f, s)
			}
		}
	}
}

func filters(t *rapid.T) filter.Filter {
	size := rapid.IntRange(0, 40)
	return filter.Filter{
		MaxBytes: size.Draw(t, "bytes"), MaxRunes: size.Draw(t, "runes"), MaxLines: rapid.IntRange(0, 4).Draw(t, "lines"),
		MaxMarks:   rapid.IntRange(0, 6).Draw(t, "marks"),
		Long:       rapid.SampledFrom([]filter.Long{filter.Cut, filter.Cut, filter.RefuseLong}).Draw(t, "long"),
		Bad:        rapid.SampledFrom([]filter.Bad{filter.Drop, filter.Replace, filter.Escape, filter.RefuseBad}).Draw(t, "bad"),
		Markup:     rapid.SampledFrom([]filter.Markup{filter.Strip, filter.Defuse, filter.RefuseMarkup, filter.Keep}).Draw(t, "markup"),
		Meta:       rapid.SampledFrom([]string{"", "^|", "()+", "`;"}).Draw(t, "meta"),
		KeepSpaces: rapid.Bool().Draw(t, "spaces"), NonEmpty: rapid.Bool().Draw(t, "not empty"),
	}
}

// pieces are parts of texts that filters have something to do with.
var pieces = []string{
	"a", "b", "Z", "1", "é", "e\u0301", "\u0335", "\u0301", "\u0316", "\u09be", "\u09c7", "\u1100", "\u1161", "\u11a8", "\u0958", "\u2126",
	" ", "  ", "\n", "\r\n", "\r", "\t", "\u2028", "\u00a0", "<", ">", "</b>", "<b>", "[", "]", "[b]", "{", "}", "{red}",
	"&", "&lt;", ";", "§", "§a", "\x1b", "[31m", "\x1b]", "\x07", "\x1b\\", "\u009b", "\x00", "\xff", "\xc3", "\xe2\x80",
	"\u202e", "\u2066", "\u200b", "\u200d", "\ufe0f", "\ufeff", "\u3164", "\u034f", "\ufffd", "\ue000", "\U000e0041", "≮", "＜", "🐑", "\\", "^", "|", "(", "`", "\u1fef",
}

func TestPromises(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(t *rapid.T) { check(t, filters(t), text.Draw(t, "text")) })
}

// TestPromisesCanBreak shows that each promise is one that a text can break.
func TestPromisesCanBreak(t *testing.T) {
	for _, text := range []string{
		"\xff", "a\nb", "e\u0301", "<", "＜", " a", "a  b", "\u0335", "a\u0335\u0335\u0335\u0335\u0335", "\x00", "\u202e", "\ue000", "\u0378",
		"\u3164", "\u2800", "a\ufe0f", strings.Repeat("a", filter.DefaultRunes+1), strings.Repeat("🐑", filter.DefaultBytes/4+1),
	} {
		if brokenPromise(filter.Filter{}, text) == "" {
			t.Errorf("no promise is broken by %+q", text)
		}
	}
}

func TestLongRuns(t *testing.T) {
	for _, piece := range pieces {
		for _, f := range []filter.Filter{{}, filter.Text, filter.LogLine, {Markup: filter.Defuse, MaxMarks: 100}, {Long: filter.RefuseLong}} {
			check(t, f, strings.Repeat(piece, 3000))
			check(t, f, "a"+strings.Repeat(piece, 100)+"b")
		}
	}
}

// The memory that Clean takes does not grow with the text.
func TestMemoryIsBounded(t *testing.T) {
	for _, piece := range []string{"a", "\xff", "\u0958", "<", "\u202e", "\U000e0041", "x\u0335", "\x1b]"} {
		for _, f := range []filter.Filter{{}, filter.LogLine, {Bad: filter.Replace}} {
			text := strings.Repeat(piece, 8<<20/len(piece))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := f.Clean(text); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if took, most := after.TotalAlloc-before.TotalAlloc, uint64(100*otherwise(f.MaxBytes, filter.DefaultBytes)); took > most {
				t.Errorf("%s: %+q: %d bytes allocated, want at most %d", f.Name(), piece, took, most)
			}
		}
	}
}

// What passes as it is is not copied.
func TestPlainTextIsNotCopied(t *testing.T) {
	text := "the quick brown fox, 3 times"
	if n := testing.AllocsPerRun(100, func() {
		if out, err := filter.ChatLine.Clean(text); err != nil || out != text {
			t.Fatal(out, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzClean(f *testing.F) {
	for _, piece := range pieces {
		f.Add("x"+piece+"y", uint8(0), uint8(0))
	}
	f.Add("<<b>script>", uint8(1), uint8(4))
	f.Fuzz(func(t *testing.T, s string, modes, sizes uint8) {
		check(t, filter.Filter{
			Bad: filter.Bad(modes & 3), Markup: filter.Markup(modes >> 2 & 3), KeepSpaces: modes&16 != 0, MaxLines: 1 + int(modes>>5&3),
			Long: filter.Long(modes >> 7), MaxBytes: int(sizes & 15 * 8), MaxRunes: int(sizes >> 4 * 4),
		}, s)
	})
}
