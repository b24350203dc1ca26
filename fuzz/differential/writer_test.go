package differential

import (
	"math/rand/v2"
	"strings"
)

// form says how a program with jumps is written. In all forms its statements are on
// the same lines and print the same.
type form int

const (
	structured form = iota // with loops and break
	jumping                // with goto
)

// traits are what a program may contain.
type traits struct {
	errors     bool // things that may raise an error, pcall, xpcall
	coroutines bool
	metatables bool
	arithmetic bool // at its edges, where gopher-lua is often wrong
}

// full is everything.
var full = traits{errors: true, coroutines: true, metatables: true, arithmetic: true}

// writer makes up a program. Names in scope are known, so that most of what it does
// with them makes sense.
type writer struct {
	r      *rand.Rand
	form   form
	traits traits

	scopes  [][]string
	vararg  []bool
	yields  bool // directly in a coroutine's own function
	breaks  bool // break may be written
	labels  int
	nest    int // of blocks
	lambdas int // nesting of functions in expressions
	size    int // statements written
}

// program returns the program of a seed in one form. The two forms draw the same
// random numbers.
func program(seed uint64, f form, t traits) string {
	w := &writer{r: rand.New(rand.NewPCG(seed, 0x6c7561)), form: f, traits: t}
	w.scopes = [][]string{{"g1", "g2", "g3", "s1", "t1", "f1"}}
	w.vararg = []bool{true}
	var b strings.Builder
	for range 3 + w.r.IntN(6) {
		if t.errors {
			b.WriteString("local function main(...)\n" + w.function("", true) + " end try(main, 1, nil, 'z')\n")
		} else {
			b.WriteString(w.statement() + "\n")
		}
	}
	b.WriteString("P(g1, g2, g3, s1, t1, type(f1))\n")
	return b.String()
}

func (w *writer) one(list ...string) string { return list[w.r.IntN(len(list))] }

func (w *writer) chance(percent int) bool { return w.r.IntN(100) < percent }

func (w *writer) name() string {
	scope := w.scopes[w.r.IntN(len(w.scopes))]
	for len(scope) == 0 {
		scope = w.scopes[w.r.IntN(len(w.scopes))]
	}
	return scope[w.r.IntN(len(scope))]
}

// fresh returns a name for a new local variable; names are few, and hide others.
func (w *writer) fresh() string { return w.one("a", "b", "c", "x", "y", "i", "g1") }

func (w *writer) declare(names ...string) {
	last := len(w.scopes) - 1
	w.scopes[last] = append(w.scopes[last], names...)
}

// in returns what f writes in a scope of its own.
func (w *writer) in(f func() string, names ...string) string {
	w.scopes = append(w.scopes, append([]string(nil), names...))
	defer func() { w.scopes = w.scopes[:len(w.scopes)-1] }()
	return f()
}

// sep returns white space between two statements, or before the first. Within an
// expression there are no line ends: which line of several an error names is the
// business of testdata/lua/positions.lua in luasandbox/vm.
func (w *writer) sep() string {
	if w.chance(25) && w.lambdas == 0 {
		return "\n"
	}
	return " "
}

// numeral returns a number. There is no 0 among them: in C Lua 0 and -0 are one
// constant of a function, whichever comes first.
func (w *writer) numeral() string {
	return w.one("L{}", "1", "2", "-1", "3", "10", "0.5", "-0.25", "1e15", "1e14", "123456789012345", "2^53", "-7", "100", "7.25", "1e300", "-1e308",
		"(0/0)", "(1/0)", "(-1/0)", "1e-3", "255", "65536", "2^31", "2^32", "-2^63", "2^64", "5e-324", "0.1", "1/3", "0x10", "0xffffffff", "3.0", "1e16", "99999999999999")
}

// text returns a string. Control characters and long texts are not among them: as
// names of fields messages show them otherwise than C Lua does, on purpose.
func (w *writer) text() string {
	return w.one(`"a"`, `"b"`, `"hello"`, `""`, `"10"`, `"0x10"`, `" 5 "`, `"1e2"`, `"xyz"`, `"-3"`, `"%d"`, `"k"`, `"1e"`, `"0x"`, `"inf"`, `" 7 "`, `"١"`, `"a text of thirty-two characters!"`)
}

func (w *writer) atom() string {
	switch n := w.r.IntN(20); {
	case n < 6:
		return w.numeral()
	case n < 9:
		return w.text()
	case n < 10:
		return w.one("nil", "true", "false")
	case n < 11 && w.vararg[len(w.vararg)-1]:
		return w.one("...", "(...)", `select("#", ...)`)
	}
	return w.name()
}

func (w *writer) exprs(d, most int) string {
	list := make([]string, w.r.IntN(most+1))
	for i := range list {
		list[i] = w.expr(d + 1)
	}
	return strings.Join(list, ", ")
}

// some is exprs with at least one.
func (w *writer) some(d, most int) string {
	s := w.expr(d + 1)
	for range w.r.IntN(most) {
		s += ", " + w.expr(d+1)
	}
	return s
}

// safe returns an expression that raises no error.
func (w *writer) safe() string {
	switch w.r.IntN(7) {
	case 0:
		return w.one("true", "false", "nil", "1", `""`)
	case 1:
		return "type(" + w.name() + ") == " + w.one(`"number"`, `"string"`, `"table"`, `"nil"`)
	case 2:
		return "not " + w.name()
	case 3:
		return "(" + w.safe() + " and " + w.safe() + ")"
	case 4:
		return "(" + w.safe() + " or " + w.safe() + ")"
	case 5:
		return w.name() + w.one(" == ", " ~= ") + w.atom()
	}
	return w.name()
}

// number returns an expression that is a number.
func (w *writer) number() string {
	return "(tonumber(tostring(" + w.name() + "))" + w.one(" or 1)", " or -2)")
}

func (w *writer) expr(d int) string {
	if d > 4 || w.chance(18+12*d) {
		return w.atom()
	}
	e := func() string { return w.expr(d + 1) }
	if !w.traits.errors {
		return w.calm(d)
	}
	switch w.r.IntN(34) {
	case 30, 31, 32, 33:
		return w.arithmetic(d)
	case 0, 1, 2, 3:
		return "(" + e() + " " + w.one("+", "-", "*", "/", "%", "^") + " " + e() + ")"
	case 4:
		return "(" + e() + " .. " + e() + ")"
	case 5:
		return e() + " .. " + e() + " .. " + e()
	case 6, 7:
		return "(" + e() + " " + w.one("==", "~=", "<", "<=", ">", ">=") + " " + e() + ")"
	case 8:
		return "(" + e() + " and " + e() + ")"
	case 9:
		return "(" + e() + " or " + e() + ")"
	case 10:
		return "(not " + e() + ")"
	case 11:
		return "(- " + e() + ")"
	case 12:
		if w.chance(50) {
			return "L(" + w.name() + ")"
		}
		return w.one("#{}", "#{1, 2, 3}", `#"abc"`, "#undefined", "#P", "#(f1 and 1)") // of tables with holes nothing is known
	case 13:
		return "{" + w.fields(d) + "}"
	case 14, 15:
		return w.lambda(d)
	case 16:
		return "P(" + w.exprs(d, 3) + ")"
	case 17:
		return "try(" + w.lambda(d) + ", " + e() + ")"
	case 18, 19:
		return w.name() + "(" + w.exprs(d, 3) + ")"
	case 20:
		return w.name() + "." + w.one("k", "v", "n", "z")
	case 21:
		return w.name() + "[" + e() + "]"
	case 22:
		if w.traits.metatables {
			return "MT(" + e() + ", " + w.one("1", "2", "3") + ")"
		}
		return e()
	case 23:
		return "(" + w.lambda(d) + ")(" + w.exprs(d, 3) + ")"
	case 24:
		return w.name() + ":" + w.one("k", "upper", "n", "len", "sub", "lower") + "(" + w.exprs(d, 2) + ")"
	case 25:
		return "(" + e() + ")" + w.one(".k", "[1]", "()", ".k.v", ":k()")
	case 26:
		return w.library(e)
	case 27:
		return "(" + w.name() + "(" + w.exprs(d, 2) + "))"
	case 28:
		return "(" + w.one("g1", "g3", "f1", "undefined") + w.one(" and ", " or ") + e() + ")" + w.one("", "()", ".k", ":v()", "[g2]")
	}
	return w.one("g1", "G", "_G.g2", "_G[s1]", "_G.undefined", "math.huge", "string.k")
}

// library returns a call of a library function.
func (w *writer) library(e func() string) string {
	call := w.one("tostring(X)", "tonumber(X)", "tonumber(X, 16)", "type(X)", "math.floor(X)", "select(-1, X)", "select(X, 1, 2)", `string.rep("ab", 3, X)`,
		"math.max(1, X)", "unpack({X}, 1, 3)", "rawget(t1, X)", "rawequal(X, Y)", "string.sub(X, 2)", `string.format("%5.1f|%s|%d", 1, X, 3)`, `string.format("%g", X)`,
		"math.fmod(X, 3)", "string.byte(X)", "table.concat({1, X, 2})", "getmetatable(X)", "next({X})", "assert(X, Y)", "error(X)", "error(X, 2)", "error(X, 0)", `error("e" .. 1)`, "error()",
		"setmetatable({}, {__index = X}).k", "setmetatable({}, {__call = X})(Y)", "ipairs(X)", "string.find(X, '%d+')", "(string.gsub('hello', 'l', X))", "string.gsub('hello', '.', {l = X})",
		"math.modf(tonumber(X) or 2.5)", "xpcall(X, function(m) return m end)", "pcall(X, Y)", "pcall(pcall, X)", "pcall(error, X)", "loadstring('return ' .. L('ab'))()", "table.remove({1, X})", "unpack({1, 2, 3}, X)", "string.char(65, X)")
	return strings.NewReplacer("X", e(), "Y", e()).Replace(call)
}

// arithmetic returns an expression over numbers, and texts that are numbers, that
// raises no error.
func (w *writer) arithmetic(d int) string {
	if d > 5 || w.chance(25) {
		if w.chance(25) {
			return w.number()
		}
		return w.one(w.numeral(), w.numeral(), w.numeral(), `"10"`, `"0x10"`, `" 5 "`, `"-3"`, `"1e2"`)
	}
	a := func() string { return w.arithmetic(d + 1) }
	switch w.r.IntN(8) {
	case 0:
		return "(- " + a() + ")"
	case 1:
		return w.one("math.floor(", "math.ceil(", "math.abs(", "tonumber(") + a() + ")"
	case 2:
		return w.one("math.max(", "math.min(", "math.fmod(") + a() + ", " + a() + ")"
	}
	return "(" + a() + w.one(" + ", " - ", " * ", " / ", " % ", " % ", " ^ ") + a() + ")"
}

// calm returns an expression that raises no error, whatever the values.
func (w *writer) calm(d int) string {
	e := func() string { return w.expr(d + 1) }
	switch w.r.IntN(14) {
	case 12, 13:
		if w.traits.arithmetic {
			return w.arithmetic(d)
		}
		return w.numeral()
	case 0, 1, 2:
		return "(" + w.number() + w.one(" + ", " - ", " * ", " / ", " % ", " ^ ") + w.number() + ")"
	case 3:
		return "(tostring(" + w.number() + ") .. " + w.text() + ")"
	case 4:
		return "(" + w.number() + w.one(" < ", " <= ", " > ", " >= ") + w.number() + ")"
	case 5:
		return "(" + e() + w.one(" == ", " ~= ") + e() + ")"
	case 6:
		return "(" + e() + " and " + e() + ")"
	case 7:
		return "(" + e() + " or " + e() + ")"
	case 8:
		return "{" + w.one("k = ", "v = ", "") + e() + "}"
	case 9:
		return w.lambda(d)
	case 10:
		return "P(" + w.exprs(d, 3) + ")"
	}
	return "P(" + w.exprs(d, 2) + ")"
}

func (w *writer) fields(d int) string {
	var list []string
	for range w.r.IntN(5) {
		switch w.r.IntN(4) {
		case 0:
			list = append(list, w.one("k", "v", "n")+" = "+w.expr(d+1))
		case 1:
			list = append(list, "["+w.one("1", "2", `"k"`, "3", "true", "1.5")+"] = "+w.expr(d+1))
		default:
			list = append(list, w.expr(d+1))
		}
	}
	return strings.Join(list, w.one(", ", "; "))
}

// lambda returns a function expression.
func (w *writer) lambda(d int) string {
	if w.nest > 3 || w.size > 60 {
		return w.one("f1", "P", "tostring", "function() end", "function(...) return ... end")
	}
	params := [...]string{"", "a", "a, b", "x, y, c"}[w.r.IntN(4)]
	dots := w.chance(35)
	list := params
	if dots {
		list = strings.TrimPrefix(params+", ...", ", ")
	}
	w.lambdas++
	defer func() { w.lambdas-- }()
	return "function(" + list + ") " + w.function(params, dots) + " end"
}

// function returns a function's body.
func (w *writer) function(params string, dots bool) string {
	yields, breaks := w.yields, w.breaks
	w.yields, w.breaks = false, false
	w.vararg = append(w.vararg, dots)
	var names []string
	if params != "" {
		names = strings.Split(params, ", ")
	}
	s := w.in(func() string { return "T() " + w.block() + w.leave() }, names...)
	w.vararg = w.vararg[:len(w.vararg)-1]
	w.yields, w.breaks = yields, breaks
	return s
}

// leave returns a function's last statement, or nothing.
func (w *writer) leave() string {
	switch w.r.IntN(5) {
	case 0:
		return "return " + w.exprs(1, 3)
	case 1:
		if w.traits.errors {
			return "return " + w.name() + "(" + w.exprs(1, 3) + ")"
		}
		return "return P(" + w.exprs(1, 3) + ")"
	case 2:
		return "return " + w.expr(1)
	}
	return ""
}
