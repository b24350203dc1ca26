-- A chain of __index ninety tables long at each access.
local t = {}
for i = 1, 90 do t = setmetatable({}, {__index = t}) end
for i = 1, 1e9 do local _ = t.missing end --# instructions
