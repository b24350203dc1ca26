package differential

import (
	"fmt"
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
}

// full is everything.
var full = traits{errors: true, coroutines: true, metatables: true}

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

// prelude runs before each program, and defines what programs use. P prints its arguments, none of which shows
// an address or the sign of a NaN, and returns them. T ends endless work. Neither
// stops a program by an error that pcall would catch for long.
const prelude = `local out, ticks, depth = 0, 0, 0
local function show(v, d)
  local t = type(v)
  if t == "table" then
    if d > 2 then return "{..}" end
    local r = {}
    for i = 1, 4 do r[i] = show(rawget(v, i), d + 1) end
    for i, k in ipairs{"k", "v", "n"} do r[4 + i] = show(rawget(v, k), d + 1) end
    return "{" .. table.concat(r, ",") .. "}"
  elseif t == "function" or t == "thread" then
    return t
  elseif t == "number" then
    return v ~= v and "nan" or string.format("n:%.14g", v)
  elseif t == "string" then
    return #v > 200 and "s#" .. #v or "s:" .. (v:gsub("%z", "\\0"))
  end
  return tostring(v)
end
function L(v) return type(v) == "table" and 0 or #v end
local raw = tostring
function tostring(...)
  local v = ...
  local t, m = type(v), getmetatable(v)
  if t == "function" or t == "thread" or t == "table" and not (type(m) == "table" and m.__tostring) then return t end
  return raw(...)
end
function P(...)
  out = out + 1
  if out > 150 then return ... end
  local r = {}
  for i = 1, select("#", ...) do r[i] = show((select(i, ...)), 0) end
  print(table.concat(r, " "))
  return ...
end
function T()
  ticks = ticks + 1
  if ticks > 300 then error("ticks", 0) end
end
local function inner(...) depth = depth - 1 return ... end
function try(...)
  if depth > 5 then return P("deep") end
  depth = depth + 1
  return P("try", inner(pcall(...)))
end
local mt = {
  __index = function(t, k) P("index", k) return k end,
  __newindex = function(t, k, v) P("newindex", k, v) rawset(t, k, v) end,
  __add = function(a, b) return "add" end, __sub = function(a, b) P("sub", a, b) return 1, 2 end,
  __mul = function(a, b) return a end, __div = function(a, b) return nil end, __mod = function() return 2, 3 end,
  __pow = function(a, b) return b end, __unm = function(a, b) return a, rawequal(a, b) end,
  __concat = function(a, b) return type(a) .. type(b) end,
  __eq = function(a, b) P("eq") return 1 end, __lt = function(a, b) return type(a) == "table" end,
  __call = function(self, ...) T() return select("#", ...), ... end,
  __tostring = function(t) return "a table" end,
}
local mt2 = {__index = {k = "inherited", v = 7, [2] = "two"}, __newindex = {}, __le = function(a, b) return nil end,
  __add = mt.__add, __eq = mt.__eq, __lt = function(a, b) return a end, __metatable = "locked"}
local mt3 = {__index = setmetatable({}, {__index = function(t, k) return rawget(t, 1) end}), __call = f1, __concat = mt.__concat}
function MT(v, n)
  if type(v) ~= "table" then v = {v = v} end
  if not getmetatable(v) then setmetatable(v, n == 1 and mt or n == 2 and mt2 or mt3) end
  return v
end
function IT(n) local i = 0 return function() T() i = i + 1 if i <= n then return i, i * 2, "x" end end end
function CO(f, ...)
  local co = coroutine.create(f)
  local all = {P("co", coroutine.resume(co, ...))}
  local n = 0
  while coroutine.status(co) == "suspended" and n < 4 do
    n = n + 1
    P("co", coroutine.resume(co, n, "r"))
  end
  P(coroutine.status(co), coroutine.resume(co))
  return all[2], all[3]
end
g1, g2, g3 = 1, "two", {k = 1, 5, 6}
s1, t1 = "10", {1, 2, 3}
function f1(...) T() return ... end
`

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
	switch w.r.IntN(30) {
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

// calm returns an expression that raises no error, whatever the values.
func (w *writer) calm(d int) string {
	e := func() string { return w.expr(d + 1) }
	switch w.r.IntN(12) {
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

// block returns statements in a scope of their own, with a space after them.
func (w *writer) block() string {
	w.nest++
	defer func() { w.nest-- }()
	return w.in(func() string {
		var b strings.Builder
		for range 1 + w.r.IntN(4-min(w.nest, 3)) {
			b.WriteString(w.statement() + w.sep())
		}
		if w.breaks && w.chance(20) {
			b.WriteString("break ")
		}
		return b.String()
	})
}

// body returns the body of a loop of its own.
func (w *writer) body(names ...string) string {
	breaks := w.breaks
	w.breaks = true
	defer func() { w.breaks = breaks }()
	return w.in(w.block, names...)
}

// whole returns a block that no break leaves.
func (w *writer) whole(names ...string) string {
	breaks := w.breaks
	w.breaks = false
	defer func() { w.breaks = breaks }()
	return w.in(w.block, names...)
}

func (w *writer) statement() string {
	w.size++
	n := 30
	if w.nest > 3 || w.size > 60 {
		n = 9
	}
	e := func() string { return w.expr(1) }
	switch k := w.r.IntN(n); k {
	case 0, 1:
		names := []string{w.fresh(), w.fresh(), w.fresh()}[:1+w.r.IntN(3)]
		s := "local " + strings.Join(names, ", ")
		if w.chance(85) {
			s += " = " + w.some(1, 3)
		}
		w.declare(names...)
		return s + ";"
	case 2:
		return w.name() + " = " + e() + ";"
	case 3:
		return w.name() + ", " + w.name() + " = " + w.some(1, 3) + ";"
	case 4, 5:
		return "P(" + w.exprs(1, 3) + ");"
	case 6:
		v := w.name()
		return "if type(" + v + ") == 'table' then " + v + w.one(".k", ".v", "[1]", "[2]", "[3]") + " = " + e() + " end"
	case 7:
		if w.traits.errors {
			return w.name() + w.one(".k", "[1]", "[g1]", ".k.v") + ", " + w.name() + " = " + w.some(1, 2) + ";"
		}
		return "P(" + w.name() + ");"
	case 8:
		if w.yields {
			return w.name() + ", " + w.name() + " = coroutine.yield(" + w.exprs(1, 3) + ");"
		}
		if w.traits.errors {
			return w.name() + "(" + w.exprs(1, 3) + ");"
		}
		return "P(" + w.exprs(1, 3) + ");"
	case 9, 10:
		s := "if " + e() + " then" + w.sep() + w.block()
		if w.chance(50) {
			s += "elseif " + w.safe() + " then " + w.block()
		}
		if w.chance(50) {
			s += "else" + w.sep() + w.block()
		}
		return s + "end"
	case 11, 12:
		v := w.fresh()
		return "for " + v + " = " + w.steps() + " do T() " + w.body(v) + "end"
	case 13, 14:
		v, u := w.fresh(), w.fresh()
		list := "IT(" + w.one("0", "2", "3") + ")"
		switch {
		case w.traits.coroutines && w.chance(40):
			list = "coroutine.wrap(function(a, ...) T() " + w.coroutine() + " end)"
		case w.traits.errors && w.chance(30):
			list = e()
		case w.chance(50):
			list = "ipairs({" + w.exprs(1, 3) + "})"
		}
		return "for " + v + ", " + u + " in " + list + " do T() " + w.body(v, u) + "end"
	case 15:
		return "do local turn = 0 while turn < 3 do turn = turn + 1 T() local n = turn " + w.body("n") + "end end"
	case 16:
		return "do local turn = 0 repeat turn = turn + 1 T() local n, z = turn " + w.whole("n", "z") + "until turn >= 3 or " + w.safe() + " end"
	case 17:
		v := w.fresh()
		w.declare(v)
		return "local function " + v + "(a, ...) T() " + w.function("a", true) + " end;"
	case 18:
		if !w.traits.errors {
			return "P(" + w.exprs(1, 3) + ");"
		}
		return "try(" + w.lambda(1) + ", " + w.some(1, 2) + ");"
	case 19:
		if !w.traits.errors {
			return "do " + w.block() + "end"
		}
		return "P(xpcall(" + w.lambda(1) + ", function(m) " + w.one(`return "H:" .. tostring(type(m) == "table" or m)`, "return m, 2", "P(m)", "error(m)") + " end));"
	case 20, 21:
		if !w.traits.coroutines {
			return "do " + w.block() + "end"
		}
		return "P(CO(function(a, ...) T() " + w.coroutine() + " end, " + w.one("1", "1, 2", "nil", "g1, g2, g3") + "));"
	case 22:
		if !w.traits.coroutines {
			return "do " + w.block() + "end"
		}
		v := w.fresh()
		s := "local " + v + " = coroutine.wrap(function(a, ...) T() " + w.coroutine() + " end) try(" + v + ", 1) try(" + v + ", 2, 3) try(" + v + ");"
		w.declare(v)
		return s
	case 23, 24:
		return w.skip()
	case 25:
		return w.again()
	case 26:
		return w.out()
	case 27:
		s := "local fs = {} for i = 1, 3 do local j = i * 2 fs[i] = function(n) T() j = j + (tonumber(n) or 1) i = i + 1 return i, j end " + w.body("j") + "end"
		return s + " for i = 1, 3 do local f = fs[i] if f then P(f(i), f()) end end"
	case 28:
		v := w.fresh()
		s := "local " + v + " = {k = 1, v = 2} function " + v + ".n(...) " + w.function("", true) + " end function " + v + ":z(a) " + w.function("self, a", false) + " end"
		w.declare(v)
		return s
	}
	return "do " + w.block() + "end"
}

// coroutine returns the body of a coroutine's function, whose parameters are a and ....
func (w *writer) coroutine() string {
	yields, breaks := w.yields, w.breaks
	w.yields, w.breaks = true, false
	w.vararg = append(w.vararg, true)
	s := w.in(func() string {
		return w.block() + "a = coroutine.yield(a, " + w.expr(2) + ") " + w.block() + w.leave()
	}, "a")
	w.vararg = w.vararg[:len(w.vararg)-1]
	w.yields, w.breaks = yields, breaks
	return s
}

// steps returns the numbers of a numeric for.
func (w *writer) steps() string {
	fixed := w.one("1, 3", "3, 1, -1", "1, 2, 0.5", "0.1, 0.5, 0.1", "5, 1", "1, 0", "2^53, 2^53 + 2", "-1, -3, -1", "1, 3, 1e300", "0, -0.3, -0.1", "'1', '2'")
	if w.traits.errors && w.chance(20) {
		if w.chance(20) {
			return w.one("1, 1/0, 1/0", "1e308, 1/0, 1e308", "1, 0/0", "0, 1, 0", "2^53, 2^53 + 1", "nil, 1", "1, {}", "1, 2, 'x'")
		}
		return w.expr(2) + ", " + w.expr(2) + w.one("", ", "+w.expr(2))
	}
	return fixed
}

// skip returns a loop that goes on with its next turn early.
func (w *writer) skip() string {
	w.labels++
	label := fmt.Sprint("l", w.labels)
	head := w.one("for i = 1, 3 do ", "for i, j in ipairs{4, 5, 6} do ", "for i = 3, 1, -1 do ") + "T() "
	// The condition is written before the second block, whose variables it must not see.
	var first, second, condition string
	w.in(func() string {
		w.nest++
		first = w.statements()
		condition = w.safe()
		w.nest--
		second = w.whole()
		return ""
	}, "i")
	if w.form == jumping {
		return head + first + "if " + condition + " then goto " + label + " end " + second + "::" + label + ":: end"
	}
	return head + "repeat " + first + "if " + condition + " then break end " + second + "until true end"
}

// statements returns statements in the scope that is, in which nothing leaves a loop.
func (w *writer) statements() string {
	breaks := w.breaks
	w.breaks = false
	defer func() { w.breaks = breaks }()
	var b strings.Builder
	for range 1 + w.r.IntN(2) {
		b.WriteString(w.statement() + w.sep())
	}
	return b.String()
}

// again returns a block that runs up to three times.
func (w *writer) again() string {
	w.labels++
	label := fmt.Sprint("l", w.labels)
	var body, condition string
	w.in(func() string {
		w.nest++
		body = w.statements()
		condition = w.safe()
		w.nest--
		return ""
	}, "n")
	if w.form == jumping {
		return "do local turn = 0 ::" + label + ":: turn = turn + 1 T() local n = turn " + body + "if turn < 3 and not (" + condition + ") then goto " + label + " end end"
	}
	return "do local turn = 0 repeat turn = turn + 1 T() local n = turn " + body + "until not (turn < 3 and not (" + condition + ")) end"
}

// out returns two loops that are left at once.
func (w *writer) out() string {
	w.labels++
	label := fmt.Sprint("l", w.labels)
	var body, condition string
	w.in(func() string {
		w.nest++
		body = w.statements()
		condition = w.safe()
		w.nest--
		return ""
	}, "i", "j")
	head := "do local stop = false for i = 1, 3 do for j = 1, 2 do T() "
	if w.form == jumping {
		return head + body + "if " + condition + " then stop = true goto " + label + " end end end ::" + label + ":: P(stop) end"
	}
	return head + body + "if " + condition + " then stop = true break end end if stop then break end end P(stop) end"
}
