package mods

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape makes a text safe to show on one line of a terminal or a log. What
// cannot be seen, moves the cursor, ends a line or changes the direction of
// text is written as an escape of Go's ("\n", "\x1b", "\u202e", "\xff").
func escape(s string) string { return escapeBut(s, 0) }

// escapeLines is escape for a text of several lines, in which tabs are spaces.
func escapeLines(s string) string {
	return escapeBut(strings.ReplaceAll(s, "\t", "  "), '\n')
}

func escapeBut(s string, keep rune) string {
	if clean(s) {
		return s
	}
	b := make([]byte, 0, 2*len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'x', digits[s[i]>>4], digits[s[i]&15])
		case unicode.IsPrint(r), r == keep && keep != 0:
			b = utf8.AppendRune(b, r)
		default:
			var room [16]byte
			quoted := strconv.AppendQuoteRuneToASCII(room[:0], r)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		i += size
	}
	return string(b)
}

// clean reports whether escape leaves s as it is.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// escapedBytes is the memory that escape takes for s, with what is left behind as
// the text grows: at most six bytes for one.
func escapedBytes(s string) int64 {
	if clean(s) {
		return 0
	}
	return 24 * int64(len(s))
}

// clip cuts a text to n bytes and says how many more there were. It is meant
// for a text that is escaped afterwards: it may cut a character in half.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%s... (%d more bytes)", s[:n], len(s)-n)
}

// shown quotes a text for a message, shortened.
func shown(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
