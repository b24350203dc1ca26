-- What can be found where. An entry has a weight and an item or the name of
-- another table; count is a number or {least, most}. pity = N makes the
-- N-th roll without an item of that rarity bring one.

local rarity = {
  bread = "common", rope = "common", coin = "common", herb = "common",
  lantern = "uncommon", map = "uncommon", potion = "uncommon",
  ["silver ring"] = "rare", ["elven bow"] = "rare",
  ["dragon egg"] = "legendary", ["crown of ash"] = "legendary",
}

local tables = {
  supplies = {
    { item = "bread", weight = 5, count = { 1, 3 } },
    { item = "rope", weight = 3 },
    { item = "herb", weight = 4, count = { 2, 5 } },
  },
  tools = {
    { item = "lantern", weight = 3 },
    { item = "map", weight = 2 },
    { item = "potion", weight = 3, count = { 1, 2 } },
  },
  treasure = {
    { item = "silver ring", weight = 3 },
    { item = "elven bow", weight = 1 },
  },
  relics = {
    { item = "dragon egg", weight = 1 },
    { item = "crown of ash", weight = 1 },
  },
  chest = {
    rolls = 2,
    pity = { rarity = "legendary", after = 16, from = "relics" },
    { item = "coin", weight = 40, count = { 5, 20 } },
    { from = "supplies", weight = 40 },
    { from = "tools", weight = 15 },
    { from = "treasure", weight = 4 },
    { from = "relics", weight = 1 },
  },
}

return { rarity = rarity, tables = tables }
