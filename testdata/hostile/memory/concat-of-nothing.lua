-- table.concat with bounds of a billion.
print((pcall(table.concat, setmetatable({}, {__index = function() return "x" end}), ",", 1, 2 ^ 30))) --> false
