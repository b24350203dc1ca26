-- A yield works everywhere, where C Lua 5.1 has "attempt to yield across
-- metamethod/C-call boundary".
local yield, wrap, create, resume = coroutine.yield, coroutine.wrap, coroutine.create, coroutine.resume
local co = wrap(function()
  local ok, v = pcall(function() return yield("in pcall") end)
  print(ok, v)
  ok, v = pcall(function() yield("before") error("after", 0) end)
  print(ok, v)
  ok, v = xpcall(function() yield("xp") error("x", 0) end, function(e) return "handled " .. e .. tostring(yield("in handler")) end)
  print(ok, v)
  return "end"
end)
print(co()) --> in pcall
print(co("resumed")) --> true	resumed
--> before
print(co()) --> false	after
--> xp
print(co()) --> in handler
print(co("!")) --> false	handled x!
--> end
---
-- metamethods of every kind
local y = coroutine.yield
local mt = {}
for _, e in ipairs{"add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "index", "call", "lt", "le", "eq", "newindex", "tostring"} do
  mt["__" .. e] = function(a, b, c) return (y(e)) end
end
local A, B = setmetatable({}, mt), setmetatable({}, mt)
local co = coroutine.wrap(function()
  print(A + 1, 1 - A, A * A, A / 2, A % 2, 2 ^ A, -A)
  print(A .. "x", "a" .. "b" .. A .. "c" .. "d")
  print(A.field, A[1], A(1, 2))
  print(A < B, A <= B, A > B, A >= B, A == B, A ~= B)
  A.new = 1
  print(rawget(A, "new"), tostring(A))
  if A < B then print("then") else print("else") end
  while A == B do print("turn") end
  return "done"
end)
local events = {}
local v = co()
local n = 0
while v ~= "done" do
  n = n + 1
  events[#events + 1] = v
  v = co(v == "tostring" and "text" or (v == "lt" or v == "le" or v == "eq") and n % 2 == 0 or v ~= "lt" and v ~= "le" and v ~= "eq" and v .. n)
end
print(table.concat(events, " "))
--> add1	sub2	mul3	div4	mod5	pow6	unm7
--> concat8	abconcat9
--> index10	index11	call12
--> false	true	false	true	false	false
--> nil	text
--> else
--> turn
--> add sub mul div mod pow unm concat concat index index call lt le lt le eq eq newindex tostring lt eq eq
---
-- iterators and callbacks of the library
local y = coroutine.yield
local co = coroutine.wrap(function()
  for a, b in function(s, c) c = (c or 0) + 1 if c <= 2 then return c, y("iter" .. c) end end do print(a, b) end
  local t = {3, 1, 2}
  table.sort(t, function(a, b) y("cmp") return a < b end)
  print(table.concat(t, " "))
  print((("abc"):gsub(".", function(c) return y("gsub " .. c) end)))
  table.foreach({10, 20}, function(k, v) y("foreach " .. k) end)
  local n = 0
  local f = load(function() n = n + 1 if n <= 3 then return y("piece" .. n) end end)
  print(f())
  local s = setmetatable({}, {__tostring = function() return y("tostring") end})
  print(tostring(s))
  print(s)
  return "done"
end)
local v, log, last = co(), {}
while v ~= "done" do
  if v ~= last then log[#log + 1] = v end
  last = v
  v = co(({piece1 = "return ", piece2 = "1 + ", piece3 = "41"})[v] or v:upper())
end
print(table.concat(log, ","))
--> 1	ITER1
--> 2	ITER2
--> 1 2 3
--> GSUB AGSUB BGSUB C
--> 42
--> TOSTRING
--> TOSTRING
--> iter1,iter2,cmp,gsub a,gsub b,gsub c,foreach 1,foreach 2,piece1,piece2,piece3,tostring
---
-- yield as a coroutine's own function's tail call, as a callback, under pcall
local co = coroutine.wrap(function() return pcall(coroutine.yield, 1, 2) end)
print(co()) --> 1	2
print(co("a", nil)) --> true	a	nil
local co = coroutine.wrap(function() return pcall(pcall, pcall, coroutine.yield, "deep") end)
print(co()) --> deep
print(co("up")) --> true	true	true	up
local s = ("x"):rep(3):gsub("x", coroutine.wrap(function(a) while true do a = coroutine.yield(a .. "!") end end))
print(s) --> x!x!x!
---
-- a coroutine that is killed by an error while others wait in it
local inner
local outer = coroutine.create(function()
  inner = coroutine.create(function() coroutine.yield("i") error("inner dies", 0) end)
  print(coroutine.resume(inner))
  print(coroutine.resume(inner))
  error("outer dies", 0)
end)
print(coroutine.resume(outer))
print(coroutine.status(inner), coroutine.status(outer))
--> true	i
--> false	inner dies
--> false	outer dies
--> dead	dead
---
-- resuming itself and its resumer, from deep inside
local co
co = coroutine.create(function()
  print(coroutine.resume(co))
  print(pcall(coroutine.wrap(function() return coroutine.resume(co) end)))
  local w w = coroutine.wrap(function() return w() end)
  print(pcall(w))
end)
coroutine.resume(co)
--> false	cannot resume running coroutine
--> true	false	cannot resume normal coroutine
--> false	yield.lua:121: cannot resume running coroutine
---
-- outside a coroutine there is nobody to yield to
print(pcall(coroutine.yield, 1)) --> false	attempt to yield across metamethod/C-call boundary
coroutine.yield() --!! attempt to yield across metamethod/C-call boundary
---
-- A handler that yields on top of a full stack keeps its extra depth for itself.
local function deep() return 1 + deep() end
local function try(i)
  local co = coroutine.create(function()
    return xpcall(deep, function(e) coroutine.yield(i) return "handled " .. tostring(e):match("stack overflow") end)
  end)
  local _, first = coroutine.resume(co)
  return first, coroutine.resume(co)
end
print(try(1)) --> 1	true	false	handled stack overflow
print(try(2)) --> 2	true	false	handled stack overflow
print(try(3)) --> 3	true	false	handled stack overflow
