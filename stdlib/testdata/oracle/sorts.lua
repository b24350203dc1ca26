-- Sorts of made-up lists: the result, and how often the comparator was asked. Their
-- places are told as well, so that the order of equal elements shows.
local seed = 54321
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n
end
function made(s, n, kind)
  seed = s
  local t = {}
  for i = 1, n do
    local v = kind == "few" and random(4) or kind == "sorted" and i or kind == "back" and n - i or kind == "organ" and math.min(i, n - i) or random(1000)
    t[i] = {v, i}
  end
  return t
end
local orders = {
  "a[1] < b[1]", "a[1] > b[1]", "a[1] < b[1] or a[1] == b[1] and a[2] > b[2]", "a[1] % 3 < b[1] % 3", "a[1] <= b[1]", "true", "false", "nil", "a[2] == 1", "(a[1] * 7 + b[1]) % 2 == 0",
}
for _, kind in ipairs { "any", "few", "sorted", "back", "organ" } do
  for n = 0, 40 do
    for o = 1, #orders do
      if n < 14 or (n + o) % 3 == 0 then
        try("local n, t = 0, made(" .. 1 + random(1e6) .. ", " .. n .. ", '" .. kind .. "') local ok, e = pcall(table.sort, t, function(a, b) n = n + 1 return " .. orders[o] ..
          " end) local s = {} for i, v in ipairs(t) do s[i] = v[2] end return ok and n or e, table.concat(s, ' ')")
      end
    end
  end
end
for i = 1, 500 do
  local s = {}
  for j = 1, random(12) do
    local k = random(30)
    s[j] = k < 12 and random(50) - 20 or k < 24 and string.format("%q", string.char(97 + random(3), 97 + random(26))) or k < 29 and random(100) / 8 or "0/0"
  end
  local mixed = random(3)
  for j = #s, 1, -1 do
    if mixed == 1 and type(s[j]) == "string" or mixed == 2 and type(s[j]) == "number" then table.remove(s, j) end
  end
  try("local t = {" .. table.concat(s, ",") .. "} table.sort(t) return t")
end
