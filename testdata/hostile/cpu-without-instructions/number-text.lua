-- A hundred thousand digits read as a number, again and again.
local s = ("1"):rep(100000)
for i = 1, 1e9 do local _ = tonumber(s), s + 0, s == 0, -s end --# instructions
