-- The environment of library functions, which on some hosts is the host's.
local mine = getfenv(1)
for _, f in ipairs {print, pcall, string.rep, table.sort, coroutine.wrap, coroutine.wrap(function() end), math.sin, ("x").gmatch("x", "x")} do
  if getfenv(f) ~= mine then print("ESCAPED another environment") end
end
for level = 0, 50 do
  local ok, e = pcall(getfenv, level)
  if ok and e ~= mine then print("ESCAPED level", level) end
end
print(pcall(getfenv, -1)) --> false	bad argument #1 to '?' (level must be non-negative)
