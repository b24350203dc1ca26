return {tick = function(n) print("tick " .. n) end}
