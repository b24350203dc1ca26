-- A list with a hole of a billion, and lists with keys that are no index.
print((pcall(world.sum, {[1] = 1, [1e9] = 1}))) --> false
print((pcall(world.sum, {1, 2, x = 3}))) --> false
print((pcall(world.sum, {1.5}))) --> false
print((pcall(world.sum, {[0] = 1, 2}))) --> false
print(world.sum(setmetatable({}, {__index = function() return 1 end}))) --> 0
