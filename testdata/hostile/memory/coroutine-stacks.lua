-- Two hundred coroutines that each grow a deep stack and keep it while they wait.
local t = {}
local function deep(n) local a, b, c, d, e, f, g, h = n, n, n, n, n, n, n, n if n > 0 then return deep(n - 1) + a end coroutine.yield() return 0 end
for i = 1, 200 do t[i] = coroutine.wrap(deep) t[i](2000) end --# memory
