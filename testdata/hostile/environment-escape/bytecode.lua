-- Bytecode in every wrapping, which could address any register.
-- stock: full
print((load(function() return nil end)) ~= nil) --> true
print((loadstring("\27Lua"))) --> nil
print((loadstring("\27Lua\81\0\1\4\8\4\8\0" .. ("\0"):rep(200)))) --> nil
print((loadstring("\27LJ\2" .. ("\0"):rep(100)))) --> nil
local first = true
print((load(function() if first then first = false return "\27" end return "Lua" end))) --> nil
print((loadstring("#!\n\27Lua"))) --> nil
print(string.dump and pcall(string.dump, function() end) and "ESCAPED dump" or "no dump") --> no dump
