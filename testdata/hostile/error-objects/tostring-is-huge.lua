-- A __tostring of sixteen megabytes, in pcall, print, tostring and at the end.
local t = setmetatable({}, {__tostring = function() return ("x"):rep(16 * 2 ^ 20) end})
print((pcall(tostring, t))) --# memory
