-- One quest: its definition, its state ("locked", "active", "done") and the
-- count of each objective. A quest knows nothing of storage or events: it
-- can be turned into a plain table (save) and take one back (restore).

local Quest = {}
Quest.__index = Quest

function Quest.new(definition)
  local self = setmetatable({ def = definition, state = "locked", counts = {} }, Quest)
  for i = 1, #definition.objectives do self.counts[i] = 0 end
  return self
end

function Quest.__tostring(self)
  return ("%s [%s, %d%%]"):format(self.def.title, self.state, self:percent())
end

-- Open quests come first, then by how far they are, then by title.
local rank = { active = 1, locked = 2, done = 3 }
function Quest.__lt(a, b)
  if a.state ~= b.state then return rank[a.state] < rank[b.state] end
  local pa, pb = a:percent(), b:percent()
  if pa ~= pb then return pa > pb end
  return a.def.title < b.def.title
end

function Quest:percent()
  local have, want = 0, 0
  for i, objective in ipairs(self.def.objectives) do
    have, want = have + self.counts[i], want + objective.goal
  end
  return math.floor(have / want * 100)
end

function Quest:complete()
  for i, objective in ipairs(self.def.objectives) do
    if self.counts[i] < objective.goal then return false end
  end
  return true
end

-- advance(kind, amount) returns whether a count moved and whether the quest
-- was finished by it.
function Quest:advance(kind, amount)
  if self.state ~= "active" then return false, false end
  local moved = false
  for i, objective in ipairs(self.def.objectives) do
    if objective.kind == kind and self.counts[i] < objective.goal then
      self.counts[i] = math.min(objective.goal, self.counts[i] + amount)
      moved = true
    end
  end
  if moved and self:complete() then
    self.state = "done"
    return true, true
  end
  return moved, false
end

function Quest:save()
  return { state = self.state, counts = { unpack(self.counts) } }
end

-- restore(saved) takes back what save gave. Stored data may be older than
-- this version or damaged: what does not fit is refused, not trusted.
function Quest:restore(saved)
  if type(saved) ~= "table" or not rank[saved.state] or type(saved.counts) ~= "table" then
    return false
  end
  local counts = {}
  for i, objective in ipairs(self.def.objectives) do
    local count = saved.counts[i]
    if type(count) ~= "number" or count < 0 or count ~= count then return false end
    counts[i] = math.min(objective.goal, math.floor(count))
  end
  self.state, self.counts = saved.state, counts
  return true
end

return Quest
