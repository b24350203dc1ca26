-- A method taken from one object and called on another that is laid out alike.
pcall(function() chest.Put(vault, -1000) end)
pcall(function() local put = chest.Put put(vault, -1000) end)
local u = world.spawn("orc", 1, 2)
print((pcall(u.Strike, player))) --> false
print((pcall(u.Strike, u, chest))) --> false
print((pcall(u.Name, {}))) --> false
print((pcall(player.Heal, u, 1))) --> false
