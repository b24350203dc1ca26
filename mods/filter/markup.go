package filter

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lookalikes are the characters with which markup begins or ends, and what
// Defuse replaces them by. None of these has a compatible form that is one of
// those.
var lookalikes = map[rune]rune{
	'<': '‹', '>': '›', '[': '(', ']': ')', '{': '(', '}': ')', '&': '+', '§': 'S',
}

// bbcode are the names of tags that Strip takes out of square brackets, besides
// those that have a slash or an equals sign. "[AFK]" is none of them.
var bbcode = []string{
	"b", "bgcolor", "br", "cell", "center", "code", "color", "fgcolor", "fade", "fill", "font",
	"hr", "i", "img", "indent", "left", "li", "list", "ol", "quote", "rainbow", "right", "s",
	"shake", "size", "spoiler", "sub", "sup", "table", "td", "th", "tornado", "tr", "u", "ul",
	"url", "wave",
}

// mostTag is how many bytes of markup are taken out as one piece.
const mostTag = 256

// meta returns the character of markup that r is or is compatible with, 0 if
// there is none.
func (f *Filter) meta(r rune) rune {
	if r < utf8.RuneSelf {
		if strings.ContainsRune("<>[]{}&", r) || f.Meta != "" && strings.ContainsRune(f.Meta, r) {
			return r
		}
		return 0
	}
	if r == '§' {
		return r
	}
	var room [utf8.UTFMax]byte
	for _, part := range string(norm.NFKD.Properties(utf8.AppendRune(room[:0], r)).Decomposition()) {
		if part < utf8.RuneSelf && f.meta(part) != 0 {
			return part
		}
	}
	return 0
}

// unmark returns text without any of the characters of markup; with Strip, what
// is clearly markup has gone as a whole.
func (f *Filter) unmark(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/4)
	for len(text) > 0 {
		if f.Markup == Strip {
			if n := construct(text); n > 0 {
				text = text[n:]
				continue
			}
		}
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if like, ok := lookalikes[r]; ok {
			r = like
		}
		if r < utf8.RuneSelf && f.meta(r) != 0 {
			continue // one of f.Meta
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// construct returns how many bytes of markup text begins with, 0 if none. It
// looks no further than the next character that could begin the same kind, so
// that to ask at every place is linear.
func construct(text []byte) int {
	switch c := text[0]; {
	case c == '<':
		return enclosed(text, '<', '>', func(inside []byte) bool {
			return letter(inside[0]) || bytes.IndexByte([]byte("/!?#"), inside[0]) >= 0
		})
	case c == '[':
		return enclosed(text, '[', ']', func(inside []byte) bool {
			name, _, valued := bytes.Cut(inside, []byte("="))
			name, closing := bytes.CutPrefix(name, []byte("/"))
			return word(name) && (valued || closing) || slices.Contains(bbcode, strings.ToLower(string(name)))
		})
	case c == '{':
		return enclosed(text, '{', '}', func(inside []byte) bool {
			return len(inside) <= 32 && !slices.ContainsFunc(inside, func(c byte) bool {
				return !letter(c) && !digit(c) && bytes.IndexByte([]byte("#/:=,._-"), c) < 0
			})
		})
	case c == '&':
		return enclosed(text, '&', ';', func(inside []byte) bool {
			name, _ := bytes.CutPrefix(inside, []byte("#"))
			return len(name) <= 32 && word(name)
		})
	case bytes.HasPrefix(text, []byte("§")) && len(text) > 2:
		if code := text[2] | 0x20; digit(text[2]) || 'a' <= code && code <= 'f' || 'k' <= code && code <= 'o' || code == 'r' || code == 'x' {
			return 3
		}
	}
	return 0
}

// enclosed returns the length of the piece of text from its first byte to the
// byte last, if what is inside is there and is markup.
func enclosed(text []byte, first, last byte, isMarkup func(inside []byte) bool) int {
	for i := 1; i < len(text) && i < mostTag; i++ {
		switch text[i] {
		case last:
			if inside := text[1:i]; len(inside) > 0 && isMarkup(inside) {
				return i + 1
			}
			return 0
		case first, '\n':
			return 0
		}
	}
	return 0
}

func word(s []byte) bool {
	return len(s) > 0 && !slices.ContainsFunc(s, func(c byte) bool { return !letter(c) && !digit(c) && c != '_' })
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

// sequence returns the length of the terminal's escape sequence that s begins
// with (ECMA-48, section 5; s begins with ESC or CSI), 0 if it is not complete.
// Of a string that such a sequence may hold it looks no further than the next
// ESC.
func sequence(s string) int {
	control := byte('[')
	i := len("\u009b")
	if s[0] == 0x1b {
		if len(s) < 2 {
			return 0
		}
		control = s[1]
	}
	while := func(low, high byte) {
		for i < len(s) && low <= s[i] && s[i] <= high {
			i++
		}
	}
	final := func(low byte) int {
		if i < len(s) && low <= s[i] && s[i] <= 0x7e {
			return i + 1
		}
		return 0
	}
	switch {
	case control == '[': // parameters, intermediates, final byte
		while(0x30, 0x3f)
		while(0x20, 0x2f)
		return final(0x40)
	case strings.IndexByte("]PX^_", control) >= 0: // a string, ended by BEL or ST
		for ; i < len(s); i++ {
			switch {
			case s[i] == 0x07:
				return i + 1
			case s[i] == 0x1b:
				if i+1 < len(s) && s[i+1] == '\\' {
					return i + 2
				}
				return 0
			}
		}
		return 0
	default:
		i = 1
		while(0x20, 0x2f)
		return final(0x30)
	}
}
