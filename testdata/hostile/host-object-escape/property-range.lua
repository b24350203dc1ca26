-- A property beyond what its setter allows, and one without a setter.
local u = world.spawn("orc", 1, 2)
pcall(function() u.hp = 100 end)
pcall(function() u.hp = -5 end)
pcall(function() u.at = {x = 1, y = 1} end)
pcall(function() u.hp = {} end)
pcall(function() u.name = "x" end)
print("over") --> over
