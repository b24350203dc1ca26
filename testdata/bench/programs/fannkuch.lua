-- All permutations of n cards, each flipped until the first card is 1: lists of
-- small integers, read and written at computed places.
local n = ... or 9

local function fannkuch(n)
  local cards, work, counts = {}, {}, {}
  for i = 1, n do cards[i] = i counts[i] = i end
  local checksum, most, sign = 0, 0, 1
  while true do
    local first = cards[1]
    if first ~= 1 then
      for i = 2, n do work[i] = cards[i] end
      local flips = 1
      while true do
        local next_first = work[first]
        if next_first == 1 then break end
        work[first] = first
        local low, high = 2, first - 1
        while low < high do
          work[low], work[high] = work[high], work[low]
          low, high = low + 1, high - 1
        end
        first = next_first
        flips = flips + 1
      end
      checksum = checksum + sign * flips
      if flips > most then most = flips end
    end
    if sign == 1 then
      cards[1], cards[2] = cards[2], cards[1]
      sign = -1
    else
      cards[2], cards[3] = cards[3], cards[2]
      sign = 1
      local i = 3
      while true do
        local left = counts[i]
        if left ~= 1 then
          counts[i] = left - 1
          break
        end
        if i == n then return checksum, most end
        counts[i] = i
        local moved = cards[1]
        for j = 1, i do cards[j] = cards[j + 1] end
        i = i + 1
        cards[i] = moved
      end
    end
  end
end

return string.format("%d %d", fannkuch(n))
