-- A traceback that goes on into the host's own functions and files.
local s = debug.traceback("x")
if s:find("%.go") or s:find("/work", 1, true) or s:find("runtime", 1, true) or s:find("main.", 1, true) then print("LEAKED", s) end
local _, s = xpcall(function() string.rep() end, debug.traceback)
if s:find("%.go") or s:find("/", 1, true) then print("LEAKED", s) end
print("over") --> over
