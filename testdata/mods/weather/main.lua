-- weather: seasons and a Markov-chain sky.
-- Needs: events. Optional: random (a small generator of its own takes over),
-- log (silent without it).
--
-- Emits weather.changed {from, to, season, temperature, hour} on tick 1 and
-- whenever the sky changes (at least once in 20 ticks), and season.changed
-- {season, year, hour} every 20 ticks.

local Chain = require("lib.markov")
local climate = require("lib.climate")

assert(events, "weather: the events capability is required")

local TICKS_PER_HOUR = 5
local HOURS_PER_SEASON = 4
local LONGEST_STAY = 3 -- hours

-- Park-Miller minimal standard generator; every product is exact in a double.
local function park_miller(seed)
  local state = seed
  return function()
    state = (state * 16807) % 2147483647
    return (state - 1) / 2147483646
  end
end

local float = random and random.float or park_miller(20090)

local function info(message, fields)
  if log then log.info(message, fields) end
end

local Weather = {}
Weather.__index = Weather

function Weather.new(chain)
  return setmetatable({ chain = chain, sky = "clear", stay = 0, hour = 0, changes = 0, seen = {} }, Weather)
end

function Weather:temperature()
  local wobble = float() * 4 - 2
  local degrees = climate.season[self.season].base + climate.offset[self.sky] + wobble
  return math.floor(degrees * 10 + 0.5) / 10
end

function Weather:announce(from)
  self.changes = self.changes + 1
  self.seen[self.sky] = (self.seen[self.sky] or 0) + 1
  events.emit("weather.changed", {
    from = from,
    to = self.sky,
    season = self.season,
    temperature = self:temperature(),
    hour = self.hour,
  })
end

function Weather:turn_season()
  local season, year = climate.season_at(self.hour, HOURS_PER_SEASON)
  if season == self.season then return end
  local first = self.season == nil
  self.season = season
  local words = {}
  for i, entry in ipairs(self.chain:outlook(climate.season[season].bias)) do
    if i > 3 then break end
    words[i] = ("%s %.0f%%"):format(entry.state, entry.share * 100)
  end
  info("outlook for " .. season, { year = year, sky = table.concat(words, ", ") })
  if not first then
    events.emit("season.changed", { season = season, year = year, hour = self.hour })
  end
end

function Weather:pass_hour()
  self.hour = self.hour + 1
  self:turn_season()
  local from = self.sky
  local avoid = self.stay >= LONGEST_STAY and from or nil
  self.sky = self.chain:next(from, float, climate.season[self.season].bias, avoid)
  if self.sky == from then
    self.stay = self.stay + 1
  else
    self.stay = 0
    self:announce(from)
  end
end

local weather = Weather.new(Chain.new(climate.sky))

return {
  start = function()
    weather:turn_season()
  end,

  tick = function(n)
    if n == 1 then weather:announce("unknown") end
    if n % TICKS_PER_HOUR == 0 then weather:pass_hour() end
  end,

  stop = function()
    local skies = {}
    for sky, times in pairs(weather.seen) do
      skies[#skies + 1] = ("%s x%d"):format(sky, times)
    end
    table.sort(skies)
    info("the sky is done", { changes = weather.changes, hours = weather.hour, skies = table.concat(skies, ", ") })
  end,
}
