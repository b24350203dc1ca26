-- Ten thousand open upvalues on one stack, searched when a closure is made.
local function open(n) local a, b, c, d = 1, 2, 3, 4 local f = function() return a, b, c, d end if n > 0 then return open(n - 1), f end for i = 1, 1e9 do local x local g = function() return x, a end end end
return open(2500) --# instructions
