-- name-generator: names for people that do not exist yet.
-- Needs: random. Optional: events, log.
--
-- Prints and emits name.generated {people, name, tick} on ticks 5, 10, 15…
-- in the order dwarf, elf, harbour. Answers the chat command
-- "name [people] [count]".

local Generator = require("lib.generator")
local words = require("lib.words")

assert(random, "name-generator: the random capability is required")

local SHORTEST, LONGEST = 4, 10
local EVERY = 5

local generators, peoples = {}, {}
for people, text in pairs(words) do
  generators[people] = Generator.new(text, random)
  peoples[#peoples + 1] = people
end
table.sort(peoples)

local given = 0

local function answer(people, count)
  people = people or random.choice(peoples)
  local generator = generators[people]
  if not generator then return "peoples: " .. table.concat(peoples, ", ") end
  local list = {}
  for name in generator:names(math.max(1, math.min(8, tonumber(count) or 1)), SHORTEST, LONGEST) do
    list[#list + 1] = name
  end
  given = given + #list
  return #list > 0 and table.concat(list, ", ") or "no new name comes to mind"
end

if events then
  events.on("chat.command", function(call)
    if type(call) == "table" and call.name == "name" and type(call.args) == "table" then
      events.emit("chat.reply", { player = call.player, text = answer(call.args[1], call.args[2]) })
    end
  end)
end

return {
  start = function()
    if events then
      events.emit("chat.register", {
        name = "name", usage = "[people] [count]", help = "invent names", cooldown = 0.5,
      })
    end
    if log then
      for _, people in ipairs(peoples) do
        log.info("learned " .. people, { words = generators[people].words })
      end
    end
  end,

  tick = function(n)
    if n % EVERY ~= 0 then return end
    local people = peoples[(n / EVERY - 1) % #peoples + 1]
    local name = generators[people]:name(SHORTEST, LONGEST)
    if not name then return end
    given = given + 1
    print(("%-8s %s"):format(people, name))
    if events then events.emit("name.generated", { people = people, name = name, tick = n }) end
  end,

  stop = function()
    if log then log.info("names given", { names = given }) end
  end,
}
