-- Metatables on the libraries that sandboxes share.
local n = 0
for name, lib in pairs {string = string, table = table, math = math, os = os, coroutine = coroutine} do
  if pcall(setmetatable, lib, {__index = function(_, k) return "poison" end, __newindex = function() end, __metatable = "mine"}) then n = n + 1 end
end
print(n, string.evil, rawget(string, "rep") == nil) --> 5	poison	false
