-- __tostring is tostring itself, print's too: a recursion with no Lua in it.
local t = setmetatable({}, {__tostring = tostring})
print(pcall(tostring, t)) --> false	C stack overflow
print(pcall(print, t)) --> false	C stack overflow
print(pcall(string.format, "%s", t)) --> false	bad argument #2 to '?' (string expected, got table)
