package stdlib

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// outcome is how a script ended.
type outcome struct {
	results      []string
	instructions int64
	pauses       int
	overdraw     int64 // most instructions that one step spent beyond its fuel
	err          error
}

// runStrings runs a chunk to its end, in steps of fuel instructions if fuel is not 0.
func runStrings(t testing.TB, m *vm.Machine, text string, fuel int64) (o outcome) {
	t.Helper()
	r, err := m.Start(context.Background(), loadText(t, m, "test", text))
	if err != nil {
		t.Fatal(err)
	}
	if fuel == 0 {
		fuel = limits.Unlimited
	}
	var status vm.Status
	for {
		before := r.Use().Instructions.Current
		status, o.err = r.Step(fuel)
		if o.err != nil || status == vm.Done {
			break
		}
		o.pauses++
		o.overdraw = max(o.overdraw, r.Use().Instructions.Current-before-fuel)
	}
	var internal *vm.InternalError
	if errors.As(o.err, &internal) {
		t.Fatalf("%s\n%s", internal.Detail, internal.Stack)
	}
	o.instructions = r.Use().Instructions.Current
	for _, v := range r.Results() {
		if s, ok := v.AsString(); ok {
			o.results = append(o.results, s)
		} else if f, ok := v.AsNumber(); ok {
			o.results = append(o.results, vm.FormatNumber(f))
		} else {
			o.results = append(o.results, v.Kind().String())
		}
	}
	return o
}

// allocating returns the bytes that f allocates.
func allocating(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestStringChargesGrowInProportion runs each function at n and at 2n, and looks
// at what the second n cost: at least the price of the work, and as much as
// twice the first n.
func TestStringChargesGrowInProportion(t *testing.T) {
	for _, c := range []struct {
		name, text string
		least      float64 // instructions for one of n
	}{
		{"rep", `return #("ab"):rep(n)`, 2. / 64},
		{"upper", `return #("a"):rep(n):upper()`, 1. / 4},
		{"lower", `return #("a"):rep(n):lower()`, 1. / 4},
		{"reverse", `return #("a"):rep(n):reverse()`, 1. / 4},
		{"sub", `return #("a"):rep(n):sub(2)`, 1. / 64},
		{"byte", `local s = ("a"):rep(n) for i = 1, n, 100 do s:byte(i, i + 99) end`, 1},
		{"char", `local s = ("a"):rep(n) for i = 1, n, 100 do string.char(s:byte(i, i + 99)) end`, 2},
		{"format %s", `return #("%s"):format(("a"):rep(n))`, 2. / 64},
		{"format %q", `return #("%q"):format(("a"):rep(n))`, 1. / 4},
		{"format %q of quotes", `return #("%q"):format(('"'):rep(n))`, 4},
		{"format %%", `return #string.format(("%%"):rep(n))`, 4},
		{"format %d", `for i = 1, n do string.format("%d", i) end`, 34},
		{"format %.99f", `for i = 1, n do string.format("%.99f", 1e300) end`, 4000},
		{"find nothing", `return ("a"):rep(n):find("b")`, 1. / 64},
		{"find first bytes", `return ("a"):rep(n):find("ab", 1, true)`, 3},
		{"find a long text", `return ("a"):rep(n):find(("a"):rep(n) .. "b")`, 1. / 64},
		{"find a long text at the end", `return ("b"):rep(n):find(("a"):rep(n / 2) .. "%a")`, 1. / 8},
		{"find class", `return ("a"):rep(n):find("%d")`, 1. / 4},
		{"find greedy", `return ("a"):rep(n):find("^a*$")`, 1},
		{"match", `return #("a"):rep(n):match("(a+)")`, 1},
		{"gmatch", `for x in ("a"):rep(n):gmatch("a") do end`, 10},
		{"gsub nothing", `return ("a"):rep(n):gsub("%d", "")`, 1. / 4},
		{"gsub text", `return ("a"):rep(n):gsub("a", "b")`, 12},
		{"gsub %0", `return ("a"):rep(n):gsub("a", "%0%0")`, 16},
		{"gsub %1 of a position", `return ("a"):rep(n):gsub("()a", "%1")`, 36},
		{"gsub table", `return ("a"):rep(n):gsub("a", {a = "b"})`, 12},
		{"gsub function", `return ("a"):rep(n):gsub("a", function(c) return "b" end)`, 14},
		{"gsub native", `return ("a"):rep(n):gsub("a", string.upper)`, 12},
		{"gsub long replacement", `return ("a"):gsub("a", ("%1"):rep(n))`, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			cost := func(n int) float64 {
				o := runStrings(t, newMachine(t, limits.Limits{}, Options{}), fmt.Sprintf("local n = %d ", n)+c.text, 0)
				if o.err != nil {
					t.Fatal(o.err)
				}
				return float64(o.instructions)
			}
			const n = 3000
			zero, one, two := cost(100), cost(100+n), cost(100+2*n)
			if ratio := (two - one) / (one - zero); ratio < 0.8 || ratio > 1.25 {
				t.Errorf("the second %d cost %.2f times the first", n, ratio)
			}
			if each := (two - one) / n; each < c.least {
				t.Errorf("%.3f instructions each, want at least %.3f", each, c.least)
			}
		})
	}
}

// longCalls are single calls of a library function that take long. They begin
// with what must be on the machine first.
var longCalls = []struct{ name, text string }{
	{"find", `return ("a"):rep(3000):find("a*b")`},
	{"find plain", `return (("a"):rep(50) .. "c"):rep(3000):find("ab", 1, true)`},
	{"find plain, rare bytes", `return ("a"):rep(5000000):find("b", 1, true)`},
	{"find first byte", `return ("a"):rep(5000000):find("b%d")`},
	{"find balanced", `return ("("):rep(700):find("%b()")`},
	{"match", `return ("ab"):rep(300):match("^(.-)(.-)(%1%2c)$")`},
	{"gmatch", `local n = 0 for a, b in (("x"):rep(200) .. "1"):rep(20):gmatch("(%a-)(%d)") do n = n + #a end return n`},
	{"gsub", `local s, n = ("a"):rep(20000):gsub("a", "b%0%%") return #s, n, s:sub(1, 6)`},
	{"gsub searching", `local s, n = ("a"):rep(1000):gsub("a-b", "") return #s, n`},
	{"gsub replacing", `local s, n = ("a"):gsub("()", ("%1"):rep(20000)) return #s, n`},
	{"gsub table", `local s, n = ("ab"):rep(10000):gsub("%w", {a = "x"}) return #s, n, s:sub(1, 6)`},
	{"gsub __index", `local s, n = ("ab"):rep(3000):gsub("%w", setmetatable({}, {__index = function(_, k) return k .. "!" end})) return #s, n, s:sub(1, 6)`},
	{"gsub function", `local s, n = ("ab"):rep(3000):gsub("%w", function(c) return c == "a" and "x" end) return #s, n, s:sub(1, 6)`},
	{"gsub native", `local s, n = ("ab"):rep(3000):gsub("%w", string.upper) return #s, n, s:sub(1, 6)`},
}

// The same inside everything that a call may stand in.
var nestedCalls = []struct{ name, text string }{
	{"in a coroutine", `return coroutine.wrap(function() return (("a"):rep(1000):find("a*b")) end)()`},
	{"in pcall", `return select(2, pcall(string.find, ("a"):rep(1000), "a*b"))`},
	{"in an error handler", `return select(2, xpcall(error, function() return ("a"):rep(1000):gsub("a-b", "") .. "!" end))`},
	{"in a metamethod", `return setmetatable({}, {__index = function(_, k) return k:rep(1000):find("a*b") end}).a`},
	{"in a comparator", `local t = {3, 1, 2} table.sort(t, function(a, b) return ("a"):rep(300):find("a*b") or a < b end) return t[1]`},
	{"in an iterator", `local n = 0 for w in function() n = n + 1 return n < 4 and ("a"):rep(500):gsub("a-b", "") or nil end do end return n`},
	{"in gsub", `return (("xyz"):gsub(".", function(c) return c:rep(1000):gsub("a-b", "", 1):sub(1, 2) end))`},
	{"in a tail call", `local function f(s) return s:find("a*b") end return f(("a"):rep(1000))`},
}

func TestStringsPauseWherever(t *testing.T) {
	for _, c := range nestedCalls {
		t.Run(c.name, func(t *testing.T) {
			want := runStrings(t, newMachine(t, limits.Limits{}, Options{}), c.text, 0)
			for _, fuel := range []int64{1, 300} {
				got := runStrings(t, newMachine(t, limits.Limits{}, Options{}), c.text, fuel)
				if diff := cmp.Diff(want.results, got.results); diff != "" || fmt.Sprint(want.err) != fmt.Sprint(got.err) {
					t.Errorf("in steps of %d: %v, at once %v (-want +got):\n%s", fuel, got.err, want.err, diff)
				}
				if got.instructions != want.instructions {
					t.Errorf("in steps of %d: %d instructions, at once %d", fuel, got.instructions, want.instructions)
				}
				if got.pauses == 0 {
					t.Errorf("in steps of %d: no pause", fuel)
				}
			}
		})
	}
}

// TestStringsPauseInsideOneCall steps through long calls: they pause with the
// fuel, and the results and the count of instructions do not depend on it.
func TestStringsPauseInsideOneCall(t *testing.T) {
	for _, c := range longCalls {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{}, Options{})
			want := runStrings(t, m, c.text, 0)
			if want.err != nil {
				t.Fatal(want.err)
			}
			for _, fuel := range []int64{1, 100, 7777} {
				if fuel == 1 && want.instructions > 1_000_000 {
					continue
				}
				m := newMachine(t, limits.Limits{}, Options{})
				got := runStrings(t, m, c.text, fuel)
				if got.err != nil {
					t.Fatal(got.err)
				}
				if diff := cmp.Diff(want.results, got.results); diff != "" {
					t.Errorf("in steps of %d (-want +got):\n%s", fuel, diff)
				}
				if got.instructions != want.instructions {
					t.Errorf("in steps of %d: %d instructions, at once %d", fuel, got.instructions, want.instructions)
				}
				// What cannot be cut is a batch of the matcher, or the making of the
				// subject, one for each 16 bytes.
				if want := want.instructions / max(fuel, 200) / 2; int64(got.pauses) < want {
					t.Errorf("in steps of %d: %d pauses, want at least %d", fuel, got.pauses, want)
				}
				if got.overdraw > 5_000_000/16+1000 {
					t.Errorf("in steps of %d: one step spent %d more", fuel, got.overdraw)
				}
			}
		})
	}
}

// TestAbandonedCallsLeaveNothingBehind leaves long calls in the middle and uses
// the same functions, which share matchers, afterwards.
func TestAbandonedCallsLeaveNothingBehind(t *testing.T) {
	m := newMachine(t, limits.Limits{}, Options{})
	for _, c := range longCalls {
		r, err := m.Start(context.Background(), loadText(t, m, "test", c.text))
		if err != nil {
			t.Fatal(err)
		}
		if status, err := r.Step(200); err != nil || status != vm.Paused {
			t.Fatalf("%s: %v, %v", c.name, status, err)
		}
		r.Abandon()
		o := runStrings(t, m, `return ("key = value"):gsub("(%w+) = (%w+)", "%2 = %1")`, 0)
		if diff := cmp.Diff([]string{"value = key", "1"}, o.results); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestOneIteratorInTwoRuns calls a gmatch iterator while another run is paused
// in it.
func TestOneIteratorInTwoRuns(t *testing.T) {
	m := newMachine(t, limits.Limits{}, Options{})
	if o := runStrings(t, m, `next = (("a"):rep(5000) .. "1b2"):gmatch("%a-(%d)")`, 0); o.err != nil {
		t.Fatal(o.err)
	}
	first, err := m.Start(context.Background(), loadText(t, m, "test", `return next()`))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := first.Step(1500); err != nil || status != vm.Paused {
		t.Fatal(status, err)
	}
	if o := runStrings(t, m, `return next()`, 0); o.err != nil || !cmp.Equal(o.results, []string{"1"}) {
		t.Errorf("second run: %v, %v", o.results, o.err)
	}
	if status, err := first.Step(limits.Unlimited); err != nil || status != vm.Done {
		t.Fatal(status, err)
	}
	if s, _ := first.Results()[0].AsString(); s != "1" {
		t.Errorf("first run: %q", s)
	}
	if o := runStrings(t, m, `return next(), next()`, 0); !cmp.Equal(o.results, []string{"2"}) {
		t.Errorf("afterwards: %v", o.results)
	}
}

func TestGsubYieldsInItsCallbacks(t *testing.T) {
	o := runStrings(t, newMachine(t, limits.Limits{}, Options{}), `
		local function both(repl)
			return coroutine.wrap(function() return (("abc"):gsub("%w", repl)) end)
		end
		local f = both(coroutine.yield)
		local t = both(setmetatable({}, {__index = function(_, k) return coroutine.yield(k) end}))
		local out = {f(), t(), f("x"), t("1"), f(false), t(2), f("z"), t(nil)}
		return table.concat(out, " ")`, 0)
	if want := []string{"a a b b c c xbz 12c"}; o.err != nil || !cmp.Equal(o.results, want) {
		t.Errorf("got %v, %v, want %v", o.results, o.err, want)
	}
}

// TestHostileStrings runs scripts that aim at the host's stack, time or memory
// under the default limits, and, where it can be afforded, without the limit that
// stops them: then they must do what they are stopped from doing.
func TestHostileStrings(t *testing.T) {
	const tooLong = "resulting string too large"
	for _, c := range []struct {
		name, text string
		limit      limits.Kind // that ends the call, or 0
		message    string      // or the Lua error, without its place
		most       int64       // bytes that may be allocated meanwhile
		free       limits.Limits
		want       string // the first result under free
	}{
		{name: "open captures without end", text: `return (""):match(("("):rep(3000000))`,
			message: "too many captures", most: 8 << 20},
		{name: "open captures in every function", text: `local p = ("("):rep(3000000)
			local function bad(f, ...) local ok, e = pcall(f, ...) assert(not ok and e:find("too many captures"), e) end
			bad(string.find, "", p) bad(string.gsub, "", p, "") bad((""):gmatch(p)) return "SAFE"`,
			want: "SAFE", most: 8 << 20},
		{name: "lazy items, polynomial", text: `return ("a"):rep(100):find(".-.-.-.-.-b")`,
			limit: limits.Instructions, most: 1 << 20},
		{name: "greedy item, every start", text: `return ("a"):rep(200000):find("a*b")`,
			limit: limits.Instructions, most: 2 << 20},
		{name: "captures and back references", text: `return ("a"):rep(1000):find("(.-)(.-)%1%2%1%2b")`,
			limit: limits.Instructions, most: 1 << 20},
		{name: "optional items, exponential", text: `return ("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(61))`,
			limit: limits.Instructions, most: 1 << 20},
		{name: "callback of the library", text: `return #(("a"):rep(300000):gsub(".", string.upper))`,
			want: "300000", most: 64 << 20},
		{name: "long replacement", text: `return #(("x"):rep(10000):gsub("x", ("y"):rep(1000000)))`,
			message: tooLong, most: 40 << 20},
		{name: "long replacement from a table", text: `return #(("x"):rep(10000):gsub("x", {x = ("y"):rep(1000000)}))`,
			message: tooLong, most: 40 << 20},
		{name: "long replacement from a function", text: `local y = ("y"):rep(1000000) return #(("x"):rep(10000):gsub("x", function() return y end))`,
			message: tooLong, most: 40 << 20},
		{name: "match amplified", text: `return #(("x"):rep(10000):gsub(".*", ("%0"):rep(5000)))`,
			message: tooLong, most: 40 << 20,
			free: limits.Limits{String: limits.Unlimited, Memory: limits.Unlimited}, want: "50000000"},
		{name: "capture amplified", text: `return #(("x"):rep(10000):gsub("(.*)", ("%1"):rep(5000)))`,
			message: tooLong, most: 40 << 20},
		{name: "match amplified, strings not limited", text: `return #(("x"):rep(100000):gsub(".*", ("%0"):rep(5000)))`,
			free: limits.Limits{String: limits.Unlimited, Memory: 8 << 20}, limit: limits.Memory, most: 24 << 20},
		{name: "format amplified", text: `local s = ("x"):rep(1000000) return #(("%s"):rep(100)):format(unpack((function() local t = {} for i = 1, 100 do t[i] = s end return t end)()))`,
			message: tooLong, most: 40 << 20,
			free: limits.Limits{String: limits.Unlimited, Memory: limits.Unlimited}, want: "100000000"},
		{name: "quotes", text: `return #("%q"):format(("\0"):rep(10000000))`,
			message: tooLong, most: 64 << 20},
		{name: "rep", text: `return #("x"):rep(2000000000)`, message: tooLong, most: 1 << 20},
		{name: "rep of rep", text: `return #("x"):rep(10000000):rep(2000000000)`, message: tooLong, most: 16 << 20},
		{name: "wide directives", text: `return #("%99.99f%-99d%099x"):rep(1000):format(unpack((function() local t = {} for i = 1, 3000 do t[i] = 1e308 end return t end)()))`,
			want: "607000", most: 8 << 20},
		{name: "items without end", text: `return ("a"):find(("a?"):rep(8000000))`,
			limit: limits.Memory, most: 256 << 20},
		{name: "many iterators with long patterns", text: `local keep = {} for i = 1, 500 do local f = (""):gmatch(("a?"):rep(20000)) f() keep[i] = f end return "kept"`,
			limit: limits.Memory, most: 1 << 30,
			free: limits.Limits{Memory: limits.Unlimited}, want: "kept"},
		{name: "many replacements under way", text: `local keep = {}
			for i = 1, 150 do
				keep[i] = coroutine.wrap(function() return (("x"):rep(1000) .. "y"):gsub(".", function(c)
					if c == "y" then coroutine.yield() end
					return ("z"):rep(1000)
				end) end)
				keep[i]()
			end
			return "kept"`,
			limit: limits.Memory, most: 1 << 30,
			free: limits.Limits{Memory: limits.Unlimited}, want: "kept"},
		{name: "Go's directives", text: `for _, d in ipairs{"%v", "%#v", "%T", "%p", "%t", "%U", "%b", "%w", "%+v", "%[1]d", "%!d"} do
				local ok, s = pcall(string.format, d, {})
				assert(not ok, s)
			end
			return "SAFE"`, want: "SAFE", most: 1 << 20},
		{name: "objects for numbers", text: `for _, v in ipairs{{}, print, coroutine.create(function() end), true} do
				for _, d in ipairs{"%d", "%s", "%c", "%g", "%q", "%x"} do
					local ok, s = pcall(string.format, d, v)
					assert(not ok and s:find("expected, got " .. type(v), 1, true), s)
				end
			end
			return "SAFE"`, want: "SAFE", most: 1 << 20},
		{name: "numbers that no integer holds", text: `local o = {}
			for _, v in ipairs{0/0, 1/0, -1/0, 1e300, 2^63} do
				o[#o + 1] = ("abc"):sub(v) .. "," .. ("abc"):rep(v) .. "," .. string.format("%d,%x", v, v)
			end
			return table.concat(o, ";")`, most: 1 << 20,
			want: "abc,,-9223372036854775808,8000000000000000;abc,,-9223372036854775808,0;abc,,-9223372036854775808,8000000000000000;abc,,-9223372036854775808,0;abc,,-9223372036854775808,8000000000000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			guarded := limits.Limits{Instructions: limits.DefaultInstructions}
			if c.limit != 0 && c.free != (limits.Limits{}) && c.want == "" {
				guarded = c.free
			}
			var o outcome
			m := newMachine(t, guarded, Options{})
			bytes := allocating(func() { o = runStrings(t, m, c.text, 0) })
			var limit *limits.Error
			switch {
			case c.limit != 0:
				if !errors.As(o.err, &limit) || limit.Kind != c.limit {
					t.Errorf("got %v, %v, want the limit of %v", o.results, o.err, c.limit)
				}
			case c.message != "":
				var lua *vm.Error
				if !errors.As(o.err, &lua) || !strings.HasSuffix(lua.Error(), c.message) {
					t.Errorf("got %v, %v, want %s", o.results, o.err, c.message)
				}
			case o.err != nil || len(o.results) == 0 || o.results[0] != c.want:
				t.Errorf("got %v, %v, want %s", o.results, o.err, c.want)
			}
			if bytes > c.most {
				t.Errorf("%d bytes were allocated, want at most %d", bytes, c.most)
			}
			if c.free == guarded || c.free == (limits.Limits{}) {
				return
			}
			o = runStrings(t, newMachine(t, c.free, Options{}), c.text, 0)
			if o.err != nil || len(o.results) == 0 || o.results[0] != c.want {
				t.Errorf("without the limit: got %v, %v, want %s", o.results, o.err, c.want)
			}
		})
	}
}

// TestHostilePatternsAreDear is the control of the patterns that run into the
// limit of instructions above: at a size that can be afforded they end, and a
// little more of the subject multiplies the work.
func TestHostilePatternsAreDear(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		grow float64 // of the work, for a subject of 2n
	}{
		{`return ("a"):rep(n):find(".-.-.-.-.-b")`, 8, 16},
		{`return ("a"):rep(n):find("a*b")`, 500, 3.5},
		{`return ("a"):rep(n):find("(.-)(.-)%1%2%1%2b")`, 30, 5},
		{`return ("a"):rep(n):find(("a?"):rep(n) .. ("a"):rep(n + 1))`, 8, 100},
	} {
		cost := func(n int) float64 {
			o := runStrings(t, newMachine(t, limits.Limits{}, Options{}), fmt.Sprintf("local n = %d ", n)+c.text, 0)
			if !cmp.Equal(o.results, []string{"nil"}) {
				t.Fatal(o.results, o.err)
			}
			return float64(o.instructions)
		}
		if got := cost(2*c.n) / cost(c.n); got < c.grow {
			t.Errorf("%s: twice the size is %.1f times the work, want at least %.1f", c.text, got, c.grow)
		}
	}
}

// TestStringMemoryIsDeclared compares what functions charge for memory with what
// Go allocates: never less, up to Go's size classes, and not several times more.
func TestStringMemoryIsDeclared(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"rep", `for i = 1, 20 do local s = ("ab"):rep(n) end`},
		{"upper", `for i = 1, 20 do local s = x:upper() end`},
		{"reverse", `for i = 1, 20 do local s = x:reverse() end`},
		{"sub", `for i = 1, 20 do local s = x:sub(2) end`},
		{"char", `for i = 1, 20 do for j = 1, n, 200 do local s = string.char(x:byte(j, j + 199)) end end`},
		{"match", `for i = 1, 20 do local s, t = x:match("(.*)(...)$") end`},
		{"gmatch", `for i = 1, 20 do for w in x:gmatch("(a+)b") do end end`},
		{"format %s", `for i = 1, 20 do local s = ("%s,%s"):format(x, x) end`},
		{"format %q", `for i = 1, 20 do local s = ("%q"):format(x) end`},
		{"gsub text", `for i = 1, 20 do local s = x:gsub("b", "%0,%0") end`},
		{"gsub keep", `for i = 1, 20 do local s = x:gsub("z", "b") end`},
		{"gsub table", `local t = {b = "BBB"} for i = 1, 20 do local s = x:gsub("%w", t) end`},
		{"gsub words", `local t = {} for i = 1, 20 do local s = x:gsub("a*b", string.upper) end`},
		{"long patterns", `local p = ("a?"):rep(n) for i = 1, 20 do local s = x:find(p) end`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{2_000, 40_000} {
				m := newMachine(t, limits.Limits{Memory: 1 << 40, String: 1 << 30}, Options{})
				setup := fmt.Sprintf(`n = %d x = (("a"):rep(19) .. "b"):rep(n / 20)`, n)
				if o := runStrings(t, m, setup, 0); o.err != nil {
					t.Fatal(o.err)
				}
				f := loadText(t, m, "test", c.text)
				before := m.Allocated()
				measured := allocating(func() {
					if _, err := m.Call(context.Background(), f); err != nil {
						t.Fatal(err)
					}
				})
				declared := m.Allocated() - before
				if slack := int64(64 << 10); measured > declared*5/4+slack || declared > 4*measured+slack {
					t.Errorf("n = %d: %d bytes declared, %d allocated", n, declared, measured)
				}
			}
		})
	}
}

// TestPiecesDoNotPinTheirText keeps small pieces of large strings and looks at
// what the heap holds.
func TestPiecesDoNotPinTheirText(t *testing.T) {
	for _, c := range []struct{ name, piece string }{
		{"sub", `s:sub(5, 20)`},
		{"match", `s:match("a(%a%a%a)b")`},
		{"find", `select(3, s:find("a(%a%a%a)b"))`},
		{"gmatch", `s:gmatch("a%a%a%ab")()`},
		{"gsub callback", `(function() local p s:gsub("a%a%a%ab", function(x) p = x end, 1) return p end)()`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, limits.Limits{Memory: 1 << 30}, Options{})
			live := func() int64 {
				runtime.GC()
				var s runtime.MemStats
				runtime.ReadMemStats(&s)
				return int64(s.HeapAlloc)
			}
			before := live()
			o := runStrings(t, m, `kept = {} for i = 1, 20 do local s = ("aaaab"):rep(200000) .. i kept[i] = `+c.piece+` end`, 0)
			if o.err != nil {
				t.Fatal(o.err)
			}
			if held := live() - before; held > 4<<20 {
				t.Errorf("20 pieces hold %d bytes", held)
			}
			runtime.KeepAlive(m)
		})
	}
}

// TestNULInPatterns covers what the ledger notes: a NUL in a pattern is a byte
// like others. C Lua 5.1 takes it for the end of the pattern.
func TestNULInPatterns(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`return ("a\0b"):find("%a\0b")`, []string{"1", "3"}},
		{`return ("a\0b"):match("[\0]")`, []string{"\x00"}},
		{`return ("a\0\0b"):gsub("\0+", "-")`, []string{"a-b", "1"}},
		{`return ("a\0b"):match("^(.-)\0(.*)$")`, []string{"a", "b"}},
		{`return ("x\0y"):find("%\0y")`, []string{"2", "3"}},
		{`return ("a\0."):find("\0.", 1)`, []string{"2", "3"}},
		{`return ("a\0b\0c"):match("%b\0\0")`, []string{"\x00b\x00"}},
		{`local n = 0 for w in ("a\0b\0c"):gmatch("[^\0]") do n = n + 1 end return n`, []string{"3"}},
	} {
		o := runStrings(t, newMachine(t, limits.Limits{}, Options{}), c.text, 0)
		if diff := cmp.Diff(c.want, o.results); diff != "" || o.err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.text, o.err, diff)
		}
	}
}

func BenchmarkStrings(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"find", `for i = 1, 1000 do local x = s:find("fox") end`},
		{"find pattern", `for i = 1, 1000 do local x = s:find("(%a+) jumps") end`},
		{"match", `for i = 1, 1000 do local k, v = ("key = value"):match("^(%w+)%s*=%s*(%w+)$") end`},
		{"gmatch", `for i = 1, 100 do for w in s:gmatch("%a+") do end end`},
		{"gmatch bytes", `for i = 1, 100 do for c in s:gmatch(".") do end end`},
		{"gsub text", `for i = 1, 100 do local x = s:gsub("o", "0") end`},
		{"gsub trim", `for i = 1, 1000 do local x = ("  trim me  "):gsub("^%s+", "") end`},
		{"gsub function", `for i = 1, 100 do local x = s:gsub("%a+", f) end`},
		{"gsub table", `local t = {fox = "cat"} for i = 1, 100 do local x = s:gsub("%a+", t) end`},
		{"format", `for i = 1, 1000 do local x = ("%d: %s (%.2f)"):format(i, "name", i / 7) end`},
		{"sub", `for i = 1, 1000 do local x = s:sub(i % 40, i % 40 + 5) end`},
		{"byte", `for i = 1, 1000 do local x = s:byte(i % 40 + 1) end`},
		{"upper", `for i = 1, 1000 do local x = s:upper() end`},
		{"rep", `for i = 1, 1000 do local x = ("ab"):rep(20) end`},
		{"gsub pieces", `local x = ("a"):gsub("a", ("%1"):rep(10000))`},
		{"gsub escapes", `local x = ("a"):gsub("a", ("%%"):rep(10000))`},
		{"format escapes", `local x = ("%%"):rep(10000):format()`},
		{"format quotes", `local x = ("%q"):format(("\0"):rep(10000))`},
		{"format f", `for i = 1, 1000 do local x = ("%f"):format(i / 7) end`},
		{"format 99f", `for i = 1, 1000 do local x = ("%.99f"):format(i / 7) end`},
		{"format d", `for i = 1, 1000 do local x = ("%d"):format(i) end`},
		{"plain first bytes", `local x = ("a"):rep(10000):find("ab", 1, true)`},
		{"plain halves", `local x = ("a"):rep(4000):find(("a"):rep(2000) .. "b", 1, true)`},
		{"back reference", `local x = ("a"):rep(2000):find("^(a*)%1b")`},
		{"skip", `local x = ("a"):rep(100000):find("%d")`},
		{"rep large", `local x = ("a"):rep(1000000)`},
		{"upper large", `local x = ("a"):rep(100000):upper()`},
		{"reverse large", `local x = ("a"):rep(100000):reverse()`},
		{"byte many", `for i = 1, 100 do s:rep(20):byte(1, 800) end`},
		{"char many", `for i = 1, 100 do string.char(s:rep(20):byte(1, 800)) end`},
		{"set", `local x = ("a"):rep(10000):find("^[%w_.]*$")`},
		{"balance", `local x = ("("):rep(10000):find("^%b()")`},
		{"lazy", `local x = ("a"):rep(200):find(".-.-b")`},
		{"captures", `local x = ("a"):rep(100):find(("()"):rep(30) .. "b")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := newMachine(b, limits.Limits{Instructions: limits.Unlimited}, Options{})
			runStrings(b, m, `s = "The quick brown fox jumps over the lazy dog" function f(w) return w .. "!" end`, 0)
			fn := loadText(b, m, "bench", c.text)
			cost := runStrings(b, m, c.text, 0).instructions
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Call(context.Background(), fn); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(cost), "ns/instr")
		})
	}
}
