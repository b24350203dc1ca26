package differential

import (
	"fmt"
	"strings"
)

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
	if w.traits.arithmetic && w.chance(10) {
		v, op := w.one("i", "n", "x"), w.one(" + ", " - ", " * ", " / ", " % ", " ^ ")
		return "for " + v + " = " + w.one("-3, 3", "-1, 1, 0.25", "2, -2, -1") + " do P(" + v + op + w.numeral() + ", " + w.numeral() + op + v + ", " + w.arithmetic(2) + ", " + v + w.one(" < ", " <= ", " == ") + w.arithmetic(3) + ") end"
	}
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
		case w.traits.errors && w.chance(30): // no table: C Lua gives it the name of what is in it
			list = w.one(w.name(), w.numeral(), w.name()+"("+w.exprs(1, 2)+")")
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
