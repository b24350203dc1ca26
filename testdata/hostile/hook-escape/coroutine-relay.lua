-- Two coroutines that hand a loop to each other, so that neither takes long.
local a, b
a = coroutine.wrap(function() while true do coroutine.yield() end end)
b = coroutine.wrap(function() while true do a() coroutine.yield() end end)
while true do pcall(b) end --# instructions
