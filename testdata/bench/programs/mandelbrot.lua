-- The set on an n by n grid, 50 rounds at most: float arithmetic in locals.
local n = ... or 500

local inside, escape = 0, 0
for row = 0, n - 1 do
  local ci = 2 * row / n - 1
  for column = 0, n - 1 do
    local cr = 2 * column / n - 1.5
    local zr, zi, rr, ii = 0, 0, 0, 0
    local round = 0
    while round < 50 and rr + ii <= 4 do
      zi = 2 * zr * zi + ci
      zr = rr - ii + cr
      rr = zr * zr
      ii = zi * zi
      round = round + 1
    end
    if round == 50 then inside = inside + 1 else escape = escape + round end
  end
end

return string.format("%d %d", inside, escape)
