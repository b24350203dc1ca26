-- Concatenation: right to left, metamethods in the middle of long chains.
local log = {}
local function desc(v) if type(v) == "table" then return "<" .. (rawget(v, "n") or "?") .. ">" end return type(v) == "string" and "'" .. v .. "'" or tostring(v) end
local mt = {}
mt.__concat = function(a, b)
  log[#log + 1] = desc(a) .. "+" .. desc(b)
  return setmetatable({n = (type(a) == "table" and a.n or tostring(a)) .. (type(b) == "table" and b.n or tostring(b))}, mt)
end
local function C(n) return setmetatable({n = n}, mt) end
local function show(v) print(desc(v), table.concat(log, " ; ")) log = {} end

show(C"a" .. "b")
show("a" .. C"b")
show(C"a" .. C"b")
show("a" .. "b" .. C"c")
show(C"a" .. "b" .. "c")
show("a" .. C"b" .. "c")
show("a" .. "b" .. C"c" .. "d" .. "e")
show(1 .. 2 .. C"x" .. 3 .. 4)
show(C"x" .. 1 .. 2 .. C"y" .. 3)
show("p" .. C"a" .. "q" .. C"b" .. "r" .. C"c" .. "s")
show((C"a" .. "b") .. "c")
show("" .. C"a" .. "")
local x, y, z = C"x", "y", 3
show(x .. y .. z) show(z .. y .. x) show(y .. x .. z) show(y .. z .. x .. z .. y)
local s = "s" s = s .. x .. s show(s)

-- results of other types
local kinds = {1, "str", true, false}
for i = 1, 5 do
  local R = setmetatable({}, {__concat = function(a, b) return kinds[i] end})
  print(i, pcall(function() return R .. "x" end))
  print(i, pcall(function() return "w" .. R .. "x" end))
  print(i, pcall(function() return 7 .. R .. "x" .. "y" end))
end
local more = setmetatable({}, {__concat = function() return 1, 2, 3 end})
print((more .. 1), more .. 1, 0)
local none = setmetatable({}, {__concat = function() end})
print(none .. 1, pcall(function() return "a" .. none .. 1 end))

-- an error in the middle
local bad = setmetatable({}, {__concat = function(a, b) error("cannot join", 0) end})
print(pcall(function() return "a" .. "b" .. bad .. "c" end))
print(pcall(function() return C"a" .. nil .. "b" end))
print(pcall(function() return C"a" .. "b" .. nil end))
print(pcall(function() return nil .. C"a" .. "b" end) == true)
log = {}

-- long chains, written and built
local parts = {}
for i = 1, 150 do parts[i] = i % 7 == 0 and "t" or i % 3 == 0 and i or "'" .. i .. "'" end
local f = loadstring("local t = ... return " .. table.concat(parts, " .. "))
local plain = f("T")
print(#plain, plain:sub(1, 30), plain:sub(-20))
local joined = f(C"T")
print(#joined.n, joined.n == plain, #log)
log = {}
for _, n in ipairs{2, 63, 64, 65, 66, 128, 129, 180} do
  local p = {}
  for i = 1, n do p[i] = "a" end
  local g = loadstring("local a, b = ... return " .. table.concat(p, ".."))
  print(n, #g("xy"), #g(1), n > 64 and tostring((pcall(g))) or select(2, pcall(g)))
  p[math.floor(n / 2) + 1] = "b"
  g = loadstring("local a, b = ... return " .. table.concat(p, ".."))
  print(n, #g("x", "yz"), (pcall(g, "x")), n > 64 and tostring((pcall(g, "x", {}))) or select(2, pcall(g, "x", {})))
  print(n, #(g("x", C"M").n), #log) log = {}
end

-- numbers in chains
print(1 .. 2, 1.5 .. 2.5, -1 .. -2, 1e15 .. "", 0.1 .. 0.2, 1/0 .. "", 2^53 .. "|" .. 2^-1)
local n = 5 print(n .. n .. n, "n=" .. n .. "!", (n .. "") + 1, n .. n + 1)
-- empty strings
print("" .. "", #("" .. ""), "" .. 1 == "1", 1 .. "" == "1", "" .. "x" .. "" .. "y" .. "")
-- precedence
print("a" .. 1 + 2 .. "b", 2 .. 3 * 4, "x" .. -1, 1 .. 2 == "12", "a" .. "b" < "b", not ("a" .. "b" == "ab"))
-- in loops
local acc = "" for i = 1, 100 do acc = acc .. i .. "," end print(#acc, acc:sub(1, 20))
acc = "" for i = 1, 20 do acc = i .. acc .. i end print(acc)
