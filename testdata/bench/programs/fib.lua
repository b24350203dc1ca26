-- Naive recursion: calls, returns and little else.
local n = ... or 32

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

return string.format("%d", fib(n))
