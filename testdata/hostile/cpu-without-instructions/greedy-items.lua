-- Patterns of greedy items, the same from the other end.
local s = ("a"):rep(30)
return s:match(("a*"):rep(25) .. "b") --# instructions
