-- table.sort with a comparator: records by two fields, numbers downwards.
local n = ... or 70000

local seed = 11
local function random(limit)
  seed = (seed * 3877 + 29573) % 139968
  return seed % limit
end

local records, numbers = {}, {}
for i = 1, n do
  records[i] = {score = random(500), id = i}
  numbers[i] = random(139968)
end
table.sort(records, function(a, b)
  if a.score ~= b.score then return a.score > b.score end
  return a.id < b.id
end)
table.sort(numbers, function(a, b) return a > b end)

local sum = 0
for i = 1, n do sum = (sum * 31 + records[i].id + numbers[i]) % 1000003 end

return string.format("%d %d %d", sum, records[1].score, numbers[1])
