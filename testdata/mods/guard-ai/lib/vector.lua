-- Immutable points in the plane, with operators.

local Vector = {}
Vector.__index = Vector

local function new(x, y)
  return setmetatable({ x = x, y = y }, Vector)
end

function Vector.__add(a, b) return new(a.x + b.x, a.y + b.y) end
function Vector.__sub(a, b) return new(a.x - b.x, a.y - b.y) end
function Vector.__unm(a) return new(-a.x, -a.y) end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y end

function Vector.__mul(a, b)
  if type(a) == "number" then return new(a * b.x, a * b.y) end
  return new(a.x * b, a.y * b)
end

function Vector.__tostring(v)
  return ("(%.1f, %.1f)"):format(v.x, v.y)
end

function Vector:length()
  return math.sqrt(self.x * self.x + self.y * self.y)
end

-- toward(goal, step) is the point at most step away on the way to goal, and
-- whether the goal was reached.
function Vector:toward(goal, step)
  local way = goal - self
  local length = way:length()
  if length <= step then return goal, true end
  return self + way * (step / length), false
end

return setmetatable({}, { __call = function(_, x, y) return new(x, y) end })
