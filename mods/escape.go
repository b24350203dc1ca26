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
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r), r == keep && keep != 0:
			b.WriteRune(r)
		default:
			quoted := fmt.Sprintf("%+q", r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
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
