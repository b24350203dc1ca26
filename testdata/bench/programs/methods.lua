-- Classes by metatables: methods, inheritance over three levels, getters and
-- setters, operators.
local n = ... or 450000

local Shape = {}
Shape.__index = Shape
function Shape.new(class, x, y) return setmetatable({x = x, y = y, moves = 0}, class) end
function Shape:move(dx, dy)
  self.x, self.y = self.x + dx, self.y + dy
  self.moves = self.moves + 1
end
function Shape:area() return 0 end
function Shape:get_x() return self.x end

local Rectangle = setmetatable({}, {__index = Shape})
Rectangle.__index = Rectangle
function Rectangle.new(class, x, y, w, h)
  local self = Shape.new(class, x, y)
  self.w, self.h = w, h
  return self
end
function Rectangle:area() return self.w * self.h end

local Square = setmetatable({}, {__index = Rectangle})
Square.__index = Square
function Square.new(class, x, y, side) return Rectangle.new(class, x, y, side, side) end

local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({x = a.x + b.x, y = a.y + b.y}, Vector) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end

local shapes = {Shape:new(0, 0), Rectangle:new(1, 2, 3, 4), Square:new(5, 6, 7)}
local origin, step = setmetatable({x = 0, y = 0}, Vector), setmetatable({x = 1, y = 2}, Vector)
local area, equal, position = 0, 0, origin
for i = 1, n do
  local shape = shapes[i % 3 + 1]
  shape:move(1, -1)
  area = area + shape:area() + shape:get_x() % 3
  position = position + step
  if position == step then equal = equal + 1 end
end

return string.format("%d %d %d %d %d", area, equal, position.x, position.y, shapes[3].moves)
