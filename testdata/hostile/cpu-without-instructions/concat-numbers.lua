-- A list of numbers that are long as text, joined.
local t = {}
for i = 1, 5000 do t[i] = 1 / i end
for i = 1, 1e9 do local _ = table.concat(t) end --# instructions
