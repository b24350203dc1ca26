-- What the sky does after what, and how each season bends it.

local climate = {}

climate.sky = {
  clear = { clear = 6, cloudy = 3, windy = 1 },
  cloudy = { clear = 3, cloudy = 4, rain = 3, fog = 1 },
  fog = { cloudy = 3, clear = 2 },
  windy = { clear = 2, cloudy = 2, storm = 1 },
  rain = { rain = 4, cloudy = 3, storm = 1, snow = 1 },
  storm = { rain = 3, windy = 1 },
  snow = { snow = 3, cloudy = 2, clear = 1 },
}

climate.order = { "spring", "summer", "autumn", "winter" }

climate.season = {
  spring = { base = 12, bias = { rain = 1.5, snow = 0.05 } },
  summer = { base = 24, bias = { clear = 2, storm = 1.5, snow = 0.001 } },
  autumn = { base = 10, bias = { fog = 3, windy = 2, snow = 0.1 } },
  winter = { base = -2, bias = { snow = 6, rain = 0.3, fog = 1.5 } },
}

climate.offset = {
  clear = 3, cloudy = 0, fog = -1, windy = -2, rain = -3, storm = -4, snow = -5,
}

-- season_at(hour, length) names the season and counts the years from 1.
function climate.season_at(hour, length)
  local index = math.floor(hour / length)
  local count = #climate.order
  return climate.order[index % count + 1], math.floor(index / count) + 1
end

return climate
