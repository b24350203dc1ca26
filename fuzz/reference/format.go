package reference

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// FormatError is a bad format or a bad argument, in the words of C Lua without the
// place: "invalid option '%y' to 'format'", "bad argument #2 to 'format' (no value)".
type FormatError string

// Error returns the words.
func (e FormatError) Error() string { return string(e) }

// Format is string.format as the manual has it, and behind it C's sprintf for the
// types long, unsigned long, double and char * on x86-64. Arguments are float64 and
// string. Numbers are written digit by digit with exact arithmetic. The errors are
// [FormatError], and [ErrTired] for a string as a number that is not plain digits.
func Format(format string, args ...any) (string, error) {
	var out strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			out.WriteByte('%')
			continue
		}
		number := next + 2 // of the argument: the format is the first
		next++
		if next > len(args) {
			return "", FormatError(fmt.Sprintf("bad argument #%d to 'format' (no value)", number))
		}
		d, n, err := readDirective(format[i:])
		if err != nil {
			return "", err
		}
		i += n
		text, err := d.write(args[next-1], number)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

// directive is "%[flags][width][.precision]verb".
type directive struct {
	flags     string
	width     int
	precision int // -1: none
	verb      byte
}

// readDirective reads what follows a '%', and returns the offset of the verb.
func readDirective(s string) (d directive, n int, err error) {
	at := func() byte {
		if n < len(s) {
			return s[n]
		}
		return 0
	}
	digits := func() int {
		v := 0
		for k := 0; k < 2 && at() >= '0' && at() <= '9'; k++ {
			v = 10*v + int(at()-'0')
			n++
		}
		return v
	}
	for at() != 0 && strings.IndexByte("-+ #0", at()) >= 0 {
		n++
	}
	d.flags = s[:n]
	if n >= 6 {
		return d, n, FormatError("invalid format (repeated flags)")
	}
	d.width, d.precision = digits(), -1
	if at() == '.' {
		n++
		d.precision = digits()
	}
	if at() >= '0' && at() <= '9' {
		return d, n, FormatError("invalid format (width or precision too long)")
	}
	d.verb = at()
	if strings.IndexByte("cdiouxXeEfgGqs", d.verb) < 0 || d.verb == 0 {
		word := string([]byte{d.verb})
		if d.verb == 0 {
			word = "" // C's string ends here
		}
		return d, n, FormatError("invalid option '%" + word + "' to 'format'")
	}
	return d, n, nil
}

func (d directive) has(flag byte) bool { return strings.IndexByte(d.flags, flag) >= 0 }

func (d directive) write(arg any, number int) (string, error) {
	if d.verb == 's' || d.verb == 'q' {
		s, ok := arg.(string)
		if f, isNumber := arg.(float64); isNumber {
			s, ok = Number(f), true
		}
		if !ok {
			return "", badArgument(number, "string", arg)
		}
		if d.verb == 'q' {
			return quoted(s), nil
		}
		if d.precision < 0 && len(s) >= 100 {
			return s, nil // lstrlib.c: no precision and a long text, kept whole
		}
		if d.precision >= 0 && len(s) > d.precision {
			s = s[:d.precision]
		}
		s, _, _ = strings.Cut(s, "\x00")
		return d.pad("", s, false), nil
	}
	f, ok := arg.(float64)
	if s, isText := arg.(string); isText {
		trimmed := strings.Trim(s, " ")
		if len(trimmed) == 0 || len(trimmed) > 15 || strings.Trim(trimmed, "0123456789") != "" {
			return "", ErrTired
		}
		whole, _ := new(big.Int).SetString(trimmed, 10)
		f, _ = new(big.Float).SetInt(whole).Float64()
		ok = true
	}
	if !ok {
		return "", badArgument(number, "number", arg)
	}
	switch d.verb {
	case 'c':
		text, _, _ := strings.Cut(d.pad("", string([]byte{charOf(f)}), false), "\x00")
		return text, nil
	case 'd', 'i', 'o', 'u', 'x', 'X':
		return d.integer(f), nil
	}
	return d.float(f), nil
}

func badArgument(number int, want string, arg any) error {
	got := "nil"
	if _, ok := arg.(bool); ok {
		got = "boolean"
	}
	return FormatError(fmt.Sprintf("bad argument #%d to 'format' (%s expected, got %s)", number, want, got))
}

// pad makes sign and text as wide as the directive says; zeros says whether zeros
// may fill.
func (d directive) pad(sign, text string, zeros bool) string {
	fill := max(d.width-len(sign)-len(text), 0)
	switch {
	case d.has('-'):
		return sign + text + strings.Repeat(" ", fill)
	case zeros && d.has('0'):
		return sign + strings.Repeat("0", fill) + text
	}
	return strings.Repeat(" ", fill) + sign + text
}

func (d directive) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.has('+'):
		return "+"
	case d.has(' '):
		return " "
	}
	return ""
}

var two64 = new(big.Int).Lsh(big.NewInt(1), 64)

// truncated returns f without its fraction, and whether lo <= f < hi as powers of two.
func truncated(f float64) *big.Int {
	whole, _ := new(big.Float).SetFloat64(f).Int(nil)
	return whole
}

// charOf is C's (unsigned char)(int)f: cvttsd2si gives INT_MIN for what no int is.
func charOf(f float64) byte {
	if math.IsNaN(f) || f <= -2147483649 || f >= 2147483648 {
		return 0
	}
	n := new(big.Int).And(truncated(f), big.NewInt(255))
	return byte(n.Uint64())
}

// integer writes %d and %i as %ld, the others as %lu.
func (d directive) integer(f float64) string {
	const two63 = 9223372036854775808.0
	n := new(big.Int).Neg(new(big.Int).Rsh(two64, 1)) // "integer indefinite"
	switch {
	case math.IsNaN(f) || f < -two63:
	case f < two63:
		n = truncated(f)
	case d.verb != 'd' && d.verb != 'i':
		// A compiler for x86-64 subtracts 2^63, converts, and turns the top bit.
		if n.SetInt64(0); f < 2*two63 {
			n = truncated(f)
		}
	}
	base, sign, prefix := 10, "", ""
	switch d.verb {
	case 'd', 'i':
		sign = d.sign(n.Sign() < 0)
		n = new(big.Int).Abs(n)
	case 'o':
		base = 8
	case 'x', 'X':
		base, prefix = 16, "0"+string(d.verb)
	}
	n = new(big.Int).Mod(n, two64) // as unsigned
	text := n.Text(base)
	if d.verb == 'X' {
		text = strings.ToUpper(text)
	}
	if d.precision == 0 && n.Sign() == 0 {
		text = ""
	}
	text = strings.Repeat("0", max(d.precision-len(text), 0)) + text
	if d.has('#') && base == 8 && !strings.HasPrefix(text, "0") {
		text = "0" + text
	}
	if d.has('#') && base == 16 && n.Sign() != 0 {
		sign = prefix
	}
	return d.pad(sign, text, d.precision < 0)
}

func (d directive) float(f float64) string {
	upper := d.verb == 'E' || d.verb == 'G'
	text, finite := "", false
	switch precision := d.precision; {
	case math.IsNaN(f):
		text = "nan"
	case math.IsInf(f, 0):
		text = "inf"
	default:
		finite = true
		if precision < 0 {
			precision = 6
		}
		x := new(big.Rat).SetFloat64(math.Abs(f))
		switch d.verb {
		case 'f':
			text = fixed(x, precision, d.has('#'))
		case 'e', 'E':
			text = scientific(x, precision, d.has('#'))
		default:
			text = general(x, max(precision, 1), d.has('#'))
		}
	}
	if upper {
		text = strings.ToUpper(text)
	}
	return d.pad(d.sign(math.Signbit(f)), text, finite)
}

var ten = big.NewInt(10)

func power(n int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Exp(ten, big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		p.Inv(p)
	}
	return p
}

// rounded returns the integer nearest to x, of two the even one.
func rounded(x *big.Rat) *big.Int {
	q, r := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	switch r.Lsh(r, 1).Cmp(x.Denom()) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		q.Add(q, new(big.Int).And(q, big.NewInt(1)))
	}
	return q
}

// fixed writes x with precision digits after the point.
func fixed(x *big.Rat, precision int, point bool) string {
	digits := rounded(new(big.Rat).Mul(x, power(precision))).String()
	if len(digits) <= precision {
		digits = strings.Repeat("0", precision+1-len(digits)) + digits
	}
	whole, fraction := digits[:len(digits)-precision], digits[len(digits)-precision:]
	if fraction == "" && !point {
		return whole
	}
	return whole + "." + fraction
}

// decimal returns the first n digits of x, rounded, and the exponent of the first.
func decimal(x *big.Rat, n int) (digits string, exponent int) {
	if x.Sign() == 0 {
		return strings.Repeat("0", n), 0
	}
	for x.Cmp(power(exponent)) < 0 {
		exponent--
	}
	for x.Cmp(power(exponent+1)) >= 0 {
		exponent++
	}
	digits = rounded(new(big.Rat).Mul(x, power(n-1-exponent))).String()
	if len(digits) > n { // 9.99 became 10.0
		return digits[:n], exponent + 1
	}
	return digits, exponent
}

func scientific(x *big.Rat, precision int, point bool) string {
	digits, exponent := decimal(x, precision+1)
	return mantissa(digits, point) + exponentOf(exponent)
}

func mantissa(digits string, point bool) string {
	if len(digits) == 1 && !point {
		return digits
	}
	return digits[:1] + "." + digits[1:]
}

func exponentOf(n int) string {
	sign := "+"
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("e%s%02d", sign, n)
}

// general is %g: the shorter of both, without the zeros at the end unless all is
// asked for.
func general(x *big.Rat, precision int, all bool) string {
	digits, exponent := decimal(x, precision)
	plain := exponent >= -4 && exponent < precision
	text := mantissa(digits, all)
	if plain {
		text = fixed(x, precision-1-exponent, all)
	}
	if !all && strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if !plain {
		text += exponentOf(exponent)
	}
	return text
}

// Number is tostring of a number: C's "%.14g".
func Number(f float64) string {
	return directive{precision: 14, verb: 'g'}.float(f)
}

// quoted is %q.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", "\\\n", "\r", `\r`, "\x00", `\000`).Replace(s) + `"`
}
