-- A closure that captures one variable of a suspended coroutine with a deep stack.
local t = {}
local function deep(n) local a, b, c, d = n, n, n, n if n > 0 then return deep(n - 1) + a end coroutine.yield(function() return a end) return 0 end
for i = 1, 1900 do t[i] = coroutine.wrap(deep)(400) end --# memory
