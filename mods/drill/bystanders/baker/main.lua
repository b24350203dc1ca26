-- Buys flour every two seconds, bakes, and prints the bill.
local loaves = 0

timer.every(2, function()
  local sacks, left = services.call("miller", "flour", 3)
  loaves = loaves + 12 * sacks
  print(json.encode({bought = sacks, left = left, loaves = loaves}))
end)
