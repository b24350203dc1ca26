-- Tail calls without end, through pcall, through __call, through a coroutine.
local f
f = setmetatable({}, {__call = function(self, n) return self(n + 1) end})
return f(0) --# instructions
