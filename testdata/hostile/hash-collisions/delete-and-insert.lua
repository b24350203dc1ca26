-- The same few slots deleted and filled again, so that probes grow longer and longer.
local t = {}
for i = 1, 1e9 do t["k" .. i % 7] = i t["k" .. (i + 3) % 7] = nil t[i * 2 ^ 20] = 1 t[(i - 5) * 2 ^ 20] = nil end --# instructions
