-- An iterator of matches that each begin anew and run to the end.
local n = 0
for _ in ("x"):rep(20000):gmatch(".-y") do n = n + 1 end
return n --# instructions
