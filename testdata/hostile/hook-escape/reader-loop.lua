-- A reader for load that never gives the end.
local function read() return "x = 1 " end
while true do load(read) end --# instructions
