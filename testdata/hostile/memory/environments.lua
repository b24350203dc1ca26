-- Functions with an environment each that is a table with a large history.
-- limits: instructions=40000000
local t = {} for i = 1, 1e9 do local e = {} for j = 1, 50 do e["v" .. i .. j] = j end t[i] = setfenv(loadstring("return v"), e) end --# memory
