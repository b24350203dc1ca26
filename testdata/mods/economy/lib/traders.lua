-- Traders are coroutines that live in ticks: wait(n) sleeps for n of them.

local traders = {}

local Crowd = {}
Crowd.__index = Crowd

function traders.crowd()
  return setmetatable({ members = {}, failed = {} }, Crowd)
end

-- join(name, life): life(wait) is run from the next tick on.
function Crowd:join(name, life)
  local function wait(ticks) coroutine.yield(ticks or 1) end
  self.members[#self.members + 1] = {
    name = name,
    sleep = 0,
    thread = coroutine.create(function() return life(wait) end),
  }
end

-- tick() wakes whoever has slept enough. A trader whose life ends leaves; one
-- that fails leaves with its reason in failed[name].
function Crowd:tick()
  for i = #self.members, 1, -1 do
    local member = self.members[i]
    member.sleep = member.sleep - 1
    if member.sleep <= 0 then
      local ok, sleep = coroutine.resume(member.thread)
      if not ok then self.failed[member.name] = tostring(sleep) end
      if coroutine.status(member.thread) == "dead" then
        table.remove(self.members, i)
      else
        member.sleep = sleep
      end
    end
  end
end

function traders.producer(market, good, amount, rest)
  return function(wait)
    while true do
      market:sell(good, amount)
      wait(rest)
    end
  end
end

-- A consumer that finds the shelf empty asks for more, and tries again.
function traders.consumer(market, good, amount, rest)
  return function(wait)
    while true do
      local ok, problem = pcall(market.buy, market, good, amount)
      if not ok then
        if type(problem) ~= "table" then error(problem, 0) end
        local wanted = market:good(good)
        wanted.demand = wanted.demand + amount
      end
      wait(rest)
    end
  end
end

-- A caravan comes a few times and leaves for good.
function traders.caravan(market, cargo, visits, rest)
  return function(wait)
    for _ = 1, visits do
      wait(rest)
      for good, amount in pairs(cargo) do market:sell(good, amount) end
    end
  end
end

return traders
