-- Two thousand arguments in one line, each of them large.
local t = {}
for i = 1, 2000 do t[i] = ("y"):rep(1000) end
print(unpack(t)) --# output
