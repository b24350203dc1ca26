-- Handles compared, used as keys, kept in weak tables, handed back as others.
local u, v = world.spawn("orc", 1, 2), world.spawn("orc", 1, 2)
print(u == v, u == u, rawequal(player, player), player == chest) --> false	true	true	false
local t = {[u] = 1, [v] = 2, [player] = 3}
print(t[u], t[v], t[player]) --> 1	2	3
print(world.echo(u) == u, (pcall(u.Strike, u, world.echo(v)))) --> true	true
