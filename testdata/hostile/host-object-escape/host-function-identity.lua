-- Host functions given another environment, dumped, wrapped, used as iterators and comparators.
print((pcall(setfenv, world.tell, {}))) --> false
print(getfenv(world.tell) == getfenv(1)) --> true
print((pcall(coroutine.wrap, world.spawn))) --> false
print((pcall(function() for x in world.slot do end end))) --> false
pcall(table.sort, {3, 2, 1}, world.slot)
print((pcall(string.gsub, "abc", ".", world.echo))) --> true
print((load(world.echo)), (load(world.boom))) --> function: 00000001	nil
print((pcall(xpcall, world.boom, world.boom))) --> true
