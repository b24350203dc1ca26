-- The guards, the raider, and the tree a guard thinks with.

local Vector = require("lib.vector")
local bt = require("lib.behaviour")

local actors = {}

local SIGHT, REACH = 6, 1.5
local WEAK, HEALTHY = 30, 80

local Guard = {}
Guard.__index = Guard

-- new(name, home, route, world): world.raider is whom to look for and
-- world.notify(kind, guard, fields) is told of what happens.
function Guard.new(name, home, route, world)
  local self = setmetatable({
    name = name, home = home, at = home, route = route, world = world,
    health = 100, speed = 20, mode = "idle", leg = 1, laps = 0, blows = 0, faults = 0,
  }, Guard)
  self.tree = actors.guard_tree()
  return self
end

function Guard:turn_to(mode)
  if mode == self.mode then return end
  local from = self.mode
  self.mode = mode
  self.world.notify("mode", self, { guard = self.name, from = from, to = mode })
end

function Guard:fault(problem)
  self.faults = self.faults + 1
  self.world.notify("fault", self, { guard = self.name, problem = tostring(problem) })
end

function Guard:distance_to(other) return (other.at - self.at):length() end

function Guard:step(goal, dt)
  local reached
  self.at, reached = self.at:toward(goal, self.speed * dt)
  return reached
end

function Guard:think(dt) return self.tree:run(self, dt) end

local function weak(guard) return guard.health < WEAK end

local function sees_raider(guard)
  local raider = guard.world.raider
  return raider.alive and guard:distance_to(raider) <= SIGHT
end

local function flee(guard, wait, dt)
  guard:turn_to("flee")
  while not guard:step(guard.home, dt) do dt = wait() end
end

local function recover(guard, wait, dt)
  guard:turn_to("recover")
  while guard.health < HEALTHY do
    guard.health = math.min(100, guard.health + 200 * dt)
    dt = wait()
  end
end

local function raise_alarm(guard)
  guard.world.notify("alarm", guard, { guard = guard.name, x = guard.at.x, y = guard.at.y })
end

local function chase(guard, wait, dt)
  guard:turn_to("chase")
  local raider = guard.world.raider
  while true do
    if guard:distance_to(raider) <= REACH then
      guard.blows = guard.blows + 1
      raider:struck(guard, 12)
      if not raider.alive then break end
    else
      guard:step(raider.at, dt)
    end
    dt = wait()
  end
  guard.world.notify("caught", guard, { guard = guard.name, blows = guard.blows })
end

local function patrol(guard, wait, dt)
  guard:turn_to("patrol")
  for leg = guard.leg, #guard.route do
    guard.leg = leg
    while not guard:step(guard.route[leg], dt) do dt = wait() end
  end
  guard.leg, guard.laps = 1, guard.laps + 1
end

function actors.guard_tree()
  return bt.Selector(
    -- once fled, a guard stays home until it is well again
    bt.Sequence(bt.Condition(function(g)
      return weak(g) or g.mode == "flee" or g.mode == "recover"
    end), bt.Action(flee), bt.Action(recover), bt.Action(function(g) g:turn_to("idle") end)),
    bt.Sequence(bt.Condition(sees_raider), bt.Invert(bt.Condition(weak)), bt.Selector(
      bt.Cooldown(1, bt.Sequence(bt.Action(raise_alarm), bt.Action(chase))),
      bt.Action(chase))),
    bt.Action(patrol))
end

local Raider = {}
Raider.__index = Raider

-- A raider walks its path, stops to fight back, and falls at no health.
function Raider.new(path)
  return setmetatable({ at = path[1], path = path, leg = 2, health = 120, alive = true, speed = 15 }, Raider)
end

function Raider:struck(guard, damage)
  self.health = self.health - damage
  self.fighting = guard
  if self.health <= 0 then self.alive = false end
end

function Raider:act(dt)
  if not self.alive then return end
  local foe = self.fighting
  self.fighting = nil
  if foe then
    foe.health = foe.health - 14
    return
  end
  local goal = self.path[self.leg]
  if not goal then return end
  local reached
  self.at, reached = self.at:toward(goal, self.speed * dt)
  if reached then self.leg = self.leg + 1 end
end

actors.Guard, actors.Raider, actors.Vector = Guard, Raider, Vector

return actors
