-- The order of a table with keys in all its parts must not depend on a seed that it would tell.
local t = {}
for i = 1, 100 do t["k" .. (i * 37 % 101)] = i end
local o = {}
for k in pairs(t) do o[#o + 1] = k end
print(o[1], o[2], o[50], o[100]) --> k37	k74	k32	k64
