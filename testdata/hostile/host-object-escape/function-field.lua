-- A field that holds a Go function, called with a path.
local ok, text = pcall(function() return player.Load("/proc/self/environ") end)
if ok and text then print("ESCAPED the host's function read", type(text)) end
print("over") --> over
