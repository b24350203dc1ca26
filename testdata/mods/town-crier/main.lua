-- town-crier: turns what other mods tell into news.
-- Depends on weather and quest-log. Needs: events. Optional: storage (no
-- archive without it), log (cries with print).
--
-- Publishes an edition every 10 ticks: news.published {edition, headline,
-- stories}, a line for each line of text, and news/<00n> {edition, headline,
-- stories} in storage, of which the last five are kept. "editions" counts on
-- over restarts.

local template = require("lib.template")
local Desk = require("lib.desk")

assert(events, "town-crier: the events capability is required")

local EVERY, STORIES, WIDTH, KEPT = 10, 3, 60, 5

local desk = Desk.new()
local editions = 0
local season = "spring"

local function cry(text)
  if log then log.info(text) else print(text) end
end

-- Other mods choose what is in a payload: a story that cannot be written is
-- counted, never raised.
local unwritten = 0
local function story(weight, topic, text, values)
  local ok, result = pcall(template.fill, text, values)
  if ok then
    desk:file(weight, topic, result)
  else
    unwritten = unwritten + 1
    if log then log.debug("story spiked", { topic = topic, problem = tostring(result) }) end
  end
end

-- on(name, write) listens with a payload that is a table for certain.
local function on(name, write)
  events.on(name, function(payload)
    write(type(payload) == "table" and payload or {})
  end)
end

local moods = { storm = 6, snow = 5, rain = 3, fog = 3, windy = 3 }

on("weather.changed", function(change)
  season = tostring(change.season or season)
  story(moods[change.to] or 2, "weather",
    "On ${season|a} day ${from|default:nothing} turns to ${to}: ${temperature|format:.1f} degrees.", change)
end)

on("season.changed", function(change)
  season = tostring(change.season or season)
  story(7, "season", "It is ${season|upper} in year ${year}. Mind your clothes.", change)
end)

on("quest.started", function(quest)
  story(4, "quest " .. tostring(quest.id), "Hands wanted: \"${title}\".", quest)
end)

on("quest.completed", function(quest)
  story(8, "quest " .. tostring(quest.id), "\"${title}\" is done! The reward: ${reward}.", quest)
end)

on("market.prices", function(report)
  local up, down = {}, {}
  for _, mover in ipairs(type(report.movers) == "table" and report.movers or {}) do
    local change = type(mover) == "table" and tonumber(mover.change) or 0
    local list = change > 0 and up or down
    if math.abs(change) >= 1 then list[#list + 1] = tostring(mover.name) end
  end
  story(5, "market", "At the market ${up|list} rose and ${down|list} fell.", { up = up, down = down })
end)

on("guard.alarm", function(alarm)
  story(9, "alarm", "Alarm! ${guard} saw a raider near ${x|format:.0f}, ${y|format:.0f}.", alarm)
end)

on("day.phase", function(day)
  story(1, "day", "Day ${day}: ${phase} breaks under a ${colour} sky.", day)
end)

local arrivals = {}
on("name.generated", function(person)
  arrivals[#arrivals + 1] = tostring(person.name)
  story(3, "arrivals", "${n|plural:stranger} came to town: ${names|list}.", { n = #arrivals, names = arrivals })
end)

local function archive(edition)
  if not storage then return end
  local ok, problem = pcall(function()
    storage.set(("news/%03d"):format(edition.edition), edition)
    storage.set("editions", edition.edition)
    local keys = storage.keys("news/")
    for i = 1, #keys - KEPT do storage.delete(keys[i]) end
  end)
  if not ok and log then log.warn("edition not archived", { problem = tostring(problem) }) end
end

local function publish()
  local taken = desk:take(STORIES)
  if #taken == 0 then return end
  arrivals = {}
  editions = editions + 1
  local texts = {}
  for i, item in ipairs(taken) do texts[i] = item.text end
  cry(("*** The Vale Crier, no. %d, %s ***"):format(editions, season))
  for _, text in ipairs(texts) do
    for i, line in ipairs(template.wrap(text, WIDTH)) do
      cry((i == 1 and "* " or "  ") .. line)
    end
  end
  local edition = { edition = editions, headline = texts[1], stories = texts }
  events.emit("news.published", edition)
  archive(edition)
end

return {
  start = function()
    editions = storage and tonumber(storage.get("editions")) or 0
  end,

  tick = function(n)
    if n % EVERY == 0 then publish() end
  end,

  stop = function()
    cry(("the crier goes home after %d editions, %d stories filed, %d spiked"):format(editions, desk.count, unwritten))
  end,
}
