-- chat-commands: see README.md for the commands and the events.
-- Needs: events. Optional: random (no !roll without it), clock (cooldowns
-- count ticks without it), log.

local parser = require("lib.parser")
local calc = require("lib.calc")
local Registry = require("lib.registry")

assert(events, "chat-commands: the events capability is required")

local PREFIX = "!"
local LONGEST = 200

local passed = 0 -- game seconds, as far as the ticks tell
local used, failed = 0, 0

local registry = Registry.new(clock and clock.elapsed or function() return passed end)

local function reply(player, text, ...)
  if select("#", ...) > 0 then text = text:format(...) end
  events.emit("chat.reply", { player = player, text = text })
end

registry:add {
  name = "help",
  usage = "[command]",
  help = "list the commands, or explain one",
  aliases = { "h", "commands" },
  run = function(_, args)
    if not args[1] then return "commands: " .. table.concat(registry:names(), ", ") end
    local command = registry:find(args[1])
    if not command then error("there is no command " .. args[1], 0) end
    return (("%s%s %s - %s"):format(PREFIX, command.name, command.usage, command.help):gsub("%s+", " "))
  end,
}

registry:add {
  name = "say",
  usage = "<text> [--times=N] [--shout]",
  help = "say something for all to hear",
  cooldown = 0.1,
  run = function(player, args, options)
    local text = table.concat(args, " ")
    if options.shout then text = text:upper() .. "!" end
    local times = math.max(1, math.min(5, tonumber(options.times) or 1))
    return player .. " says: " .. text:rep(times)
  end,
}

registry:add {
  name = "calc",
  usage = "<sum>",
  help = "work out a sum such as 2*(3+4)",
  run = function(_, args)
    local value, problem = calc(table.concat(args, " "))
    if not value then error("cannot work that out: " .. problem, 0) end
    return ("= %.10g"):format(value)
  end,
}

registry:add {
  name = "time",
  usage = "",
  help = "how long the game has been running",
  run = function()
    local seconds = math.floor(registry.now())
    return ("the game has run for %d:%02d"):format(seconds / 60, seconds % 60)
  end,
}

registry:add {
  name = "count",
  usage = "<text>",
  help = "count letters and words",
  run = function(_, args)
    local text = table.concat(args, " ")
    local _, words = text:gsub("%S+", "")
    local _, letters = text:gsub("%a", "")
    return ("%d words, %d letters"):format(words, letters)
  end,
}

if random then
  registry:add {
    name = "roll",
    usage = "[NdS[+M]]",
    help = "throw N dice of S sides",
    aliases = { "dice" },
    cooldown = 1,
    run = function(player, args)
      local spec = args[1] or "1d6"
      local n, sides, sign, plus = spec:match("^(%d*)d(%d+)([+-]?)(%d*)$")
      n, sides = n == "" and 1 or tonumber(n), tonumber(sides)
      if not n or not sides or n < 1 or n > 20 or sides < 2 or sides > 1000 then
        error("cannot roll " .. spec, 0)
      end
      local total, dice = 0, {}
      for i = 1, n do
        dice[i] = random.integer(1, sides)
        total = total + dice[i]
      end
      local modifier = (tonumber(plus) or 0) * (sign == "-" and -1 or 1)
      return ("%s rolls %s: %s = %d"):format(player, spec, table.concat(dice, "+"), total + modifier)
    end,
  }
end

local function execute(player, line)
  if #line > LONGEST then return reply(player, "that command is too long") end
  local words, problem = parser.words(line)
  if not words then return reply(player, "%s", problem) end
  local name = table.remove(words, 1)
  if not name then return end
  local command = registry:find(name:lower())
  if not command then
    failed = failed + 1
    local guess = registry:nearest(name)
    return reply(player, "unknown command %s%s", name, guess and (", did you mean " .. guess .. "?") or "")
  end
  local ready, left = registry:ready(command, player)
  if not ready then return reply(player, "wait %.1f s before %s", left, command.name) end
  local args, options = parser.options(words)
  used = used + 1
  if not command.run then
    events.emit("chat.command", { player = player, name = command.name, args = args, options = options })
    return
  end
  local ok, answer = pcall(command.run, player, args, options)
  if not ok then failed = failed + 1 end
  reply(player, "%s", tostring(answer))
end

events.on("chat", function(message)
  if type(message) ~= "table" or type(message.text) ~= "string" then return end
  local player = tostring(message.player or "someone")
  if message.text:sub(1, #PREFIX) == PREFIX then
    execute(player, message.text:sub(#PREFIX + 1))
  end
end)

events.on("chat.register", function(offer)
  if type(offer) ~= "table" then return end
  local ok, problem = registry:add {
    name = offer.name,
    usage = tostring(offer.usage or ""),
    help = tostring(offer.help or ""),
    cooldown = tonumber(offer.cooldown),
  }
  if log then
    if ok then
      log.debug("command added", { command = offer.name })
    else
      log.warn("command refused", { command = tostring(offer.name), problem = problem })
    end
  end
end)

return {
  start = function()
    if log then log.info("listening", { prefix = PREFIX, commands = #registry:names() }) end
  end,

  tick = function(_, dt)
    passed = passed + dt
  end,

  stop = function()
    if log then
      log.info("commands used", { used = used, failed = failed, known = table.concat(registry:names(), " ") })
    end
  end,
}
