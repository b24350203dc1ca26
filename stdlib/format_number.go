package stdlib

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// directive is one directive of string.format: C's "%[flags][width][.precision]verb".
type directive struct {
	minus, plus, space, alt, zero bool // the flags - + space # 0
	width                         int
	precision                     int // -1 if none is given
	verb                          byte
}

// pad appends text to b, padded with spaces to the directive's width.
func (d *directive) pad(b []byte, text string) []byte {
	n := d.width - len(text)
	if !d.minus {
		b = appendMany(b, ' ', n)
	}
	b = append(b, text...)
	if d.minus {
		b = appendMany(b, ' ', n)
	}
	return b
}

// padNumber appends sign and digits to b, padded as the flags say: zero with
// zeros after the sign.
func (d *directive) padNumber(b []byte, sign string, digits []byte, zero bool) []byte {
	n := d.width - len(sign) - len(digits)
	if !d.minus && !zero {
		b = appendMany(b, ' ', n)
	}
	b = append(b, sign...)
	if !d.minus && zero {
		b = appendMany(b, '0', n)
	}
	b = append(b, digits...)
	if d.minus {
		b = appendMany(b, ' ', n)
	}
	return b
}

func toUpper(text []byte) {
	for i, b := range text {
		text[i] = upperOf[b]
	}
}

func appendMany(b []byte, c byte, n int) []byte {
	for ; n > 0; n-- {
		b = append(b, c)
	}
	return b
}

// sign returns what stands before a number.
func (d *directive) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.space:
		return " "
	}
	return ""
}

// appendInteger appends f as C's %ld does (verbs d and i) or as C's %lu, %lo,
// %lx and %lX (verbs u, o, x and X), with f converted as on x86-64.
func (d *directive) appendInteger(b []byte, f float64) []byte {
	var sign, prefix string
	var n uint64
	base := 10
	switch d.verb {
	case 'd', 'i':
		i := vm.ToInt64(f)
		sign = d.sign(i < 0)
		n = uint64(i)
		if i < 0 {
			n = -n
		}
	case 'o':
		n, base = toUint64(f), 8
	case 'x':
		n, base, prefix = toUint64(f), 16, "0x"
	case 'X':
		n, base, prefix = toUint64(f), 16, "0X"
	default:
		n = toUint64(f)
	}
	var digits [128]byte // 22 octal digits, or a precision of at most 99
	text := digits[:0]
	if n != 0 || d.precision != 0 {
		var plain [24]byte
		number := strconv.AppendUint(plain[:0], n, base)
		text = appendMany(text, '0', d.precision-len(number))
		text = append(text, number...)
	}
	if d.verb == 'X' {
		toUpper(text)
	}
	if d.alt && n != 0 && prefix != "" {
		sign = prefix
	}
	if d.alt && base == 8 && (len(text) == 0 || text[0] != '0') {
		text = slices.Insert(text, 0, '0')
	}
	return d.padNumber(b, sign, text, d.zero && d.precision < 0)
}

// toUint64 is C's conversion of a double to unsigned long as compilers for
// x86-64 do it: what is below 2^63 goes through a signed number.
func toUint64(f float64) uint64 {
	if f >= 1<<63 {
		if f >= 1<<64 {
			return 0
		}
		return uint64(f-1<<63) ^ 1<<63
	}
	return uint64(vm.ToInt64(f))
}

// floatWork is the price of appendFloat.
func (d *directive) floatWork(f float64) int64 {
	if d.verb != 'f' && d.precision <= 17 {
		return limits.NumberToString
	}
	_, exp := math.Frexp(f)
	return limits.NumberToString + int64(max(exp, -exp))*limits.FormatPerBit
}

// appendFloat appends f as C's %e, %E, %f, %g and %G do: correctly rounded, in
// full where the precision asks for it.
func (d *directive) appendFloat(b []byte, f float64) []byte {
	sign := d.sign(math.Signbit(f))
	f = math.Abs(f)
	var buf [512]byte // 309 digits before the point and 99 after it
	text := buf[:0]
	finite := true
	precision := d.precision
	if precision < 0 {
		precision = 6
	}
	switch {
	case math.IsInf(f, 0):
		text, finite = append(text, "inf"...), false
	case math.IsNaN(f):
		text, finite = append(text, "nan"...), false
	case d.verb == 'f':
		text = strconv.AppendFloat(text, f, 'f', precision, 64)
		if d.alt && precision == 0 {
			text = append(text, '.')
		}
	case d.verb == 'e' || d.verb == 'E':
		text = strconv.AppendFloat(text, f, 'e', precision, 64)
		if d.alt && precision == 0 {
			text = slices.Insert(text, 1, '.')
		}
	default:
		text = d.appendGeneral(text, f, max(precision, 1))
	}
	if isUpper(d.verb) {
		toUpper(text)
	}
	return d.padNumber(b, sign, text, d.zero && finite)
}

// appendGeneral appends f, finite and not negative, as C's %g with a precision
// of at least 1: like %e if the exponent is below -4 or at least the precision,
// else like %f; without the zeros that end a fraction unless the flag # is set.
func (d *directive) appendGeneral(text []byte, f float64, precision int) []byte {
	text = strconv.AppendFloat(text, f, 'e', precision-1, 64)
	e := len(text) - 1
	for text[e] != 'e' {
		e--
	}
	exp := 0
	for _, c := range text[e+2:] {
		exp = exp*10 + int(c-'0')
	}
	if text[e+1] == '-' {
		exp = -exp
	}
	var tail [8]byte
	suffix := append(tail[:0], text[e:]...)
	text = text[:e]
	if exp >= -4 && exp < precision {
		text = strconv.AppendFloat(text[:0], f, 'f', precision-1-exp, 64)
		suffix = suffix[:0]
	}
	switch point := bytes.IndexByte(text, '.') >= 0; {
	case d.alt && !point:
		text = append(text, '.')
	case !d.alt && point:
		for text[len(text)-1] == '0' {
			text = text[:len(text)-1]
		}
		if text[len(text)-1] == '.' {
			text = text[:len(text)-1]
		}
	}
	return append(text, suffix...)
}
