-- Messages that the machine makes, kept.
-- limits: instructions=20000000
local t = {} for i = 1, 1e9 do t[i] = select(2, pcall(function() local x = nil + i end)) end --# memory
