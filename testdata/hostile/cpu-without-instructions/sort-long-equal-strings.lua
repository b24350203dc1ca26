-- Sorting strings that are equal for a hundred thousand bytes.
local t, s = {}, ("s"):rep(100000)
for i = 1, 40 do t[i] = s .. string.char(i * 37 % 41 + 48) end
for i = 1, 1e9 do table.sort(t) table.sort(t, function(a, b) return a > b end) end --# instructions
