-- Commands by name and alias, with a cooldown for each player.

local Registry = {}
Registry.__index = Registry

-- new(now): now() is the time in seconds that cooldowns are measured by.
function Registry.new(now)
  return setmetatable({ now = now, commands = {}, aliases = {}, last = {} }, Registry)
end

-- add{name=, usage=, help=, aliases=, cooldown=, run=} refuses a taken name.
function Registry:add(command)
  local name = command.name
  if type(name) ~= "string" or not name:match("^%a[%w-]*$") then
    return false, "a command's name is letters, digits and dashes"
  end
  if self:find(name) then return false, name .. " is taken" end
  self.commands[name] = command
  for _, alias in ipairs(command.aliases or {}) do self.aliases[alias] = name end
  return true
end

function Registry:find(name)
  return self.commands[self.aliases[name] or name]
end

function Registry:names()
  local names = {}
  for name in pairs(self.commands) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ready(command, player) starts the cooldown, or returns false and the
-- seconds left.
function Registry:ready(command, player)
  local key = command.name .. "\0" .. player
  local now, last = self.now(), self.last[key]
  local wait = command.cooldown or 0
  if last and now - last < wait then return false, wait - (now - last) end
  self.last[key] = now
  return true
end

-- Levenshtein's distance, one row at a time.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

-- nearest(name) is the command most like a mistyped one, or nil.
function Registry:nearest(name)
  name = name:sub(1, 32):lower()
  local best, least = nil, 3
  for _, known in ipairs(self:names()) do
    local d = distance(name, known)
    if d < least then best, least = known, d end
  end
  return best
end

return Registry
