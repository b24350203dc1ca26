-- The border of a list that is all holes, asked for after each change.
local t = {}
for i = 1, 60000 do t[i] = i end
for i = 60000, 2, -1 do t[i - 1] = nil end
for i = 1, 1e9 do t[#t + 1] = nil local _ = #t, table.getn(t), table.maxn(t) end --# instructions
