-- Large tables handed over again and again: the copies are the host's memory.
local t = {}
for i = 1, 5000 do t["k" .. i] = true end
while true do world.count(t) world.echo(t) end --# instructions
