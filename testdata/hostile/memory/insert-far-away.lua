-- table.insert at a place that no list reaches.
local ok = pcall(table.insert, {}, 2 ^ 26 - 1, 1)
print(collectgarbage("count") < 1000) --> true
