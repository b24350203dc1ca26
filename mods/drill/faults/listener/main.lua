local heard = 0
events.on("drill.storm", function() heard = heard + 1 end)
return {tick = function(n) print("tick " .. n) end}
