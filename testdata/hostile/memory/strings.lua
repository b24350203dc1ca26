-- Strings of a hundred bytes, kept.
-- limits: instructions=8000000
local t, s = {}, ("abcdefghij"):rep(10) for i = 1, 1e9 do t[i] = s .. i end --# memory
