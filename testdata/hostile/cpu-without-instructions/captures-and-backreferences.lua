-- Captures that are compared with each other at every place.
local s = ("ab"):rep(5000)
return s:find("(.-)(.-)%2%1%2$c") --# instructions
