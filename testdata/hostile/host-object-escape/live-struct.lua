-- A struct that is read is the host's own struct.
pcall(function() player.At.X = 99 end)
pcall(function() local at = player.At at.X = 99 end)
local u = world.spawn("orc", 1, 2)
print((pcall(function() u.at.x = 99 end))) --> false
