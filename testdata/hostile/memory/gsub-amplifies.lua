-- A replacement that repeats what was captured, a hundred times over.
-- limits: instructions=20000000
local s = ("x"):rep(10000)
while true do s = s:gsub("^(.*)$", ("%1"):rep(20)) end --# memory
