-- Strings as keys, kept.
-- limits: instructions=8000000
local t = {} for i = 1, 1e9 do t["k" .. i] = i end --# memory
