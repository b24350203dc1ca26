-- Builds and walks many short-lived trees beside one that lives: allocation and
-- garbage collection.
local n = ... or 15

local function grow(depth)
  if depth == 0 then return {} end
  return {grow(depth - 1), grow(depth - 1)}
end

local function count(tree)
  if tree[1] then return 1 + count(tree[1]) + count(tree[2]) end
  return 1
end

local lasting = grow(n)
local total = 0
for depth = 4, n, 4 do
  for _ = 1, 2 ^ (n - depth) * 4 do total = total + count(grow(depth)) end
end

return string.format("%d %d", total, count(lasting))
