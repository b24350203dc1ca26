-- Userdata of the script's own, with a metatable that it may write, __gc and all.
-- stock: full
local p = newproxy and newproxy(true)
if p then getmetatable(p).__gc = function() end getmetatable(p).__index = _G print("ESCAPED userdata") end
print(newproxy) --> nil
