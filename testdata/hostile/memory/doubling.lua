-- A string that is doubled until nothing is left.
local s = "x" while true do s = s .. s end --# memory
