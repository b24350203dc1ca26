-- table.foreach over a table that grows as it goes.
local t = {1}
table.foreach(t, function(k) t[k + 1] = 1 end)
local n = 0
table.foreachi(setmetatable({}, {__index = function() return 1 end}), print)
for i, v in ipairs(setmetatable({}, {__index = function(_, i) return i end})) do n = i end --# instructions
