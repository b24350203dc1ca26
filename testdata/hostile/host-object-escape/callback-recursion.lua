-- Callbacks that call back, each a level of Go's stack.
local depth = 0
local function again() depth = depth + 1 return player:Each(1, again) end
print((pcall(again)), depth < 1000) --> false	true
