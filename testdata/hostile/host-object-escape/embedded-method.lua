-- Methods and fields that an embedded struct brings along.
local ok, token = pcall(function() return player:Token() end)
if ok then print("LEAKED", token) end
local ok, email = pcall(function() return player.Email end)
if ok and email then print("LEAKED", email) end
local ok, a = pcall(function() return player.account end)
if ok and a then print("LEAKED", a) end
print("over") --> over
