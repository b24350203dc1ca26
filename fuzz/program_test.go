package fuzz

import (
	"fmt"
	"strings"
	"testing"
)

// writer makes a valid program of bytes: each decides what comes next. When they are
// used up the simplest thing comes.
type writer struct {
	strings.Builder
	data  []byte
	depth int
	nodes int
	names int
	dots  bool // `...` may be used
}

func (w *writer) pick(n int) int {
	if len(w.data) == 0 {
		return 0
	}
	b := w.data[0]
	w.data = w.data[1:]
	return int(b) % n
}

func (w *writer) name() string { return string(rune('a' + w.pick(8))) }

// fresh returns a name that nothing else has.
func (w *writer) fresh() string {
	w.names++
	return fmt.Sprint("n", w.names)
}

var (
	numerals = []string{
		"0", "1", "2", "3", "-1", "0.5", "-0", "1/0", "-1/0", "0/0", "1e308", "5e-324", "2^53", "2^53+1", "2^31", "-2^31", "2^63", "-2^63", "2^64", "1e15", "1e14-0.5", "0x7fffffff", "0xffffffff", "255", "1e999", "-1e-320", "1e100", "100",
	}
	texts = []string{
		`""`, `"x"`, `"10"`, `"0x10"`, `" 5 "`, `"1e1"`, `"a,b,,c"`, `"\0\255\1"`, `("ab"):rep(20)`, `"%d"`, `"%"`, `"(.-)%1"`, `"[^%a]"`, `"%b()"`, `"^(a*)$"`, `"return 1, ..."`, `"error({})"`, `"__index"`, `"k"`, `"nan"`, `"-0"`, `("x"):rep(3000)`,
	}
	binaries = []string{"+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"}
	unaries  = []string{"-", "not ", "#"}
	events   = []string{"index", "newindex", "call", "add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "len", "eq", "lt", "le", "tostring", "mode", "metatable", "gc"}
	// calls have X, Y and Z for expressions.
	calls = []string{
		"string.format(X, Y, Z)", "string.rep(X, Y)", "string.sub(X, Y, Z)", "string.find(X, Y, Z)", "string.match(X, Y)", "string.gsub(X, Y, Z)", "string.gsub(X, Y, Z, 2)", "string.byte(X, Y, Z)", "string.char(X, Y)", "string.upper(X)", "string.reverse(X)", "string.len(X)", "string.gmatch(X, Y)()",
		"table.concat(X, Y)", "table.insert(X, Y)", "table.insert(X, Y, Z)", "table.remove(X)", "table.remove(X, Y)", "table.sort(X)", "table.sort(X, Y)", "unpack(X, Y, Z)", "select(X, Y, Z)", `select("#", X)`,
		"rawget(X, Y)", "rawset(X, Y, Z)", "rawequal(X, Y)", "next(X)", "next(X, Y)", "type(X)", "tostring(X)", "tonumber(X)", "tonumber(X, Y)", "getmetatable(X)", "assert(X, Y)", "math.floor(X)", "math.fmod(X, Y)", "math.max(X, Y)", "math.random(X, Y)", "math.sin(X)", "math.pow(X, Y)", "math.frexp(X)", "math.ldexp(X, Y)",
		"loadstring(X)", "loadstring(X)(Y)", "load(X)", "getfenv(X)", "setfenv(X, Y)", "collectgarbage(X)", `collectgarbage("count")`, "os.time()", "os.date(X, 0)", "require(X)", `require("good")`, `require("loop")`, `require("bad")`,
		"coroutine.running()", "coroutine.status(X)", "coroutine.create(X)", "coroutine.wrap(X)", "coroutine.resume(X, Y)", "coroutine.yield(X, Y)",
		"(X):upper()", "(X):gsub('.', Y)", "(X)(Y, Z)", "(X):k(Y)", "(X)[Y]", "(X).k", "pcall(X, Y)", "xpcall(X, Y)", "error(X, Y)", "print(X, Y)", "debug.traceback(X)",
	}
)

func (w *writer) expr() string {
	w.depth++
	w.nodes++
	defer func() { w.depth-- }()
	n := 20
	if w.depth > 7 || w.nodes > 400 {
		n = 5
	}
	switch w.pick(n) {
	case 0:
		return w.name()
	case 1:
		return "(" + numerals[w.pick(len(numerals))] + ")"
	case 2:
		return texts[w.pick(len(texts))]
	case 3:
		return [...]string{"nil", "true", "false"}[w.pick(3)]
	case 4:
		if w.dots {
			return [...]string{"...", "(...)", "{...}"}[w.pick(3)]
		}
		return "{}"
	case 5, 6, 7:
		return "(" + w.expr() + " " + binaries[w.pick(len(binaries))] + " " + w.expr() + ")"
	case 8:
		return "(" + unaries[w.pick(len(unaries))] + w.expr() + ")"
	case 9:
		return "{" + w.expr() + ", k = " + w.expr() + ", [" + w.expr() + "] = " + w.expr() + ", " + w.expr() + "}"
	case 10, 11:
		return w.function()
	case 12:
		return "setmetatable({" + w.expr() + "}, {__" + events[w.pick(len(events))] + " = " + w.expr() + ", __" + events[w.pick(len(events))] + " = " + w.function() + "})"
	case 13:
		return "coroutine.wrap(" + w.function() + ")"
	case 14:
		return "pcall(" + w.function() + ", " + w.expr() + ")"
	case 15:
		return "xpcall(" + w.function() + ", " + w.function() + ")"
	case 16:
		return "select(2, coroutine.resume(coroutine.create(" + w.function() + "), " + w.expr() + "))"
	default:
		call := calls[w.pick(len(calls))]
		return strings.NewReplacer("X", w.expr(), "Y", w.expr(), "Z", w.expr()).Replace(call)
	}
}

func (w *writer) function() string {
	dots := w.dots
	defer func() { w.dots = dots }()
	params := [...]string{"", "a", "a, b", "...", "a, ..."}[w.pick(5)]
	w.dots = strings.HasSuffix(params, "...")
	return "function(" + params + ") " + w.block() + "return " + w.expr() + ", " + w.expr() + " end"
}

func (w *writer) block() string {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > 12 {
		return ""
	}
	var b strings.Builder
	for range w.pick(4) {
		b.WriteString(w.statement())
	}
	return b.String()
}

// statement returns a statement, with a space after it.
func (w *writer) statement() string {
	w.nodes++
	n := 20
	if w.depth > 7 || w.nodes > 400 {
		n = 4
	}
	switch w.pick(n) {
	case 0:
		return w.name() + " = " + w.expr() + " "
	case 1:
		return "do local " + w.name() + ", " + w.name() + " = " + w.expr() + " " + w.block() + "end "
	case 2:
		return "print(" + w.expr() + ") "
	case 3:
		return "if type(" + w.name() + ") == 'table' then " + w.name() + ".k = " + w.expr() + " end "
	case 4:
		return "if " + w.expr() + " then " + w.block() + "elseif " + w.expr() + " then " + w.block() + "else " + w.block() + "end "
	case 5:
		return "for i = " + w.expr() + ", " + w.expr() + ", " + w.expr() + " do " + w.block() + "end "
	case 6:
		return "for i = 1, " + fmt.Sprint(w.pick(9)) + " do " + w.block() + "c = function() i = i + 1 return i, " + w.name() + " end end "
	case 7:
		return "for a, b in pairs(" + w.expr() + ") do " + w.block() + "end "
	case 8:
		return "for a, b in ipairs({" + w.expr() + ", " + w.expr() + "}) do " + w.block() + "end "
	case 9:
		return "for a in coroutine.wrap(" + w.function() + ") do " + w.block() + "break end "
	case 10:
		n := w.fresh()
		return "do local " + n + " = 0 repeat " + n + " = " + n + " + 1 local l = " + w.expr() + " d = function() return l end " + w.block() + "until l or " + n + " > 5 end "
	case 11:
		n := w.fresh()
		return "do local " + n + " = 0 while " + n + " < 5 do " + n + " = " + n + " + 1 local l = " + n + " e = function() l = l + 1 return l end if " + w.expr() + " then break end " + w.block() + "end end "
	case 12:
		l := w.fresh()
		return "do " + w.block() + "if " + w.expr() + " then goto " + l + " end local v = " + w.expr() + " f = function() return v end " + w.block() + "::" + l + ":: end "
	case 13:
		l := w.fresh()
		return "do local n = 0 ::" + l + ":: local v = " + w.expr() + " g = function() return v, n end n = n + 1 " + w.block() + "if n < 4 then goto " + l + " end end "
	case 14:
		return w.name() + ", " + w.name() + " = " + w.expr() + ", " + w.expr() + " "
	case 15:
		return "do local function h(a, ...) " + w.recursion() + "end pcall(h, " + w.expr() + ") end "
	case 16:
		return "pcall(" + w.function() + ") "
	case 17:
		return "a = {} b = setmetatable({}, {__index = a, __newindex = a, __call = " + w.function() + "}) b.k = " + w.expr() + " "
	case 18:
		return "a = coroutine.create(" + w.function() + ") for i = 1, 3 do print(coroutine.resume(a, i, " + w.expr() + "), coroutine.status(a)) end "
	default:
		return "do return " + w.expr() + ", " + w.expr() + " end "
	}
}

func (w *writer) recursion() string {
	dots := w.dots
	defer func() { w.dots = dots }()
	w.dots = true
	return w.block() + [...]string{"return h(...) ", "return (h(a, ...)) ", "return pcall(h, ...) ", "return 1 + h(a) ", "return a .. h(a) "}[w.pick(5)]
}

// program returns the whole text.
func program(data []byte) string {
	w := &writer{data: data}
	for len(w.data) > 0 && w.nodes < 400 {
		// One statement's failure does not keep the others from running.
		if w.dots = w.pick(3) == 0; w.dots {
			w.WriteString(w.statement() + "\n")
		} else {
			w.WriteString("print(pcall(function() " + w.statement() + " end))\n")
		}
	}
	return w.String()
}

// FuzzProgram runs programs that compile by construction.
func FuzzProgram(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4000 {
			return
		}
		source := program(data)
		if o := check(t, source, []any{1, "two"}); o.Call.Calls == 0 {
			t.Errorf("does not compile: %s\n%s", o.Err, source)
		}
	})
}

// TestProgramsDoMuch keeps the generator honest: of random bytes a good part of the
// programs gets to its end or meets a limit, and output comes.
func TestProgramsDoMuch(t *testing.T) {
	kinds := map[string]int{}
	state := uint64(1)
	for range 150 {
		data := make([]byte, 300)
		for i := range data {
			state = state*6364136223846793005 + 1442695040888963407
			data[i] = byte(state >> 33)
		}
		o := check(t, program(data), nil)
		kind, _, _ := strings.Cut(o.Err, " ")
		kinds[kind]++
		if o.Output != "" {
			kinds["output"]++
		}
		if o.Call.Instructions > 1000 {
			kinds["long"]++
		}
	}
	for kind, least := range map[string]int{"": 20, "*luasandbox.ScriptError": 10, "*limits.Error": 2, "output": 50, "long": 50} {
		if kinds[kind] < least {
			t.Errorf("only %d of %q: %v", kinds[kind], kind, kinds)
		}
	}
}
