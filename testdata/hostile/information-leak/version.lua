-- What the host runs on, and who runs it.
print(_VERSION) --> Lua 5.1
for _, name in ipairs {"_GOPHER_LUA_VERSION", "jit", "_HOST", "arg0", "HOME", "PATH"} do if _G[name] ~= nil then print("LEAKED", name) end end
print("over") --> over
