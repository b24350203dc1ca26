-- Behaviour trees. A node answers node:run(agent, dt) with "success",
-- "failure" or "running"; node:reset() drops whatever it was in the middle
-- of. Actions are written as plain functions that call wait() for the next
-- tick, and run as coroutines.

local behaviour = {}

local function class(base)
  local c = {}
  c.__index = c
  return setmetatable(c, {
    __index = base,
    __call = function(cls, ...)
      local node = setmetatable({}, cls)
      node:init(...)
      return node
    end,
  })
end

local Node = class()
function Node:init(...) self.children = { ... } end
function Node:reset()
  for _, child in ipairs(self.children) do child:reset() end
end

-- Selector: the first child that does not fail. It starts again from the
-- first child on each tick, so that an urgent child interrupts a lesser one.
local Selector = class(Node)
function Selector:run(agent, dt)
  for i, child in ipairs(self.children) do
    local status = child:run(agent, dt)
    if status ~= "failure" then
      for j = i + 1, #self.children do self.children[j]:reset() end
      return status
    end
  end
  return "failure"
end

-- Sequence: all children in turn. It goes on at the child that was running,
-- but asks the conditions before it again.
local Sequence = class(Node)
function Sequence:run(agent, dt)
  local from = self.at or 1
  for i, child in ipairs(self.children) do
    if i >= from or child.instant then
      local status = child:run(agent, dt)
      if status == "running" then
        self.at = i
        return status
      elseif status == "failure" then
        self:reset()
        return status
      end
    end
  end
  self:reset()
  return "success"
end
function Sequence:reset()
  self.at = nil
  Node.reset(self)
end

local Condition = class(Node)
function Condition:init(test)
  self.children, self.instant, self.test = {}, true, test
end
function Condition:run(agent)
  return self.test(agent) and "success" or "failure"
end

local Invert = class(Node)
function Invert:run(agent, dt)
  local status = self.children[1]:run(agent, dt)
  if status == "running" then return status end
  return status == "success" and "failure" or "success"
end

-- Cooldown(seconds, child): after the child has succeeded it fails for a while.
local Cooldown = class(Node)
function Cooldown:init(seconds, child)
  self.children, self.seconds, self.left = { child }, seconds, 0
end
function Cooldown:run(agent, dt)
  self.left = math.max(0, self.left - dt)
  if self.left > 0 then return "failure" end
  local status = self.children[1]:run(agent, dt)
  if status == "success" then self.left = self.seconds end
  return status
end

-- Action(body): body(agent, wait, dt) runs as a coroutine; wait() ends the
-- tick and returns the next tick's dt. Returning false is failure, anything else
-- success; an error in the body is handed to agent:fault and is failure.
local Action = class(Node)
function Action:init(body)
  self.children, self.body = {}, body
end
function Action:run(agent, dt)
  local ok, result
  if self.thread then
    ok, result = coroutine.resume(self.thread, dt)
  else
    self.thread = coroutine.create(self.body)
    ok, result = coroutine.resume(self.thread, agent, coroutine.yield, dt)
  end
  if coroutine.status(self.thread) == "suspended" then return "running" end
  self.thread = nil
  if not ok then
    agent:fault(result)
    return "failure"
  end
  return result == false and "failure" or "success"
end
function Action:reset() self.thread = nil end

behaviour.Selector = Selector
behaviour.Sequence = Sequence
behaviour.Condition = Condition
behaviour.Invert = Invert
behaviour.Cooldown = Cooldown
behaviour.Action = Action

return behaviour
