-- Coroutines within coroutines without end, each a level of the host's stack.
-- limits: instructions=8000000
local function down(n) return coroutine.wrap(function() return down(n + 1) end)() end
return down(1) --# coroutines
