local lu = require "luaunit"
local function try(name, ...)
  local ok, e = pcall(lu[name], ...)
  e = type(e) == "table" and (e.msg or e.message) or e
  print(name, ok, (tostring(e):gsub("table 0%d%-%w+", "table"):gsub("0x%x+", "0x"):gsub("table: %w+", "table"):gsub("^[^ ]-%.lua:%d+: ", "")))
end
try("assertEquals", {1, {2, a = "b"}}, {1, {2, a = "b"}})
try("assertEquals", {1, {2, a = "b"}}, {1, {2, a = "c"}})
try("assertEquals", 1, "1")
try("assertAlmostEquals", 1, 1.00001, 0.001)
try("assertAlmostEquals", 1, 1.1, 0.001)
try("assertStrContains", "hello", "ell")
try("assertStrContains", "hello", "z")
try("assertStrMatches", "abc", "a.c")
try("assertError", function() error "x" end)
try("assertError", function() end)
try("assertErrorMsgContains", "oo", function() error "boom" end)
try("assertItemsEquals", {1, 2, 3}, {3, 2, 1})
try("assertItemsEquals", {1, 2}, {1, 3})
try("assertIsTable", 1) try("assertNil", nil) try("assertTrue", 1) try("assertNotEquals", 1, 1) try("assertIsNaN", 0/0) try("assertInf", 1/0) try("assertIs", {}, {})
print(lu.prettystr({1, 2, {a = "x\n"}, [10] = true}), lu.prettystr("a'b\"c"), lu.prettystr(0.1))
local long = {} for i = 1, 30 do long[i] = i end
print(lu.prettystr(long))
local r = {}
for i = 1, 30 do r[i] = i ~= 15 and i or "?" end
try("assertEquals", long, r)
