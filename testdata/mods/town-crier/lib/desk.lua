-- The news desk: stories come in, the weightiest are taken for an edition.

local Desk = {}
Desk.__index = Desk

local LONGEST_QUEUE = 50

function Desk.new()
  return setmetatable({ stories = {}, count = 0, dropped = 0 }, Desk)
end

-- file(weight, topic, text): a newer story on a topic replaces the older.
function Desk:file(weight, topic, text)
  self.count = self.count + 1
  local story = { weight = weight, topic = topic, text = text, number = self.count }
  for i, old in ipairs(self.stories) do
    if old.topic == topic then
      self.stories[i] = story
      return
    end
  end
  if #self.stories >= LONGEST_QUEUE then
    self.dropped = self.dropped + 1
    return
  end
  self.stories[#self.stories + 1] = story
end

-- take(n) removes all stories and returns the n weightiest, the older first
-- among equals.
function Desk:take(n)
  local stories = self.stories
  self.stories = {}
  table.sort(stories, function(a, b)
    if a.weight ~= b.weight then return a.weight > b.weight end
    return a.number < b.number
  end)
  local best = {}
  for i = 1, math.min(n, #stories) do best[i] = stories[i] end
  return best
end

return Desk
