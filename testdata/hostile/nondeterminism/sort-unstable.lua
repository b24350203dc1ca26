-- The order of equal elements after a sort, and of a comparator that contradicts itself.
local t = {}
for i = 1, 60 do t[i] = {i, i % 3} end
table.sort(t, function(a, b) return a[2] < b[2] end)
local o = {}
for i = 1, 60 do o[i] = t[i][1] end
print(table.concat(o, " ")) --> 60 33 36 27 21 24 18 39 45 57 42 54 48 51 15 30 6 3 9 12 34 10 4 37 49 43 16 7 40 1 31 46 52 19 58 22 13 25 28 55 5 47 2 50 56 53 38 41 23 26 20 14 44 11 59 8 29 35 32 17
