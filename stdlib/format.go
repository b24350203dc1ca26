package stdlib

import (
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// maxFlags is how many flags a directive may have, repetitions counted, as in C Lua.
const maxFlags = 5

// formatting is a string.format in progress.
type formatting struct {
	c      *vm.Call
	format string
	at     int // offset in format of what comes next
	arg    int // number of the argument used last
	out    textBuilder
}

// formattingBytes is the size of a formatting.
const formattingBytes = 256

func stringFormat(c *vm.Call) error {
	format, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if err := c.Reserve(formattingBytes); err != nil {
		return err
	}
	f := formatting{c: c, format: format}
	for f.at < len(format) {
		rest := format[f.at:]
		n := strings.IndexByte(rest, '%')
		if n < 0 {
			n = len(rest)
		}
		if n+1 < len(rest) && rest[n+1] == '%' {
			if err := f.out.add(c, rest[:n+1]); err != nil {
				return err
			}
			f.at += n + 2
			continue
		}
		if n > 0 {
			if err := f.out.add(c, rest[:n]); err != nil {
				return err
			}
		}
		f.at += n
		if n == len(rest) {
			break
		}
		f.at++
		if err := f.directive(); err != nil {
			return err
		}
	}
	v, err := f.out.value(c)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// directive writes one argument as the directive at f.at says.
func (f *formatting) directive() error {
	c := f.c
	if err := c.Work(limits.Format); err != nil {
		return err
	}
	f.arg++
	if f.arg >= c.NArgs() {
		return c.ArgError(f.arg, "no value")
	}
	d, err := f.scan()
	if err != nil {
		return err
	}
	var buf [512]byte
	switch d.verb {
	case 'c':
		n, err := c.CheckNumber(f.arg)
		if err != nil {
			return err
		}
		return f.out.addBytes(c, upToNUL(d.pad(buf[:0], string([]byte{charOf(n)}))))
	case 'd', 'i', 'o', 'u', 'x', 'X':
		n, err := c.CheckNumber(f.arg)
		if err != nil {
			return err
		}
		if err := c.Work(limits.NumberToString); err != nil {
			return err
		}
		return f.out.addBytes(c, d.appendInteger(buf[:0], n))
	case 'e', 'E', 'f', 'g', 'G':
		n, err := c.CheckNumber(f.arg)
		if err != nil {
			return err
		}
		if err := c.Work(d.floatWork(n)); err != nil {
			return err
		}
		return f.out.addBytes(c, d.appendFloat(buf[:0], n))
	case 'q':
		return f.quoted()
	case 's':
		s, err := c.CheckString(f.arg)
		if err != nil {
			return err
		}
		if d.precision < 0 && len(s) >= 100 {
			return f.out.add(c, s)
		}
		// C Lua gives the text to sprintf, for which it ends at a NUL.
		if d.precision >= 0 && len(s) > d.precision {
			s = s[:d.precision]
		}
		return f.out.addBytes(c, d.pad(buf[:0], cString(s)))
	case 0:
		return c.Errorf("invalid option '%%' to 'format'")
	}
	return c.Errorf("invalid option '%%%s' to 'format'", string([]byte{d.verb}))
}

// scan reads a directive after its '%'; the verb is 0 at the end of the format.
func (f *formatting) scan() (d directive, err error) {
	flags := 0
	for ; ; flags++ {
		switch f.peek() {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.space = true
		case '#':
			d.alt = true
		case '0':
			d.zero = true
		default:
			goto counted
		}
		f.at++
	}
counted:
	if flags > maxFlags {
		return d, f.c.Errorf("invalid format (repeated flags)")
	}
	d.width = f.twoDigits()
	d.precision = -1
	if f.peek() == '.' {
		f.at++
		d.precision = f.twoDigits()
	}
	if isDigit(f.peek()) {
		return d, f.c.Errorf("invalid format (width or precision too long)")
	}
	d.verb = f.peek()
	f.at++
	return d, nil
}

// peek returns the next byte of the format, 0 at its end.
func (f *formatting) peek() byte {
	if f.at < len(f.format) {
		return f.format[f.at]
	}
	return 0
}

// twoDigits reads a number of at most two digits, 0 if there is none.
func (f *formatting) twoDigits() int {
	n := 0
	for range 2 {
		if !isDigit(f.peek()) {
			break
		}
		n = n*10 + int(f.peek()-'0')
		f.at++
	}
	return n
}

// charOf is C's conversion of a double to unsigned char by way of int: a number
// that an int cannot hold gives 0.
func charOf(n float64) byte {
	if n > -1<<31-1 && n < 1<<31 {
		return byte(int32(n))
	}
	return 0
}

// upToNUL cuts b where C takes it to end.
func upToNUL(b []byte) []byte {
	for i := range b {
		if b[i] == 0 {
			return b[:i]
		}
	}
	return b
}

// quoted writes an argument as a Lua string in quotes.
func (f *formatting) quoted() error {
	c := f.c
	s, err := c.CheckString(f.arg)
	if err != nil {
		return err
	}
	if err := c.Work(limits.Units(int64(len(s)), limits.ByteStepsPerUnit)); err != nil {
		return err
	}
	if err := f.out.add(c, `"`); err != nil {
		return err
	}
	from := 0
	for i := range len(s) {
		var escape string
		switch s[i] {
		case '"':
			escape = `\"`
		case '\\':
			escape = `\\`
		case '\n':
			escape = "\\\n"
		case '\r':
			escape = `\r`
		case 0:
			escape = `\000`
		default:
			continue
		}
		if from < i {
			if err := f.out.add(c, s[from:i]); err != nil {
				return err
			}
		}
		if err := f.out.add(c, escape); err != nil {
			return err
		}
		from = i + 1
	}
	if err := f.out.add(c, s[from:]); err != nil {
		return err
	}
	return f.out.add(c, `"`)
}
