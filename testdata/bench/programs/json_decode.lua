-- A JSON reader written in Lua, by patterns and byte by byte.
local n = ... or 2000

local pieces = {}
for i = 1, n do
  pieces[i] = string.format(
    '{"id": %d, "name": "unit \\"%d\\"\\n\\u0041", "position": [%d.5, -%d, %d.25], "alive": %s, "tags": ["a", "b%d", "c"], "owner": null, "stats": {"hp": %d, "mana": %d}}',
    i, i * 7, i, i * 3, i % 5, i % 2 == 0 and "true" or "false", i % 9, i % 100, i * 3 % 50)
end
local text = "[" .. table.concat(pieces, ",\n  ") .. "]"

local find, sub, byte, char = string.find, string.sub, string.byte, string.char
local null = {}
local escapes = {['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}
local value

local function fail(at, what) error("position " .. at .. ": " .. what, 0) end

local function skip(s, at)
  local _, stop = find(s, "^[ \n\r\t]*", at)
  return stop + 1
end

local function read_string(s, at)
  local parts, start = nil, at + 1
  local i = start
  while true do
    local stop = find(s, '["\\]', i)
    if not stop then fail(at, "string without an end") end
    if byte(s, stop) == 34 then
      local last = sub(s, start, stop - 1)
      if not parts then return last, stop + 1 end
      parts[#parts + 1] = last
      return table.concat(parts), stop + 1
    end
    parts = parts or {}
    parts[#parts + 1] = sub(s, start, stop - 1)
    local kind = sub(s, stop + 1, stop + 1)
    if kind == "u" then
      local code = tonumber(sub(s, stop + 2, stop + 5), 16)
      if not code or code > 127 then fail(stop, "escape") end
      parts[#parts + 1] = char(code)
      start = stop + 6
    else
      parts[#parts + 1] = escapes[kind] or fail(stop, "escape")
      start = stop + 2
    end
    i = start
  end
end

local function read_array(s, at)
  local list, count = {}, 0
  at = skip(s, at + 1)
  if byte(s, at) == 93 then return list, at + 1 end
  while true do
    count = count + 1
    list[count], at = value(s, at)
    at = skip(s, at)
    local c = byte(s, at)
    if c == 93 then return list, at + 1 end
    if c ~= 44 then fail(at, "expected , or ]") end
    at = skip(s, at + 1)
  end
end

local function read_object(s, at)
  local object = {}
  at = skip(s, at + 1)
  if byte(s, at) == 125 then return object, at + 1 end
  while true do
    if byte(s, at) ~= 34 then fail(at, "expected a key") end
    local key
    key, at = read_string(s, at)
    at = skip(s, at)
    if byte(s, at) ~= 58 then fail(at, "expected :") end
    object[key], at = value(s, skip(s, at + 1))
    at = skip(s, at)
    local c = byte(s, at)
    if c == 125 then return object, at + 1 end
    if c ~= 44 then fail(at, "expected , or }") end
    at = skip(s, at + 1)
  end
end

function value(s, at)
  local c = byte(s, at)
  if c == 34 then return read_string(s, at) end
  if c == 123 then return read_object(s, at) end
  if c == 91 then return read_array(s, at) end
  if sub(s, at, at + 3) == "true" then return true, at + 4 end
  if sub(s, at, at + 4) == "false" then return false, at + 5 end
  if sub(s, at, at + 3) == "null" then return null, at + 4 end
  local start, stop = find(s, "^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if not start then fail(at, "expected a value") end
  return tonumber(sub(s, start, stop)), stop + 1
end

local sum, length, alive, nulls = 0, 0, 0, 0
for _ = 1, 6 do
  local list, stop = value(text, 1)
  assert(stop == #text + 1 and #list == n)
  for _, unit in ipairs(list) do
    sum = sum + unit.id + unit.position[1] + unit.position[2] + unit.position[3] + unit.stats.hp * unit.stats.mana
    length = length + #unit.name + #unit.tags[2]
    if unit.alive then alive = alive + 1 end
    if unit.owner == null then nulls = nulls + 1 end
  end
end

return string.format("%.1f %d %d %d", sum, length, alive, nulls)
