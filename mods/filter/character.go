package filter

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// joiner is U+034F, which package norm puts between marks when there are more
// than 30 (Unicode Standard Annex #15, section 13).
const joiner = '\u034f'

// passes reports whether r is a character that can be seen, or the space:
// letters, marks, numbers, punctuation and symbols, but for those among them
// that show nothing.
func passes(r rune) bool {
	return unicode.IsPrint(r) && !blank(r)
}

// blank reports whether r shows nothing though its category says that it does:
// the default ignorable code points of Unicode's property tables, and blanks
// that are not among them.
func blank(r rune) bool {
	switch r {
	case '\u2800', // braille pattern blank
		'\u303f',                                 // ideographic half fill space
		'\ufffc',                                 // stands for an object that is not there
		'\U00013441', '\U00013442', '\U00016fe4', // fillers of Egyptian and Khitan
		'\U0001d159': // a note without a head
		return true
	}
	return r >= 0x80 && unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func isMark(r rune) bool { return r >= 0x300 && unicode.Is(unicode.M, r) }

// isBreak reports whether r ends a line (Unicode Standard Annex #14: BK, CR, LF
// and NL).
func isBreak(r rune) bool {
	switch r {
	case '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// characters returns s with nothing but characters that pass, spaces and, if
// there may be several lines, "\n". Unless markup is kept, characters that are
// compatible with one of markup have become that one.
func (f *Filter) characters(s string) ([]byte, error) {
	out := make([]byte, 0, len(s)+16)
	dropping := false // for Replace: the last character was replaced
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		broken := r == utf8.RuneError && size == 1
		if (r == 0x1b || r == 0x9b) && f.Markup == Strip {
			if n := sequence(s[i:]); n > 0 {
				i += n
				continue
			}
		}
		at := i
		i += size
		pass := !broken && passes(r)
		switch {
		case pass:
			dropping = false
			if f.Markup != Keep {
				if meta := f.meta(r); meta != 0 {
					if f.Markup == RefuseMarkup {
						return nil, &Error{Filter: f.Name(), Reason: HasMarkup, Offset: at, Rune: r}
					}
					r = meta
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		case isBreak(r) && f.MaxLines > 1:
			if r == '\r' && i < len(s) && s[i] == '\n' {
				i++
			}
			dropping = false
			out = append(out, '\n')
			continue
		case r == '\t', unicode.Is(unicode.Zs, r), isBreak(r) && (f.Bad == Drop || f.Bad == Replace):
			dropping = false
			out = append(out, ' ')
			continue
		}
		switch f.Bad {
		case Replace:
			if !dropping {
				out = utf8.AppendRune(out, utf8.RuneError)
			}
			dropping = true
		case Escape:
			out = appendEscape(out, r, broken, s[at])
		case RefuseBad:
			if broken {
				return nil, &Error{Filter: f.Name(), Reason: NotUTF8, Offset: at, Rune: rune(s[at])}
			}
			return nil, &Error{Filter: f.Name(), Reason: BadCharacter, Offset: at, Rune: r}
		}
	}
	return out, nil
}

// appendEscape appends r as Go escapes it, or the byte b if it is no part of
// UTF-8.
func appendEscape(out []byte, r rune, broken bool, b byte) []byte {
	if broken {
		const digits = "0123456789abcdef"
		return append(out, '\\', 'x', digits[b>>4], digits[b&15])
	}
	var room [16]byte
	quoted := strconv.AppendQuoteRuneToASCII(room[:0], r)
	return append(out, quoted[1:len(quoted)-1]...)
}
