package jsonvalue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// SyntaxError is a text that is not JSON, or not JSON that is read here.
type SyntaxError struct {
	Line, Column int // from 1; the column in bytes
	Reason       string
}

// Error gives the place and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Decoding says how [Decode] reads.
type Decoding struct {
	Null  any  // what a null becomes
	Bytes bool // see Encoding.Bytes
}

// DecodedBytes returns how much Go memory Decode may need for a text: an upper
// bound, from one look at each byte.
func DecodedBytes(text string) int64 {
	var lists, objects, items, quotes int64
	for i := range len(text) {
		switch text[i] {
		case '[':
			lists++
		case '{':
			objects++
		case ',':
			items++
		case '"':
			quotes++
		}
	}
	// Each value is the first of its list or object, or follows a comma, or
	// is at the top. Lists grow by doubling, and what is left behind counts.
	values := 1 + lists + objects + items
	return values*(4*slotBytes+scalarBytes+2*entryBytes) + lists*listBytes + objects*mapBytes +
		quotes/2*stringBytes + 3*int64(len(text)) // a string with escapes grows by steps
}

// MaxElements is how many elements and fields a JSON text may have, all lists
// and objects together: as many as luasandbox copies.
const MaxElements = 1 << 18

// Decode reads one JSON value (RFC 8259), nested at most [MaxDepth] deep, and
// nothing after it. It is strict where the RFC leaves it open: two equal keys
// in an object, a number that no float64 comes near to, half of a surrogate
// pair and bytes that are not UTF-8 are errors. Numbers are rounded to the
// nearest float64.
//
// All errors are of type [*SyntaxError]. Nothing of the result refers to text.
func Decode(text string, how Decoding) (any, error) {
	d := decoder{Decoding: how, text: text}
	d.space()
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	d.space()
	if d.at < len(text) {
		return nil, d.fail("unexpected %s after the value", d.found())
	}
	return v, nil
}

type decoder struct {
	Decoding
	text     string
	at       int
	elements int
}

func (d *decoder) fail(format string, args ...any) error {
	before := d.text[:min(d.at, len(d.text))]
	line := strings.LastIndexByte(before, '\n') + 1
	return &SyntaxError{
		Line:   1 + strings.Count(before, "\n"),
		Column: 1 + len(before) - line,
		Reason: fmt.Sprintf(format, args...),
	}
}

// found names what stands at the current place.
func (d *decoder) found() string {
	if d.at >= len(d.text) {
		return "end"
	}
	r, size := utf8.DecodeRuneInString(d.text[d.at:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Sprintf("byte 0x%02x", d.text[d.at])
	}
	return strconv.QuoteRuneToASCII(r)
}

func (d *decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next reports whether c stands here, and passes it.
func (d *decoder) next(c byte) bool {
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) value(depth int) (any, error) {
	if d.elements++; d.elements > MaxElements {
		return nil, d.fail("more than %d elements", MaxElements)
	}
	if d.at >= len(d.text) {
		return nil, d.fail("unexpected end, a value is missing")
	}
	switch c := d.text[d.at]; {
	case c == '{' || c == '[':
		if depth == MaxDepth {
			return nil, d.fail("nested more than %d deep", MaxDepth)
		}
		d.at++
		if c == '{' {
			return d.object(depth)
		}
		return d.list(depth)
	case c == '"':
		return d.string()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case c == 't':
		return true, d.word("true")
	case c == 'f':
		return false, d.word("false")
	case c == 'n':
		return d.Null, d.word("null")
	}
	return nil, d.fail("unexpected %s, where a value should be", d.found())
}

func (d *decoder) word(word string) error {
	if !strings.HasPrefix(d.text[d.at:], word) {
		return d.fail("unexpected %s, where a value should be", d.found())
	}
	d.at += len(word)
	return nil
}

func (d *decoder) list(depth int) (any, error) {
	list := []any{}
	d.space()
	if d.next(']') {
		return list, nil
	}
	for {
		d.space()
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		d.space()
		if d.next(']') {
			return list, nil
		}
		if !d.next(',') {
			return nil, d.fail("unexpected %s, where ',' or ']' should be", d.found())
		}
	}
}

func (d *decoder) object(depth int) (any, error) {
	object := map[string]any{}
	d.space()
	if d.next('}') {
		return object, nil
	}
	for {
		d.space()
		if d.at >= len(d.text) || d.text[d.at] != '"' {
			return nil, d.fail("unexpected %s, where a key should be", d.found())
		}
		start := d.at
		key, err := d.string()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			d.at = start
			return nil, d.fail("the object has this key already")
		}
		d.space()
		if !d.next(':') {
			return nil, d.fail("unexpected %s, where ':' should be", d.found())
		}
		d.space()
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object[key] = v
		d.space()
		if d.next('}') {
			return object, nil
		}
		if !d.next(',') {
			return nil, d.fail("unexpected %s, where ',' or '}' should be", d.found())
		}
	}
}

// number reads a number as the grammar has it, which allows less than
// strconv.ParseFloat: no "+1", "01", ".5", "1.", "0x1p3", "inf".
func (d *decoder) number() (any, error) {
	start := d.at
	d.next('-')
	if !d.next('0') && d.digits() == 0 {
		return nil, d.fail("unexpected %s in a number", d.found())
	}
	if d.next('.') && d.digits() == 0 {
		return nil, d.fail("unexpected %s, where a digit should be", d.found())
	}
	if d.next('e') || d.next('E') {
		if !d.next('+') {
			d.next('-')
		}
		if d.digits() == 0 {
			return nil, d.fail("unexpected %s, where a digit should be", d.found())
		}
	}
	f, err := strconv.ParseFloat(d.text[start:d.at], 64)
	if err != nil {
		d.at = start
		return nil, d.fail("the number is too large")
	}
	return f, nil
}

func (d *decoder) digits() int {
	start := d.at
	for d.at < len(d.text) && d.text[d.at] >= '0' && d.text[d.at] <= '9' {
		d.at++
	}
	return d.at - start
}

func (d *decoder) string() (string, error) {
	d.at++
	var out []byte
	from := d.at // of what is not in out yet
	for {
		if d.at >= len(d.text) {
			return "", d.fail("unexpected end in a string")
		}
		c := d.text[d.at]
		switch {
		case c == '"':
			s := d.text[from:d.at]
			d.at++
			if out == nil {
				return strings.Clone(s), nil
			}
			return string(append(out, s...)), nil
		case c == '\\':
			out = append(out, d.text[from:d.at]...)
			var err error
			if out, err = d.escape(out); err != nil {
				return "", err
			}
			from = d.at
		case c < ' ':
			return "", d.fail("%s in a string must be escaped", d.found())
		case c < utf8.RuneSelf:
			d.at++
		default:
			r, size := utf8.DecodeRuneInString(d.text[d.at:])
			if r == utf8.RuneError && size == 1 {
				return "", d.fail("the text is not UTF-8: %s", d.found())
			}
			d.at += size
		}
	}
}

// escape appends what a backslash and what follows it stand for.
func (d *decoder) escape(out []byte) ([]byte, error) {
	d.at++
	if d.at >= len(d.text) {
		return nil, d.fail("unexpected end in a string")
	}
	c := d.text[d.at]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		d.at++
		return append(out, "\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return nil, d.fail("unexpected %s after a backslash", d.found())
	}
	r, ok := d.hex4()
	if !ok {
		return nil, d.fail(`\u needs four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r), nil
	}
	if d.Bytes && r >= 0xdc80 && r <= 0xdcff {
		return append(out, byte(r)), nil
	}
	if low, ok := d.low(); ok {
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return utf8.AppendRune(out, both), nil
		}
	}
	return nil, d.fail(`\u%04x is half of a pair`, r)
}

// hex4 reads "uXXXX".
func (d *decoder) hex4() (rune, bool) {
	if d.at+5 > len(d.text) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.text[d.at+1 : d.at+5]) {
		i := strings.IndexByte("0123456789abcdefABCDEF", c)
		switch {
		case i < 0:
			return 0, false
		case i > 15:
			i -= 6
		}
		r = r<<4 | rune(i)
	}
	d.at += 5
	return r, true
}

// low reads the second half of a surrogate pair.
func (d *decoder) low() (rune, bool) {
	if !strings.HasPrefix(d.text[d.at:], `\u`) {
		return 0, false
	}
	d.at++
	return d.hex4()
}
