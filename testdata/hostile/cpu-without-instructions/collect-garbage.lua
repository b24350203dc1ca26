-- Collections without end: each would stop the whole host.
local keep = {}
for i = 1, 10000 do keep[i] = {i} end
for i = 1, 1e9 do collectgarbage() collectgarbage("step", 1e9) collectgarbage("count") end --# instructions
