-- The order of pairs, over keys of every kind.
local t = {}
for _, k in ipairs {"b", "a", 3, 1.5, true, false, -1, "z", 2 ^ 53, "1"} do t[k] = true end
local o = {}
for k in pairs(t) do o[#o + 1] = tostring(k) end
print(table.concat(o, " ")) --> b a 3 1.5 true false -1 z 9.007199254741e+15 1
