-- One key, far enough away for a table that is an array.
local t = {}
t[2 ^ 26 - 1] = 1
local u = {1, 2, 3}
u[2 ^ 25] = 1
print(collectgarbage("count") < 1000) --> true
