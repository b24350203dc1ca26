-- Errors raised and caught for ever, with levels, tables and tracebacks.
local h = debug and debug.traceback or tostring
while true do
  pcall(error, {}) pcall(error, "x", 3) xpcall(function() local x = nil + 1 end, h) pcall(pcall, error)
end --# instructions
