-- Errors, yields and the end of the memory inside a callback.
-- limits: instructions=8000000
print((pcall(player.Each, player, 1, error))) --> false
print((pcall(player.Each, player, 1, function() error({}) end))) --> false
print((coroutine.wrap(function() return pcall(player.Each, player, 1, coroutine.yield) end)())) --> false
player:Each(1, function() local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end end) --# memory
