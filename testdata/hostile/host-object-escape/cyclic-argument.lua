-- Tables that contain themselves, handed to Go.
local t = {}
t.t = t
t[1] = t
print((pcall(world.echo, t))) --> false
print((pcall(player.Take, player, t))) --> false
print((pcall(world.sum, t))) --> false
