-- A channel of the host's: sending, receiving, closing.
pcall(function() return -player.Log end)
pcall(function() player.Log:close() end)
pcall(function() player.Log("forged line") end)
print("over") --> over
