-- A traceback of a stack that is as deep as it may be, asked for again and again.
local function deep(n)
  if n == 0 then return #debug.traceback("x") end
  return (deep(n - 1))
end
print(deep(15000) < 10000) --> true
local function all(n) if n == 0 then error("x") end return (all(n - 1)) end
for i = 1, 3 do print(#select(2, xpcall(function() all(15000) end, debug.traceback)) < 10000) end
--> true
--> true
--> true
