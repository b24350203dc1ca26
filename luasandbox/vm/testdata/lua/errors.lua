-- Error messages name what was wrong: locals, globals, fields, upvalues, methods.
local function try(f, ...)
  local ok, e = pcall(f, ...)
  print(ok, e)
end
local up = nil
local upt = {}

-- index
try(function() local a; a.b = 1 end)
try(function() local a; return a.b end)
try(function() local a; return a[1] end)
try(function() local a; a[1] = 2 end)
try(function() local a, k = nil, "k"; return a[k] end)
try(function() return glob.x end)
try(function() glob.x = 1 end)
try(function() return up.x end)
try(function() up.x = 1 end)
try(function() return upt.x.y end)
try(function() upt.x.y = 1 end)
try(function() local t = {} return t.a.b.c end)
try(function() local t = {a = {}} return t.a.b.c end)
try(function() local t = {} t[1][2] = 3 end)
try(function() local t, i = {}, 1 return t[i][i] end)
try(function() local t = {} return t.x:y() end)
try(function() local t = {} return t:nomethod() end)
try(function() return ("x"):nomethod() end)
try(function() local s = "x" return s.y.z end)
try(function() return (nil).x end)
try(function() return (1).x end)
try(function() return (true).x end)
try(function() return (function() end).x end)
try(function() local n = 5; n.x = 1 end)
try(function() local f = print; f.x = 1 end)

-- call
try(function() local a; a() end)
try(function() glob() end)
try(function() up() end)
try(function() upt.f() end)
try(function() upt:m() end)
try(function() local t = {} t.a.b() end)
try(function() local t = {a = {}} t.a.b() end)
try(function() local t = {} t[1]() end)
try(function() (1)() end)
try(function() ("x")() end)
try(function() ({})() end)
try(function() local x = 5 x() end)
try(function() local t = setmetatable({}, {}) t() end)
try(function() return glob() end)
try(function() local a return a(1, 2, 3) end)
try(function() local a return (a()) end)
try(function() for i in 5 do end end)
try(function() for i in nil do end end)
try(function() local t = {} for i in t do end end)
try(function() string.nothing("x") end)
try(function() math.floor() end)
try(5)
try(nil)
try({})

-- arithmetic
try(function() local a; return a + 1 end)
try(function() local a; return 1 + a end)
try(function() local a = {} return a * 2 end)
try(function() return glob - 1 end)
try(function() return up / 2 end)
try(function() return upt.x % 2 end)
try(function() return 2 ^ upt.x end)
try(function() return -upt end)
try(function() return -glob end)
try(function() local a = "abc" return a + 1 end)
try(function() return "abc" + 1 end)
try(function() return 1 + "abc" end)
try(function() return {} + 1 end)
try(function() return 1 + {} end)
try(function() return {} + {} end)
try(function() return true + 1 end)
try(function() local t, u = {}, 1 return u + t end)
try(function() local a, b = 1 return a + b end)
try(function() local x = 1 x = x + nil end)
try(function() return #nil end)
try(function() local n = 5 return #n end)
try(function() return #glob end)
try(function() return #upt.x end)
try(function() return -{} end)
try(function() return print + 1 end)

-- concatenation
try(function() local a; return a .. "x" end)
try(function() local a; return "x" .. a end)
try(function() return glob .. "x" end)
try(function() return "x" .. up end)
try(function() return "x" .. upt.x .. "y" end)
try(function() return 1 .. {} end)
try(function() return {} .. 1 end)
try(function() return "a" .. "b" .. nil end)
try(function() return nil .. "a" .. "b" end)
try(function() local a, b, c = "x", "y" return a .. b .. c end)
try(function() local a, b, c = "x", nil, "z" return a .. b .. c end)
try(function() return true .. "" end)

-- comparison
try(function() return 1 < "2" end)
try(function() return "1" < 2 end)
try(function() return {} < {} end)
try(function() return {} < 1 end)
try(function() return 1 < {} end)
try(function() return nil < 1 end)
try(function() return nil > 1 end)
try(function() return print < print end)
try(function() return true <= false end)
try(function() return 1 >= "x" end)
try(function() local a, b = 1 return a <= b end)
try(function() return {} >= "x" end)
try(function() return nil == 1, nil ~= 1 end)

-- keys
try(function() local t = {} t[nil] = 1 end)
try(function() local t = {} t[0/0] = 1 end)
try(function() local t = {} return t[nil], t[0/0] end)
try(function() return {[nil] = 1} end)
try(function() return {[0/0] = 1} end)
try(function() rawset({}, nil, 1) end)
try(function() next({}, "nokey") end)
try(function() for k in next, {}, 1 do end end)

-- for
try(function() for i = "a", 2 do end end)
try(function() for i = 1, {} do end end)
try(function() for i = 1, 2, true do end end)
try(function() for i = nil, 1 do end end)

-- error and assert
try(function() error("msg") end)
try(function() error("msg", 0) end)
try(function() error("msg", 1) end)
try(function() error("msg", 2) end)
try(function() error() end)
try(function() error(nil) end)
try(function() error(42) end)
try(function() error(42, 0) end)
try(function() error(true) end)
try(function() local function lvl2() error("who", 2) end lvl2() end)
try(function() local function a() error("far", 3) end local function b() a() end b() end)
try(function() assert(false) end)
try(function() assert(nil, "assert message") end)
try(function() assert(false, 42) end)
try(function() assert() end)
try(function() return assert(1, 2, 3) end)
print(select("#", pcall(assert, 1, 2, 3)))
local ok, e = pcall(error, {1, 2, 3})
print(ok, #e)
print(pcall(error, "direct"))
print(pcall(error, "direct", 2))
print(pcall(pcall))
print(pcall(pcall, error, "e"))
print(pcall(error))

-- arguments of library functions, by name of the caller's
try(function() string.rep() end)
try(function() ("x"):rep({}) end)
try(function() local f = string.rep f("x") end)
try(function() setmetatable(1, {}) end)
try(function() local insert = table.insert insert(nil, 1) end)
try(function() ipairs() end)
try(function() tostring() end)
try(function() local t = {m = string.upper} t:m() end)
try(function() local t = {m = string.rep} t.m("x", "y") end)

-- positions
try(function()
  local t = {}

  t.x
    .y = 1
end)
try(function()
  local a =
    1 +
    nil
end)
try(function()
  glob(
    1,
    2
  )
end)
try(function() local x = 1

  return x .. {} end)

-- functions keep their places when errors pass through several
local function c() error("from c") end
local function b() c() end
local function a() b() end
try(a)
try(function() local ok, e = pcall(a) error(e, 0) end)
try(function() local ok, e = pcall(a) error(e) end)

-- names in nested functions and tail calls
try(function() local function inner() return up.x end inner() end)
try(function() local function inner() return up.x end return inner() end)
try(function() return (function() return (function() return up.field end)() end)() end)
local obj = {name = "obj", child = {}}
function obj:method() return self.child.value.x end
try(obj.method, obj)
try(function() obj:method() end)
try(function() obj.child:nothing() end)
try(function() local self = {} self.a.b = self end)
