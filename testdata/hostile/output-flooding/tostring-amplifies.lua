-- Arguments whose __tostring is a third of a megabyte.
local t = setmetatable({}, {__tostring = function() return ("z"):rep(300000) end})
while true do print(t, t, t, t) end --# output
