-- Suspended coroutines with a stack each, kept.
-- limits: coroutines=1000000
local t = {} for i = 1, 1e9 do local c = coroutine.wrap(function(...) coroutine.yield(...) end) c(i, i) t[i] = c end --# memory
