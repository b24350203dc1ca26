-- loot-table: chests with weighted, nested contents and a pity timer.
-- Needs: events, random. Optional: storage (keeps the pity timer), log.
--
-- Opens a chest every 4 ticks and on loot.request {table, player}; emits
-- loot.dropped {player, table, items = {{item, rarity, count, pity}}}. A
-- chest is two draws, and the 16th draw without a legend brings one: within
-- any 32 ticks a legendary drop is certain.
-- Stores "dry" (draws since the last legend) and "opened".

local Loot = require("lib.loot")
local data = require("lib.data")

assert(events and random, "loot-table: the events and random capabilities are required")

local CHEST_EVERY = 4
local SAMPLE = 500

local books = setmetatable({}, {
  -- tables are compiled when they are first asked for
  __index = function(self, name)
    local ok, table_or_problem = pcall(Loot.new, data.tables, data.rarity, name)
    if not ok then return nil end
    rawset(self, name, table_or_problem)
    return table_or_problem
  end,
})

local opened, legends = 0, 0

local function describe(items)
  local words = {}
  for i, drop in ipairs(items) do
    words[i] = drop.count > 1 and ("%d x %s"):format(drop.count, drop.item) or drop.item
  end
  return table.concat(words, ", ")
end

local function open(name, player)
  local book = books[name]
  if not book then
    if log then log.warn("no such loot table", { table = tostring(name) }) end
    return
  end
  local items = book:roll(random)
  opened = opened + 1
  for _, drop in ipairs(items) do
    if drop.rarity == "legendary" then
      legends = legends + 1
      if log then log.info("a legend was found: " .. drop.item, { player = player, pity = drop.pity or false }) end
    end
  end
  if log then log.debug(player .. " found " .. describe(items)) end
  events.emit("loot.dropped", { player = player, table = name, items = items })
end

local function save()
  if not storage then return end
  local ok, problem = pcall(function()
    storage.set("dry", books.chest.dry)
    storage.set("opened", opened)
  end)
  if not ok and log then log.warn("pity timer not saved", { problem = tostring(problem) }) end
end

events.on("loot.request", function(request)
  if type(request) == "table" and type(request.table) == "string" then
    open(request.table, tostring(request.player or "someone"))
  end
end)

return {
  start = function()
    if storage then
      books.chest.dry = tonumber(storage.get("dry")) or 0
      opened = tonumber(storage.get("opened")) or 0
    end
    local list = {}
    for rarity, share in pairs(books.chest:odds(random, SAMPLE)) do
      list[#list + 1] = { rarity = rarity, share = share }
    end
    table.sort(list, function(a, b) return a.share > b.share end)
    for i, entry in ipairs(list) do list[i] = ("%s %.1f%%"):format(entry.rarity, entry.share * 100) end
    if log then log.info("odds over " .. SAMPLE .. " chests", { odds = table.concat(list, ", "), dry = books.chest.dry }) end
  end,

  tick = function(n)
    if n % CHEST_EVERY == 0 then
      open("chest", "mira")
      save()
    end
  end,

  stop = function()
    save()
    if log then log.info("chests opened", { opened = opened, legends = legends, dry = books.chest.dry }) end
  end,
}
