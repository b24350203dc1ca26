-- Ranges that overflow an int, a float or a stack.
local function try(...)
  local ok, e = pcall(...)
  print(ok, ok and "" or e)
end
try(unpack, {}, 1, 1e8) --> false	too many results to unpack
try(unpack, {}, 1, 2 ^ 31 - 1) --> false	too many results to unpack
try(unpack, {}, -2 ^ 31 + 1, 2 ^ 31 - 2) --> false	too many results to unpack
try(unpack, {}, 0 / 0, 0 / 0) --> true	
try(unpack, {}, 1 / 0, -1 / 0) --> true	
print(#{unpack({}, 1, 7000)}) --> 0
print(select("#", unpack({}, 1, 7000))) --> 7000
try(select, -2 ^ 63, 1) --> false	bad argument #1 to '?' (index out of range)
try(select, 2 ^ 63, 1) --> false	bad argument #1 to '?' (index out of range)
try(select, 0) --> false	bad argument #1 to '?' (index out of range)
try(string.char, unpack({}, 1, 300)) --> false	bad argument #1 to '?' (number expected, got nil)
