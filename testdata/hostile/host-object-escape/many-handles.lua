-- Objects of the host's made without end by a script that keeps them all.
local t = {}
for i = 1, 1e9 do t[i] = world.spawn("orc" .. i, i, i) end --# instructions
