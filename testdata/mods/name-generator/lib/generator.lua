-- Learns which letter follows which two, and writes names by it.

local Generator = {}
Generator.__index = Generator

local ORDER = 2
local START, STOP = ("^"):rep(ORDER), "$"

-- new(text, rng) learns from the words in text. rng.integer(lo, hi) draws.
function Generator.new(text, rng)
  local self = setmetatable({ rng = rng, follows = {}, known = {}, words = 0 }, Generator)
  for word in text:gmatch("%a+") do self:learn(word:lower()) end
  assert(self.words > 0, "no words to learn from")
  return self
end

function Generator:learn(word)
  self.words = self.words + 1
  self.known[word] = true
  local padded = START .. word .. STOP
  for i = 1, #padded - ORDER do
    local context, letter = padded:sub(i, i + ORDER - 1), padded:sub(i + ORDER, i + ORDER)
    local list = self.follows[context]
    if not list then
      list = {}
      self.follows[context] = list
    end
    list[#list + 1] = letter -- repeats are the weights
  end
end

function Generator:draft(longest)
  local letters, context = {}, START
  while #letters < longest do
    local list = self.follows[context]
    local letter = list[self.rng.integer(1, #list)]
    if letter == STOP then return table.concat(letters) end
    letters[#letters + 1] = letter
    context = context:sub(2) .. letter
  end
  return nil
end

local function capital(word)
  return (word:gsub("^%a", string.upper))
end

-- name(shortest, longest) is a name that is not in the examples and was not
-- given before, or nil when 60 drafts brought none.
function Generator:name(shortest, longest)
  for _ = 1, 60 do
    local word = self:draft(longest)
    if word and #word >= shortest and not self.known[word] then
      self.known[word] = true
      return capital(word)
    end
  end
  return nil
end

-- names(n, ...) iterates over up to n new names.
function Generator:names(n, ...)
  local given, bounds = 0, { ... }
  return function()
    if given >= n then return nil end
    given = given + 1
    return self:name(unpack(bounds))
  end
end

return Generator
