-- A plain search whose needle nearly matches everywhere.
local hay, needle = ("a"):rep(400000), ("a"):rep(20000) .. "b"
for i = 1, 1e9 do hay:find(needle, 1, true) end --# instructions
