-- Multiple assignment: all expressions are evaluated first; what order the
-- assignments themselves have is C Lua's.
local a, b, c = 1
print(a, b, c)
a, b, c = 1, 2, 3, 4
print(a, b, c)
a, b = b, a
print(a, b)
a, b, c = c, a, b
print(a, b, c)

local t = {1, 2, 3}
local i = 1
i, t[i] = i + 1, 20
print(i, t[1], t[2], t[3])
i = 1
t[i], i = 30, i + 5
print(i, t[1], t[2])
i, t[i], t[i + 1] = 3, "x", "y"
print(i, t[3], t[6], t[7])

do -- a table that is replaced in the statement that indexes it
  local t = {}
  local old = t
  t.x, t = 1, {}
  print(old.x, t.x)
  t, t.y = {}, 2
  print(t.y)
  local u = {n = {}}
  local n = u.n
  u.n, u.n.v = "new", "val"
  print(u.n, n.v)
end

do -- the same variable twice: the leftmost assignment happens last
  local x
  x, x, x = 1, 2, 3
  print(x)
  local t = {}
  t.k, t.k = "first", "second"
  print(t.k)
end

do -- the order in which operands are evaluated
  local log = {}
  local function at(name, v) log[#log + 1] = name return v end
  local t = {}
  at("t", t)[at("k", "a")], at("t2", t)[at("k2", "b")] = at("v", 1), at("v2", 2)
  print(table.concat(log, " "), t.a, t.b)
end

do -- adjusting
  local function none() end
  local function one() return 1 end
  local function three() return 1, 2, 3 end
  local a, b, c, d = three()
  print(a, b, c, d)
  a, b, c, d = three(), 10
  print(a, b, c, d)
  a, b, c, d = 0, three()
  print(a, b, c, d)
  a, b = (three())
  print(a, b)
  a, b = none()
  print(a, b)
  a, b = none(), none()
  print(a, b)
  print(none(), none(), one(), none())
  print((none()))
  print(#{three(), three()}, #{three(), (three())}, #{none(), nil}, #{none()})
  local t = {none(), one(), three(), [10] = "ten", n = three(), three()}
  print(t[1], t[2], t[3], t[4], t[5], t[6], t[10], t.n)
  print(select("#", three(), three()), select("#", (three())), select("#", none()), select("#", (none())))
end

do -- locals do not see themselves
  local x = "outer"
  local x = x .. "+"
  print(x)
  local f = function() return f end
  print(f())
  local function g() return g end
  print(g() == g)
  local x, y = "new", x
  print(x, y)
end

do -- globals, upvalues and fields as targets together
  local up, t = 0, {}
  local function f()
    up, glob, t.f, t[1], t["x y"] = 1, 2, 3, 4, 5
  end
  f()
  print(up, glob, t.f, t[1], t["x y"])
  glob = nil
  print(glob)
end

do -- an assignment that fails leaves nothing half done that C Lua would not
  local a, b = 1, 2
  print(pcall(function() a, b = 10, nil + 1 end))
  print(a, b)
  local t = setmetatable({}, {__newindex = function(t, k, v) error("no " .. k, 0) end})
  print(pcall(function() a, t.x, b = 10, 20, 30 end))
  print(a, b)
end

do -- expressions that use the variable they are assigned to
  local x = 5
  x = x and x + 1 or 0
  print(x)
  x = {x, x}
  print(x[1], x[2])
  x = #x == 2 and x
  print(type(x))
  x = not x
  print(x)
  x = (function() return x end)()
  print(x)
  local s = "a"
  s = s .. s .. (s .. "b")
  print(s)
  local f = function(...) return ... end
  local v = 7
  v = f(v, v) + v
  print(v)
  v = v == v
  print(v)
  v = {v = v, w = {v}}
  print(v.v, v.w[1])
end
