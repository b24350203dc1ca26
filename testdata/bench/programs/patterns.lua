-- Reads pages of a log with find, match, gmatch and gsub.
local n = ... or 80

local levels = {"info", "warning", "error", "debug"}
local function page(number)
  local log = {}
  for line = 1, 100 do
    local i = number * 100 + line
    log[line] = string.format(
      "2026-11-%02d %02d:%02d:%02d [%s] player%d moved to (%d, %d) with item_%x = %d%%; ip=10.0.%d.%d\n",
      i % 28 + 1, i % 24, i % 60, i * 7 % 60, levels[i % 4 + 1], i % 37, i * 13 % 512, -(i * 17 % 512), i % 4096, i % 101,
      i % 256, i * 3 % 256)
  end
  return table.concat(log)
end

local lines, hours, words, far = 0, 0, 0, 0
local addresses, players, swapped, length = 0, 0, 0, 0
for number = 1, n do
  local text = page(number)
  for line in text:gmatch("([^\n]*)\n") do
    lines = lines + 1
    local year, month, day, hour = line:match("^(%d+)-(%d+)-(%d+) (%d+):")
    hours = hours + tonumber(hour) + tonumber(day)
    local x, y = line:match("%((%-?%d+), (%-?%d+)%)")
    if tonumber(x) - tonumber(y) > 600 then far = far + 1 end
    if line:find("[error]", 1, true) then words = words + 1 end
    if line:find("%[%w%a+%]%s+player%d*7%s") then words = words + 1 end
    for key, value in line:gmatch("([%w_]+)%s*=%s*([%d.]+)") do words = words + #key * #value end
  end
  for _ in text:gmatch("%a+") do words = words + 1 end

  local redacted, count = text:gsub("(%d+)%.(%d+)%.%d+%.%d+", "%1.%2.x.x")
  addresses = addresses + count
  redacted, count = redacted:gsub("player(%d+)", function(id) return "PLAYER<" .. id .. ">" end)
  players = players + count
  redacted, count = redacted:gsub("%w+", {info = "i", warning = "w", error = "e", debug = "d"})
  swapped = swapped + count
  length = length + #redacted:gsub("[%s%p]+", " ")
end

return string.format("%d %d %d %d %d %d %d %d", lines, hours, far, words, addresses, players, swapped, length)
