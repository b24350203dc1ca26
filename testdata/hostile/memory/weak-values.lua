-- Weak tables of which half the keys are kept.
-- limits: instructions=8000000
local w, t = setmetatable({}, {__mode = "k"}), {} for i = 1, 1e9 do local k = {} w[k] = {i} if i % 2 == 0 then t[#t + 1] = k end end --# memory
