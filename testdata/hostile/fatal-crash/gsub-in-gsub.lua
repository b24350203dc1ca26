-- gsub whose replacement table asks gsub again, whose function asks again.
local t
t = setmetatable({}, {__index = function(_, k) return (k:gsub(".", t)) end})
print(pcall(string.gsub, "x", ".", t)) --> false	C stack overflow
local function f(s) return (s:gsub(".", f)) end
print(pcall(f, "x")) --> false	C stack overflow
