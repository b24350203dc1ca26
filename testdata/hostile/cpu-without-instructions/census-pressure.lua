-- A full memory, and garbage beside it that asks for one census after the other.
local keep = {}
for i = 1, 40000 do keep[i] = {i} end
while true do local _ = {} end --# instructions
