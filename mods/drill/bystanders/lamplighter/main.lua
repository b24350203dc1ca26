-- Lights a lamp every second, and puts all of them out when the street is full.
local street = 8
local lit = 0

timer.every(1, function()
  if lit == street then
    lit = 0
    log.info("all lamps are out")
  end
  lit = lit + 1
  events.emit("lamp.lit", {number = lit, street = street})
end)
