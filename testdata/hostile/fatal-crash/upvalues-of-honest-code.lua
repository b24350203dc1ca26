-- A counter that is shared by closures and used across an error has to keep its count.
local n = 0
local function inc() n = n + 1 end
inc() pcall(error, "x") inc() inc()
if n ~= 3 then print("ESCAPED the variable was split", n) end
print(n) --> 3
