-- Coroutines made and dropped: each is a stack.
for i = 1, 1e9 do coroutine.create(function() end) coroutine.wrap(function() coroutine.yield() end)() end --# instructions
