package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// dangerous reports whether r could move a cursor, end or reorder a line, or
// hide: the control characters C0 (but newline and tab), DEL and C1, the line
// and paragraph separators, and the format characters of Unicode's category
// Cf, which has all marks of text direction. The joiners U+200C and U+200D,
// which scripts and emoji need, are let through.
//
// Sources: ECMA-48 (C0, C1); Unicode Standard Annex #9, section 2; CVE-2021-42574.
func dangerous(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r == '\u200c' || r == '\u200d':
		return false
	case r < ' ' || 0x7f <= r && r <= 0x9f:
		return true
	case r == '\u2028' || r == '\u2029':
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// appendVisible appends text with each dangerous character, and each byte that
// is not part of UTF-8, replaced by an escape such as \r, \x1b, \u202e.
func appendVisible(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[i])
		case !dangerous(r):
			dst = append(dst, text[i:i+size]...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r < 0x80:
			dst = fmt.Appendf(dst, `\x%02x`, r)
		case r < 0x10000:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		}
		i += size
	}
	return dst
}

// visible is appendVisible for text that may have several lines.
func visible(text string) string { return string(appendVisible(nil, text)) }

// oneLine is visible for text that must stay on its line: newlines and tabs
// are escaped too.
func oneLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(visible(text))
}

// hanging is visible for text of several lines, of which all but the first are
// indented, so that none of them can be taken for a line of ours.
func hanging(text string) string {
	lines := strings.Split(visible(text), "\n")
	for i, line := range lines[1:] {
		if !strings.HasPrefix(line, "\t") {
			lines[i+1] = "\t" + line
		}
	}
	return strings.Join(lines, "\n")
}

// jsonText replaces each byte of text that is not part of UTF-8, which JSON
// cannot express, by an escape such as \xff.
func jsonText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[i])
		} else {
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}

// safeJSON replaces the dangerous characters of a JSON document by their JSON
// escapes: it means the same, and can be looked at on a terminal. (Such
// characters stand inside strings only.)
func safeJSON(doc []byte) []byte {
	if strings.IndexFunc(string(doc), dangerous) < 0 {
		return doc
	}
	var out []byte
	for _, r := range string(doc) {
		switch {
		case !dangerous(r):
			out = utf8.AppendRune(out, r)
		default:
			out = appendEscaped(out, r)
		}
	}
	return out
}

// appendEscaped appends the JSON escape of r.
func appendEscaped(dst []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		dst, r = appendEscaped(dst, high), low
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// escaper is a writer that makes visible what is written to it. A character
// may be cut in two by the borders of writes. It is not safe for concurrent use.
type escaper struct {
	w       io.Writer
	partial []byte // the beginning of a character, at most three bytes
	buf     []byte
}

// Write accepts all of p, or returns the error of the writer below.
func (e *escaper) Write(p []byte) (int, error) {
	text := string(e.partial) + string(p)
	whole := len(text) - trailingPartial(text)
	e.partial = append(e.partial[:0], text[whole:]...)
	e.buf = appendVisible(e.buf[:0], text[:whole])
	if _, err := e.w.Write(e.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what was held back because it might have been the beginning of
// a character.
func (e *escaper) Flush() error {
	if len(e.partial) == 0 {
		return nil
	}
	e.buf = appendVisible(e.buf[:0], string(e.partial))
	e.partial = e.partial[:0]
	_, err := e.w.Write(e.buf)
	return err
}

// trailingPartial returns how many bytes at the end of text begin a character
// that is not complete.
func trailingPartial(text string) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRuneInString(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
