-- economy: prices by supply and demand.
-- Needs: nothing. Optional: events (no weather, loot or chat without it),
-- storage and json (the ledger is kept only with both), log.
--
-- Emits market.prices {tick, prices, movers} every 10 ticks and market.shock
-- {good, because} when the world interferes. Stores "ledger" (a JSON string
-- {tick, prices}) every 10 ticks and at stop, and purse/<player> after a
-- trade. Chat commands: "price [good]", "buy <good> [n]", "sell <good> [n]".

local Market = require("lib.market")
local traders = require("lib.traders")

local EVERY = 10
local PURSE = 100

local market = Market.new {
  bread = { base = 2, usual = 40, stock = 40 },
  fish = { base = 4, usual = 30, stock = 25 },
  firewood = { base = 3, usual = 20, stock = 30 },
  cloth = { base = 12, usual = 10, stock = 12 },
  silver = { base = 50, usual = 4, stock = 4 },
}

local crowd = traders.crowd()
crowd:join("baker", traders.producer(market, "bread", 6, 2))
crowd:join("villagers", traders.consumer(market, "bread", 4, 1))
crowd:join("fishers", traders.producer(market, "fish", 5, 3))
crowd:join("inn", traders.consumer(market, "fish", 3, 2))
crowd:join("hearths", traders.consumer(market, "firewood", 2, 2))
crowd:join("woodcutter", traders.producer(market, "firewood", 4, 5))
crowd:join("tailor", traders.consumer(market, "cloth", 1, 4))
crowd:join("caravan", traders.caravan(market, { cloth = 8, silver = 2 }, 3, 12))

local purses = {}
local last = market:prices()
local shocks = 0

local function info(...)
  if log then log.info(...) end
end

local function shock(good, because, stock, demand)
  local g = market.goods[good]
  g.stock = math.max(0, g.stock + stock)
  g.demand = math.max(0, g.demand + demand)
  shocks = shocks + 1
  events.emit("market.shock", { good = good, because = because })
end

local by_weather = {
  storm = function() shock("fish", "storm", -10, 0) end,
  snow = function() shock("firewood", "snow", 0, 20) end,
  rain = function() shock("firewood", "rain", 0, 5) end,
  clear = function() shock("fish", "clear skies", 8, 0) end,
}

local function store(key, value)
  if not storage then return end
  local ok, problem = pcall(storage.set, key, value)
  if not ok and log then log.warn("not stored: " .. key, { problem = tostring(problem) }) end
end

local function save_ledger(n)
  if json then store("ledger", json.encode({ tick = n, prices = market:prices() })) end
end

local function purse(player)
  if not purses[player] then
    local kept = storage and tonumber((storage.get("purse/" .. player)))
    purses[player] = kept or PURSE
  end
  return purses[player]
end

local function pay(player, coins)
  purses[player] = purse(player) + coins
  store("purse/" .. player, purses[player])
  return purses[player]
end

local function amount(text)
  local n = tonumber(text or 1)
  if not n or n < 1 or n > 1000 or n ~= math.floor(n) then
    error({ market = "how many is " .. tostring(text) .. "?" })
  end
  return n
end

local commands = {}

function commands.price(_, good)
  if good then return ("%s costs %.2f"):format(good, market:good(good).price) end
  local list = {}
  for i, name in ipairs(market.names) do
    list[i] = ("%s %.2f"):format(name, market.goods[name].price)
  end
  return table.concat(list, ", ")
end

function commands.buy(player, good, count)
  local n = amount(count)
  local cost = market:good(good).price * n
  if cost > purse(player) then
    error({ market = ("%d %s cost %.2f and you have %.2f"):format(n, good, cost, purse(player)) })
  end
  return ("you buy %d %s and have %.2f left"):format(n, good, pay(player, -market:buy(good, n)))
end

function commands.sell(player, good, count)
  local n = amount(count)
  return ("you sell %d %s and have %.2f"):format(n, good, pay(player, market:sell(good, n)))
end

local function on_command(call)
  local command = type(call) == "table" and commands[call.name]
  if not command or type(call.args) ~= "table" then return end
  local player = tostring(call.player):gsub("[^%w_-]", "_"):sub(1, 32)
  local ok, text = pcall(command, player, unpack(call.args))
  if not ok then
    if type(text) ~= "table" then error(text, 0) end
    text = text.market
  end
  events.emit("chat.reply", { player = call.player, text = text })
end

if events then
  events.on("chat.command", on_command)
  events.on("weather.changed", function(change)
    local effect = type(change) == "table" and by_weather[change.to]
    if effect then effect() end
  end)
  events.on("loot.dropped", function(drop)
    local items = type(drop) == "table" and drop.items
    for _, found in ipairs(type(items) == "table" and items or {}) do
      if type(found) == "table" and found.rarity == "legendary" then
        shock("silver", tostring(found.item), 0, 6)
      end
    end
  end)
end

local function bulletin(n)
  local movers = market:movers(last)
  last = market:prices()
  local words, list = {}, {}
  for i, mover in ipairs(movers) do
    list[i] = { name = mover.name, change = math.floor(mover.change * 10 + 0.5) / 10 }
    if i <= 3 then words[i] = ("%s %+.1f%%"):format(mover.name, mover.change) end
  end
  info("market at tick " .. n, { movers = table.concat(words, ", ") })
  if events then events.emit("market.prices", { tick = n, prices = last, movers = list }) end
end

local now = 0

return {
  start = function()
    if storage and json then
      local ok, ledger = pcall(json.decode, storage.get("ledger") or "null")
      if ok and type(ledger) == "table" and type(ledger.prices) == "table" then
        for name, good in pairs(market.goods) do
          local price = tonumber(ledger.prices[name])
          if price and price > 0 then good.price = price end
        end
        last = market:prices()
        info("prices carried over", { tick = ledger.tick })
      end
    end
    if events then
      events.emit("chat.register", { name = "price", usage = "[good]", help = "what things cost" })
      events.emit("chat.register", { name = "buy", usage = "<good> [n]", help = "buy at the market" })
      events.emit("chat.register", { name = "sell", usage = "<good> [n]", help = "sell at the market" })
    end
    info("the market opens", { goods = #market.names, traders = #crowd.members })
  end,

  tick = function(n)
    now = n
    crowd:tick()
    market:settle()
    if n % EVERY == 0 then
      bulletin(n)
      save_ledger(n)
    end
  end,

  stop = function()
    save_ledger(now)
    info("the market closes", { trades = market.trades, refused = market.refused, shocks = shocks, traders = #crowd.members })
    for name, problem in pairs(crowd.failed) do
      if log then log.error("trader failed: " .. name, { problem = problem }) end
    end
  end,
}
