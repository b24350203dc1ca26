-- The order after deletions, insertions and growth.
local t = {}
for i = 1, 50 do t["k" .. i] = i end
for i = 1, 50, 3 do t["k" .. i] = nil end
for i = 51, 60 do t["k" .. i] = i end
for i = 1, 50, 6 do t["k" .. i] = i end
local o = {}
for k in pairs(t) do o[#o + 1] = k:sub(2) end
print(table.concat(o, " ")) --> 1 2 3 5 6 7 8 9 11 12 13 14 15 17 18 19 20 21 23 24 25 26 27 29 30 31 32 33 35 36 37 38 39 41 42 43 44 45 47 48 49 50 51 52 53 54 55 56 57 58 59 60
