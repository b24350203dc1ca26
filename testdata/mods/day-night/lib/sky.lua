-- The hours of the day: phases, brightness and colour.

local sky = {}

local phases = {
  { from = 5, name = "dawn" },
  { from = 8, name = "day" },
  { from = 18, name = "dusk" },
  { from = 21, name = "night" },
}

local colours = {
  { hour = 0, 10, 12, 40 },
  { hour = 5, 30, 30, 70 },
  { hour = 7, 250, 180, 120 },
  { hour = 12, 135, 206, 235 },
  { hour = 18, 255, 150, 80 },
  { hour = 21, 25, 25, 60 },
  { hour = 24, 10, 12, 40 },
}

function sky.phase(hour)
  local name = phases[#phases].name
  for _, phase in ipairs(phases) do
    if hour >= phase.from then name = phase.name end
  end
  return name
end

-- brightness(hour): 0 at midnight, 1 at noon.
function sky.brightness(hour)
  return (1 - math.cos(hour / 24 * 2 * math.pi)) / 2
end

-- colour(hour) as #rrggbb, between the two nearest entries.
function sky.colour(hour)
  for i = 2, #colours do
    local a, b = colours[i - 1], colours[i]
    if hour <= b.hour then
      local t, mixed = (hour - a.hour) / (b.hour - a.hour), {}
      for channel = 1, 3 do
        mixed[channel] = math.floor(a[channel] + (b[channel] - a[channel]) * t + 0.5)
      end
      return ("#%02x%02x%02x"):format(unpack(mixed))
    end
  end
end

function sky.clock(hour)
  return ("%02d:%02d"):format(math.floor(hour), math.floor(hour % 1 * 60))
end

return sky
