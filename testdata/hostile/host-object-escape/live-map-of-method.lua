-- The same of a map that a method returns.
pcall(function() player:Inventory().gold = 1000000 end)
local bag = player:Inventory()
pcall(function() rawset(bag, "gold", 1) end)
print("over") --> over
