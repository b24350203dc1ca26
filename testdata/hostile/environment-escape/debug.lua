-- What debug could do to functions, threads and the registry.
-- stock: full
local found = 0
for _, name in ipairs {"getinfo", "getlocal", "setlocal", "getupvalue", "setupvalue", "getregistry", "sethook", "setmetatable", "getmetatable", "setfenv", "getfenv", "upvaluejoin", "getuservalue", "debug"} do
  if debug and debug[name] then found = found + 1 end
end
if debug.setmetatable then debug.setmetatable(0, {__index = function() print("ESCAPED numbers have fields") end}) local _ = (5).x end
print(found) --> 0
