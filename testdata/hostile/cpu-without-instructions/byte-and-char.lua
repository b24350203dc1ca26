-- Seven thousand results of string.byte, packed again by string.char, in one call each.
local s = ("x"):rep(7000)
for i = 1, 1e9 do local _ = string.char(s:byte(1, 7000)) end --# instructions
