-- Loops in metamethods, by way of library functions that call them.
local t = setmetatable({}, {
  __tostring = function() while true do end end,
  __index = function(t) return tostring(t) end,
})
print(pcall(string.gsub, "x", "x", t)) --# instructions
