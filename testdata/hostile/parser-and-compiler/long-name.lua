-- A name of half a megabyte.
-- generate
local long = ("n"):rep(500000)
return "local " .. long .. " = 5 print(" .. long .. ")" --> 5
