-- The count of memory must be the sandbox's own, and not the host's.
print(collectgarbage("count") < 1000) --> true
local a = collectgarbage("count")
local t = {} for i = 1, 1000 do t[i] = {} end
print(collectgarbage("count") > a) --> true
print(gcinfo) --> nil
