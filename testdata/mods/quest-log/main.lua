-- quest-log: village quests with saved progress.
-- Needs: events. Optional: storage (progress lasts for one session without
-- it), log.
--
-- Stores session (a count), ticks (lived through in all sessions) and
-- quest/<id> {state, counts}; saves every 5 ticks, when a quest is finished
-- and at stop. Emits quest.started {id, title}, quest.progress {id, percent}
-- (at each quarter) and quest.completed {id, title, reward}. Answers the chat
-- commands "quests" and "quest <id>".

local Quest = require("lib.quest")
local catalog = require("lib.catalog")

assert(events, "quest-log: the events capability is required")

local SAVE_EVERY = 5

local quests, by_id, dirty = {}, {}, {}
local session, ticks, failed_saves = 1, 0, 0

local function say(level, ...)
  if log then log[level](...) end
end

for _, definition in ipairs(catalog) do
  local quest = Quest.new(definition)
  quests[#quests + 1] = quest
  by_id[definition.id] = quest
end

-- A full store must not cost the player the running session: the failure is
-- logged once and the quest stays marked for the next attempt.
local function put(key, value)
  if not storage then return true end
  local ok, problem = pcall(storage.set, key, value)
  if not ok then
    failed_saves = failed_saves + 1
    if failed_saves == 1 then say("warn", "progress could not be saved", { problem = tostring(problem) }) end
  end
  return ok
end

local function save()
  for id in pairs(dirty) do
    if put("quest/" .. id, by_id[id]:save()) then dirty[id] = nil end
  end
  put("ticks", ticks)
end

local function unlock()
  for _, quest in ipairs(quests) do
    if quest.state == "locked" then
      local ready = true
      for _, id in ipairs(quest.def.needs or {}) do
        ready = ready and by_id[id].state == "done"
      end
      if ready then
        quest.state = "active"
        dirty[quest.def.id] = true
        events.emit("quest.started", { id = quest.def.id, title = quest.def.title })
      end
    end
  end
end

local function advance(kind, amount)
  local finished = false
  for _, quest in ipairs(quests) do
    local id, before = quest.def.id, quest:percent()
    local moved, done = quest:advance(kind, amount)
    if moved then dirty[id] = true end
    if done then
      finished = true
      say("info", "quest completed: " .. quest.def.title, { reward = quest.def.reward, ticks = ticks })
      events.emit("quest.completed", { id = id, title = quest.def.title, reward = quest.def.reward })
    elseif moved and math.floor(before / 25) ~= math.floor(quest:percent() / 25) then
      events.emit("quest.progress", { id = id, percent = quest:percent() })
    end
  end
  if finished then
    unlock()
    save()
  end
end

local function load_progress()
  if not storage then return end
  session = (tonumber(storage.get("session")) or 0) + 1
  ticks = tonumber(storage.get("ticks")) or 0
  put("session", session)
  local restored, damaged = 0, 0
  for _, key in ipairs(storage.keys("quest/")) do
    local quest = by_id[key:match("^quest/(.+)$")]
    if quest then
      if quest:restore(storage.get(key)) then
        restored = restored + 1
      else
        damaged = damaged + 1
      end
    end
  end
  if restored + damaged > 0 then
    say("info", "progress resumed", { session = session, quests = restored, damaged = damaged, ticks = ticks })
  end
end

local function count_by_state()
  local counts = { locked = 0, active = 0, done = 0 }
  for _, quest in ipairs(quests) do counts[quest.state] = counts[quest.state] + 1 end
  return counts
end

local commands = {}

function commands.quests()
  local sorted = { unpack(quests) }
  table.sort(sorted)
  local lines = {}
  for i, quest in ipairs(sorted) do lines[i] = tostring(quest) end
  return table.concat(lines, "; ")
end

function commands.quest(id)
  local quest = by_id[id or ""]
  if not quest then return "no quest is called " .. tostring(id) end
  local parts = {}
  for i, objective in ipairs(quest.def.objectives) do
    parts[i] = ("%s (%d/%d)"):format(objective.text, quest.counts[i], objective.goal)
  end
  return quest.def.title .. ": " .. table.concat(parts, ", ")
end

events.on("weather.changed", function() advance("weather", 1) end)
events.on("chat", function() advance("chat", 1) end)
events.on("loot.dropped", function(drop)
  local items = type(drop) == "table" and drop.items
  if type(items) == "table" then advance("loot", #items) end
end)
events.on("chat.command", function(call)
  if type(call) ~= "table" or type(call.args) ~= "table" then return end
  local command = commands[call.name]
  if command then
    events.emit("chat.reply", { player = call.player, text = command(unpack(call.args)) })
  end
end)

return {
  start = function()
    load_progress()
    unlock()
    save()
    events.emit("chat.register", { name = "quests", usage = "", help = "list the village's quests" })
    events.emit("chat.register", { name = "quest", usage = "<id>", help = "show one quest" })
    local counts = count_by_state()
    say("info", "quest log open", { session = session, active = counts.active, done = counts.done })
  end,

  tick = function()
    ticks = ticks + 1
    advance("tick", 1)
    if ticks % SAVE_EVERY == 0 then save() end
  end,

  stop = function()
    save()
    local counts = count_by_state()
    local fields = { session = session, active = counts.active, done = counts.done, ticks = ticks }
    if storage then fields.bytes = (storage.usage()) end
    say("info", "quest log closed", fields)
  end,
}
