-- Calls functions of the engine that fail in one way or another.
local fail
return {
  begin = function(name) fail = name end,
  calm = function() fail = nil end,
  wait = function(times)
    for i = 1, times do
      task.spawn(function()
        local ok, why = pcall(drill.wait)
        if not ok then print("refused: " .. tostring(why)) end
      end)
    end
  end,
  tick = function(n)
    print("tick " .. n)
    if fail then drill[fail]() end
  end,
}
