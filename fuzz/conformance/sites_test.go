package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// instrument numbers the calls of assert in a Lua text, from 1, and makes each a
// call of __check with its number as first argument. It returns the new text, in
// which everything is on the line where it was, and the lines of the calls. Calls
// in strings and comments, of a field named assert, and without parentheses are
// left alone.
func instrument(text string) (instrumented string, lines []int) {
	var b strings.Builder
	line, copied := 1, 0
	var before byte // the last byte of the token before
	for i := 0; i < len(text); {
		start := i
		switch ch := text[i]; {
		case ch == '-' && strings.HasPrefix(text[i:], "--"):
			if i = longBracket(text, i+2); i < 0 {
				i = len(text)
				if n := strings.IndexByte(text[start:], '\n'); n >= 0 {
					i = start + n
				}
			}
		case ch == '[' && longBracket(text, i) > 0:
			i, before = longBracket(text, i), ch
		case ch == '"' || ch == '\'':
			for i++; i < len(text) && text[i] != ch; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			i, before = min(i+1, len(text)), ch
		case isName(ch):
			for i < len(text) && isName(text[i]) {
				i++
			}
			open := i + len(text[i:]) - len(strings.TrimLeft(text[i:], " \t"))
			if text[start:i] == "assert" && before != '.' && before != ':' && strings.HasPrefix(text[open:], "(") {
				lines = append(lines, line)
				b.WriteString(text[copied:start])
				fmt.Fprintf(&b, "__check(%d", len(lines))
				if !strings.HasPrefix(strings.TrimLeft(text[open+1:], " \t\r\n"), ")") {
					b.WriteString(", ")
				}
				i = open + 1
				copied = i
			}
			before = text[i-1]
		default:
			if i++; ch > ' ' {
				before = ch
			}
		}
		line += strings.Count(text[start:i], "\n")
	}
	b.WriteString(text[copied:])
	return b.String(), lines
}

// longBracket returns the end of the long bracket that begins at i, or -1 if none
// does.
func longBracket(text string, i int) int {
	rest := text[i:]
	if !strings.HasPrefix(rest, "[") {
		return -1
	}
	level := len(rest[1:]) - len(strings.TrimLeft(rest[1:], "="))
	if !strings.HasPrefix(rest[1+level:], "[") {
		return -1
	}
	end := strings.Index(rest, "]"+strings.Repeat("=", level)+"]")
	if end < 0 {
		return len(text)
	}
	return i + end + level + 2
}

func isName(ch byte) bool {
	return ch == '_' || '0' <= ch && ch <= '9' || 'a' <= ch|0x20 && ch|0x20 <= 'z' || ch >= 0x80
}

func TestInstrument(t *testing.T) {
	tests := []struct {
		text, want string
		lines      []int
	}{
		{"assert(x)", "__check(1, x)", []int{1}},
		{"a = assert (f(), 2)\nassert()", "a = __check(1, f(), 2)\n__check(2)", []int{1, 2}},
		{"assert(assert(x))", "__check(1, __check(2, x))", []int{1, 1}},
		{"x.assert(1) x:assert(1) _assert(1) assert1(1) assert'x' local assert = assert", "x.assert(1) x:assert(1) _assert(1) assert1(1) assert'x' local assert = assert", nil},
		{"'assert(' \"\\\"assert(\" -- assert(\n--[[ assert(\n]] assert(1)", "'assert(' \"\\\"assert(\" -- assert(\n--[[ assert(\n]] __check(1, 1)", []int{3}},
		{"[==[\nassert(]]]==] --[=x assert(\nassert(a[b[1]])", "[==[\nassert(]]]==] --[=x assert(\n__check(1, a[b[1]])", []int{3}},
		{"x = 'a\\\nassert(1)' assert(2)", "x = 'a\\\nassert(1)' __check(1, 2)", []int{2}},
	}
	for _, tt := range tests {
		got, lines := instrument(tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, diff)
		}
		if diff := cmp.Diff(tt.lines, lines); diff != "" {
			t.Errorf("lines of %q (-want +got):\n%s", tt.text, diff)
		}
	}
}
