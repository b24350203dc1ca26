-- Numbers and the strings that look like them are different keys.
local t = {}
for i = 1, 2000 do t[i] = "n" t[tostring(i)] = "s" t[i .. ".0"] = "f" end
local bad = 0
for i = 1, 2000 do if t[i] ~= "n" or t[tostring(i)] ~= "s" or t[i .. ".0"] ~= "f" then bad = bad + 1 end end
print(bad) --> 0
