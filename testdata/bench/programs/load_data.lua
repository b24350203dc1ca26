-- A large data table as source text, loaded and read: the parser, the compiler and
-- one long constructor. The program makes the text and loads it eight times.
local n = ... or 5000

local load = loadstring or load
local kinds = {"weapon", "armour", "food", "tool"}
local lines = {"return {"}
for i = 1, n do
  lines[#lines + 1] = string.format(
    '  {id = %d, name = "Item %d", kind = "%s", price = %d, weight = %.2f, stackable = %s, effects = {%d, %d, {"burn", 0x%x}}, ["made by"] = "guild %d"},',
    i, i, kinds[i % 4 + 1], i * 3 % 997, i / 4, i % 2 == 0 and "true" or "false", i % 7, -(i % 11), i % 255, i % 20)
end
lines[#lines + 1] = "}"

local source = table.concat(lines, "\n")

local sum = 0
for round = 1, 8 do
  local data = assert(load(source))()
  for i = round, n, 8 do
    local item = data[i]
    sum = (sum + item.price * 3 + item.weight * 4 + item.effects[1] + item.effects[2] + item.effects[3][2] + #item["made by"]) % 1000003
    if item.stackable then sum = sum + #item.kind + #item.name end
  end
end

return string.format("%d", sum)
