-- Floats that differ in the last bits of the fraction only.
local t, n = {}, 0
for i = 1, 4000 do t[1 + i * 2 ^ -52] = i end
for i = 1, 4000 do if t[1 + i * 2 ^ -52] == i then n = n + 1 end end
print(n) --> 4000
