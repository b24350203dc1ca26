-- Walks on in every tick, to a corner that he draws when a lamp is lit.
local at, to = 0, 0

events.on("lamp.lit", function(lamp)
  to = random.integer(1, lamp.street)
  print("light at " .. lamp.number .. ", on to corner " .. to)
end)

return {
  tick = function()
    if at < to then at = at + 0.25 elseif at > to then at = at - 0.25 end
  end,
}
