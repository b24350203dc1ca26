-- Dates of sixty thousand bytes of format.
local f = ("%c"):rep(30000)
for i = 1, 1e9 do os.date(f, i) end --# instructions
