-- Grinds a sack every half second and sells what there is.
local sacks = 0

local function grind(grains)
  local sum = 0
  for i = 1, grains do sum = (sum + i * i) % 9973 end
  return sum
end

task.spawn(function()
  while true do
    task.sleep(0.5)
    grind(200)
    sacks = math.min(sacks + 1, 20)
  end
end)

return {
  flour = function(wanted)
    local sold = math.min(wanted, sacks)
    sacks = sacks - sold
    return sold, sacks
  end,
}
