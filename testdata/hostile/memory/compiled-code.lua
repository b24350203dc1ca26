-- Programs compiled at run time, kept.
-- limits: instructions=100000000
local t = {} local body = ("local a = {1, 2, 'x'} "):rep(150) for i = 1, 1e9 do t[i] = loadstring(body .. " return " .. i) end --# memory
