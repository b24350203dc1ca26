-- A Markov chain over named states. Rows map a state to the weights of its
-- successors; a bias may scale the weights when a step is taken.

local Chain = {}
Chain.__index = Chain

local function by_name(a, b) return a.to < b.to end

-- new(rows) checks that weights are positive and that every successor is a
-- state of its own, so that a step can never lead out of the chain.
function Chain.new(rows)
  local self = setmetatable({ rows = {}, states = {} }, Chain)
  for state, row in pairs(rows) do
    local list = {}
    for to, weight in pairs(row) do
      if type(weight) ~= "number" or weight <= 0 then
        error(("%s -> %s: weight must be positive, not %s"):format(state, to, tostring(weight)), 2)
      end
      if not rows[to] then
        error(("%s -> %s: no such state"):format(state, to), 2)
      end
      list[#list + 1] = { to = to, weight = weight }
    end
    table.sort(list, by_name)
    self.rows[state] = list
    self.states[#self.states + 1] = state
  end
  table.sort(self.states)
  return self
end

local function scaled(edge, bias)
  return edge.weight * (bias and bias[edge.to] or 1)
end

-- next(state, float, bias, avoid) draws a successor with float(), a number
-- in [0, 1). A state named in avoid is left out of the draw.
function Chain:next(state, float, bias, avoid)
  local row = assert(self.rows[state], "unknown state")
  local total = 0
  for _, edge in ipairs(row) do
    if edge.to ~= avoid then total = total + scaled(edge, bias) end
  end
  local at = float() * total
  local last = state
  for _, edge in ipairs(row) do
    if edge.to ~= avoid then
      at = at - scaled(edge, bias)
      last = edge.to
      if at < 0 then break end
    end
  end
  return last
end

-- outlook(bias, rounds) is the long-run share of each state, by power
-- iteration, as a list of {state=, share=}, the most common first.
function Chain:outlook(bias, rounds)
  local share, count = {}, #self.states
  for _, state in ipairs(self.states) do share[state] = 1 / count end
  for _ = 1, rounds or 40 do
    local after = {}
    for _, state in ipairs(self.states) do
      local total = 0
      for _, edge in ipairs(self.rows[state]) do total = total + scaled(edge, bias) end
      for _, edge in ipairs(self.rows[state]) do
        after[edge.to] = (after[edge.to] or 0) + share[state] * scaled(edge, bias) / total
      end
    end
    share = after
  end
  local list = {}
  for _, state in ipairs(self.states) do
    list[#list + 1] = { state = state, share = share[state] or 0 }
  end
  table.sort(list, function(a, b)
    if a.share ~= b.share then return a.share > b.share end
    return a.state < b.state
  end)
  return list
end

return Chain
