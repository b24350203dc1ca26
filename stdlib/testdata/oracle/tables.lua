-- Calls of the library of tables in a row, on one list, made up.
local seed = 98765
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n
end
local function value()
  local k = random(6)
  return k < 3 and tostring(random(100)) or k < 5 and "'" .. string.char(97 + random(26)) .. "'" or tostring(random(1000) / 8)
end
local function list(n)
  local s = {}
  for i = 1, n do s[i] = value() end
  return "{" .. table.concat(s, ",") .. "}"
end
for i = 1, 1300 do
  local n = random(9)
  local steps = { "local t = " .. list(n) }
  for j = 1, 1 + random(5) do
    local k = random(4)
    if k == 0 then
      steps[#steps + 1] = "table.insert(t, " .. value() .. ")"
      n = n + 1
    elseif k == 1 then
      steps[#steps + 1] = "table.insert(t, " .. 1 + random(n + 1) .. ", " .. value() .. ")"
      n = n + 1
    elseif n > 0 and k == 2 then
      steps[#steps + 1] = "table.remove(t)"
      n = n - 1
    elseif n > 0 then
      steps[#steps + 1] = "table.remove(t, " .. 1 + random(n) .. ")"
      n = n - 1
    end
  end
  try(table.concat(steps, " ") .. " return t, #t, table.maxn(t)")
end
for i = 1, 1000 do
  local n = random(7)
  local from, to = random(9) - 1, random(9) - 1
  local k = random(4)
  if k == 0 then
    try("table.concat(" .. list(n) .. ", '" .. string.rep("-", random(3)) .. "', " .. from .. ", " .. to .. ")")
  elseif k == 1 then
    try("unpack(" .. list(n) .. ", " .. from .. ", " .. to .. ")")
  elseif k == 2 then
    try("select(" .. (random(2) == 0 and random(9) or -random(9)) .. ", unpack(" .. list(n) .. "))")
  else
    try("local s = {} table.foreachi(" .. list(n) .. ", function(i, v) s[i] = v if i == " .. from .. " then return v end end) return #s, s")
  end
end
