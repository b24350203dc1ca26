-- The host's environment.
-- stock: full
local ok, v = pcall(function() return os.getenv("HOSTILE_SECRET") end)
if ok and v then print("LEAKED", v) end
local ok, f = pcall(function() return io.open("/proc/self/environ") end)
if ok and f then print("LEAKED", #f:read("*a") > 0) end
print("over") --> over
