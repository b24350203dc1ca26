-- A wrapped coroutine calls itself while it runs, in an iterator and in a comparator.
local f
f = coroutine.wrap(function() for x in f do print(x) end end)
print((pcall(f))) --> false
local g
g = coroutine.wrap(function() table.sort({1, 2, 3}, g) end)
print((pcall(g))) --> false
