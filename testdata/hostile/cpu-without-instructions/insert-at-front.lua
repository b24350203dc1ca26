-- Every insertion moves the whole list, and every removal moves it back.
local t = {}
for i = 1, 20000 do t[i] = i end
for i = 1, 1e9 do table.insert(t, 1, i) table.remove(t, 1) end --# instructions
