package filter

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Filter says what may pass. The zero Filter is the strictest: one line of at
// most [DefaultRunes] characters, without markup, in which what may not pass is
// dropped. A Filter is a value: it may be copied, compared with == and used by
// several goroutines.
type Filter struct {
	// Label is the filter's name, for declarations, errors and documents: "text"
	// if empty.
	Label string

	// MaxBytes, MaxRunes and MaxLines bound the result; 0 stands for
	// [DefaultBytes], [DefaultRunes] and 1. Lines end with "\n"; further line
	// ends than fit become spaces. Negative numbers are a mistake that every
	// Clean reports.
	MaxBytes, MaxRunes, MaxLines int

	// MaxMarks is how many combining marks may follow each other; 0 stands for
	// [DefaultMarks]. Further ones are dropped, whatever Bad says.
	MaxMarks int

	// Long is what becomes of a text that does not fit: Cut or RefuseLong. With
	// RefuseLong, too many lines do not become spaces but are refused.
	Long Long

	// Bad is what becomes of characters that may not pass, and of bytes that
	// are not UTF-8. Tabs and the spaces of other widths always become spaces.
	// So do line ends where there is one line, unless Bad is Escape or RefuseBad.
	Bad Bad

	// Markup is what becomes of markup.
	Markup Markup

	// Meta are further characters that mean something in the engine's markup,
	// such as "^" or "|": ASCII punctuation. With Strip and Defuse they are
	// dropped; with RefuseMarkup they are refused.
	Meta string

	// KeepSpaces keeps spaces at the ends of lines, several in a row, and empty
	// lines at both ends. Otherwise they are dropped.
	KeepSpaces bool

	// NonEmpty refuses a text of which nothing is left.
	NonEmpty bool
}

// What the zero fields of a [Filter] stand for.
const (
	DefaultBytes = 1024
	DefaultRunes = 256
	DefaultMarks = 4
)

// Long is what becomes of a text that does not fit.
type Long uint8

// Cut keeps the beginning of a text, whole characters of it; RefuseLong refuses
// the text.
const (
	Cut Long = iota
	RefuseLong
)

// Bad is what becomes of characters that may not pass.
type Bad uint8

// Drop leaves them out. Replace puts U+FFFD in the place of each run of them.
// Escape writes them as Go does ("\x1b", "\u202e"), so that a reader sees what
// was there. RefuseBad refuses the text and says where the first one is.
const (
	Drop Bad = iota
	Replace
	Escape
	RefuseBad
)

// Markup is what becomes of markup: the characters < > [ ] { } & § and those of
// Filter.Meta, and all characters that have one of them as their compatible form
// (Unicode's NFKD), such as the wide "＜".
type Markup uint8

const (
	// Strip takes out what is clearly markup: <tags>, [tags] of BBCode, {color}
	// codes, &entities;, § with a code, and the escape sequences of terminals
	// (ECMA-48). What is left of the characters is replaced as with Defuse.
	Strip Markup = iota
	// Defuse replaces each of the characters by one that looks alike and means
	// nothing: ‹ › ( ) + S.
	Defuse
	// RefuseMarkup refuses a text that has one of the characters.
	RefuseMarkup
	// Keep leaves the characters as they are, for an engine that shows texts as
	// they are, or that escapes them itself.
	Keep
)

// Filters for what engines take from mods most often.
var (
	// Name is for the names of players, creatures and things: 32 characters, and
	// at least one.
	Name = Filter{Label: "name", MaxBytes: 128, MaxRunes: 32, MaxMarks: 2, NonEmpty: true}
	// ChatLine is for one line of chat: 256 characters.
	ChatLine = Filter{Label: "chat line"}
	// Text is for books, signs and descriptions: 4,096 characters in 128 lines.
	Text = Filter{Label: "text", MaxBytes: 16 << 10, MaxRunes: 4096, MaxLines: 128, Markup: Defuse}
	// LogLine is for a line of a log or a terminal: 1,024 characters, in which
	// nothing is hidden. It keeps markup, which logs do not have.
	LogLine = Filter{Label: "log line", MaxBytes: 4096, MaxRunes: 1024, Bad: Escape, Markup: Keep, KeepSpaces: true}
)

// Name returns the filter's label, "text" if it has none.
func (f Filter) Name() string {
	if f.Label == "" {
		return "text"
	}
	return f.Label
}

// Clean returns what passes of s. The error is an [*Error]; the text is "" then.
// The result may share memory with s only if it is all of s.
func (f Filter) Clean(s string) (string, error) {
	if err := f.resolve(); err != nil {
		return "", err
	}
	if f.plain(s) {
		return s, nil
	}
	text, whole := prefix(s, 4*f.MaxBytes)
	if !whole && f.Long == RefuseLong {
		return "", &Error{Filter: f.Name(), Reason: TooLong, Offset: len(text), Max: f.MaxBytes}
	}
	seen, err := f.characters(text)
	if err != nil {
		return "", err
	}
	if f.Markup == Strip || f.Markup == Defuse {
		seen = f.unmark(seen)
	}
	out, err := f.layout(norm.NFC.Bytes(seen))
	if err != nil {
		return "", err
	}
	if f.NonEmpty && out == "" {
		return "", &Error{Filter: f.Name(), Reason: Empty}
	}
	return out, nil
}

// resolve replaces zero fields by what they stand for.
func (f *Filter) resolve() error {
	for _, n := range []struct {
		field     *int
		otherwise int
	}{{&f.MaxBytes, DefaultBytes}, {&f.MaxRunes, DefaultRunes}, {&f.MaxLines, 1}, {&f.MaxMarks, DefaultMarks}} {
		if *n.field < 0 {
			return &Error{Filter: f.Name(), Reason: BadFilter, Detail: "a bound is negative"}
		}
		if *n.field == 0 {
			*n.field = n.otherwise
		}
	}
	f.MaxBytes = min(f.MaxBytes, 1<<28) // four times it is an int everywhere
	if f.Long > RefuseLong || f.Bad > RefuseBad || f.Markup > Keep {
		return &Error{Filter: f.Name(), Reason: BadFilter, Detail: "Long, Bad or Markup is none of the package's constants"}
	}
	for _, r := range f.Meta {
		if !punctuation(r) || r == '\\' && f.Bad == Escape {
			return &Error{Filter: f.Name(), Reason: BadFilter, Detail: `Meta is ASCII punctuation, without "\" if Bad is Escape`}
		}
	}
	return nil
}

func punctuation(r rune) bool {
	return '!' <= r && r <= '~' && !('0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z')
}

// plain reports whether s passes as it is. It knows ASCII only, and is there to
// let most texts pass without a copy.
func (f *Filter) plain(s string) bool {
	if len(s) > f.MaxBytes || len(s) > f.MaxRunes || s == "" {
		return false
	}
	space := !f.KeepSpaces
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && space || f.Markup != Keep && f.meta(rune(c)) != 0 {
			return false
		}
		space = c == ' ' && !f.KeepSpaces
	}
	return !space
}

// prefix returns the first n bytes of s, less if that would cut a character in
// two, and whether that is all of s.
func prefix(s string, n int) (string, bool) {
	if len(s) <= n {
		return s, true
	}
	for back := range utf8.UTFMax {
		if n > back && utf8.RuneStart(s[n-back]) {
			return s[:n-back], false
		}
	}
	return s[:n], false
}

// layout counts and places: spaces, lines, marks, and the bounds of the result.
// The text is in normal form C and stays in it: what is dropped never stood
// between two characters that compose.
func (f *Filter) layout(text []byte) (string, error) {
	var (
		out           strings.Builder
		runes         int
		lines         = 1
		marks         int
		begun         = f.KeepSpaces // the text has begun
		base          bool           // the line has a character that a mark can be on
		spaces, feeds int            // held back until something follows
		excess        bool           // a line end became a space
	)
	out.Grow(min(len(text), f.MaxBytes))
	tooLong := func() (string, error) {
		if f.Long == RefuseLong {
			return "", &Error{Filter: f.Name(), Reason: TooLong, Offset: -1, Max: f.MaxBytes, MaxRunes: f.MaxRunes}
		}
		return out.String(), nil
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r == '\n' && lines >= f.MaxLines {
			r, excess = ' ', begun
		}
		switch {
		case r == joiner:
			continue // put in by package norm after 30 marks
		case r == '\n' && !f.KeepSpaces:
			if begun {
				feeds, lines, spaces, base, marks = feeds+1, lines+1, 0, false, 0
			}
			continue
		case r == ' ' && !f.KeepSpaces:
			if base {
				spaces, marks = 1, 0
			}
			continue
		case isMark(r):
			if marks++; !base || marks > f.MaxMarks {
				continue
			}
		default:
			marks = 0
		}
		if excess && f.Long == RefuseLong {
			return "", &Error{Filter: f.Name(), Reason: TooManyLines, Offset: -1, Max: f.MaxLines}
		}
		if runes+feeds+spaces+1 > f.MaxRunes || out.Len()+feeds+spaces+size > f.MaxBytes {
			return tooLong()
		}
		runes += feeds + spaces + 1
		for ; feeds > 0; feeds-- {
			out.WriteByte('\n')
		}
		for ; spaces > 0; spaces-- {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
		begun, base = true, r != '\n'
		if r == '\n' {
			lines++
		}
	}
	return out.String(), nil
}
