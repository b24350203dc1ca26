-- __call that is an object with __call, a chain of them, and one that is a ring.
local f = print
for i = 1, 2000 do f = setmetatable({}, {__call = f}) end
print(pcall(f, "deep")) --> false	attempt to call a table value
local ring = {}
setmetatable(ring, {__call = ring})
print(pcall(ring)) --> false	attempt to call a table value
