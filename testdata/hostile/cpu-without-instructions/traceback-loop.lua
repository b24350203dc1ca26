-- Tracebacks of a deep stack, at each error.
local function deep(n) if n > 0 then return (deep(n - 1)) end for i = 1, 1e9 do pcall(error, "x") local _ = debug and debug.traceback() end end
deep(5000) --# instructions
