-- Closures: each turn of a loop has variables of its own; closures that capture
-- the same variable share it, whether it is still on the stack or not.
local function show(...) print(...) end

do
  local fs = {}
  for i = 1, 5 do fs[i] = function() i = i + 1 return i end end
  show(fs[1](), fs[1](), fs[2](), fs[5]())
end

do
  local fs = {}
  for k, v in ipairs{"a", "b", "c"} do
    local w = v .. k
    fs[k] = {get = function() return k, v, w end, set = function(x) w = x end}
  end
  fs[1].set("changed")
  for i = 1, 3 do show(fs[i].get()) end
end

do
  local fs, i = {}, 0
  while i < 4 do
    i = i + 1
    local j = i * 10
    fs[i] = function(d) j = j + (d or 0) return i, j end
    if i == 3 then break end
  end
  show(#fs, fs[1](1)) show(fs[1](1)) show(fs[2]()) show(fs[3](5))
end

do
  local fs, n = {}, 0
  repeat
    local x = n
    fs[n] = function() x = x + 100 return x end
    n = n + 1
  until x >= 3
  show(n, fs[0](), fs[0](), fs[3]())
end

do -- the condition of repeat sees the captured variable
  local seen = {}
  local i = 0
  repeat
    local done = i == 2
    seen[#seen + 1] = function() return done end
    i = i + 1
  until done
  for _, f in ipairs(seen) do show(f()) end
end

do -- three levels, one variable
  local function counter()
    local n = 0
    return function()
      return function()
        return function() n = n + 1 return n end
      end
    end, function() return n end
  end
  local make, read = counter()
  local a, b = make()(), make()()
  show(a(), b(), a(), read())
end

do -- a variable captured before and after it is assigned to
  local f
  local x = 1
  local function g() return x end
  x = 2
  f = function() x = x + 1 return g() end
  show(f(), g(), x)
end

do -- recursion through an upvalue, and shadowing
  local function fact(n) if n <= 1 then return 1 end return n * fact(n - 1) end
  local old = fact
  fact = function(n) return -1 end
  show(old(5))
  local x = 1
  do local x = x + 1 do local x = x + 1 show(x) end show(x) end
  show(x)
  local function f(x) local x = x or "default" return x end
  show(f(), f(3))
end

do -- parameters are variables like others
  local function box(v) return function() return v end, function(n) v = n end end
  local g1, s1 = box(1)
  local g2, s2 = box(2)
  s1(10)
  show(g1(), g2())
end

do -- captured in one branch only, left by break, return and error
  local keep
  local function f(how)
    for i = 1, 10 do
      local v = i
      if i == 3 then
        keep = function() v = v + 1 return v end
        if how == "break" then break end
        if how == "return" then return "returned" end
        if how == "error" then error("out", 0) end
      end
    end
    return "fell"
  end
  for _, how in ipairs{"break", "return", "error", "none"} do
    show(how, pcall(f, how))
    show(keep(), keep())
  end
end

do -- counters that survive an error in between (broken in some machines)
  local n = 0
  local function inc() n = n + 1 return n end
  inc() pcall(error, "x") inc() pcall(function() inc() error("y") end) inc()
  show(n)
end

do -- many closures over many variables, closed in any order
  local gets, sets = {}, {}
  local function scope(k)
    local a, b, c = k, k * 2, k * 3
    gets[k] = function() return a + b + c end
    sets[k] = function(x) a, b, c = x, x, x end
    if k > 1 then scope(k - 1) end
    a = a + 1
  end
  scope(6)
  sets[3](100)
  for i = 1, 6 do show(i, gets[i]()) end
end

do -- upvalues of vararg functions
  local function f(...)
    local a, b = ...
    local n = select("#", ...)
    return function() a = (a or 0) + 1 return a, b, n end
  end
  local g = f(5, "x", nil)
  show(g()) show(g()) show(f()())
end

do -- an upvalue of the loop's own control variable
  local fs = {}
  for i = 3, 1, -1 do local function f() return i end fs[#fs + 1] = f end
  show(fs[1](), fs[2](), fs[3]())
  for i = 1, 3 do local j = i fs[i] = function() j = j + i return j end i = 10 end
  show(fs[1](), fs[2](), fs[3](), fs[1]())
end

do -- functions compare by identity
  local function make() return function() end end
  local a, b = make(), make()
  show(a == a, a == b)
end
