-- Rings of __index and __newindex, through two tables and through the globals.
local a, b = {}, {}
setmetatable(a, {__index = b, __newindex = b})
setmetatable(b, {__index = a, __newindex = a})
print(pcall(function() return a.x end)) --> false	index-ring.lua:5: loop in gettable
print(pcall(function() a.x = 1 end)) --> false	index-ring.lua:6: loop in settable
setmetatable(_G, {__index = _G})
print(pcall(function() return undefined end)) --> false	index-ring.lua:8: loop in gettable
