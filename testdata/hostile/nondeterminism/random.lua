-- Random numbers without a seed, with one, and of a table that is shuffled.
local o = {}
for i = 1, 8 do o[i] = math.random(100) end
math.randomseed(42)
for i = 9, 16 do o[i] = math.random(100) end
print(table.concat(o, " ")) --> 94 73 91 89 71 36 96 68 34 88 9 8 71 98 17 89
