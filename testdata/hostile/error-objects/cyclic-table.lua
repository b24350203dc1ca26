-- A table that contains itself, its metatable too.
local t = {}
t.t, t[t] = t, t
setmetatable(t, t)
t.__index, t.__tostring, t.__metatable = t, nil, t
error(t) --!! error object
