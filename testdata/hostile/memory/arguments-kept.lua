-- Large vararg lists held by a hundred suspended coroutines.
local t, args = {}, {}
for i = 1, 6000 do args[i] = i end
for i = 1, 500 do t[i] = coroutine.wrap(function(...) coroutine.yield() return ... end) t[i](unpack(args)) end --# memory
