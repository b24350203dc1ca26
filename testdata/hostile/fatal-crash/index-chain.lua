-- A chain of __index a hundred thousand tables long, read and written at its end.
-- limits: instructions=8000000
local t = {}
for i = 1, 20000 do t = setmetatable({}, {__index = t, __newindex = t}) end
print(pcall(function() return t.x end)) --> false	index-chain.lua:5: loop in gettable
print(pcall(function() t.x = 1 end)) --> false	index-chain.lua:6: loop in settable
