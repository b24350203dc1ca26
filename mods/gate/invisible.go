package gate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// invisible reports characters that make a text look other than it is: those that
// turn the direction of what follows (CVE-2021-42574), and those that are not seen.
// The joiners and variation selectors that scripts and emoji are written with are
// well.
func (in *inspection) invisible(path, text string) {
	if plain(text) {
		return
	}
	line, column := 1, 1
	text = strings.TrimPrefix(text, "\ufeff") // a byte order mark; the parser says what it thinks of it
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n':
			line, column, i = line+1, 1, i+1
			continue
		case r == '\r' && (i+1 == len(text) || text[i+1] != '\n'):
			line, column, i = line+1, 1, i+1
			continue
		case r == utf8.RuneError && size == 1: // bytes in a string
		case turning(r):
			in.add("invisible-characters", Error, place{path, line, column}, "", "write "+escaped(r)+" in a string", "%U turns the direction of what is read", r)
		case hidden(r):
			in.add("invisible-characters", Warning, place{path, line, column}, "", "write "+escaped(r)+" in a string", "%U is not seen", r)
		}
		column++
		i += size
	}
}

// plain reports whether a text is ASCII without control characters.
func plain(text string) bool {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// turning reports whether a character changes the order in which others are shown.
func turning(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// hidden reports whether nothing is seen of a character, and it is not one that
// scripts and emoji need.
func hidden(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == '\f' || r == '\v':
		return false
	case r == 0x200c || r == 0x200d: // joiners
		return false
	case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029:
		return true
	}
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x34f // fillers, the joiner of graphemes
}

// escaped writes a character as Lua 5.1 has it.
func escaped(r rune) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(string(r)) {
		fmt.Fprintf(&b, `\%03d`, c)
	}
	b.WriteByte('"')
	return b.String()
}

// visible shows a text on one line, with what is not seen in it.
func visible(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r != ' ' && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}
