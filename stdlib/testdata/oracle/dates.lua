-- Made-up moments and fields of moments.
local seed = 24680
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n
end
for i = 1, 600 do
  local t = (random(2147483647) - 700000000) * (1 + random(4)) - random(100)
  try("os.date('!%c|%j|%U %W %V %G|%I %p|%C %y', " .. t .. ")")
  try("os.time(os.date('*t', " .. t .. ")) - " .. t)
end
for i = 1, 900 do
  local f = { "year=" .. 1900 + random(250), "month=" .. random(30) - 8, "day=" .. random(90) - 30 }
  for _, name in ipairs { "hour", "min", "sec" } do
    if random(3) > 0 then f[#f + 1] = name .. "=" .. random(400) - 150 end
  end
  try("os.date('%Y-%m-%d %H:%M:%S %a', os.time{" .. table.concat(f, ", ") .. "})")
end
