-- day-night: a tick is half an hour, a day is 48 ticks; the game begins at
-- 4:30, so that the sun rises on tick 1.
-- Needs: nothing. Optional: events, timer (no bell without it), log.
--
-- Emits day.phase {phase, hour, day, light, colour} on ticks 1 (dawn), 7
-- (day), 27 (dusk), 33 (night), 49 (dawn of day 2)… and day.bell {stroke}
-- three times, every half second, then the bell is cancelled.

local sky = require("lib.sky")

local TICKS_PER_DAY = 48
local FIRST_HOUR = 4.5
local STROKES = 3

local phase, bell
local phases_seen = 0

local function emit(...)
  if events then events.emit(...) end
end

local function info(...)
  if log then log.info(...) end
end

local function ring()
  local stroke = 0
  bell = timer.every(0.5, function()
    stroke = stroke + 1
    emit("day.bell", { stroke = stroke })
    info("the bell strikes" .. (" ding"):rep(stroke))
    if stroke == STROKES then
      info("the bell rests", { cancelled = timer.cancel(bell) })
    end
  end)
end

return {
  start = function()
    if timer then ring() end
  end,

  tick = function(n)
    local hours = FIRST_HOUR + n * 24 / TICKS_PER_DAY
    local hour, day = hours % 24, math.floor(hours / 24) + 1
    local now = sky.phase(hour)
    if now == phase then return end
    phase = now
    phases_seen = phases_seen + 1
    local light, colour = math.floor(sky.brightness(hour) * 100 + 0.5), sky.colour(hour)
    info(now .. " at " .. sky.clock(hour), { day = day, light = light, colour = colour })
    emit("day.phase", { phase = now, hour = hour, day = day, light = light, colour = colour })
  end,

  stop = function()
    info("the sun goes out", { phases = phases_seen })
  end,
}
