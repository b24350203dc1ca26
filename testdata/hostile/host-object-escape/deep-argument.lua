-- Tables a hundred thousand levels deep, handed to Go.
-- limits: instructions=20000000 memory=67108864
local t = {}
for i = 1, 100000 do t = {t} end
print((pcall(world.echo, t))) --> false
print((pcall(player.Take, player, t))) --> false
