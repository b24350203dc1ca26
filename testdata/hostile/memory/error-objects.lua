-- Messages of errors, kept.
-- limits: instructions=20000000
local t = {} for i = 1, 1e9 do t[i] = select(2, pcall(error, ("e"):rep(50) .. i)) end --# memory
