-- Arithmetic in nested counting, while and repeat loops; no calls, no tables.
local n = ... or 3200

local sum, mixed, turns = 0, 1, 0
for i = 1, n do
  for j = 1, n do
    sum = sum + (i * j) % 7 - j / 2
  end
  local k = i
  while k > 1 do
    if k % 2 == 0 then k = k / 2 else k = 3 * k + 1 end
    turns = turns + 1
  end
  repeat
    mixed = (mixed * 171 + i) % 30269
    k = k + 1
  until k > 100
end

return string.format("%.1f %d %d", sum, mixed, turns)
