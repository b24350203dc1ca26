-- What is not as in C Lua 5.1, on purpose.

-- -0 is a constant of its own: C Lua 5.1 merges it with 0 where both occur.
print(0, -0, 1 / 0, 1 / -0, 0 == -0) --> 0	-0	inf	-inf	true
local t = {} t[-0] = 1 print(next(t)) --> 0	1

-- pairs goes in the order of insertion, after the keys 1..n.
local t = {z = 1, a = 2, 10, 20, m = 3}
for k, v in pairs(t) do print(k, v) end
--> 1	10
--> 2	20
--> z	1
--> a	2
--> m	3
t.a = nil t.b = 4 t.a = 5
local s = "" for k in pairs(t) do s = s .. k .. " " end print(s) --> 1 2 z a m b 

-- xpcall passes further arguments on, as in Lua 5.2.
print(xpcall(function(...) return ... end, print, 1, 2)) --> true	1	2

-- More upvalues than 60.
local src = {}
for i = 1, 190 do src[i] = "local v" .. i .. "=" .. i end
src[#src + 1] = "return function() return 0"
for i = 1, 190 do src[#src + 1] = "+v" .. i end
src[#src + 1] = " end"
print(loadstring(table.concat(src, " "))()()) --> 18145

-- Concatenations of any length.
local p = {} for i = 1, 5000 do p[i] = "a" end
print(#loadstring("local a = ... return " .. table.concat(p, ".."))("xyz")) --> 15000

-- Objects print small numbers, the library's functions their names.
local a, b = {}, function() end
print(a, b, a, coroutine.create(b)) --> table: 00000001	function: 00000002	table: 00000001	thread: 00000003
print(print, string.upper) --> function: library: print	function: library: string.upper
---
-- A chain of __call is not followed, as in C Lua 5.1; a tail call of it, too.
local c = setmetatable({}, {__call = setmetatable({}, {__call = print})})
print(pcall(c)) --> false	attempt to call a table value
print(pcall(function() return c() end)) --> false	differs.lua:41: attempt to call upvalue 'c' (a table value)
return setmetatable({}, {__call = 1})() --! attempt to call a table value
---
-- Stack overflow leaves the machine as it was: the same depth every time.
local depth = 0
local function inf() depth = depth + 1 inf() end
pcall(inf)
local first = depth
for i = 1, 5 do depth = 0 pcall(inf) assert(depth == first) end
print(first) --> 19998
---
-- An invalid key in a loop over next has no place, as next's own error has none.
for k in next, {}, "no" do end --!! invalid key to 'next'
---
-- A handler of an error keeps the place of the error.
local ok, e = xpcall(function()
  local t = nil
  t.x = 1
end, function(e) return e end)
print(e) --> differs.lua:58: attempt to index local 't' (a nil value)
---
error({}) --!! (error object is a table value)
---
error() --!! nil
---
error("text", 0) --!! text
---
error("text") --! text
---
local x = 5 x() --! attempt to call local 'x' (a number value)
---
return 1 + nil --! attempt to perform arithmetic on a nil value
---
x = = 1 --! unexpected symbol
---
x = 1 1 --! unexpected symbol
---
local s = "unfinished --! unfinished string
---
x = 3x --! malformed number
---
x = "\300" --! escape sequence too large
---
for i = 1 do end --! unexpected symbol
---
f() = 1 --! unexpected symbol
---
x = [==[ long --! unfinished long string
---
return ... , function() return ... end --! cannot use '...' outside a vararg function
---
if x then --! 'end' expected
---
local t = { --! '}' expected
---
f( --! ')' expected
---
;; --! unexpected symbol
---
local x <const> = 1 --! unexpected symbol
---
x = 1 // 2 --! unexpected symbol
---
x = 1 & 2 --! unexpected symbol
---
x = ~1 --! unexpected symbol
---
x = @ --! unexpected symbol
