package stdlib

import (
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

const (
	chargeResult = "one for each 64 bytes of the result, and its memory, before it is built"
	chargeBytes  = "one for each 4 bytes, and the memory of the result, before it is built"
	chargeMatch  = "PatternStep for each step of the matcher, at most 64 steps behind"
	noteNUL      = "a NUL byte in a pattern is a byte like any other; C Lua takes it for the pattern's end"
)

// stringLibrary is the ledger of the string library.
var stringLibrary = []entry{
	{library: "string", name: "byte", fn: native("string.byte", stringByte), status: full,
		charge: "one for each result", test: "TestStringOracle/basic"},
	{library: "string", name: "char", fn: native("string.char", stringChar), status: full,
		charge: "one for each byte, and the memory of the result, before it is built", test: "TestStringOracle/basic"},
	{library: "string", name: "find", fn: native("string.find", stringFind), status: differs,
		charge: chargeMatch + "; a plain search one for each 64 bytes and one for each place where it begins to match",
		note:   noteNUL, test: "TestStringOracle/find"},
	{library: "string", name: "format", fn: native("string.format", stringFormat), status: full,
		charge: "Format for each directive, NumberToString and FormatPerBit for numbers, one for each 64 bytes of the result, before each is written",
		test:   "TestStringOracle/format"},
	{library: "string", name: "gfind", fn: stringGmatchNative, status: differs,
		charge: chargeMatch, note: "the old name of gmatch; " + noteNUL, test: "TestStringOracle/gmatch"},
	{library: "string", name: "gmatch", fn: stringGmatchNative, status: differs,
		charge: chargeMatch, note: noteNUL, test: "TestStringOracle/gmatch"},
	{library: "string", name: "gsub", fn: native("string.gsub", stringGsub), status: differs,
		charge: chargeMatch + "; one for each piece of a replacement and 64 bytes of the result, before each is added",
		note:   noteNUL, test: "TestStringOracle/gsub"},
	{library: "string", name: "len", fn: native("string.len", stringLen), status: full,
		charge: "none", test: "TestStringOracle/basic"},
	{library: "string", name: "lower", fn: native("string.lower", stringLower), status: full,
		charge: chargeBytes, test: "TestStringOracle/basic"},
	{library: "string", name: "match", fn: native("string.match", stringMatch), status: differs,
		charge: chargeMatch, note: noteNUL, test: "TestStringOracle/match"},
	{library: "string", name: "rep", fn: native("string.rep", stringRep), status: full,
		charge: chargeResult, test: "TestStringOracle/basic"},
	{library: "string", name: "reverse", fn: native("string.reverse", stringReverse), status: full,
		charge: chargeBytes, test: "TestStringOracle/basic"},
	{library: "string", name: "sub", fn: native("string.sub", stringSub), status: full,
		charge: chargeResult, test: "TestStringOracle/basic"},
	{library: "string", name: "upper", fn: native("string.upper", stringUpper), status: full,
		charge: chargeBytes, test: "TestStringOracle/basic"},
}

// The strings of no and of one byte are shared by all machines: pieces of text
// are most often that short.
var (
	emptyString   = vm.SharedString("")
	singleStrings = func() (all [256]vm.Value) {
		for i := range all {
			all[i] = vm.SharedString(string([]byte{byte(i)}))
		}
		return all
	}()
)

// piece returns s[start:end], where s is the text of whole, as a string of its
// own, charged.
func piece(c *vm.Call, whole vm.Value, s string, start, end int) (vm.Value, error) {
	switch end - start {
	case 0:
		return emptyString, nil
	case 1:
		return singleStrings[s[start]], nil
	case len(s):
		if whole.Kind() == vm.KindString {
			return whole, nil
		}
	}
	return c.Machine().CopyString(s[start:end])
}

// fromEnd turns a position that may count from the end of a string of n bytes,
// as -1 does, into one from the start; 0 if that lies before the start.
func fromEnd(pos int64, n int) int64 {
	if pos < 0 {
		pos += int64(n) + 1 // no overflow: pos is negative
	}
	return max(pos, 0)
}

func stringLen(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	return c.Return(vm.Int(len(s)))
}

func stringSub(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	from, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	to, err := c.OptInt(2, -1)
	if err != nil {
		return err
	}
	from = max(fromEnd(from, len(s)), 1)
	to = min(fromEnd(to, len(s)), int64(len(s)))
	if from > to {
		return c.Return(emptyString)
	}
	v, err := piece(c, c.Arg(0), s, int(from-1), int(to))
	if err != nil {
		return err
	}
	return c.Return(v)
}

func stringByte(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if c.NArgs() == 2 { // the usual call, for one byte
		if f, ok := c.Arg(1).AsNumber(); ok && f >= 1 && f < float64(len(s)+1) {
			if err := c.Work(1); err != nil {
				return err
			}
			return c.Return(vm.Int(int(s[int(f)-1])))
		}
	}
	from, err := c.OptInt(1, 1)
	if err != nil {
		return err
	}
	from = fromEnd(from, len(s))
	to, err := c.OptInt(2, from)
	if err != nil {
		return err
	}
	from = max(from, 1)
	to = min(fromEnd(to, len(s)), int64(len(s)))
	if from > to {
		return c.Return()
	}
	n := to - from + 1
	if n+int64(c.NArgs()) > maxUnpack {
		return c.Errorf("stack overflow (string slice too long)")
	}
	if err := c.Work(n); err != nil {
		return err
	}
	out, err := c.Results(int(n))
	if err != nil {
		return err
	}
	for i := range out {
		out[i] = vm.Int(int(s[int(from)-1+i]))
	}
	return nil
}

func stringChar(c *vm.Call) error {
	args := c.Args()
	if err := c.Work(int64(len(args))); err != nil {
		return err
	}
	switch len(args) {
	case 0:
		return c.Return(emptyString)
	case 1:
		b, err := checkByte(c, 0, args[0])
		if err != nil {
			return err
		}
		return c.Return(singleStrings[b])
	}
	if err := c.ReserveString(len(args)); err != nil {
		return err
	}
	var text strings.Builder
	text.Grow(len(args))
	for i, v := range args {
		b, err := checkByte(c, i, v)
		if err != nil {
			return err
		}
		text.WriteByte(b)
	}
	return c.Return(vm.String(text.String()))
}

// checkByte returns v, argument i, as a byte.
func checkByte(c *vm.Call, i int, v vm.Value) (byte, error) {
	if f, ok := v.AsNumber(); ok && f >= 0 && f < 256 {
		return byte(f), nil
	}
	b, err := checkInt32(c, i)
	if err != nil {
		return 0, err
	}
	if b < 0 || b > 255 {
		return 0, c.ArgError(i, "invalid value")
	}
	return byte(b), nil
}

func stringRep(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	times, err := checkInt32(c, 1)
	if err != nil {
		return err
	}
	if times <= 0 || s == "" {
		return c.Return(emptyString)
	}
	if err := c.ReserveString(int(limits.MulAdd(int64(len(s)), int64(times), 0))); err != nil {
		return err
	}
	return c.Return(vm.String(strings.Repeat(s, int(times))))
}

func stringUpper(c *vm.Call) error { return mapped(c, upperOf) }
func stringLower(c *vm.Call) error { return mapped(c, lowerOf) }

// The C locale's cases.
var (
	upperOf = byteMap(func(b byte) byte {
		if isLower(b) {
			return b - ('a' - 'A')
		}
		return b
	})
	lowerOf = byteMap(func(b byte) byte {
		if isUpper(b) {
			return b + ('a' - 'A')
		}
		return b
	})
)

func byteMap(f func(byte) byte) *[256]byte {
	var m [256]byte
	for i := range m {
		m[i] = f(byte(i))
	}
	return &m
}

// mapped returns argument 0 with each byte b replaced by to[b].
func mapped(c *vm.Call, to *[256]byte) error {
	s, err := checkBytes(c)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.Grow(len(s))
	var part [256]byte
	for at := 0; at < len(s); at += len(part) {
		n := min(len(s)-at, len(part))
		for i, b := range []byte(s[at : at+n]) {
			part[i] = to[b]
		}
		text.Write(part[:n])
	}
	return c.Return(vm.String(text.String()))
}

func stringReverse(c *vm.Call) error {
	s, err := checkBytes(c)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.Grow(len(s))
	var part [256]byte
	for left := len(s); left > 0; {
		n := min(left, len(part))
		for i := range n {
			part[i] = s[left-1-i]
		}
		text.Write(part[:n])
		left -= n
	}
	return c.Return(vm.String(text.String()))
}

// checkBytes returns argument 0, a string, with the charge paid for making a
// string as long byte by byte.
func checkBytes(c *vm.Call) (string, error) {
	s, err := c.CheckString(0)
	if err != nil {
		return "", err
	}
	if err := c.Work(limits.Units(int64(len(s)), limits.ByteStepsPerUnit)); err != nil {
		return "", err
	}
	return s, c.ReserveString(len(s))
}
