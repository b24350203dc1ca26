-- Variable arguments, the expression `...` and the table `arg` of functions that
-- do not use it.
local function count(...) return select("#", ...) end
print(count(), count(nil), count(nil, nil), count(1, nil, nil))
print((count(1, 2, 3)))

local function pass(...) return ... end
print(pass(1, nil, 3))
print((pass(1, 2)))
print(pass(), 5)
print(pass(1, 2), 5)
print(5, pass(1, 2))
print(#{pass(1, 2, 3)}, #{pass(1, 2, 3), 10}, #{(pass(1, 2, 3))})

local function tail(...) local _, a, b = ... return a, b, ... end
print(tail(1, 2, 3))
print(tail(1))

local function two(a, b, ...) return b, a, ... end
print(two())
print(two(1))
print(two(1, 2))
print(two(1, 2, 3, 4))

local function nested(...)
  local function inner(...) return select("#", ...), ... end
  return inner(...), inner(0, ...)
end
print(nested("a", "b"))

function old(...) return arg.n, arg[1], arg[2], #arg end
print(old()) print(old(nil)) print(old(1, 2, 3)) print(old(nil, 5))
function old2(a, ...) arg[1] = "w" return a, arg.n, arg[1] end
print(old2(1, 2, 3))
function both(...) local n = select("#", ...) return n, type(arg) end
print(both(1, 2))
function shadow(arg, ...) return type(arg) end
print(shadow(1, 2))
function inner(...) return (function() return type(arg) end)() end
print(inner(1))
function named(...) local arg = 5 return arg end
print(named(1))
function assigned(...) arg = "mine" return arg end
print(assigned(1))
function capture(...) return function() return arg.n, arg[1] end end
print(capture(7, 8)())

-- select
print(select(2, "a", "b", "c"))
print(select(-1, "a", "b", "c"))
print(select(-3, "a", "b", "c"))
print(select(4, "a", "b", "c"))
print(pcall(select, 0, 1))
print(pcall(select, -5, 1))
print(pcall(select))

-- long lists
local function sum(...)
  local s = 0
  for i = 1, select("#", ...) do s = s + (select(i, ...)) end
  return s
end
local t = {}
for i = 1, 240 do t[i] = i end
print(sum(unpack(t)))
print(#{unpack(t)}, (select("#", unpack(t))), select(240, unpack(t)))
for i = 1, 5000 do t[i] = i end
print(select("#", unpack(t)), (select(5000, unpack(t))))
print(#{unpack(t)}, #{pass(unpack(t))}, #{0, pass(unpack(t))})
print(#table.concat({pass(unpack(t))}, ","))
print(pcall(function(...) return select("#", ...) end, unpack(t)))
print(select("#", unpack(t, 1, 0)), select("#", unpack({}, 1, 3)), unpack({1, 2, 3}, 2), unpack({1, 2, 3}, 2, 2))

-- varargs across coroutines
local co = coroutine.wrap(function(...)
  local a = {...}
  while true do a = {coroutine.yield(#a, unpack(a))} end
end)
print(co(1, 2)) print(co()) print(co("x", "y", "z")) print(co(nil))

-- the main chunk is a vararg function
print(select("#", ...))

-- fixed parameters and variable ones are apart
local function move(a, b, ...)
  a, b = b, a
  local x, y = ...
  return a, b, x, y, (...)
end
print(move(1, 2, 3, 4))
print(move(1))
local function recur(n, ...) if n == 0 then return ... end return recur(n - 1, n, ...) end
print(recur(10))
local function grow(n, ...) if n == 0 then return select("#", ...) end return (grow(n - 1, n, ...)) end
print(grow(100))
print(string.format("%s %s %s", pass("a", "b", "c")))
print(math.max(pass(3, 9, 2)), (math.max(pass(3, 9, 2), 1)))
print(pcall(pass, pass(1, 2, 3)))
print(({...})[1], #{...})
for i, v in ipairs{pass(10, 20)} do print(i, v) end
