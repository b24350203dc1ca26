-- Fails in every tick from the third on after it was loaded.
local ticks = 0
return {
  begin = function() storage.set("wrong", true) end,
  tick = function()
    ticks = ticks + 1
    if ticks > 2 and storage.get("wrong") then error("wrong again") end
  end,
}
