-- Common to the string_*.lua scripts, which are run behind it: each prints one
-- line for each case. It uses little of the string library itself.

local function quote(s)
  local out = {}
  for i = 1, #s do
    local b = string.byte(s, i)
    if b == 34 or b == 92 then
      out[i] = "\\" .. string.char(b)
    elseif b < 32 or b > 126 then
      out[i] = "\\" .. string.sub("00" .. b, -3)
    else
      out[i] = string.char(b)
    end
  end
  if #out > 600 then
    return "<" .. #s .. " bytes>"
  end
  return '"' .. table.concat(out) .. '"'
end

local function show(v)
  if type(v) == "string" then
    return quote(v)
  elseif type(v) == "function" or type(v) == "table" then
    return type(v)
  end
  return tostring(v)
end

local function list(n, values)
  local out = {}
  for i = 1, n do
    out[i] = show(values[i])
  end
  return table.concat(out, ", ")
end

-- The message without the place in front of it.
local function bare(message)
  local colons = 0
  for i = 1, #message do
    if string.byte(message, i) == 58 then
      colons = colons + 1
      if colons == 2 then
        return string.sub(message, i + 2)
      end
    end
  end
  return message
end

local count = 0

local function report(label, ok, ...)
  count = count + 1
  if ok then
    print(count .. " " .. label .. " = " .. list(select("#", ...), {...}))
  else
    print(count .. " " .. label .. " ! " .. bare(tostring((...))))
  end
end

local function pass(...) return ... end

-- Called by name, and not in a tail call, so that messages can tell the name.
local call = {
  byte = function(...) return pass(string.byte(...)) end,
  char = function(...) return pass(string.char(...)) end,
  find = function(...) return pass(string.find(...)) end,
  format = function(...) return pass(string.format(...)) end,
  gsub = function(...) return pass(string.gsub(...)) end,
  len = function(...) return pass(string.len(...)) end,
  lower = function(...) return pass(string.lower(...)) end,
  match = function(...) return pass(string.match(...)) end,
  rep = function(...) return pass(string.rep(...)) end,
  reverse = function(...) return pass(string.reverse(...)) end,
  sub = function(...) return pass(string.sub(...)) end,
  upper = function(...) return pass(string.upper(...)) end,
}

function call.gmatch(...)
  local next = string.gmatch(...)
  local out = {}
  for turn = 1, 40 do
    local found = {next()}
    if #found == 0 then
      return table.concat(out, "; ")
    end
    out[turn] = list(#found, found)
  end
  return table.concat(out, "; ") .. "; and so on"
end

-- case prints what string[name](...) does.
local function case(name, ...)
  report(name .. "(" .. list(select("#", ...), {...}) .. ")", pcall(call[name], ...))
end

-- Random numbers that are the same everywhere (Park and Miller).
local seed = 20250101
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n + 1
end
local function pick(list) return list[random(#list)] end

local subjectBytes = {"a", "b", "c", "A", "x", "1", "2", " ", ",", "(", ")", "[", "]", "%", "-", "^", "$", ".", "\n", "\0", "\255", "="}
local plainBytes = {"a", "b", "a", "b", "c", "1", " "}

local function subject(most)
  local bytes = random(2) == 1 and subjectBytes or plainBytes
  local out = {}
  for i = 1, random(most + 1) - 1 do
    out[i] = pick(bytes)
  end
  return table.concat(out)
end

local singles = {"a", "b", "c", "1", " ", ",", ".", ".", "%a", "%d", "%s", "%w", "%A", "%S", "%p", "%u", "%l", "%x", "%c", "%z", "%W", "%D",
  "%%", "%.", "%(", "%]", "[ab]", "[^ab]", "[a-c]", "[%a_]", "[^%s]", "[%w%-]", "[]a]", "[^]a]", "[a-]", "[-a]", "[a%-c]", "[%]]", "[+-%]]", "[\1-\127]"}
local suffixes = {"", "", "", "*", "+", "-", "?"}
local others = {"(", ")", "(", ")", "()", "%1", "%2", "%b()", "%b[]", "%bab", "%baa", "%f[%a]", "%f[%A]", "%f[a]", "^", "$", "(a)", "(.-)", "(%w*)", "([^,]*)"}
local broken = {"%", "[", "[a", "[^", "[%", "[]", "%f", "%fa", "%b", "%bx", "%0", "%9", "((", "))"}

local function pattern(most)
  local out = {}
  if random(5) == 1 then
    out[1] = "^"
  end
  for i = 1, random(most) do
    local kind = random(20)
    if kind == 1 then
      out[#out + 1] = pick(broken)
    elseif kind <= 7 then
      out[#out + 1] = pick(others)
    else
      out[#out + 1] = pick(singles) .. pick(suffixes)
    end
  end
  if random(6) == 1 then
    out[#out + 1] = "$"
  end
  return table.concat(out)
end
