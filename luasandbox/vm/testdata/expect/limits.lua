-- limits: instructions=20000
-- What ends the call cannot be caught.
while true do pcall(function() while true do end end) end --# instructions
---
-- limits: instructions=20000
while true do xpcall(function() while true do end end, function() while true do end end) end --# instructions
---
-- limits: instructions=20000
local co = coroutine.wrap(function() while true do end end) --# instructions
pcall(co)
print("never")
---
-- limits: instructions=20000
local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) --# instructions
while true do pcall(function() return t[1] end) end
---
-- limits: instructions=20000
local co = coroutine.create(function() pcall(function() while true do end end) coroutine.yield("escaped") end) --# instructions
print(coroutine.resume(co))
---
-- limits: instructions=20000
for i in function() return 1 end do end --# instructions
---
-- limits: instructions=20000
table.sort({3, 2, 1}, function() while true do end end) --# instructions
---
-- limits: memory=1000000
local t = {} --# memory
pcall(function() for i = 1, 1e9 do t[i] = {} end end)
print("never")
---
-- limits: memory=1000000
local s = "x" --# memory
pcall(function() while true do s = s .. s end end)
print("never")
---
-- limits: memory=1000000
local function f() local t = {} t[1] = f --# memory
  return {f, t, pcall(f)} end
local keep = {}
for i = 1, 1e6 do keep[i] = coroutine.wrap(function() local t = {} for j = 1, 100 do t[j] = j end coroutine.yield(t) end) keep[i]() end
---
-- A limit on something that is over when it is caught is an ordinary error: depth, strings.
local function f() return 1 + f() end
print(pcall(f)) --> false	limits.lua:44: stack overflow
print(pcall(string.rep, "x", 1e9)) --> false	resulting string too large
print(pcall(string.rep, "x", -1)) --> true	
---
-- limits: depth=50
local n = 0
local function f() n = n + 1 f() end --! stack overflow
print(pcall(f)) --> false	limits.lua:51: stack overflow
print(n) --> 48
local function g(k) local co = coroutine.wrap(g) return co(k + 1) end
print((select(2, pcall(g, 1)):match("stack overflow"))) --> stack overflow
f()
---
-- limits: coroutines=10
local keep = {} --# coroutines
for i = 1, 11 do keep[i] = coroutine.create(function() end) end
---
-- limits: coroutines=10
-- garbage does not count, nor what has ended
for i = 1, 1000 do coroutine.create(function() end) end
for i = 1, 1000 do coroutine.wrap(function() end)() end
local keep = {}
for i = 1, 9 do keep[i] = coroutine.create(function() end) end
for i = 1, 1000 do coroutine.resume(coroutine.create(function() error() end)) end
print("fine") --> fine
---
-- calls within calls, as C Lua bounds them
local n = 0
local t = setmetatable({}, {__index = function(t, k) n = n + 1 return t[k] end})
print(pcall(function() return t.x end)) --> false	limits.lua:73: C stack overflow
print(n) --> 199
---
-- the bound is kept across tail calls
local n = 0
local t
local function get(t, k) n = n + 1 return t[k] end
t = setmetatable({}, {__index = function(t, k) return get(t, k) end})
print(pcall(function() return t.x end)) --> false	limits.lua:80: C stack overflow
print(n) --> 199
local d = 0
local function f() d = d + 1 return pcall(f) end
print(select("#", f()) > 150, d > 150, d < 250) --> true	true	true
