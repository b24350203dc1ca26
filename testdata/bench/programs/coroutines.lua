-- Switches: a pipeline of three generators, a recursive iterator over a tree, and
-- a round of tasks that are made, resumed and forgotten.
local n = ... or 250000

local yield, wrap = coroutine.yield, coroutine.wrap

local function numbers(top)
  return wrap(function() for i = 1, top do yield(i) end end)
end
local function filter(source, divisor)
  return wrap(function()
    for i in source do
      if i % divisor ~= 0 then yield(i) end
    end
  end)
end
local sum = 0
for i in filter(filter(numbers(n), 3), 5) do sum = sum + i end

local function tree(low, high)
  if low > high then return nil end
  local middle = math.floor((low + high) / 2)
  return {key = middle, left = tree(low, middle - 1), right = tree(middle + 1, high)}
end
local function walk(node)
  if node then
    walk(node.left)
    yield(node.key)
    walk(node.right)
  end
end
local order, root = 0, tree(1, n / 4)
for key in wrap(function() walk(root) end) do order = (order * 31 + key) % 1000003 end

local finished = 0
for i = 1, n / 20 do
  local tasks = {}
  for j = 1, 4 do
    tasks[j] = coroutine.create(function(start)
      local state = start
      for _ = 1, 3 do state = state + yield(state) end
      return state
    end)
  end
  for round = 1, 4 do
    for j = 1, 4 do
      local ok, value = coroutine.resume(tasks[j], i + j)
      assert(ok, value)
      finished = (finished + value) % 1000003
    end
  end
end

return string.format("%d %d %d", sum, order, finished)
