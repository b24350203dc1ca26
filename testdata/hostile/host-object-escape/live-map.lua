-- A map that is read is the host's own map.
pcall(function() player.Bag.gold = 1000000 end)
pcall(function() player.Bag.key = nil end)
pcall(function() local bag = player.Bag bag("key", 0) end)
print("over") --> over
