-- The primes below 40,000, n times over: a list of booleans.
local n = ... or 50

local top = 40000
local count = 0
for _ = 1, n do
  local composite = {}
  for i = 1, top do composite[i] = false end
  count = 0
  for i = 2, top do
    if not composite[i] then
      count = count + 1
      for j = i + i, top, i do composite[j] = true end
    end
  end
end

return string.format("%d", count)
