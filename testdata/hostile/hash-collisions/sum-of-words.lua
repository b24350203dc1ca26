-- Floats whose two words have the same sum, which is how C Lua 5.1 hashes a number.
local t, n = {}, 0
for i = 1, 2000 do t[(2 ^ 20 + i) * 2 ^ 33 + (4096 - i)] = i end
for i = 1, 2000 do if t[(2 ^ 20 + i) * 2 ^ 33 + (4096 - i)] == i then n = n + 1 end end
print(n) --> 2000
