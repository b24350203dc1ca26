return {
  price = function(thing)
    local sum = 0
    for i = 1, 2000 do sum = sum + i % 7 end
    if thing == "nothing" then error("no such thing") end
    return sum
  end,
  tick = function(n) print("tick " .. n) end,
}
