-- guard-ai: two guards walk their rounds, a raider comes, they fight it.
-- Needs: nothing. Optional: events (nobody hears the alarm without it), log.
--
-- There is no chance in it: the same ticks bring the same fight. Emits
-- guard.mode {guard, from, to}, guard.alarm {guard, x, y} and, every 10
-- ticks, guard.report {tick, guards = {{name, mode, health, x, y}}}.

local actors = require("lib.actors")
local V = actors.Vector

local REPORT_EVERY = 10

local world = { now = 0 }

local function info(message, fields)
  if log then log.info(message, fields) end
end

local function emit(name, payload)
  if events then events.emit(name, payload) end
end

function world.notify(kind, guard, fields)
  if kind == "mode" then
    info(("%s: %s -> %s"):format(fields.guard, fields.from, fields.to),
      { tick = world.now, at = tostring(guard.at), health = guard.health })
    emit("guard.mode", fields)
  elseif kind == "alarm" then
    info(fields.guard .. " raises the alarm", { tick = world.now })
    emit("guard.alarm", fields)
  elseif kind == "caught" then
    info(fields.guard .. " caught the raider", { tick = world.now, blows = fields.blows })
  elseif log then
    log.error("guard fault: " .. fields.problem, { guard = fields.guard })
  end
end

world.raider = actors.Raider.new { V(20, 20), V(12, 12), V(6, 6), V(0, 0) }

local guards = {
  actors.Guard.new("Bram", V(2, 2), { V(8, 2), V(8, 8), V(2, 8), V(2, 2) }, world),
  actors.Guard.new("Odile", V(14, 4), { V(14, 10), V(18, 10), V(18, 4), V(14, 4) }, world),
}

local function round(x) return math.floor(x * 100 + 0.5) / 100 end

local function report(n)
  local list = {}
  for i, guard in ipairs(guards) do
    list[i] = {
      name = guard.name, mode = guard.mode, health = round(guard.health),
      x = round(guard.at.x), y = round(guard.at.y),
    }
  end
  emit("guard.report", { tick = n, guards = list })
end

return {
  start = function()
    info("guards on duty", { guards = #guards })
  end,

  tick = function(n, dt)
    world.now = n
    for _, guard in ipairs(guards) do guard:think(dt) end
    world.raider:act(dt)
    if n % REPORT_EVERY == 0 then report(n) end
  end,

  stop = function()
    for _, guard in ipairs(guards) do
      info(guard.name .. " off duty", {
        mode = guard.mode, laps = guard.laps, blows = guard.blows,
        health = round(guard.health), faults = guard.faults,
      })
    end
  end,
}
