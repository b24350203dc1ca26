-- Byte by byte through a megabyte, four times a turn.
local s = ("aB"):rep(250000)
for i = 1, 1e9 do local _ = #s:reverse() + #s:upper() + #s:lower() end --# instructions
