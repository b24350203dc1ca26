-- gsub over sets of classes and ranges that exclude everything but one byte.
local set = "[^" .. ("%a%d%s"):rep(500) .. "]"
for i = 1, 1e9 do local _ = ((" a1"):rep(5000):gsub(set .. "*$", "")) end --# instructions
