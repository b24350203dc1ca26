-- Library functions as the body of a coroutine, which never leaves them.
local ok, co = pcall(coroutine.create, string.rep)
if ok then print(pcall(coroutine.resume, co, "x", 5)) end
while true do pcall(coroutine.wrap(function() while true do end end)) end --# instructions
