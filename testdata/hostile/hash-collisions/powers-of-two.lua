-- Numbers a power of two apart, which share all the low bits.
local t = {}
for i = 1, 4000 do t[i * 2 ^ 32] = i end
local n = 0
for i = 1, 4000 do if t[i * 2 ^ 32] == i then n = n + 1 end end
print(n) --> 4000
