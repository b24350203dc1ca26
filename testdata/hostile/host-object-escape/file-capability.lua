-- A method that returns an open file: the file must not become the script's.
local ok, f = pcall(function() return player:Open("/proc/self/environ") end)
local _, name = pcall(function() return f:Name() end)
if ok and name == "/proc/self/environ" then print("ESCAPED a file") end
print("over") --> over
