-- Arguments whose metamethods run while they are copied.
local ran = 0
local t = setmetatable({1, 2}, {
  __index = function() ran = ran + 1 return 1 end, __len = function() ran = ran + 1 return 1e9 end,
  __pairs = function() ran = ran + 1 end, __tostring = function() ran = ran + 1 return "x" end,
})
print((pcall(world.sum, t)), (pcall(world.tell, t)), (pcall(world.echo, t)), ran) --> true	false	true	0
