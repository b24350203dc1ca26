-- Floats that differ in the exponent only, and in the sign only.
local t, n = {}, 0
for e = -1000, 1000 do t[2 ^ e] = e t[-2 ^ e] = e end
for e = -1000, 1000 do if t[2 ^ e] == e and t[-2 ^ e] == e then n = n + 1 end end
print(n) --> 2001
