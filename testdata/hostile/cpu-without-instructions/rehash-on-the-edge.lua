-- A table kept at the size where one more key makes it grow and one less shrink.
local t = {}
for i = 1, 4096 do t["k" .. i] = i end
for i = 1, 1e9 do t["x" .. i] = 1 t["x" .. i] = nil end --# instructions
