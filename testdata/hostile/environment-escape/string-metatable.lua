-- Writing the metatable that all strings share, with the host's among them.
local mt = getmetatable("")
print(type(mt)) --> table
pcall(function() mt.__add = function() return "poison" end end)
pcall(function() mt.__index = function() return "poison" end end)
print((pcall(rawset, mt, "__index", {}))) --> false
print((pcall(setmetatable, mt, {}))) --> false
print((pcall(setmetatable, "x", {}))) --> false
print(("x").rep == string.rep, (pcall(function() return "a" + 1 end))) --> true	false
