-- A ring of __call, reached by a tail call, an iterator, a metamethod and a coroutine.
local ring = {}
setmetatable(ring, {__call = ring, __index = ring, __add = ring})
print(pcall(function() return ring() end)) --> false	call-ring-tail.lua:4: attempt to call upvalue 'ring' (a table value)
print(pcall(function() for _ in ring do end end)) --> false	call-ring-tail.lua:5: attempt to call a table value
print(pcall(function() return ring + 1 end)) --> false	call-ring-tail.lua:6: attempt to call a table value
print(pcall(coroutine.wrap(function() return ring() end))) --> false	call-ring-tail.lua:7: attempt to call upvalue 'ring' (a table value)
print(pcall(table.sort, {2, 1}, ring)) --> false	bad argument #2 to '?' (function expected, got table)
