-- A format that puts its argument in two hundred times.
local f, s = ("%s"):rep(200), ("x"):rep(1000)
while true do s = f:format(unpack((function() local t = {} for i = 1, 200 do t[i] = s end return t end)())) end --# memory
