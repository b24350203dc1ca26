-- Text made piece by piece: "..", table.concat, rep, sub, byte and char, upper,
-- reverse, format; strings as keys.
local n = ... or 40000

local names = {"sword", "shield", "potion", "arrow", "lantern", "rope", "map"}
local lines, seen, distinct = {}, {}, 0
for i = 1, n do
  local name = names[i % #names + 1]
  local label = name .. "-" .. i % 500
  if not seen[label] then
    seen[label] = true
    distinct = distinct + 1
  end
  local line = string.format("%05d %-10s %6.2f %s", i, label, i / 7, ("*"):rep(i % 5))
  lines[#lines + 1] = line:sub(1, 20):upper() .. "|" .. #line .. "|" .. name:reverse()
end
local text = table.concat(lines, "\n")

local sum = 0
for i = 1, #text, 3 do sum = (sum * 31 + text:byte(i)) % 1000003 end

local coded = {}
for i = 1, n do
  local c = text:byte(i)
  coded[i] = string.char((c + 13) % 94 + 33)
end
local rotated = table.concat(coded)

local built = ""
for i = 1, math.floor(n / 20) do built = built .. rotated:sub(i, i + 4) .. ";" end

return string.format("%d %d %d %d %s", distinct, #text, sum, #built, built:sub(-12))
