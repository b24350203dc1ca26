-- Tells of each tick, of a timer that beats every half second, and of calls of a
-- function that may be called ten times in a second.
timer.every(0.5, function() print("beat") end)
return {
  tick = function(n, dt)
    print("tick " .. n)
    if pcall(drill.rated) then print("rated") end
    assert(clock.now() > 0 and os.time() > 0 and clock.elapsed() >= 0)
  end,
}
