-- A comparator that grows, shrinks and clears the table that is being sorted, and one that lies.
local t = {}
for i = 1, 100 do t[i] = (i * 37) % 101 end
print((pcall(table.sort, t, function(a, b) t[#t + 1] = 0 return true end))) --> false
for i = #t, 1, -1 do t[i] = nil end
for i = 1, 100 do t[i] = i end
print((pcall(table.sort, t, function(a, b) for i = 1, #t do t[i] = nil end return false end))) --> true
print((pcall(table.sort, {3, 1, 2, "x", {}}))) --> false
local lies = 0
print((pcall(table.sort, {5, 4, 3, 2, 1}, function() lies = lies + 1 return lies % 2 == 0 end))) --> true
