-- A JSON writer written in Lua: dispatch on types, escapes by gsub, sorted keys.
local n = ... or 2000

local format, gsub, concat, sort = string.format, string.gsub, table.concat, table.sort
local escapes = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r"}
local encode

local function escape(c) return escapes[c] or format("\\u%04x", c:byte()) end

local function encode_string(s, out)
  out[#out + 1] = '"' .. gsub(s, '[%c"\\]', escape) .. '"'
end

local function encode_table(t, out)
  if t[1] ~= nil or next(t) == nil then
    out[#out + 1] = "["
    for i, v in ipairs(t) do
      if i > 1 then out[#out + 1] = "," end
      encode(v, out)
    end
    out[#out + 1] = "]"
    return
  end
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  sort(keys)
  out[#out + 1] = "{"
  for i, k in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    encode_string(k, out)
    out[#out + 1] = ":"
    encode(t[k], out)
  end
  out[#out + 1] = "}"
end

local writers = {
  string = encode_string,
  table = encode_table,
  number = function(v, out) out[#out + 1] = format("%.14g", v) end,
  boolean = function(v, out) out[#out + 1] = tostring(v) end,
}

function encode(v, out)
  local writer = writers[type(v)]
  if not writer then error("cannot encode a " .. type(v)) end
  writer(v, out)
end

local units = {}
for i = 1, n do
  units[i] = {
    id = i,
    name = 'unit "' .. i .. '"\n',
    position = {i + 0.5, -i * 3, i / 8},
    alive = i % 2 == 0,
    tags = {"a", "b" .. i % 9, "tab\there"},
    stats = {hp = i % 100, mana = i * 3 % 50, inventory = {"rope", "map", {weight = i / 4}}},
  }
end

local length, sum = 0, 0
for _ = 1, 6 do
  local out = {}
  encode(units, out)
  local text = concat(out)
  length = length + #text
  for i = 1, #text, 61 do sum = (sum * 31 + text:byte(i)) % 1000003 end
end

return format("%d %d", length, sum)
