-- __gc, __mode and __metatable that fail, loop and change under the collector.
local mt = {__gc = function() error("gc") end, __mode = "kv", __metatable = false}
for i = 1, 1000 do setmetatable({}, mt) end
mt.__mode = setmetatable({}, {__tostring = error})
local keep = setmetatable({}, mt)
for i = 1, 100 do keep[{}] = {} end
print(pcall(collectgarbage)) --> true	0
mt.__mode = "k"
local weak = {}
for i = 1, 100 do weak[i] = setmetatable({}, {__mode = "v", __index = weak}) weak[weak[i]] = weak end
print(pcall(collectgarbage, "collect")) --> true	0
print(#weak) --> 100
print(pcall(collectgarbage, {})) --> false	bad argument #1 to '?' (string expected, got table)
