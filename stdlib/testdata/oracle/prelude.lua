-- What the other scripts begin with. Each case is an expression (or a block that
-- returns) and prints two lines: its source, and its results or its error. The
-- recordings are what C Lua 5.1.5 printed; see oracle_test.go.

-- A number as tostring has it, and exactly where that is not exact: the upper 26
-- and the lower 27 bits of its mantissa, and its exponent.
local function number(n)
  if n ~= n then return "nan" end
  local text = tostring(n)
  if n == math.huge or n == -math.huge then return text end
  if n == 0 then return 1 / n < 0 and "-0" or "0" end
  if math.floor(n) == n and n > -1e14 and n < 1e14 then return text end
  local m, e = math.frexp(n)
  local hi = math.floor(m * 2 ^ 26)
  return text .. "{" .. hi .. "," .. (m * 2 ^ 26 - hi) * 2 ^ 27 .. "," .. e .. "}"
end

local show

local function contents(t)
  local out, keys = {}, {}
  for i = 1, #t do out[#out + 1] = show(t[i]) end
  for k in pairs(t) do
    if type(k) == "string" then keys[#keys + 1] = k
    elseif type(k) ~= "number" then keys[#keys + 1] = type(k)
    elseif k < 1 or k > #t or k ~= math.floor(k) then keys[#keys + 1] = "[" .. k .. "]" end
  end
  table.sort(keys)
  for _, k in ipairs(keys) do out[#out + 1] = k .. "=" .. show(t[k]) end
  return "{" .. table.concat(out, ", ") .. "}"
end

local depth = 0
function show(v)
  local t = type(v)
  if t == "number" then return number(v) end
  if t == "string" then return '"' .. string.gsub(v, "%z", "<nul>") .. '"' end
  if t == "table" and depth < 3 then
    depth = depth + 1
    local s = contents(v)
    depth = depth - 1
    return s
  end
  if t == "nil" or t == "boolean" then return tostring(v) end
  return t
end

local function results(ok, ...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = show((select(i, ...))) end
  print((ok and "    " or "  ! ") .. table.concat(out, ", "))
end

-- try runs one case.
function try(source)
  print("> " .. source)
  local f, e = loadstring("return " .. source)
  if not f then f, e = loadstring(source) end
  if not f then return print("  ? " .. e) end
  results(pcall(f))
end

-- each tries a pattern of source for each word in place of $.
function each(pattern, words)
  for _, w in ipairs(words) do
    local s = pattern
    repeat
      local at = string.find(s, "$", 1, true)
      if at then s = string.sub(s, 1, at - 1) .. w .. string.sub(s, at + 1) end
    until not at
    try(s)
  end
end

-- A table to be used in cases, and a sequence of numbers that is the same everywhere.
function list(n, f)
  local t = {}
  for i = 1, n do t[i] = f and f(i) or i end
  return t
end

function sequence(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n
  end
end
