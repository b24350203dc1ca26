-- The tables of a grant, overwritten, extended, given a metatable.
local n = 0
for _, f in ipairs {
  function() world.spawn = print end, function() world.evil = 1 end, function() rawset(world, "tell", print) end,
  function() setmetatable(world, {}) end, function() world.rules.max = 1e9 end, function() rawset(world.rules, "max", 1e9) end,
  function() table.insert(world.rules, 1) end, function() world.rules = nil end, function() for k in pairs(world) do world[k] = nil end end,
} do if pcall(f) then n = n + 1 end end
print(n, world.rules.max) --> 0	20
