-- Fields that may be read and not be written.
pcall(function() player.Name = "Mallory" end)
pcall(function() player.Level = 99 end)
pcall(function() vault.Gold = 0 end)
print("over") --> over
