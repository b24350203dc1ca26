-- The same with a coroutine that died, one that was dropped, and one that yielded inside pcall.
local get, set
local co = coroutine.create(function()
  local v = 1
  get, set = function() return v end, function(x) v = x end
  coroutine.yield()
  error("dead")
end)
coroutine.resume(co)
set(2)
coroutine.resume(co)
set(get() + 1)
co = nil
collectgarbage()
local function other(a, b, c) set(get() + a) return a, b, c, get() end
print(other(1, 2, 3)) --> 1	2	3	4
local c2 = coroutine.wrap(function() pcall(function() local w = 5 get = function() w = w + 1 return w end coroutine.yield() error("x") end) return get() end)
c2()
print(get(), c2(), get()) --> 6	7	8
