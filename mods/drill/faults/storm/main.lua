local on = false
return {
  begin = function() on = true end,
  tick = function()
    for i = 1, on and 1000 or 0 do pcall(events.emit, "drill.storm", {number = i}) end
  end,
}
