-- Functions made and called: counters that share a variable, composition, map and
-- fold with varargs.
local n = ... or 400000

local function counter()
  local count = 0
  return function(by) count = count + by return count end, function() return count end
end

local function compose(f, g)
  return function(...) return f(g(...)) end
end

local function map(list, f)
  local result = {}
  for i = 1, #list do result[i] = f(list[i]) end
  return result
end

local function fold(list, f, value)
  for i = 1, #list do value = f(value, list[i]) end
  return value
end

local list = {1, 2, 3, 4, 5, 6, 7, 8}
local add, get = counter()
local total = 0
for i = 1, n do
  local inc = function(x) return x + i end
  local twice = compose(inc, inc)
  total = (total + twice(i)) % 1000003
  add(i % 10)
  if i % 8 == 0 then
    total = total + fold(map(list, inc), function(a, b) return a + b end, 0) % 1000
  end
  if i % 3 == 0 then
    local tick, read = counter()
    tick(2)
    total = total + read()
  end
end

return string.format("%d %d", total, get())
