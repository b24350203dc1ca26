-- All ways to place n queens on an n by n board: recursion and lists.
local n = ... or 10

local rounds = 8
local column_free, rising_free, falling_free, placed = {}, {}, {}, {}
local solutions, checksum

local function place(row)
  if row > n then
    solutions = solutions + 1
    for i = 1, n do checksum = (checksum * 3 + placed[i]) % 1000003 end
    return
  end
  for column = 1, n do
    local rising, falling = row + column, row - column + n
    if column_free[column] and rising_free[rising] and falling_free[falling] then
      placed[row] = column
      column_free[column], rising_free[rising], falling_free[falling] = false, false, false
      place(row + 1)
      column_free[column], rising_free[rising], falling_free[falling] = true, true, true
    end
  end
end

for _ = 1, rounds do
  solutions, checksum = 0, 0
  for i = 1, 2 * n do column_free[i], rising_free[i], falling_free[i] = true, true, true end
  place(1)
end

return string.format("%d %d", solutions, checksum)
