package vm_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// shapes are programs of any length: each is a way to make a compiler that recurses,
// or looks at something twice, do too much.
var shapes = []struct {
	name string
	text func(n int) string
}{
	{"sum", chain("local a = 1 return a", " + 1")},
	{"sum of variables", chain("local a = 1 return a", " - a")},
	{"product of constants", chain("return 2", " * 2")},
	{"concatenation", chain("local a = 'x' return a", " .. a")},
	{"calls", chain("f", "()")},
	{"calls with arguments", chain("f", "(a, 1, ...)")},
	{"calls with strings", chain("f", " 'x'")},
	{"calls with tables", chain("f", "{}")},
	{"fields", chain("return a", ".b")},
	{"distinct fields", numbered("return a", ".b%d", "")},
	{"indexes", chain("return a", "[1]")},
	{"indexes by variable", chain("local i = 1 return a", "[i]")},
	{"methods", chain("a", ":b()")},
	{"mixed spine", chain("a", ".b[1]:c(2)(3)")},
	{"and", chain("return a", " and a")},
	{"or", chain("return a", " or a")},
	{"and or", chain("return a", " and b or c")},
	{"or and", chain("return a", " or b and c")},
	{"and of comparisons", chain("return a", " and b < c")},
	{"condition", func(n int) string { return chain("if a", " and b or c")(n) + " then end" }},
	{"condition with not", func(n int) string { return chain("while a", " and not b or not not c")(n) + " do end" }},
	{"comparisons", chain("return a", " == a")},
	{"comparisons with constants", numbered("return a", " < %d", "")},
	{"elseif", func(n int) string { return "if a then" + strings.Repeat(" elseif a then b()", n) + " end" }},
	{"elseif with constants", numbered("local v if v == 0 then", " elseif v == %d then v = 'x'", " else v = 1 end")},
	{"list", chain("return {", "1,", "}")},
	{"list of names", chain("return {", "a,", "}")},
	{"list of calls", chain("return {", "f(),", "}")},
	{"list of lists", chain("return {", "{},", "}")},
	{"distinct strings", numbered("return {", "'s%d',", "}")},
	{"distinct numbers", numbered("return {", "%d.5,", "}")},
	{"named fields", numbered("return {", "k%d = 1,", "}")},
	{"indexed fields", numbered("return {", "[%d] = 1,", "}")},
	{"mixed fields", numbered("return {", "%[1]d, k%[1]d = %[1]d, [a] = b, 'x';", "}")},
	{"globals", numbered("", "g%d = 1 ", "")},
	{"locals in blocks", numbered("", "do local a%d = 1 end ", "")},
	{"shadowing locals", func(n int) string { return strings.Repeat("do local a local a local a end ", n) }},
	{"assignments", chain("local a, b ", "a, b = b, a ")},
	{"functions", numbered("", "function f%d() return a end ", "")},
	{"closures", func(n int) string { return "local a, b, c " + strings.Repeat("a = function() b = c end ", n) }},
	{"closures in closures", func(n int) string {
		return "local a " + strings.Repeat("function b() return function() return function() a = a end end end ", n)
	}},
	{"loops", chain("", "for i = 1, 2 do for k, v in x do break end end ")},
	{"repeat", chain("", "repeat local a = function() return a end until a ")},
	{"labels", numbered("", "::l%d:: ", "")},
	{"forward gotos", numbered("", "goto l%[1]d ::l%[1]d:: ", "")},
	{"backward gotos", numbered("", "::l%[1]d:: goto l%[1]d ", "")},
	{"gotos to one label", chain("do ", "goto l ", "end ::l::")},
	{"gotos of distinct labels", func(n int) string { return numbered("do ", "goto l%d ", "end ")(n) + numbered("", "::l%d:: ", "")(n) }},
	{"gotos out of blocks", func(n int) string { return strings.Repeat("do local a do do goto l end end end ", n) + "::l::" }},
	{"gotos out of many blocks", func(n int) string {
		return strings.Repeat("do ", 190) + strings.Repeat("goto l ", n) + strings.Repeat("end ", 190) + "::l::"
	}},
	{"distinct gotos out of many blocks", func(n int) string {
		return strings.Repeat("do ", 190) + numbered("", "goto l%d ", "")(n) + strings.Repeat("end ", 190) + numbered("", "::l%d:: ", "")(n)
	}},
	{"breaks out of many blocks", func(n int) string {
		return "while a do local x " + strings.Repeat("do local y = function() return x end ", 150) + strings.Repeat("if a then break end ", n) + strings.Repeat("end ", 151)
	}},
	{"comments", chain("", "--[[ x ]] -- y\n")},
	{"empty lines", chain("", "\n")},
	{"brackets of a level", chain("return [==[", "]=]]=", "]==]")},
	{"equals signs", chain("return [=[", "]===", "]=]")},
	{"escapes", chain("return '", `\065\n`, "'")},
	{"digits", chain("return 1", "1")},
	{"hexadecimal digits", chain("return 0x1", "f")},
	{"name", chain("return a", "a")},
	{"parentheses", chain("a = (b) ", "a = (((b))) ")},
}

// chain returns a text of n links.
func chain(begin, link string, end ...string) func(int) string {
	return func(n int) string { return begin + strings.Repeat(link, n) + strings.Join(end, "") }
}

// numbered is chain with links that tell their number.
func numbered(begin, link, end string) func(int) string {
	return func(n int) string {
		var b strings.Builder
		b.WriteString(begin)
		for i := range n {
			fmt.Fprintf(&b, link, i+1)
		}
		b.WriteString(end)
		return b.String()
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestCompilerIsLinear compiles each shape in four lengths. What grows with the
// square of the length grows 64-fold from the first to the last.
func TestCompilerIsLinear(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			const n = 500
			var alloc, size [4]int64
			for i := range alloc {
				text := s.text(n << i)
				alloc[i] = allocated(func() {
					p, err := vm.Compile("shape", text, limits.Limits{})
					if err != nil {
						t.Fatal(err)
					}
					size[i] = p.Bytes()
				})
				perByte := 500
				if strings.Contains(s.name, "many blocks") {
					perByte = 3000 // each of 190 blocks that a goto leaves remembers it
				}
				if most := int64(1<<17 + perByte*len(text)); alloc[i] > most {
					t.Errorf("%d bytes for a text of %d, want at most %d", alloc[i], len(text), most)
				}
				if most := int64(1<<12 + 32*len(text)); size[i] > most {
					t.Errorf("a program of %d bytes for a text of %d, want at most %d", size[i], len(text), most)
				}
			}
			if alloc[3] > 12*alloc[0] || alloc[3] > 3*alloc[2] {
				t.Errorf("%d bytes were allocated for lengths that double", alloc)
			}
			if size[3] > 10*size[0] {
				t.Errorf("programs of %d bytes for lengths that double", size)
			}
		})
	}
}

// TestLongestSources compiles each shape in a quarter of the longest text that the
// default limits allow.
// Were anything quadratic in it, this would take hours.
func TestLongestSources(t *testing.T) {
	if testing.Short() {
		t.Skip("60 texts of 256 KiB")
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			link := (len(s.text(30_000)) - len(s.text(10_000)) + 19_999) / 20_000
			n := (1<<18 - len(s.text(0)) - 1000) / link
			text := s.text(n)
			if len(text) > 1<<18 || len(text) < 1<<17 {
				t.Fatalf("a text of %d bytes", len(text))
			}
			if _, err := vm.Compile("shape", text, limits.Limits{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// list writes n items.
func list(n int, item, separator string) string {
	var out []string
	for i := range n {
		out = append(out, strings.ReplaceAll(item, "%", strconv.Itoa(i+1)))
	}
	return strings.Join(out, separator)
}

// TestBoundsOfAFunction holds what is accepted at each bound, and what is refused one
// step on.
func TestBoundsOfAFunction(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("do ", n) + strings.Repeat("end ", n) }
	functions := func(n int) string { return strings.Repeat("return function() ", n) + strings.Repeat("end ", n) }
	upvalues := func(n int) string {
		return "local " + list(150, "a%", ",") + " function f() local " + list(n-150, "b%", ",") +
			" return function() return " + list(150, "a%", "+") + "+" + list(n-150, "b%", "+") + " end end"
	}
	for _, tt := range []struct {
		name  string
		text  func(n int) string
		most  int    // accepted
		over  int    // refused
		want  string // in the message
		limit limits.Kind
	}{
		{"blocks", nested, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"functions", functions, 199, 200, "chunk has too many syntax levels", limits.Nesting},
		{"parentheses", func(n int) string { return "return " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) }, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"constructors", func(n int) string { return "return " + strings.Repeat("{", n) + strings.Repeat("}", n) }, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"indexes in indexes", func(n int) string { return "return a" + strings.Repeat("[a", n) + strings.Repeat("]", n) }, 120, 201, "chunk has too many syntax levels", limits.Nesting},
		{"calls in calls", func(n int) string { return "return a" + strings.Repeat("(a", n) + strings.Repeat(")", n) }, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"repeat", func(n int) string { return strings.Repeat("repeat ", n) + strings.Repeat("until a ", n) }, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"if", func(n int) string { return strings.Repeat("if a then ", n) + strings.Repeat("end ", n) }, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"else if", func(n int) string { return strings.Repeat("if a then else ", n) + strings.Repeat("end ", n) }, 200, 201, "chunk has too many syntax levels", limits.Nesting},
		{"not", func(n int) string { return "return " + strings.Repeat("not ", n) + "a" }, 800, 100_000, "chunk has too many syntax levels", limits.Nesting},
		{"minus", func(n int) string { return "return " + strings.Repeat("- ", n) + "a" }, 200, 100_000, "", 0},
		{"length", func(n int) string { return "return " + strings.Repeat("#", n) + "a" }, 200, 100_000, "", 0},
		{"powers", func(n int) string { return "return 2" + strings.Repeat("^2", n) }, 120, 100_000, "", 0},
		{"powers of minus", func(n int) string { return "return 2" + strings.Repeat("^-2", n) }, 80, 100_000, "", 0},
		{"minus of powers", func(n int) string { return "return a" + strings.Repeat("^-a", n) }, 80, 100_000, "", 0},
		{"locals", func(n int) string { return "local " + list(n, "a%", ",") }, 200, 201, "too many local variables (limit is 200) in main function", 0},
		{"locals one by one", func(n int) string { return list(n, "local a% = 1", " ") }, 200, 201, "too many local variables (limit is 200) in main function", 0},
		{"parameters", func(n int) string { return "\nfunction f(" + list(n, "a%", ",") + ") end" }, 200, 201, "too many local variables (limit is 200) in function at line 2", 0},
		{"names of a loop", func(n int) string { return "for " + list(n, "a%", ",") + " in x do end" }, 197, 198, "too many local variables", 0},
		{"upvalues", upvalues, 255, 256, "function at line 1 has more than 255 upvalues", 0},
		{"arguments", func(n int) string { return "f(" + list(n, "%", ",") + ")" }, 249, 250, "function or expression too complex", 0},
		{"returned values", func(n int) string { return "return " + list(n, "%", ",") }, 250, 251, "function or expression too complex", 0},
		{"assigned values", func(n int) string { return list(n, "a%", ",") + " = " + list(n, "%", ",") }, 250, 251, "function or expression too complex", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := vm.Compile("bounds", tt.text(tt.most), limits.Limits{}); err != nil {
				t.Errorf("%d: %v", tt.most, err)
			}
			_, err := vm.Compile("bounds", tt.text(tt.over), limits.Limits{})
			var syntax *vm.SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Chunk != "bounds" || !strings.Contains(syntax.Message, tt.want) {
				t.Fatalf("%d: %v, want a syntax error that says %q", tt.over, err, tt.want)
			}
			var limit *limits.Error
			if errors.As(err, &limit); tt.limit.Valid() && (limit == nil || limit.Kind != tt.limit) {
				t.Errorf("%d: %v wraps %v, want the limit of %v", tt.over, err, limit, tt.limit)
			}
		})
	}
}

// TestSourceLimits: the limits of one's own choosing are in force, and scripts that
// are refused have a line.
func TestSourceLimits(t *testing.T) {
	for _, tt := range []struct {
		text   string
		limits limits.Limits
		kind   limits.Kind // none: accepted
		line   int
	}{
		{"x = 1", limits.Limits{Source: 5}, 0, 0},
		{"x = 1 ", limits.Limits{Source: 5}, limits.Source, 1},
		{"do do do end end end", limits.Limits{Nesting: 3}, 0, 0},
		{"do do\ndo do end end end end", limits.Limits{Nesting: 3}, limits.Nesting, 2},
		{strings.Repeat("do\n", 250) + strings.Repeat("end ", 250), limits.Limits{Nesting: limits.Unlimited}, 0, 0},
		{strings.Repeat("do\n", 5000) + strings.Repeat("end ", 5000), limits.Limits{Nesting: limits.Unlimited}, limits.Nesting, 1001},
	} {
		_, err := vm.Compile("source", tt.text, tt.limits)
		if !tt.kind.Valid() {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var syntax *vm.SyntaxError
		var limit *limits.Error
		if !errors.As(err, &syntax) || !errors.As(err, &limit) || limit.Kind != tt.kind || syntax.Line != tt.line || !errors.Is(err, limits.ErrExceeded) {
			t.Errorf("%.20q: %v, want the limit of %v at line %d", tt.text, err, tt.kind, tt.line)
		}
	}
}

// TestLargeProgramsRun executes code whose constants and jumps are too far for a short
// operand.
func TestLargeProgramsRun(t *testing.T) {
	const n = 70_000
	for _, tt := range []struct {
		name, text, want string
	}{
		{"jumps", "local n = 0 for i = 1, 3 do if i ~= 2 then " + strings.Repeat("n = n + 1 ", n) + "else n = n + 0.5 end end return n", "140000.5"},
		{"backward goto", "local i, n = 0, 0 ::top:: i = i + 1 " + strings.Repeat("n = n + 1 ", n) + "if i < 2 then goto top end return n", "140000"},
		{"while", "local n = 0 while n < 100000 do " + strings.Repeat("n = n + 1 ", n) + "end return n", "140000"},
		{"repeat", "local n = 0 repeat local m = n " + strings.Repeat("n = n + 1 ", n) + "until m > 100 return n", "140000"},
		{"numbers", "local s = 0 " + list(n, "s = s + %.5", " ") + " return s", vm.FormatNumber(n*(n+1)/2 + n*0.5)},
		{"number comparisons", "local n, v = 0, 69999 " + list(n, "if v == % then n = n + % end", " ") + " return n", "69999"},
		{"number orders", "local n, v = 0, 69990 " + list(n, "if v < % then n = n + 1 end", " ") + " return n", "10"},
		{"string comparisons", "local n, v = 0, 's69999' " + list(n, "if v == 's%' then n = n + % end", " ") + " return n", "69999"},
		{"globals", list(n, "g% = %", " ") + " return g1 + g300 + g69999", "70300"},
		{"fields", "local t = {" + list(n, "k% = %", ",") + "} return t.k1 + t.k300 + t.k69999", "70300"},
		{"list", "local t = {" + list(n, "%", ",") + "} return #t + t[1] + t[69999]", "140000"},
		{"list of strings", "local t = {" + list(n, "'%'", ",") + "} return t[257] .. t[65537]", "25765537"},
		{"concatenation", "return #('x'" + strings.Repeat(" .. 'x'", n) + ")", "70001"},
		{"concatenated in order", "local a, b = 'a', 'b' local s = " + strings.Repeat("a .. b .. ", n/2) + "'c' return #s, s:sub(1, 3), s:sub(-3)", "70001 aba abc"},
		{"sum", "local a = 1 return a" + strings.Repeat(" + a", n), "70001"},
		{"functions", "local t = {} " + list(n, "t[%] = function() return % end", " ") + " return t[1]() + t[257]() + t[65537]()", vm.FormatNumber(1 + 257 + 65537)},
		{"methods", "local o o = {n = 0, m = function(s) s.n = s.n + 1 return s end} return o" + strings.Repeat(":m()", 30_000) + ".n", "30000"},
		{"elseif", "local v = 29999 if v == 0 then return 0 " + list(30_000, "elseif v == % then return %", " ") + " end", "29999"},
		{"and or", "local f, t = false, 7 return f" + strings.Repeat(" and t or f", n) + " or t", "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := generous
			l.Source = 16 << 20
			m := newMachine(t, l, nil)
			vs, err := m.Call(context.Background(), load(t, m, "large", tt.text))
			noBug(t, err)
			if got := show(vs); err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// TestFlatOperators compiles many operators that nest what is to their right, but are
// not nested in one another.
func TestFlatOperators(t *testing.T) {
	for _, part := range []string{
		"x = x - 1 - -1 ", "while not x do end ", "if not x then elseif #x > 1 then end ", "repeat until not x ", "x = -x ", "f(-x, #x, not x) ",
		"local function f(...) return ... - 1 - #(...) end f = nil do end ", "x = {-1, -x; #x, [-x] = not x} ", "x = -x^2 .. -x^-2 .. 2^-x ",
		"for i = -x, -1, -1 do end ", "for _ in -x do end ", "x = not x == not x ", "x = -x < -x ", "x = -x and -x or -x ", "goto l ::l:: x = -x ",
	} {
		text := "do " + part + "end "
		if _, err := vm.Compile("flat", strings.Repeat(text, 3000), limits.Limits{}); err != nil {
			t.Errorf("%s: %v", part, err)
		}
		sum := strings.TrimPrefix(part, "x = ")
		if strings.ContainsAny(sum, "={(") || sum == part {
			continue
		}
		if _, err := vm.Compile("flat", "x = 1"+strings.Repeat(" + "+sum, 3000), limits.Limits{}); err != nil {
			t.Errorf("a sum of %s: %v", sum, err)
		}
	}
}
