package stdlib

import (
	"math"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

var baseLibrary = []entry{
	{name: "assert", fn: native("assert", baseAssert), status: full, charge: "the message's bytes, if it fails", test: "TestOracle/base"},
	{name: "collectgarbage", fn: native("collectgarbage", baseCollectGarbage), status: differs, charge: "none",
		note: `collects nothing: "count" answers with the memory the sandbox is charged for, "step" with true, ` +
			`the others with what C Lua returns; "incremental" (Lua 5.4) is accepted too. A collection would stop the whole host`,
		test: "TestCollectGarbage"},
	{name: "error", fn: vm.RaiseError, status: full, charge: "the message's bytes", test: "TestOracle/base"},
	{name: "getfenv", fn: vm.GetFenv, status: differs, charge: "none",
		note: "answers for the script's own functions; a function of the library or the host, and a level beyond the script's, show the script's globals",
		test: "TestOracle/base"},
	{name: "getmetatable", fn: native("getmetatable", baseGetMetatable), status: full, charge: "none", test: "TestOracle/base"},
	{name: "ipairs", fn: native("ipairs", baseIPairs), status: full, charge: "none", test: "TestOracle/base"},
	{name: "load", fn: native("load", baseLoad), status: differs,
		charge: "each piece's bytes as it comes, then CompileBase and CompileByte",
		note: "text only; a name that the script gives is shown as [string \"...\"], without the characters that paths and places are made of; " +
			"a text beyond Limits.Source is an error like a syntax error; the reader may yield",
		test: "TestLoad"},
	{name: "loadstring", fn: native("loadstring", baseLoadString), status: differs, charge: "CompileBase and CompileByte",
		note: "text only, and names as load shows them", test: "TestLoadString"},
	{name: "next", fn: vm.Next, status: differs, charge: "HashLookup, and one for each empty place passed",
		note: "the order is that of insertion, after the keys 1..n: the same on every run", test: "TestOracle/base"},
	{name: "pairs", fn: native("pairs", basePairs), status: differs, charge: "none",
		note: "the order is next's", test: "TestOracle/base"},
	{name: "pcall", fn: vm.PCall, status: differs, charge: "none",
		note: "does not catch the end of a budget; a yield inside works", test: "TestOracle/base"},
	{name: "print", fn: native("print", basePrint), status: differs, charge: "PrintArgument for each argument; Limits.Output: a line's bytes before they are written",
		note: "writes a line at once to where the host says, or nowhere; zero bytes do not end it", test: "TestPrint"},
	{name: "rawequal", fn: native("rawequal", baseRawEqual), status: full, charge: "a byte each 64 of two strings of one length", test: "TestOracle/base"},
	{name: "rawget", fn: native("rawget", baseRawGet), status: full, charge: "for a long key, one for each HashBytesPerUnit bytes the first time and for each BytesPerUnit bytes each time", test: "TestOracle/base"},
	{name: "rawset", fn: native("rawset", baseRawSet), status: full, charge: "as rawget, and the table's growth", test: "TestOracle/base"},
	{name: "require", fn: requireNative, status: differs, charge: "as load, once a module",
		note: "serves the modules of the mod itself, and under a library's name, if the mod has no such module, the library's table; there is no package table", test: "TestRequire"},
	{name: "select", fn: native("select", baseSelect), status: full, charge: "TableSlotMove", test: "TestOracle/base"},
	{name: "setfenv", fn: vm.SetFenv, status: differs, charge: "none",
		note: "changes the script's own functions; level 0 and functions of the library or the host are refused", test: "TestOracle/base"},
	{name: "setmetatable", fn: native("setmetatable", baseSetMetatable), status: full, charge: "none", test: "TestOracle/base"},
	{name: "tonumber", fn: native("tonumber", baseToNumber), status: full, charge: "StringToNumber and NumberByte", test: "TestOracle/base"},
	{name: "tostring", fn: tostringNative, status: differs, charge: "NumberToString, twice that for an object; the bytes",
		note: "shows small numbers in place of addresses, and names for functions of the library; whether a NaN prints as nan or -nan is up to the processor, as in C", test: "TestOracle/base"},
	{name: "type", fn: native("type", baseType), status: full, charge: "none", test: "TestOracle/base"},
	{name: "unpack", fn: native("unpack", baseUnpack), status: full, charge: "one for each two results", test: "TestOracle/base"},
	{name: "xpcall", fn: vm.XPCall, status: differs, charge: "none",
		note: "as pcall; arguments after the handler are passed to the function, as in Lua 5.2", test: "TestOracle/base"},
}

var debugLibrary = []entry{
	{library: "debug", name: "traceback", fn: vm.Traceback, status: differs, charge: "the text's bytes",
		note: "the only function of debug", test: "TestTraceback"},
}

var coroutineLibrary = []entry{
	{library: "coroutine", name: "create", fn: vm.CoCreate, status: full, charge: "CoroutineCreate and ThreadBytes; Limits.Coroutines", test: "TestOracle/coroutine"},
	{library: "coroutine", name: "resume", fn: vm.CoResume, status: differs, charge: "none",
		note: "does not catch the end of a budget", test: "TestOracle/coroutine"},
	{library: "coroutine", name: "running", fn: vm.CoRunning, status: full, charge: "none", test: "TestOracle/coroutine"},
	{library: "coroutine", name: "status", fn: vm.CoStatus, status: full, charge: "none", test: "TestOracle/coroutine"},
	{library: "coroutine", name: "wrap", fn: vm.CoWrap, status: full, charge: "as create", test: "TestOracle/coroutine"},
	{library: "coroutine", name: "yield", fn: vm.CoYield, status: differs, charge: "none",
		note: "works across pcall, metamethods, iterators and callbacks of the library, where C Lua has an error", test: "TestYieldEverywhere"},
}

func native(name string, fn vm.Func) *vm.Native { return vm.NewNative(name, fn) }

// Keys and results used often, made once.
var (
	keyMetatable = vm.SharedString("__metatable")
	keyToString  = vm.SharedString("__tostring")
	keyIndex     = vm.SharedString("__index")
	keyTostring  = vm.SharedString("tostring")

	textNil   = vm.SharedString("nil")
	textTrue  = vm.SharedString("true")
	textFalse = vm.SharedString("false")

	typeNames = func() (names [vm.KindThread + 1]vm.Value) {
		for k := range names {
			names[k] = vm.SharedString(vm.Kind(k).String())
		}
		return names
	}()
)

// checkInt32 is luaL_checkint: argument i cut to C's int as x86-64 does it.
func checkInt32(c *vm.Call, i int) (int32, error) {
	n, err := c.CheckInt(i)
	return int32(n), err
}

// optInt32 is checkInt32 with a default for an argument that is absent or nil.
func optInt32(c *vm.Call, i int, otherwise int32) (int32, error) {
	if c.Arg(i).IsNil() {
		return otherwise, nil
	}
	return checkInt32(c, i)
}

// cString cuts s where C takes it to end.
func cString(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

// clip shortens a script's text for an error message.
func clip(s string) string {
	const most = 100
	s = cString(s)
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

func baseAssert(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	if c.Arg(0).Truthy() {
		return c.Return(c.Args()...)
	}
	msg, err := c.OptString(1, "assertion failed!")
	if err != nil {
		return err
	}
	if err := c.ReserveString(len(msg)); err != nil {
		return err
	}
	return c.Errorf("%s", cString(msg))
}

func baseCollectGarbage(c *vm.Call) error {
	opt, err := c.OptString(0, "collect")
	if err != nil {
		return err
	}
	arg, err := optInt32(c, 1, 0)
	if err != nil {
		return err
	}
	l := libraryOf(c)
	switch opt {
	case "collect", "stop", "restart", "incremental":
		return c.Return(vm.Number(0))
	case "count":
		return c.Return(vm.Number(float64(c.Machine().Memory()) / 1024))
	case "step":
		return c.Return(vm.True)
	case "setpause":
		arg, l.pause = l.pause, arg
		return c.Return(vm.Number(float64(arg)))
	case "setstepmul":
		arg, l.stepMul = l.stepMul, arg
		return c.Return(vm.Number(float64(arg)))
	}
	return c.ArgError(0, "invalid option '%s'", clip(opt))
}

func baseGetMetatable(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	mt := c.Machine().Metatable(c.Arg(0))
	if mt == nil {
		return c.Return(vm.Nil)
	}
	if protected := mt.Get(keyMetatable); !protected.IsNil() {
		return c.Return(protected)
	}
	return c.Return(mt.Value())
}

func baseSetMetatable(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	mt := c.Arg(1).AsTable()
	if mt == nil && (c.NArgs() < 2 || !c.Arg(1).IsNil()) {
		return c.ArgError(1, "nil or table expected")
	}
	if old := t.Metatable(); old != nil && !old.Get(keyMetatable).IsNil() {
		return c.Errorf("cannot change a protected metatable")
	}
	if err := c.Machine().SetMetatable(t, mt); err != nil {
		return err
	}
	return c.Return(t.Value())
}

func baseIPairs(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	return c.Return(vm.INext.Value(), t.Value(), vm.Number(0))
}

func basePairs(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	return c.Return(vm.Next.Value(), t.Value(), vm.Nil)
}

func baseRawEqual(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	if err := c.CheckAny(1); err != nil {
		return err
	}
	a, b := c.Arg(0), c.Arg(1)
	if s, ok := a.AsString(); ok {
		if t, ok := b.AsString(); ok && len(s) == len(t) {
			if err := c.Work(limits.Units(int64(len(s)), limits.BytesPerUnit)); err != nil {
				return err
			}
		}
	}
	return c.Return(vm.Bool(vm.RawEqual(a, b)))
}

func baseRawGet(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if err := c.CheckAny(1); err != nil {
		return err
	}
	k := c.Arg(1)
	if err := c.Work(vm.KeyWork(k)); err != nil {
		return err
	}
	return c.Return(t.Get(k))
}

func baseRawSet(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	for i := 1; i <= 2; i++ {
		if err := c.CheckAny(i); err != nil {
			return err
		}
	}
	if err := c.Machine().RawSet(t, c.Arg(1), c.Arg(2)); err != nil {
		return err
	}
	return c.Return(t.Value())
}

func baseSelect(c *vm.Call) error {
	if s, ok := c.Arg(0).AsString(); ok && s != "" && s[0] == '#' {
		return c.Return(vm.Int(c.NArgs() - 1))
	}
	at, err := checkInt32(c, 0)
	if err != nil {
		return err
	}
	i, n := int(at), c.NArgs()
	switch {
	case i < 0:
		i += n
	case i > n:
		i = n
	}
	if i < 1 {
		return c.ArgError(0, "index out of range")
	}
	if err := c.Work(limits.Units(int64(n-i), limits.TableSlotMove)); err != nil {
		return err
	}
	return c.Return(c.Args()[i:]...)
}

func baseType(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	return c.Return(typeNames[c.Arg(0).Kind()])
}

func baseToNumber(c *vm.Call) error {
	base, err := optInt32(c, 1, 10)
	if err != nil {
		return err
	}
	if base == 10 {
		if err := c.CheckAny(0); err != nil {
			return err
		}
		if _, ok := c.Arg(0).AsNumber(); ok {
			return c.Return(c.Arg(0))
		}
		s, ok := c.Arg(0).AsString()
		if !ok {
			return c.Return(vm.Nil)
		}
		if err := chargeNumeral(c, s); err != nil {
			return err
		}
		if f, ok := vm.ParseNumber(s); ok {
			return c.Return(vm.Number(f))
		}
		return c.Return(vm.Nil)
	}
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if base < 2 || base > 36 {
		return c.ArgError(1, "base out of range")
	}
	if err := chargeNumeral(c, s); err != nil {
		return err
	}
	if f, ok := parseUnsigned(cString(s), uint64(base)); ok {
		return c.Return(vm.Number(f))
	}
	return c.Return(vm.Nil)
}

// chargeNumeral pays for reading s as a number. Hexadecimal text, and text that is
// no number, are copied.
func chargeNumeral(c *vm.Call, s string) error {
	if err := c.Work(limits.MulAdd(int64(len(s)), limits.NumberByte, limits.StringToNumber)); err != nil {
		return err
	}
	return c.Reserve(limits.MulAdd(2, int64(len(s)), limits.StringHeader))
}

// parseUnsigned reads all of s as C's strtoul does, with white space around it
// allowed: a sign (minus wraps), "0x" if the base is 16, digits; more than 64
// bits give the largest value.
func parseUnsigned(s string, base uint64) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' && digitOf(s[2]) < 16 {
		s = s[2:]
	}
	if s == "" {
		return 0, false
	}
	var n uint64
	overflow := false
	for i := 0; i < len(s); i++ {
		d := digitOf(s[i])
		if d >= base {
			return 0, false
		}
		if n > (math.MaxUint64-d)/base {
			overflow = true
		}
		n = n*base + d
	}
	switch {
	case overflow:
		n = math.MaxUint64
	case negative:
		n = -n
	}
	return float64(n), true
}

// digitOf returns the value of an ASCII digit or letter, or 255.
func digitOf(b byte) uint64 {
	switch {
	case '0' <= b && b <= '9':
		return uint64(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'z':
		return uint64(b|0x20-'a') + 10
	}
	return 255
}

// maxUnpack is how many values one C Lua function may have on its stack
// (LUAI_MAXCSTACK in luaconf.h).
const maxUnpack = 8000

func baseUnpack(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	from, err := optInt32(c, 1, 1)
	if err != nil {
		return err
	}
	var to int32
	if c.Arg(2).IsNil() {
		n, err := c.Len(t)
		if err != nil {
			return err
		}
		to = int32(n)
	} else if to, err = checkInt32(c, 2); err != nil {
		return err
	}
	if from > to {
		return c.Return()
	}
	n := int64(to) - int64(from) + 1
	if n+int64(c.NArgs()) > maxUnpack {
		return c.Errorf("too many results to unpack")
	}
	if err := c.Work(limits.Units(n, 2)); err != nil {
		return err
	}
	out, err := c.Results(int(n))
	if err != nil {
		return err
	}
	for i := range out {
		out[i] = t.GetInt(int(from) + i)
	}
	return nil
}
