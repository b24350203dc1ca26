-- %b that runs to the end of a text from each of its places.
local s = ("("):rep(100000)
return s:find("%b()") --# instructions
