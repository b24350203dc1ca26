-- Frames of a game with 1,000 entities: systems over components, cells of a grid,
-- timers, events, things that die and are born.
local n = ... or 270

local WIDTH, HEIGHT, CELL = 640, 480, 32
local seed = 99
local function random(limit)
  seed = (seed * 3877 + 29573) % 139968
  return seed % limit
end

local world = {entities = {}, next_id = 1, frame = 0, score = 0}
local listeners = {}
local function on(event, f)
  local list = listeners[event]
  if not list then
    list = {}
    listeners[event] = list
  end
  list[#list + 1] = f
end
local function emit(event, ...)
  for _, f in ipairs(listeners[event] or {}) do f(...) end
end

local function spawn(kind)
  local e = {
    id = world.next_id, kind = kind, alive = true,
    position = {x = random(WIDTH), y = random(HEIGHT)},
    velocity = {x = random(7) - 3, y = random(7) - 3},
    health = {now = 40 + random(60), max = 100},
  }
  if kind == "hunter" then e.brain = {state = "roam", timer = random(20)} end
  if kind == "plant" then e.velocity = nil end
  world.next_id = world.next_id + 1
  world.entities[#world.entities + 1] = e
  return e
end

local systems = {}

function systems.think(e)
  local brain = e.brain
  if not brain then return end
  brain.timer = brain.timer - 1
  if brain.timer <= 0 then
    if brain.state == "roam" then brain.state = "chase" else brain.state = "roam" end
    brain.timer = 10 + random(20)
    e.velocity.x, e.velocity.y = random(7) - 3, random(7) - 3
  end
end

function systems.move(e, dt)
  local p, v = e.position, e.velocity
  if not v then return end
  p.x, p.y = p.x + v.x * dt, p.y + v.y * dt
  if p.x < 0 then p.x, v.x = -p.x, -v.x elseif p.x >= WIDTH then p.x, v.x = 2 * WIDTH - p.x - 1, -v.x end
  if p.y < 0 then p.y, v.y = -p.y, -v.y elseif p.y >= HEIGHT then p.y, v.y = 2 * HEIGHT - p.y - 1, -v.y end
end

function systems.heal(e)
  local h = e.health
  if h.now < h.max and e.id % 4 == world.frame % 4 then h.now = math.min(h.now + 1, h.max) end
end

local order = {"think", "move", "heal"}

local function collide()
  local cells = {}
  for _, e in ipairs(world.entities) do
    local p = e.position
    local key = math.floor(p.x / CELL) + math.floor(p.y / CELL) * 64
    local cell = cells[key]
    if not cell then
      cell = {}
      cells[key] = cell
    end
    cell[#cell + 1] = e
  end
  for _, e in ipairs(world.entities) do
    if e.brain and e.brain.state == "chase" and e.alive then
      local p = e.position
      local key = math.floor(p.x / CELL) + math.floor(p.y / CELL) * 64
      for _, other in ipairs(cells[key]) do
        if other ~= e and other.alive then
          local dx, dy = other.position.x - p.x, other.position.y - p.y
          if dx * dx + dy * dy < 64 then emit("hit", e, other) end
        end
      end
    end
  end
end

on("hit", function(hunter, prey)
  prey.health.now = prey.health.now - 5
  if prey.health.now <= 0 then
    prey.alive = false
    emit("died", prey, hunter)
  end
end)
on("died", function(prey) world.score = world.score + prey.health.max end)

for i = 1, 1000 do spawn(i % 10 == 0 and "hunter" or i % 3 == 0 and "plant" or "animal") end

local function frame(dt)
  world.frame = world.frame + 1
  for _, name in ipairs(order) do
    local system = systems[name]
    for _, e in ipairs(world.entities) do system(e, dt) end
  end
  collide()
  local kept = 0
  local entities = world.entities
  for i = 1, #entities do
    local e = entities[i]
    if e.alive then
      kept = kept + 1
      entities[kept] = e
    end
  end
  for i = #entities, kept + 1, -1 do entities[i] = nil end
  while #entities < 1000 do spawn("animal") end
end

for _ = 1, n do frame(0.5) end

local sum = 0
for _, e in ipairs(world.entities) do
  sum = (sum * 31 + math.floor(e.position.x) + math.floor(e.position.y) * 3 + e.health.now) % 1000003
end

return string.format("%d %d %d", sum, world.next_id, world.score)
