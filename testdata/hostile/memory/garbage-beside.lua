-- Twenty times as much garbage as is kept.
-- limits: instructions=60000000
local t = {} for i = 1, 1e9 do t[i] = {} for j = 1, 20 do local g = {j} end end --# memory
