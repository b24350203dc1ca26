-- The mutex of the host's object, locked for ever.
pcall(function() player:Lock() end)
pcall(function() player.Mutex:Lock() end)
print("over") --> over
