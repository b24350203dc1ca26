-- Every event, with each operand's side, results adjusted to one value.
local log = {}
local function name(v) return type(v) == "table" and (rawget(v, "name") or "table") or tostring(v) end
local mt = {}
for _, e in ipairs{"add", "sub", "mul", "div", "mod", "pow", "concat"} do
  mt["__" .. e] = function(a, b) return e .. "(" .. name(a) .. "," .. name(b) .. ")", "second result" end
end
mt.__unm = function(a, b) return "unm(" .. name(a) .. "," .. name(b) .. ")" end
mt.__len = function(a) return "len" end
mt.__eq = function(a, b) log[#log + 1] = "eq" return a.v == b.v end
mt.__lt = function(a, b) log[#log + 1] = "lt" return a.v < b.v end
mt.__le = function(a, b) log[#log + 1] = "le" return a.v <= b.v end
mt.__call = function(self, ...) return "call", name(self), ... end
mt.__tostring = function(self) return "T:" .. self.name end
local A = setmetatable({name = "A", v = 1}, mt)
local B = setmetatable({name = "B", v = 2}, mt)

print(A + B, A + 1, 1 + A, A + "x", "x" + A)
print(A - B, A - 1, 1 - A)
print(A * B, A * 2, 2 * A)
print(A / B, A / 2, 2 / A)
print(A % B, A % 2, 2 % A)
print(A ^ B, A ^ 2, 2 ^ A)
print(-A, (-A) == "x")
print(A .. B, A .. "s", "s" .. A, A .. 1, 1 .. A)
print(#A)
print((A + B))
print(select("#", (A + B)), select("#", A + B))
print(A == B, A ~= B, A == A, table.concat(log, " ")) log = {}
print(A < B, A <= B, A > B, A >= B, table.concat(log, " ")) log = {}
print(not (A < B), not (A == B))
print(A(1, 2, nil))
print((A()))
print(tostring(A), tostring(B))
print(pcall(A, "p"))
local co = coroutine.wrap(function(...) return A(...) end)
print(co("c"))

-- constants as operands, on both sides
local function half(a, b) return (type(a) == "number" and a or "T") .. " " .. (type(b) == "number" and b or "T") end
local N = setmetatable({}, {__add = half, __sub = half, __mul = half, __div = half, __mod = half, __pow = half,
  __concat = function(a, b) return type(a) .. " " .. type(b) end})
print(N + 1, N - 1, N * 1, N / 1, N % 1, N ^ 1)
print(1 + N, 1 - N, 1 * N, 1 / N, 1 % N, 1 ^ N)
print(N .. 1, 1 .. N, N .. "1", "1" .. N, N .. N)
local n = 5
print(N + n, n + N, N .. n, n .. N)

-- __index and __newindex: functions, tables, chains
do
  local base = {greet = "hello", over = "base"}
  local mid = setmetatable({over = "mid"}, {__index = base})
  local top = setmetatable({}, {__index = mid})
  print(top.greet, top.over, top.none, rawget(top, "greet"))
  base.late = "seen"
  print(top.late)
  top.over = "own"
  print(top.over, mid.over)

  local calls = {}
  local p = setmetatable({}, {
    __index = function(t, k) calls[#calls + 1] = "get " .. tostring(k) return k end,
    __newindex = function(t, k, v) calls[#calls + 1] = "set " .. tostring(k) rawset(t, k, v) end,
  })
  print(p.x, p[1], p[2.5], p[true])
  p.x = 1 p.x = 2 p[1] = 3
  print(p.x, p[1])
  p.x = nil p.x = 5
  print(table.concat(calls, ","))

  local store = {}
  local q = setmetatable({}, {__newindex = store, __index = store})
  q.a = 1 q[1] = 2
  print(rawget(q, "a"), store.a, q.a, q[1], store[1])

  local deep = {}
  local chain = deep
  for i = 1, 50 do chain = setmetatable({}, {__index = chain, __newindex = chain}) end
  chain.x = "bottom"
  print(deep.x, chain.x, rawget(chain, "x"))

  local loop = {}
  setmetatable(loop, {__index = loop, __newindex = loop})
  print(pcall(function() return loop.x end))
  print(pcall(function() loop.x = 1 end))
end

-- a metamethod of the wrong kind
print(pcall(function() return setmetatable({}, {__index = 5}).x end))
print(pcall(function() return setmetatable({}, {__index = "str"}).x end))
print(pcall(function() setmetatable({}, {__newindex = 5}).x = 1 end))
print(pcall(function() return setmetatable({}, {__add = 5}) + 1 end))
print(pcall(function() return setmetatable({}, {__call = 5})() end))
print(pcall(function() return (setmetatable({}, {__call = setmetatable({}, {__call = print})})()) end))
print(pcall(function() local t = setmetatable({}, {__call = {}}) t() end))
print(pcall(function() return setmetatable({}, {__eq = 5}) == setmetatable({}, {__eq = 5}) end))
print(pcall(function() return setmetatable({}, {__concat = {}}) .. "x" end))
print(pcall(function() return #setmetatable({}, {__len = 5}) end))
print(pcall(function() return -setmetatable({}, {__unm = {}}) end))

-- callable tables as metamethods
do
  local callable = setmetatable({}, {__call = function(self, a, b) return "called with " .. type(a) .. " " .. type(b) end})
  local t = setmetatable({}, {__add = callable, __unm = callable, __concat = callable, __lt = callable})
  print(t + 1, 1 + t, -t, t .. "x", t < t)
  print(setmetatable({}, {__index = callable}).x)
end

-- __eq needs two tables with the same handler; __lt and __le likewise
do
  local function yes() return true end
  local function also() return true end
  local a = setmetatable({}, {__eq = yes, __lt = yes, __le = yes})
  local b = setmetatable({}, {__eq = yes, __lt = yes, __le = yes})
  local c = setmetatable({}, {__eq = also, __lt = also, __le = also})
  print(a == b, a == c, a == {}, a == 1, a ~= b)
  print(a < b, a <= b, pcall(function() return a < c end))
  print(pcall(function() return a <= c end))
  print(pcall(function() return a < 1 end))
  print(pcall(function() return a < {} end))
  print(rawequal(a, b), rawequal(a, a))
  local r = setmetatable({}, {__eq = function() return nil end})
  print(r == setmetatable({}, getmetatable(r)), r ~= setmetatable({}, getmetatable(r)))
  local n = setmetatable({}, {__lt = function() return 1 end})
  print(n < n, n > n, n <= n, n >= n)
  local m = setmetatable({}, {__lt = function() return nil end})
  print(m < m, m > m, m <= m, m >= m, not (m <= m))
  if m <= m then print("le by not lt") end
  if not (n <= n) then print("not le") end
end

-- handlers see the operands in order, also for > and >=
do
  local o = {}
  o.__lt = function(a, b) return a.n .. "<" .. b.n end
  o.__le = function(a, b) return a.n .. "<=" .. b.n end
  local seen
  o.__lt = function(a, b) seen = a.n .. "<" .. b.n return true end
  o.__le = function(a, b) seen = a.n .. "<=" .. b.n return false end
  local x, y = setmetatable({n = "x"}, o), setmetatable({n = "y"}, o)
  print(x < y, seen) print(x > y, seen) print(x <= y, seen) print(x >= y, seen)
  o.__le = nil
  print(x <= y, seen) print(x >= y, seen)
end

-- __metatable, and metatables that change while in use
do
  local t = setmetatable({}, {__metatable = "locked"})
  print(getmetatable(t), pcall(setmetatable, t, {}))
  local u = setmetatable({}, {__metatable = false})
  print(getmetatable(u))
  local m = {}
  local v = setmetatable({}, m)
  print(v.x)
  m.__index = function() return "now" end
  print(v.x)
  m.__index = nil
  print(v.x)
  m.__index = {x = "table"}
  print(v.x)
  setmetatable(v, nil)
  print(v.x, getmetatable(v))
  m.__add = function() return "added" end
  print(pcall(function() return v + 1 end))
  setmetatable(v, m)
  print(v + 1)
  m.__add = nil
  print(pcall(function() return v + 1 end))
  print(getmetatable("x").__index == string)
end

-- rawset and rawget go past them
do
  local t = setmetatable({}, {__index = function() return "meta" end, __newindex = function() error("never") end})
  rawset(t, "k", "raw")
  print(rawget(t, "k"), rawget(t, "none"), t.none, t.k)
  t.k = "direct"
  print(t.k)
end

-- inheritance, with methods and super calls
do
  local Animal = {} Animal.__index = Animal
  function Animal.new(name) return setmetatable({name = name}, Animal) end
  function Animal:speak() return self.name .. " makes a sound" end
  function Animal:twice() return self:speak() .. ", " .. self:speak() end
  local Dog = setmetatable({}, {__index = Animal}) Dog.__index = Dog
  function Dog.new(name) return setmetatable(Animal.new(name), Dog) end
  function Dog:speak() return Animal.speak(self) .. ": woof" end
  print(Animal.new("cow"):twice())
  print(Dog.new("rex"):twice())
end

-- arguments of handlers are values, not references
do
  local got = {}
  local t = setmetatable({}, {__newindex = function(t, k, v) got[#got + 1] = tostring(k) .. "=" .. tostring(v) end})
  t[1], t.x, t[nil or "k"] = 1, nil, false
  t[1.5] = "f"
  print(table.concat(got, " "))
end

-- metamethods in conditions and loops
do
  local c = setmetatable({n = 0}, {__lt = function(a, b) a.n = a.n + 1 return a.n < 4 end, __call = function(s) s.n = s.n + 1 if s.n < 9 then return s.n end end})
  while c < c do end
  print(c.n)
  local s = "" for v in c do s = s .. v .. " " end
  print(s)
end
