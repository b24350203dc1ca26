-- Receiving from a channel that nobody sends to: there is no deadline inside.
pcall(function() return player.Log() end)
print("over") --> over
