-- An error object whose metatable is changed by the handler that looks at it.
local t = setmetatable({}, {})
local ok, e = xpcall(function() error(t) end, function(e)
  setmetatable(e, {__index = function(_, k) error(k) end, __tostring = function() setmetatable(t, nil) return "seen" end})
  return e
end)
print(ok, e == t, tostring(e), getmetatable(e)) --> false	true	seen	nil
