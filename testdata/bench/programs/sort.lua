-- table.sort in the order of "<": numbers, numbers in runs, strings.
local n = ... or 200000

local seed = 7
local function random(limit)
  seed = (seed * 3877 + 29573) % 139968
  return seed % limit
end

local numbers, runs, words = {}, {}, {}
for i = 1, n do
  numbers[i] = random(139968) + i / n
  runs[i] = i % 1000
end
for i = 1, n / 4 do words[i] = string.format("%s%06d", string.char(97 + random(26)), random(100000)) end
table.sort(numbers)
table.sort(runs)
table.sort(words)

local sum = 0
for i = 1, n, 97 do sum = (sum * 31 + math.floor(numbers[i]) + runs[i]) % 1000003 end

return string.format("%d %.6f %s %s", sum, numbers[n], words[1], words[#words])
