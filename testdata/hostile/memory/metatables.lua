-- A metatable for each table, and a metatable for that.
local t for i = 1, 1e9 do t = setmetatable({}, setmetatable({t}, {__index = t})) end --# memory
