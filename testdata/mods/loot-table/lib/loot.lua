-- Weighted drawing from nested tables.

local Loot = {}
Loot.__index = Loot

-- compile turns weights into running totals and follows nested tables, so
-- that a roll is a binary search and a circle is found at load.
local function compile(book, rarity, name, path)
  if path[name] then error(("loot table %q contains itself"):format(name), 0) end
  local source = book[name]
  if not source then error(("no loot table is called %q"):format(name), 0) end
  path[name] = true
  local self = setmetatable({ name = name, rolls = source.rolls or 1, entries = {}, totals = {}, dry = 0 }, Loot)
  local total = 0
  for i, entry in ipairs(source) do
    assert(entry.weight and entry.weight > 0, "an entry needs a weight above zero")
    total = total + entry.weight
    self.totals[i] = total
    local count = entry.count or 1
    local least, most = count, count
    if type(count) == "table" then least, most = unpack(count) end
    self.entries[i] = {
      item = entry.item,
      rarity = entry.item and (rarity[entry.item] or "common"),
      from = entry.from and compile(book, rarity, entry.from, path),
      least = least,
      most = most,
    }
  end
  self.total = total
  if source.pity then
    self.pity = {
      rarity = source.pity.rarity,
      after = source.pity.after,
      from = compile(book, rarity, source.pity.from, path),
    }
  end
  path[name] = nil
  return self
end

-- new(book, rarity, name) compiles the table called name.
function Loot.new(book, rarity, name)
  return compile(book, rarity, name, {})
end

function Loot:pick(rng)
  local at = rng.float() * self.total
  local low, high = 1, #self.totals
  while low < high do
    local middle = math.floor((low + high) / 2)
    if at < self.totals[middle] then high = middle else low = middle + 1 end
  end
  return self.entries[low]
end

function Loot:draw(rng)
  local entry = self:pick(rng)
  while entry.from do entry = entry.from:pick(rng) end
  return { item = entry.item, rarity = entry.rarity, count = rng.integer(entry.least, entry.most) }
end

-- roll(rng) returns a list of {item, rarity, count}. The pity timer counts
-- draws, not calls.
function Loot:roll(rng)
  local found = {}
  for i = 1, self.rolls do
    local pity = self.pity
    local drop
    if pity and self.dry + 1 >= pity.after then
      drop = pity.from:draw(rng)
      drop.pity = true
    else
      drop = self:draw(rng)
    end
    if pity then self.dry = drop.rarity == pity.rarity and 0 or self.dry + 1 end
    found[i] = drop
  end
  return found
end

-- odds(rng, rolls) measures the share of each rarity, leaving the pity timer
-- as it was.
function Loot:odds(rng, rolls)
  local dry, counts, total = self.dry, {}, 0
  for _ = 1, rolls do
    for _, drop in ipairs(self:roll(rng)) do
      counts[drop.rarity] = (counts[drop.rarity] or 0) + 1
      total = total + 1
    end
  end
  self.dry = dry
  local shares = {}
  for name, count in pairs(counts) do shares[name] = count / total end
  return shares
end

return Loot
