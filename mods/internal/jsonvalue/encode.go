package jsonvalue

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Encoding says how [Encode] writes.
type Encoding struct {
	// Most is the most bytes that the text may have.
	Most int
	// Indent puts each element on a line of its own, with two spaces for each
	// level.
	Indent bool
	// Null allows [TheNull] inside the value, and nil.
	Null bool
	// Bytes allows strings that are not UTF-8: a byte that belongs to no
	// character is written as the escape of a lone surrogate, 0x80 as \udc80
	// and so on to \udcff, as Python's "surrogateescape" does. [Decode] with
	// Bytes reads it back.
	Bytes bool
	// Charge, if not nil, is called with a number of bytes before about so
	// many are written. Its error ends the encoding and is returned.
	Charge func(n int) error
}

// Encode writes a plain value as JSON. The errors: [*Error], [ErrTooLarge],
// and what Charge returned.
func Encode(v any, how Encoding) (string, error) {
	e := encoder{Encoding: how}
	err := e.value(v, 0)
	if err == nil {
		err = e.flush(0)
	}
	if err != nil {
		return "", place(err)
	}
	return string(e.text), nil
}

type encoder struct {
	Encoding
	text []byte
	paid int
}

const chargeStep = 1 << 10

// flush pays for what was written and for n bytes to come.
func (e *encoder) flush(n int) error {
	need := len(e.text) + n
	if need > e.Most {
		return ErrTooLarge
	}
	if need <= e.paid || e.Charge == nil {
		return nil
	}
	step := max(need-e.paid, chargeStep)
	if err := e.Charge(step); err != nil {
		return err
	}
	e.paid += step
	return nil
}

func (e *encoder) value(v any, depth int) error {
	if err := e.flush(32); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		if !e.Null {
			return &Error{Reason: "nil is not a value here"}
		}
		e.text = append(e.text, "null"...)
	case *Null:
		if !e.Null || v != TheNull {
			return notPlain(v)
		}
		e.text = append(e.text, "null"...)
	case bool:
		e.text = strconv.AppendBool(e.text, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &Error{Reason: "a number must be finite"}
		}
		e.text = appendNumber(e.text, v)
	case string:
		return e.string(v)
	case []any:
		return e.list(v, depth)
	case map[string]any:
		return e.object(v, depth)
	default:
		return notPlain(v)
	}
	return nil
}

func (e *encoder) list(list []any, depth int) error {
	if depth == MaxDepth {
		return tooDeep()
	}
	e.text = append(e.text, '[')
	for i, item := range list {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		if err := e.line(depth + 1); err != nil {
			return err
		}
		if err := e.value(item, depth+1); err != nil {
			return within(err, "["+strconv.Itoa(i+1)+"]")
		}
	}
	return e.end(']', len(list), depth)
}

func (e *encoder) object(object map[string]any, depth int) error {
	if depth == MaxDepth {
		return tooDeep()
	}
	if err := e.flush(len(object)); err != nil { // pays for the sorting
		return err
	}
	e.text = append(e.text, '{')
	for i, key := range sortedKeys(object) {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		if err := e.line(depth + 1); err != nil {
			return err
		}
		if err := e.string(key); err != nil {
			return within(err, key)
		}
		e.text = append(e.text, ':')
		if e.Indent {
			e.text = append(e.text, ' ')
		}
		if err := e.value(object[key], depth+1); err != nil {
			return within(err, key)
		}
	}
	return e.end('}', len(object), depth)
}

func (e *encoder) line(depth int) error {
	if !e.Indent {
		return nil
	}
	if err := e.flush(1 + 2*depth); err != nil {
		return err
	}
	e.text = append(e.text, '\n')
	for range depth {
		e.text = append(e.text, "  "...)
	}
	return nil
}

func (e *encoder) end(bracket byte, n, depth int) error {
	if n > 0 {
		if err := e.line(depth); err != nil {
			return err
		}
	}
	e.text = append(e.text, bracket)
	return nil
}

const hex = "0123456789abcdef"

func (e *encoder) string(s string) error {
	if err := e.flush(len(s) + 2); err != nil {
		return err
	}
	e.text = append(e.text, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1 && !e.Bytes:
				return &Error{Reason: "a string is not UTF-8"}
			case r == utf8.RuneError && size == 1:
				e.text = append(e.text, '\\', 'u', 'd', 'c', hex[c>>4], hex[c&15])
			case r == '\u2028' || r == '\u2029': // which end a line in JavaScript
				e.text = append(e.text, '\\', 'u', '2', '0', '2', hex[r&15])
			default:
				e.text = append(e.text, s[i:i+size]...)
			}
			i += size
		} else {
			switch {
			case c == '"' || c == '\\':
				e.text = append(e.text, '\\', c)
			case c == '\n':
				e.text = append(e.text, '\\', 'n')
			case c == '\t':
				e.text = append(e.text, '\\', 't')
			case c == '\r':
				e.text = append(e.text, '\\', 'r')
			case c < ' ' || c == 0x7f:
				e.text = append(e.text, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				e.text = append(e.text, c)
			}
			i++
		}
		if len(e.text) > e.Most {
			return ErrTooLarge
		}
	}
	e.text = append(e.text, '"')
	return nil
}

// appendNumber writes f such that it reads back as the same number: integers
// without exponent up to 2^53, other numbers in their shortest form.
func appendNumber(text []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 && (f != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(text, int64(f), 10)
	}
	return strconv.AppendFloat(text, f, 'g', -1, 64)
}
