-- Unlocking what is not locked ends the process.
pcall(function() player:Unlock() end)
print("over") --> over
