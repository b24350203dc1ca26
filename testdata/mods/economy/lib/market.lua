-- Goods with a stock and a demand; the price is what lies between them.

local Good = {}
Good.__index = Good

-- The price moves a quarter of the way to its target on each settlement.
local INERTIA = 0.75
local ELASTICITY = 0.6

function Good:target()
  local ratio = math.max(0.1, self.demand) / math.max(0.1, self.stock)
  return self.base * math.max(0.2, math.min(5, ratio ^ ELASTICITY))
end

function Good:settle()
  self.price = self.price * INERTIA + self:target() * (1 - INERTIA)
  self.demand = self.usual + (self.demand - self.usual) * 0.9
end

local Market = {}
Market.__index = Market

-- new{name = {base=, usual=, stock=}} opens a market; usual is the demand
-- that it returns to.
function Market.new(goods)
  local self = setmetatable({ goods = {}, names = {}, trades = 0, refused = 0 }, Market)
  for name, g in pairs(goods) do
    self.goods[name] = setmetatable({
      name = name, base = g.base, price = g.base, usual = g.usual, demand = g.usual, stock = g.stock,
    }, Good)
    self.names[#self.names + 1] = name
  end
  table.sort(self.names)
  return self
end

function Market:good(name)
  local good = self.goods[name]
  if not good then error({ market = "no one here trades in " .. tostring(name) }) end
  return good
end

-- buy and sell return what was paid; a market error is {market = message}.
function Market:buy(name, amount)
  local good = self:good(name)
  if good.stock < amount then
    self.refused = self.refused + 1
    error({ market = ("only %d %s left"):format(good.stock, name) })
  end
  good.stock = good.stock - amount
  good.demand = good.demand + amount * 0.5
  self.trades = self.trades + 1
  return good.price * amount
end

function Market:sell(name, amount)
  local good = self:good(name)
  good.stock = good.stock + amount
  self.trades = self.trades + 1
  return good.price * amount * 0.9
end

function Market:settle()
  for _, name in ipairs(self.names) do self.goods[name]:settle() end
end

-- prices() is a table of prices in whole cents.
function Market:prices()
  local prices = {}
  for name, good in pairs(self.goods) do prices[name] = math.floor(good.price * 100 + 0.5) / 100 end
  return prices
end

-- movers(before) lists {name, change} in per cent, the largest first.
function Market:movers(before)
  local list = {}
  for name, price in pairs(self:prices()) do
    local old = before[name] or price
    list[#list + 1] = { name = name, change = (price - old) / old * 100 }
  end
  table.sort(list, function(a, b)
    local x, y = math.abs(a.change), math.abs(b.change)
    if x ~= y then return x > y end
    return a.name < b.name
  end)
  return list
end

return Market
