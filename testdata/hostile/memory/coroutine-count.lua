-- More coroutines than there may be, each as small as can be.
local t, f = {}, function() end for i = 1, 1e9 do t[i] = coroutine.create(f) end --# coroutines
