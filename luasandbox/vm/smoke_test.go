package vm

import (
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

func TestSmoke(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`print(1+2, "a".."b"..3, 10/4, 2^10, 7%3, -7%3, not nil)`, "3\tab3\t2.5\t1024\t1\t2\ttrue\n"},
		{`local t = {1,2,3,x=5,[10]=7} print(#t, t.x, t[10], t[2])`, "3\t5\t7\t2\n"},
		{`local function fib(n) if n < 2 then return n end return fib(n-1)+fib(n-2) end print(fib(20))`, "6765\n"},
		{`for i=1,3 do print(i) end for i=3,1,-1 do print(i) end`, "1\n2\n3\n3\n2\n1\n"},
		{`for k,v in pairs{10,20,a=1} do print(k,v) end`, "1\t10\n2\t20\na\t1\n"},
		{`for i,v in ipairs{10,20} do print(i,v) end`, "1\t10\n2\t20\n"},
		{`print(pcall(function() local x; x.y = 1 end))`, "false\ttest.lua:1: attempt to index local 'x' (a nil value)\n"},
		{`print(pcall(function() foo.bar() end))`, "false\ttest.lua:1: attempt to index global 'foo' (a nil value)\n"},
		{`print(pcall(error, "x")) print(pcall(error, {}, 2)) print(select("#", pcall(error)))`, "false\tx\nfalse\ttable: 00000001\n2\n"},
		{`local co = coroutine.wrap(function(a) local b = coroutine.yield(a+1) print("b", b) return "end" end) print(co(1)) print(co(5))`, "2\nb\t5\nend\n"},
		{`local co = coroutine.create(function() pcall(function() coroutine.yield(1) error("x") end) coroutine.yield(2) end) print(coroutine.resume(co)) print(coroutine.resume(co)) print(coroutine.resume(co)) print(coroutine.resume(co))`, "true\t1\ntrue\t2\ntrue\nfalse\tcannot resume dead coroutine\n"},
		{`local t = setmetatable({}, {__index=function(t,k) return k.."!" end, __add=function(a,b) return "add" end, __call=function(self, x) return x*2 end, __lt=function() return true end, __concat=function(a,b) return "cat" end, __eq=function() return true end}) print(t.foo, t+1, 1+t, t(21), t<t, "x"..t.."y", t>t, t<=t)`, "foo!\tadd\tadd\t42\ttrue\txcat\ttrue\tfalse\n"},
		{`print(xpcall(function() error("boom") end, function(e) return "H:"..e end))`, "false\tH:test.lua:1: boom\n"},
		{`print(xpcall(function() error("boom") end, function(e) error("again") end))`, "false\terror in error handling\n"},
		{`local function f(...) return select("#", ...), ... end print(f(1,nil,3)) print((f(1,2)))`, "3\t1\tnil\t3\n2\n"},
		{`local a = {} for i=1,10 do a[i]=function() return i end end print(a[1](), a[10]())`, "1\t10\n"},
		{`local i = 1 while true do i = i * 2 if i > 100 then break end end print(i) repeat local z = i i = i - 1 until z < 120 print(i)`, "128\n118\n"},
		{`for i=1,3 do for j=1,3 do if j==2 then goto continue end print(i,j) ::continue:: end end`, "1\t1\n1\t3\n2\t1\n2\t3\n3\t1\n3\t3\n"},
		{`local x = nil or false print(x, nil and 1, 1 and 2, false or "d", 1 == 1 and "y" or "n", (1 < 2) == true, not (1 > 2))`, "false\tnil\t2\td\ty\ttrue\ttrue\n"},
		{`local a, b, c = (function() return 1,2,3 end)() print(a,b,c) a, b = b, a print(a, b) local t = {1,2} local i = 1 i, t[i] = i+1, 20 print(i, t[1], t[2])`, "1\t2\t3\n2\t1\n2\t20\t2\n"},
		{`local function f(n) if n == 0 then return "done" end return f(n-1) end print(f(100000))`, "done\n"},
		{`local function f(n) return 1 + f(n+1) end print(pcall(f, 1))`, "false\ttest.lua:1: stack overflow\n"},
		{`local s = "" for i = 1, 200 do s = s .. "a" end print(#s) function g(...) return arg.n, arg[1] end print(g(5,6))`, "200\n2\t5\n"},
		{`local t = {f=function(self, x) return self.v + x end, v = 3} print(t:f(4)) function t.a(x) return x end function t:b(y) return self.v * y end print(t.a(1), t:b(2))`, "7\n1\t6\n"},
		{`local t = {} for i = 1, 100 do t[i] = i end for i = 1, 100 do t[i] = nil end print(#t, next(t)) for i = 1, 5 do t["k"..i] = i end for k in pairs(t) do t[k] = nil end print(next(t))`, "0\tnil\nnil\n"},
		{`local print = function(...) return print(...) end print("ok")`, "ok\n"},
		{`local n=0 local function inc() n=n+1 end inc() pcall(error,"x") inc() inc() print(n)`, "3\n"},
		{`print(pcall(function() return {} < 1 end)) print(pcall(function() return "a" + 1 end)) print(pcall(function() return {}..1 end)) print("10"+5, "0x10"*1)`, "false\ttest.lua:1: attempt to compare table with number\nfalse\ttest.lua:1: attempt to perform arithmetic on a string value\nfalse\ttest.lua:1: attempt to concatenate a table value\n15\t16\n"},
	} {
		m, out := newTestMachine(t, limits.Limits{})
		if _, err := runScript(t, m, tt.src); err != nil {
			t.Errorf("%s\n%v", tt.src, err)
			if e, ok := err.(*InternalError); ok {
				t.Errorf("%s\n%s", e.Detail, e.Stack)
			}
			continue
		}
		if out.String() != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.src, out.String(), tt.want)
		}
	}
}
