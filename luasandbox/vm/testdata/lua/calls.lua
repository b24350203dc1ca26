-- Calls: deep recursion, proper tail calls, many arguments, locals and upvalues.
local function sum(n) if n == 0 then return 0 end return n + sum(n - 1) end
print(sum(100), sum(1000), sum(10000))

local function loop(n, acc) if n == 0 then return acc end return loop(n - 1, acc + n) end
print(loop(300000, 0))
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
print(even(100001), odd(100001))
local obj = {n = 0}
function obj:down(n) self.n = self.n + 1 if n == 0 then return self.n end return self:down(n - 1) end
print(obj:down(100000))
local function many(n, ...) if n == 0 then return select("#", ...), ... end return many(n - 1, n, ...) end
print((many(150)))
local call = setmetatable({}, {__call = function(self, n) if n == 0 then return "called" end return self(n - 1) end})
print(call(50000))
print(pcall(loop, 100000, 0))
local function viaSelect(n) if n == 0 then return "end" end return select(2, n, viaSelect(n - 1)) end
print(viaSelect(100))
print((function(...) return select("#", ...) end)(loop(10, 0), nil, nil))
-- the results of a tail call of a library function
local function tl(s) return s:upper() end
print(tl("x"), (tl("y")))
local function tt(...) return unpack({...}) end
print(tt(1, 2, 3), (tt(4, 5)))
local function tp(f, ...) return pcall(f, ...) end
print(tp(error, "e", 0)) print(tp(tp, tp, error, "e", 0))
local function tn() return tostring() end
print(pcall(tn))

-- locals up to the limit, each its own
local src = {}
for i = 1, 199 do src[#src + 1] = "local v" .. i .. " = " .. i end
src[#src + 1] = "local s = 0"
for i = 1, 199 do src[#src + 1] = "s = s + v" .. i end
src[#src + 1] = "return s"
print(loadstring(table.concat(src, "\n"))())
print(type(loadstring("local " .. ("a,"):rep(199) .. "b = 1 return a, b")), type(loadstring("local " .. ("a,"):rep(200) .. "b = 1")))
print(select("#", loadstring("local " .. ("a,"):rep(199) .. "b = unpack({1,2,3}) return a, b")()))

-- a function with 60 upvalues (C Lua's limit)
src = {}
for i = 1, 60 do src[#src + 1] = "local u" .. i .. " = " .. i end
src[#src + 1] = "return function() u1 = u1 + 1 local s = 0"
for i = 1, 60 do src[#src + 1] = "s = s + u" .. i end
src[#src + 1] = "return s end"
local f = loadstring(table.concat(src, "\n"))()
print(f(), f())

-- many arguments and results
local big = {}
for i = 1, 200 do big[i] = i end
local function ident(...) return ... end
print(select("#", ident(unpack(big))), (select(200, ident(unpack(big)))))
src = {}
for i = 1, 200 do src[i] = "a" .. i end
f = loadstring("return function(" .. table.concat(src, ",", 1, 190) .. ") return a1, a190, a95 end")()
print(f(unpack(big)))
f = loadstring("local a = ... return " .. ("a,"):rep(200) .. "a")
print(select("#", f(5)))
print(math.max(unpack(big)))
print(pcall(unpack, {}, 1, 1e8))
print(string.char(unpack(big, 65, 90)))

-- nested calls as arguments, methods on results
print((("x"):rep(3):upper():lower() .. "y"):len())
print(#tostring(tostring(tostring(12345))))
local chain = {} function chain:add(v) self[#self + 1] = v return self end
print(#chain:add(1):add(2):add(3), chain[3])
print(((((1)))), (function() return (function() return (function() return 7 end)() end)() end)())
local curry = function(a) return function(b) return function(c) return a .. b .. c end end end
print(curry "a" "b" "c")
local s = {len = function(t) return #t end}
print(s.len{1, 2}, s.len"abc", s.len[[long]], type{}, type"x")

-- stack overflow is an error like others, and leaves nothing behind
local depth = 0
local function inf() depth = depth + 1 inf() depth = depth - 1 end
local ok, e = pcall(inf)
print(ok, (e:gsub("^[^:]*:%d*: ", "")))
local function infv(...) return 1 + infv(1, ...) end
print((pcall(infv)))
local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end
local ok, e = pcall(function() return t.x end)
print(ok, type(e))
getmetatable(t).__add = function(a, b) return a + b end
print((pcall(function() return t + 1 end)))
print((pcall(string.gsub, "x", "x", function() error("in gsub", 0) end)))
local function rg(n) return (("x"):gsub("x", function() return rg(n + 1) end)) end
print((pcall(rg, 0)))
local function rs() table.sort({1, 2, 3}, function(a, b) rs() return a < b end) end
print((pcall(rs)))
print(sum(1000))
