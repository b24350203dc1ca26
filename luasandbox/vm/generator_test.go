package vm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generated writes a Lua program that the given bytes choose: every sequence of
// bytes is one. The programs have bounded loops, no recursion to speak of, and
// print what they find. What they print does not depend on the order of pairs, on
// borders of tables with holes, or on the sign of a NaN.
//
// With oracle set a program also avoids what is not as in C Lua 5.1: goto, yields
// across pcall and metamethods, and names of objects.
func generated(data []byte, oracle bool) string {
	g := &generator{data: data, oracle: oracle, budget: 120}
	g.line("local function show(...)")
	g.line("  local n, out = select('#', ...), ''")
	g.line("  for i = 1, n do")
	g.line("    local v = select(i, ...)")
	g.line("    if v ~= v then v = 'nan' elseif v == 0 then v = 'zero' end")
	g.line("    local k = type(v)")
	g.line("    out = out .. ' ' .. ((k == 'string' or k == 'number' or k == 'boolean' or k == 'nil') and tostring(v) or k)")
	g.line("  end")
	g.line("  return #out < 500 and out or #out")
	g.line("end")
	g.line("local function try(f, ...) print('try', show(pcall(f, ...))) end")
	g.line("local zero, nothing = 0, nil")
	g.line("local a, b, c, d = 1, 'two', 3.5, true")
	g.line("local m, n = {x = 1, y = 'why'}, {z = {}}")
	g.line("local s, t = {1, 2, 3}, {'p', 'q'}")
	g.line("local f, h = function(...) return ... end, function(p, q) return q, p end")
	g.line("G1, G2 = 10, 'global'")
	for g.pos < len(g.data) && g.budget > 0 {
		g.statement()
	}
	g.line("print('end', show(a, b, c, d, G1, G2, #s, #t, m.x, m.y, n.z))")
	return g.b.String()
}

type generator struct {
	data   []byte
	pos    int
	oracle bool
	b      strings.Builder
	indent int
	depth  int // of blocks and functions
	nest   int // of expressions
	budget int // statements left
	labels int

	vararg bool // inside a vararg function
	yields bool // inside a coroutine's own function
	inLoop bool
}

// pick takes a byte and returns a number below n; 0 when there are no bytes left.
func (g *generator) pick(n int) int {
	if g.pos >= len(g.data) {
		return 0
	}
	v := int(g.data[g.pos])
	g.pos++
	return v % n
}

func (g *generator) one(list ...string) string { return list[g.pick(len(list))] }

func (g *generator) line(format string, args ...any) {
	g.b.WriteString(strings.Repeat("  ", g.indent))
	if len(args) == 0 {
		g.b.WriteString(format)
	} else {
		fmt.Fprintf(&g.b, format, args...)
	}
	g.b.WriteByte('\n')
}

// block writes some statements, indented.
func (g *generator) block() {
	g.indent++
	g.depth++
	for range 1 + g.pick(3) {
		g.statement()
	}
	g.depth--
	g.indent--
}

// inside writes a block as the body of a function.
func (g *generator) inside(vararg, yields bool) {
	saved := *g
	g.vararg, g.yields, g.inLoop = vararg, yields, false
	g.block()
	if g.pick(2) == 1 {
		g.indent++
		g.line("do return %s end", g.exprs(2))
		g.indent--
	}
	g.vararg, g.yields, g.inLoop = saved.vararg, saved.yields, saved.inLoop
}

func (g *generator) variable() string { return g.one("a", "b", "c", "d", "G1", "G2") }

func (g *generator) statement() {
	g.budget--
	if g.budget < 0 {
		return
	}
	kind := g.pick(32)
	if g.depth >= 4 && kind >= 12 {
		kind %= 12
	}
	switch kind {
	case 0:
		g.line("print(%d, show(%s))", g.budget, g.exprs(3))
	case 1:
		g.line("%s = %s", g.variable(), g.expr())
	case 2:
		g.line("%s, %s = %s", g.variable(), g.variable(), g.exprs(3))
	case 3:
		g.line("local %s = %s", g.one("a", "b", "c", "d", "a, b", "c, d"), g.exprs(2))
	case 4:
		g.line("m.%s = %s", g.one("x", "y", "z", "w"), g.expr())
	case 5:
		g.line("try(function() n['k' .. %s] = %s end)", g.plain(), g.plain())
	case 6:
		g.line("s[#s + 1] = %s", g.one("1", "'e'", "true", "#s", "{}"))
	case 7:
		g.line("t[#t] = nil")
	case 8:
		g.line("try(function(...) return %s end, %s)", g.withVararg(), g.exprs(2))
	case 9:
		if g.yields {
			g.line("%s = coroutine.yield(%s)", g.variable(), g.exprs(2))
		} else {
			g.line("try(f, %s)", g.exprs(2))
		}
	case 10:
		if g.inLoop && g.pick(2) == 1 {
			g.line("if %s then break end", g.safe())
		} else {
			g.line("do return %s end", g.exprs(2))
		}
	case 11:
		g.line("m, n = n, m")
	case 12, 13:
		g.line("if %s then", g.safe())
		g.block()
		if g.pick(2) == 1 {
			g.line("elseif %s then", g.safe())
			g.block()
		}
		if g.pick(2) == 1 {
			g.line("else")
			g.block()
		}
		g.line("end")
	case 14, 15:
		g.loop("for i = %s, %s, %s do", g.one("1", "3", "-2", "0.5"), g.one("3", "1", "4", "-1", "2.25"), g.one("1", "-1", "2", "0.75"))
	case 16:
		g.loop("for i, v in ipairs(%s) do", g.one("s", "t", "{}", "{1, 2}"))
	case 17:
		g.line("local w = 0")
		g.loop("while w < %d and %s do w = w + 1", 1+g.pick(4), g.safe())
	case 18:
		g.line("local w = 0")
		saved := g.inLoop
		g.inLoop = true
		g.line("repeat local u = w w = w + 1")
		g.block()
		g.line("until u >= %d or %s", g.pick(3), g.safe())
		g.inLoop = saved
	case 19:
		g.line("do")
		g.block()
		g.line("end")
	case 20, 21:
		name := g.one("f", "h", "a", "m.call")
		vararg := g.pick(2) == 1
		if vararg {
			g.line("%s = function(p, ...)", name)
		} else {
			g.line("%s = function(p, q)", name)
		}
		g.inside(vararg, false)
		g.line("end")
	case 22:
		g.line("try(function(...)")
		g.inside(true, false)
		g.line("end, %s)", g.exprs(2))
	case 23, 24:
		g.line("do")
		g.indent++
		if !g.oracle && g.pick(2) == 1 {
			g.line("local co = coroutine.wrap(function(...) local p, q = ... return pcall(function(...)")
			g.inside(true, true)
			g.line("end, ...) end)")
		} else {
			g.line("local co = coroutine.wrap(function(p, ...)")
			g.inside(true, true)
			g.line("end)")
		}
		for range 1 + g.pick(3) {
			g.line("try(co, %s)", g.exprs(2))
		}
		g.indent--
		g.line("end")
	case 25, 26, 27:
		event := g.one("index", "newindex", "add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "eq", "lt", "le", "call", "index", "concat")
		g.line("setmetatable(%s, {__%s = function(p, q, ...)", g.one("m", "n"), event)
		g.inside(true, false)
		g.line("end, __%s = %s})", g.one("index", "newindex", "tag"), g.one("{w = 'inherited'}", "{}", "function(p, q) return q end"))
	case 28:
		g.line("setmetatable(m, nil) setmetatable(n, getmetatable(m))")
	case 29:
		g.line("print('xp', show(xpcall(function()")
		g.inside(false, false)
		g.line("end, function(p) return 'handled', p end)))")
	case 30:
		if g.oracle {
			g.line("try(function() error(%s, %s) end)", g.plain(), g.one("0", "1", "2"))
			return
		}
		g.labels++
		label := g.labels
		g.line("do")
		g.indent++
		g.line("if %s then goto skip%d end", g.safe(), label)
		g.indent--
		g.line("do")
		g.block()
		g.line("end")
		g.line("::skip%d:: end", label)
	default:
		g.line("f, h = h, f")
	}
}

func (g *generator) loop(format string, args ...any) {
	saved := g.inLoop
	g.inLoop = true
	g.line(format, args...)
	g.block()
	g.line("end")
	g.inLoop = saved
}

func (g *generator) exprs(most int) string {
	list := make([]string, 1+g.pick(most))
	for i := range list {
		list[i] = g.expr()
	}
	return strings.Join(list, ", ")
}

func (g *generator) withVararg() string {
	saved := g.vararg
	g.vararg = true
	e := g.exprs(2)
	g.vararg = saved
	return e
}

// plain is an expression in a function without variable arguments.
func (g *generator) plain() string {
	saved := g.vararg
	g.vararg = false
	e := g.expr()
	g.vararg = saved
	return e
}

// safe is an expression that raises no error, for conditions.
func (g *generator) safe() string {
	switch g.pick(8) {
	case 0:
		return g.one("true", "false", "nil", "a", "b", "not c", "not not d", "G1")
	case 1:
		return g.atom() + g.one(" == ", " ~= ") + g.one("1", "'two'", "nil", "true", "a", "b")
	case 2:
		return "not (" + g.safe() + ")"
	case 3:
		return "(" + g.safe() + " and " + g.safe() + ")"
	case 4:
		return g.safe() + " or " + g.safe()
	case 5:
		return "#s " + g.one("<", "<=", ">", ">=", "==", "~=") + " " + g.one("3", "#t", "0.5")
	case 6:
		return "type(" + g.variable() + ") == " + g.one("'number'", "'string'", "'table'")
	}
	return "select('#', pcall(" + g.one("f", "h", "error") + ", " + g.variable() + ")) " + g.one("==", "<") + " 2"
}

func (g *generator) atom() string {
	return g.one("a", "b", "c", "d", "1", "'two'", "nil", "true", "false", "2", "0.5", "10", "''", "'3'", "'0x10'", "zero", "m", "n", "s", "f", "G1", "G2", "#s", "m.x", "n.z", "nothing", "1e15", "'a long string that is longer than what is hashed for nothing'")
}

func (g *generator) expr() string {
	if g.nest > 4 || g.pos >= len(g.data) {
		return g.atom()
	}
	g.nest++
	defer func() { g.nest-- }()
	switch g.pick(20) {
	case 0, 1, 2, 3:
		return g.atom()
	case 4, 5, 6:
		return g.expr() + g.one(" + ", " - ", " * ", " / ", " % ", " ^ ") + g.one("a", "c", "2", "m", "'3'", "(zero + 1)", "G1")
	case 7:
		return "(" + g.expr() + g.one(" < ", " <= ", " > ", " >= ", " == ", " ~= ") + g.expr() + ")"
	case 8:
		return "(" + g.expr() + g.one(" and ", " or ") + g.expr() + ")"
	case 9:
		return "(" + g.expr() + " .. " + g.expr() + g.one("", " .. a", " .. m .. b", " .. 1 .. 2") + ")"
	case 10:
		return g.one("not ", "-", "#", "- -", "not not ") + g.one("a", "b", "s", "m", "(c)", "'12'", "n.z")
	case 11:
		return g.one("f", "h", "m.call", "m", "tostring", "type") + "(" + g.exprs(3) + ")"
	case 12:
		return "(" + g.one("f", "h") + "(" + g.exprs(2) + "))"
	case 13:
		return g.one("m", "n", "n.z", "a", "('s')") + "." + g.one("x", "y", "w", "len")
	case 14:
		return "(" + g.one("'abc'", "b", "('x'):rep(3)") + "):" + g.one("upper()", "len()", "sub(2)", "rep(2)", "byte(1)")
	case 15:
		if g.vararg {
			return g.one("...", "(...)", "select('#', ...)", "select(2, 1, ...)", "#{...}")
		}
		return g.atom()
	case 16:
		return "{" + g.exprs(3) + "}" // its length is never asked for
	case 17:
		if g.depth >= 3 {
			return g.atom()
		}
		v := g.one("a", "b", "c")
		return "function(p) " + v + " = " + g.plain() + " return " + v + " end"
	case 18:
		return "(function(...) return " + g.withVararg() + " end)(" + g.exprs(2) + ")"
	}
	return "(" + g.expr() + ")"
}

// randomBytes returns n bytes, the same for the same seed.
func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
